// Condition, of one process and (SHARED) between processes: a notify after a wait has begun is not missed.
//
// Two threads wait once each, the second with a deadline that may pass at any moment of its sleep; a third notifies one
// and then one more, each time with the lock held. The lock is any that excludes. Of one process: the queue's own lock
// makes each step on the queue one step; exactly those are woken that a notify took from the queue. Between processes:
// the count of notifies, and the kernel's queue of sleepers.

#define WAITERS 2

bool held = false;
byte begun = 0;    // waits that began, under the lock
byte woken = 0;    // waits that ended by a notify
byte late = 0;     // and by their deadline
byte notified = 0;

#define ACQUIRE atomic { !held -> held = true }
#define RELEASE held = false

bool asleep[WAITERS];

#ifdef SHARED

proctype waiter(byte id; bool has_deadline) {
  byte seen;
  ACQUIRE;
  begun++;
  seen = notified;
  RELEASE;
  // futex_wait, comparing in the same step
  atomic {
    if
#ifndef MUTATE_SLEEPS_WITHOUT_LOOK
    :: notified != seen -> goto on
    :: else -> asleep[id] = true
#else
    :: true -> asleep[id] = true
#endif
    fi
  };
  if
  :: !asleep[id]
  :: has_deadline -> atomic { asleep[id] = false }
  fi;
on:
  atomic {
    if
    :: notified != seen -> woken++
    :: else -> late++; assert(has_deadline)
    fi
  };
  ACQUIRE;
  RELEASE
}

inline notify() {
  notified++;
  atomic {
    if
    :: asleep[0] -> asleep[0] = false
    :: asleep[1] -> asleep[1] = false
    :: !asleep[0] && !asleep[1]
    fi
  }
}

#else

bool queued[WAITERS];
bool flag[WAITERS];

proctype waiter(byte id; bool has_deadline) {
  ACQUIRE;
  begun++;
#ifdef MUTATE_RELEASES_FIRST
  RELEASE;
  queued[id] = true;
#else
  queued[id] = true;
  RELEASE;
#endif
  // await_flag: a flag that is set ends the sleep (wait_word.pml)
  if
  :: flag[id] -> goto on
  :: has_deadline -> skip
  fi;
  // withdraw
  atomic {
    if
    :: queued[id] -> queued[id] = false; late++; goto again
    :: !queued[id]
    fi
  };
on:
  woken++;
again:
  ACQUIRE;
  RELEASE
}

inline notify() {
  atomic {
    if
    :: queued[0] -> queued[0] = false; flag[0] = true
    :: queued[1] -> queued[1] = false; flag[1] = true
    :: !queued[0] && !queued[1]
    fi
  }
}

#endif

proctype notifier() {
  // When both wait, each gets one of the two.
  begun == WAITERS;
  ACQUIRE;
  notify();
  RELEASE;
  ACQUIRE;
  notify();
  RELEASE
}

init {
  atomic {
    run waiter(0, false);
    run waiter(1, true);
    run notifier()
  };
  _nr_pr == 1;
  assert(!held && woken + late == WAITERS)
}
