// LockWord: one holder at a time, and no thread sleeps while the lock is free.
//
// Three threads lock and unlock twice each; the third has a deadline that may pass at any moment of its sleep. The fast
// path, lock_slow and unlock are lock_word.hpp's and lock_word.cpp's, step by step; spinning only tries the fast path
// more often and is left out.

#define HELD     1  // kHeld
#define SLEEPERS 2  // kSleepers
#define THREADS  3
#define ROUNDS   2

byte word = 0;
bool asleep[THREADS];
byte inside = 0;
byte gone = 0;

// os::futex_wake(1): any one of the sleepers.
inline wake_one() {
  atomic {
    if
    :: asleep[0] -> asleep[0] = false
    :: asleep[1] -> asleep[1] = false
    :: asleep[2] -> asleep[2] = false
    :: !asleep[0] && !asleep[1] && !asleep[2]
    fi
  }
}

#ifdef MUTATE_TIMEOUT_FORGETS_OTHERS
#define TAKEN_LATE HELD
#else
#define TAKEN_LATE (HELD | SLEEPERS)
#endif

proctype thread(byte id; bool has_deadline) {
  byte before;
  byte round = 0;
  do
  :: round == ROUNDS -> break
  :: else ->
    round++;
    // try_lock
    d_step {
      before = word;
      if
      :: word == 0 -> word = HELD
      :: else
      fi
    };
    if
    :: before == 0 -> goto taken
    :: else
    fi;
  slow:
    atomic {
      before = word;
#ifdef MUTATE_TAKE_UNMARKED
      word = (before == 0 -> HELD : HELD | SLEEPERS)
#else
      word = HELD | SLEEPERS
#endif
    };
    if
    :: before == 0 -> goto taken
    :: else
    fi;
    // futex_wait, comparing in the same step
    d_step {
      if
      :: word == (HELD | SLEEPERS) -> asleep[id] = true
      :: else
      fi
    };
    atomic {
      if
      :: !asleep[id] -> goto slow
      :: has_deadline && asleep[id] -> asleep[id] = false
      fi
    };
    // The deadline has passed: one last try.
    d_step { before = word; word = TAKEN_LATE };
    if
    :: before == 0 -> goto taken
    :: else -> goto next
    fi;
  taken:
    inside++;
    assert(inside == 1);
    inside--;
    // unlock
    d_step { before = word; word = 0 };
    assert(before != 0);
    if
#ifdef MUTATE_UNLOCK_WAKES_NOBODY
    :: false
#else
    :: before & SLEEPERS -> wake_one()
#endif
    :: else
    fi;
  next:
    skip
  od;
  atomic {
    gone++;
    if
    :: gone == THREADS -> assert(word == 0)
    :: else
    fi
  }
}

init {
  atomic {
    run thread(0, false);
    run thread(1, false);
    run thread(2, true)
  }
}
