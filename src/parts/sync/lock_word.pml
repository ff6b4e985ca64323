// LockWord: one holder at a time; nobody sleeps while the lock is free and nobody is on the way to it; and once the
// lock is kept for a group of waiters, nobody takes it twice before each of them has had it.
//
// Two threads lock and unlock twice each; a third does so once, and has a deadline that may pass at any moment of its
// sleep. The fast paths, lock_slow, sleep, leave and unlock_slow are lock_word.hpp's and lock_word.cpp's, step by step;
// spinning only makes the attempts more often and is left out. Passes are not counted: any may be the last. Whether a
// waiter's patience is over is asked before it goes back to sleep, and is as it likes. A sleeper compares all of the
// word but the numbers of waiters, which is what it does between processes. Of a group, MOST can be counted. With
// ANY_TIME signals interrupt sleeps.
//
// With DEATHS each thread is a process that one death may meet at any step; sleeps end by themselves, and who has slept
// may look whether the holder is alive. Those are what brings others on who wait for one that has died on its way.

#define THREADS 3
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef MOST
#define MOST THREADS
#endif

#define NOBODY THREADS
#define NONE   2  // no group
#define ANY    7  // all kinds of sleepers

// The word. Each step below that reads and writes it is one compare-and-swap that succeeded: one that fails changes
// nothing and looks again.
byte holder = NOBODY;
bool sleepers = false;
bool coming = false;
bool fresh = false;  // another one has gone to sleep
byte front = 0;      // the group that is
bool kept = false;   // passed as often as may be
byte number[2];      // of waiters in each group

byte asleep[THREADS];  // 0, or the kind of sleeper: 1 << its group
bool dead[THREADS];
byte deaths = 0;
byte inside = 0;
byte gone = 0;

// For the assertion on who passes whom: whether the lock is kept for this one, and who has had it since.
bool due[THREADS];
bool had[9];

// os::futex_wake(most, kinds). The kernel wakes who sleeps longest; any one is more than that.
inline wake(kinds, most, count) {
  atomic {
    count = 0;
    do
    :: count < most && (asleep[0] & (kinds)) -> asleep[0] = 0; count++
    :: count < most && (asleep[1] & (kinds)) -> asleep[1] = 0; count++
    :: count < most && (asleep[2] & (kinds)) -> asleep[2] = 0; count++
    :: else -> break
    od
  }
}

#ifdef DEATHS
#define MAY_DIE :: deaths == 0 -> deaths++; dead[id] = true; asleep[id] = 0; goto end
#else
#define MAY_DIE
#endif

#define FREE         (holder == NOBODY)
#define IN_FRONT     (group == front)
#define IS_FOR       (FREE && (!kept || MAY_BE_COMING || IN_FRONT || in_vain))
#define MAY_BE_COMING (woken && (!kept || group == NONE || IN_FRONT))

// The lock is kept from now on: for whom?
inline keep() {
  kept = true;
  due[0] = due[0] || groups[0] == front; due[1] = due[1] || groups[1] == front; due[2] = due[2] || groups[2] == front
}

// pass(seen)
inline passing() {
  if
  :: number[front] > 0 && !kept -> keep()
  :: true
  fi
}

inline gets() {
  holder = id;
  assert(!(due[0] && id != 0 && had[id]) && !(due[1] && id != 1 && had[3 + id]) && !(due[2] && id != 2 && had[6 + id]));
  had[id] = due[0]; had[3 + id] = due[1]; had[6 + id] = due[2];
  done()
}

// This one is not due any more.
inline done() {
  due[id] = false; had[3 * id] = false; had[3 * id + 1] = false; had[3 * id + 2] = false
}

// without(seen): off its group.
inline without() {
  if
  :: group != NONE && number[group] > 0 ->
    number[group]--;
    if
    :: IN_FRONT && number[group] == 0 -> kept = false; front = 1 - front
    :: else
    fi
  :: else
  fi;
  group = NONE; groups[id] = NONE
}

// taken(seen)
inline take() {
  if
  :: in_vain && kept ->
    sleepers = true; coming = false; fresh = false; kept = false; front = 0; number[0] = 0; number[1] = 0;
    group = NONE; groups[id] = NONE;
    gets()
  :: else ->
    if
    :: MAY_BE_COMING -> coming = false
    :: else
    fi;
#ifndef MUTATE_TAKER_STAYS_COUNTED
    without();
#endif
    gets();
    passing()
  fi
}

// still(seen)
inline still() {
  sleepers = true;
  if
#ifndef MUTATE_SLEEPER_KEEPS_COMING
  :: MAY_BE_COMING -> coming = false
#else
  :: MAY_BE_COMING
#endif
#ifndef MUTATE_NEWCOMER_SAYS_NOTHING
  :: else -> fresh = true
#else
  :: else
#endif
  fi
}

// What sleep() does to the word besides.
inline join() {
  if
  :: group == NONE ->
#ifndef MUTATE_JOINS_IN_FRONT
    group = (kept -> 1 - front : front);
#else
    group = front;
#endif
    if
    :: number[group] < MOST -> number[group]++
    :: else -> group = NONE
    fi;
    groups[id] = group
#ifndef MUTATE_KEEPER_KEEPS_COMING
  :: IN_FRONT && number[group] > 0 && !kept -> keep(); coming = false
#else
  :: IN_FRONT && number[group] > 0 && !kept -> keep()
#endif
  :: group != NONE
  fi
}

