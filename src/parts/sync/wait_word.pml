// The wait of await.hpp against those who change the word: no wake-up is lost.
//
// Two waiters, one of them with a deadline; a setter of the awaited bit; somebody who changes other bits. The kernel's
// part is the set of sleepers: it compares and puts to sleep in one step. Spinning is left out: it only looks.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#define READY    1
#define SLEEPERS 2  // kSleepers
#define OTHER    4  // bits of the word's owner, a counter that wraps

#define WAITERS 2

byte word = 0;
bool asleep[WAITERS];

inline wake_all() {
  d_step {
    asleep[0] = false;
    asleep[1] = false;
  }
}

inline wake_one() {
  if
  :: asleep[0] -> asleep[0] = false
  :: asleep[1] -> asleep[1] = false
  :: else
  fi
}

// os::futex_wait: `expected` is compared and the thread put to sleep in one step.
inline futex_wait(expected) {
#ifdef MUTATE_COMPARE_THEN_SLEEP
  if
  :: word == expected -> asleep[id] = true
  :: else
  fi;
#else
  d_step {
    if
    :: word == expected -> asleep[id] = true
    :: else
    fi
  };
#endif
}

// sync::await
proctype waiter(byte id; bool has_deadline) {
  byte value;
  bool timed_out = false;
again:
  value = word;
  if
  :: value & READY -> goto ready
  :: else
  fi;
#ifndef MUTATE_NO_MARK
  if
  :: value & SLEEPERS
  :: else ->
    atomic {  // compare_exchange
      if
      :: word == value -> word = word | SLEEPERS
      :: else -> goto again
      fi
    };
    value = value | SLEEPERS
  fi;
#endif
  futex_wait(value);
  atomic {
    if
    :: !asleep[id]
    :: has_deadline && asleep[id] -> asleep[id] = false; timed_out = true
    fi
  };
  if
  :: timed_out -> goto over
  :: else -> goto again
  fi;
ready:
  assert(word & READY);
over:
  skip
}

// Whoever settles: a read-modify-write, and a wake if it saw the mark.
proctype setter() {
  byte before;
#ifdef MUTATE_PLAIN_STORE
  before = word;
  word = READY;
#else
  d_step { before = word; word = word | READY };
#endif
  if
  :: before & SLEEPERS ->
#ifdef MUTATE_WAKE_ONE
    atomic { wake_one() }
#else
    wake_all()
#endif
  :: else
  fi
}

// Changes that do not end the wait, such as a nudge: sleepers are woken for nothing and must sleep again.
proctype meddler() {
  byte before;
  byte times = 0;
  do
  :: times < 2 ->
    d_step { before = word; word = (word + OTHER) & 15 };
    if
    :: before & SLEEPERS -> wake_all()
    :: else
    fi;
    times++
  :: else -> break
  od
}

init {
  atomic {
    run waiter(0, false);
    run waiter(1, true);
    run setter();
    run meddler()
  }
}