#ifdef MUTATE_NO_BAR
#define FREE_FOR_NEWCOMERS FREE
#else
#define FREE_FOR_NEWCOMERS (FREE && !kept)
#endif

byte groups[THREADS];

// What is not needed any more is not to tell states apart.
inline forget() {
  seen_holder = 0; seen_sleepers = false; seen_coming = false; seen_fresh = false; seen_front = 0; seen_kept = false;
  seen_numbers = 0
}

#define SAME_HALF (holder == seen_holder && sleepers == seen_sleepers && coming == seen_coming && fresh == seen_fresh && \
                   front == seen_front && kept == seen_kept)

proctype thread(byte id; bool has_deadline) {
  byte round = 0;
  bool woken;
  bool in_vain;
  byte group = NONE;
  byte sleepers_woken;
  bool some_wait;  // the lock was kept when the unlock began
  byte seen_holder; bool seen_sleepers; bool seen_coming; bool seen_fresh; byte seen_front; bool seen_kept;
  byte seen_numbers;
  do
  :: round == (has_deadline -> 1 : ROUNDS) -> break
  :: else ->
    round++;
    // try_lock
    atomic {
      if
      :: FREE_FOR_NEWCOMERS -> gets(); passing(); goto taken
      :: else
      MAY_DIE
      fi
    };
  look:
    // take; else what sleep() does first
    atomic {
      if
      :: IS_FOR -> take(); goto taken
      :: else -> still(); join(); woken = false
      MAY_DIE
      fi;
      seen_holder = holder; seen_sleepers = sleepers; seen_coming = coming; seen_fresh = fresh; seen_front = front;
      seen_kept = kept; seen_numbers = number[0] * 4 + number[1]
    };
    // futex_wait, comparing in the same step
    atomic {
      if
      :: SAME_HALF -> asleep[id] = 1 << group
      :: else -> goto look
      MAY_DIE
      fi
    };
    atomic {
      if
      :: asleep[id] == 0 -> woken = true; in_vain = false; forget(); goto look
#ifdef ANY_TIME
      :: asleep[id] != 0 -> asleep[id] = 0; in_vain = false; forget(); goto look
#endif
#ifdef DEATHS
      // It has slept for as long as one may; take_from_the_dead, or just another look
      :: asleep[id] != 0 ->
        asleep[id] = 0;
        woken = true;
        in_vain = seen_holder == NOBODY && SAME_HALF && seen_numbers == number[0] * 4 + number[1];
        if
        :: !FREE && dead[holder] -> inside = 0; coming = false; take(); sleepers = true; goto taken
        :: goto look
        fi
#endif
      :: has_deadline -> asleep[id] = 0; woken = true; in_vain = false; goto late  // woken or not
      MAY_DIE
      fi
    };
  late:
    // leave
    atomic {
      if
      :: IS_FOR -> take(); goto taken
      :: else ->
#ifndef MUTATE_LEAVER_LEAVES_NO_MARK
        still();
#endif
#ifndef MUTATE_LEAVER_STAYS_COUNTED
        without();
#endif
        done();
        woken = false;
        goto next
      MAY_DIE
      fi
    };
  taken:
    atomic { forget(); woken = false; in_vain = false; inside++ };
    assert(inside == 1);
    if
    :: true
    MAY_DIE
    fi;
    inside--;
  unlock:
    atomic {
      assert(holder == id);
      if
      :: sleepers && !coming -> coming = true; fresh = false; some_wait = kept; seen_front = front
      :: else -> holder = NOBODY; goto next
      MAY_DIE
      fi;
    };
  begin:
    // wake_and_free
    if
#ifndef MUTATE_KEPT_WAKES_ANYBODY
    :: some_wait -> wake(1 << seen_front, 2, sleepers_woken)
#else
    :: some_wait -> wake(ANY, 2, sleepers_woken)
#endif
    :: else -> wake(ANY, 1, sleepers_woken)
    MAY_DIE
    fi;
    atomic {
      if
#ifndef MUTATE_NEVER_LOOKS_WHETHER_IT_COMES
      :: sleepers_woken > 0 && !coming -> goto unlock
      :: sleepers_woken == 0 && (fresh || !coming || kept != some_wait || front != seen_front) ->
        coming = true; fresh = false; some_wait = kept; seen_front = front; goto begin
#endif
      :: else ->
        if
        :: sleepers_woken > 0 -> holder = NOBODY
#ifndef MUTATE_FORGETS_WHO_IS_BEHIND
        :: sleepers_woken == 0 -> holder = NOBODY; coming = false; sleepers = some_wait
#else
        :: sleepers_woken == 0 -> holder = NOBODY; coming = false; sleepers = false
#endif
        fi
      MAY_DIE
      fi;
    };
  next:
    sleepers_woken = 0; some_wait = false; forget()
  od;
end:
  atomic {
    gone++;
    if
    :: gone == THREADS && deaths == 0 -> assert(FREE && !kept && number[0] + number[1] == 0)
    :: else
    fi
  }
}

init {
  atomic {
    groups[0] = NONE; groups[1] = NONE; groups[2] = NONE;
    run thread(0, false);
    run thread(1, false);
    run thread(2, true)
  }
}
