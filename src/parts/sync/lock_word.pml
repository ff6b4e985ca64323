// PrivateLock: one holder at a time; nobody sleeps while the lock is free and it is for them; once somebody starves,
// only the starving take the lock.
//
// Three threads lock and unlock twice each; the third has a deadline that may pass at any moment of its sleep. The fast
// paths, lock_slow, leave and unlock_slow are lock_word.hpp's and lock_word.cpp's, step by step; spinning only tries
// barge() more often and is left out. A patient sleeper loses its patience at any moment while somebody has the lock.
// (It does at other moments, too; but then it would cure what we look for: a sleeper that nobody will wake.) With
// ANY_TIME it does so at any moment.

#define THREADS 3
#define ROUNDS  2

#define PATIENT   1
#define IMPATIENT 2

// The word. Each step below that reads and writes it is one compare-and-swap that succeeded: one that fails changes
// nothing and looks again.
bool held = false;
bool coming = false;
byte waiters = 0;
byte starving = 0;

byte asleep[THREADS];  // 0, or the kind of sleeper
byte inside = 0;
byte gone = 0;

// os::futex_wake(1, kinds). The kernel wakes who sleeps longest; any one is more than that.
inline wake(kinds) {
  atomic {
    if
    :: (asleep[0] & (kinds)) -> asleep[0] = 0
    :: (asleep[1] & (kinds)) -> asleep[1] = 0
    :: (asleep[2] & (kinds)) -> asleep[2] = 0
    :: !(asleep[0] & (kinds)) && !(asleep[1] & (kinds)) && !(asleep[2] & (kinds))
    fi
  }
}

#define IS_FOR(hungry) (!held && (starving == 0 || hungry))

// lock_slow's loop begins with the word as just seen, so a change in between is the failure of a compare-and-swap or of
// the futex's comparison: seen_* is what it compares with.
proctype thread(byte id; bool has_deadline) {
  byte round = 0;
  bool hungry;
  bool wakes_starving;
  bool wakes;
  bool seen_held; bool seen_coming; byte seen_waiters; byte seen_starving;
  do
  :: round == ROUNDS -> break
  :: else ->
    round++;
    hungry = false;
    // take_at_once and barge
    atomic {
      if
      :: IS_FOR(false) -> held = true; goto taken
      :: else -> waiters++  // enrol
      fi
    };
  look:
    atomic {
      if
      :: IS_FOR(hungry) ->
        held = true;
        waiters--;
        if
        :: hungry -> starving--
        :: else
        fi;
#ifndef MUTATE_TAKER_KEEPS_COMING
        coming = false;
#endif
        goto taken
      :: else
#ifndef MUTATE_SLEEPER_KEEPS_COMING
        -> coming = false
#endif
      fi;
      seen_held = held; seen_coming = coming; seen_waiters = waiters; seen_starving = starving
    };
    // futex_wait, comparing in the same step
    atomic {
      if
      :: held == seen_held && coming == seen_coming && waiters == seen_waiters && starving == seen_starving ->
        asleep[id] = (hungry -> IMPATIENT : PATIENT)
      :: else -> goto look
      fi
    };
    atomic {
      if
      :: asleep[id] == 0 -> goto look
#ifdef ANY_TIME
      :: asleep[id] == PATIENT ->
#else
      :: asleep[id] == PATIENT && held ->
#endif
        asleep[id] = 0  // its patience is over
      :: has_deadline && asleep[id] != 0 -> asleep[id] = 0; goto late
      fi
    };
    // It starves, unless the lock has become free meanwhile.
    atomic {
      if
      :: IS_FOR(hungry)
      :: else -> starving++; hungry = true
      fi;
      goto look
    };
  late:
    // leave
    atomic {
      waiters--;
      if
      :: hungry -> starving--
      :: else
      fi;
      coming = false;
      if
#ifndef MUTATE_LEAVER_TAKES_NOTHING
      :: !held && (starving == 0 || hungry) -> held = true; goto taken
#endif
      :: else -> goto next
      fi
    };
  taken:
    inside++;
    assert(inside == 1);
    inside--;
    // unlock
    atomic {
      assert(held);
      wakes_starving = starving > 0;
      wakes = wakes_starving || (waiters > 0 && !coming);
      held = false;
      if
      :: wakes && !wakes_starving -> coming = true
      :: else
      fi
    };
    if
    :: wakes_starving ->
#ifdef MUTATE_STARVING_WAIT_THEIR_TURN
      wake(PATIENT | IMPATIENT)
#else
      wake(IMPATIENT)
#endif
    :: wakes && !wakes_starving -> wake(PATIENT | IMPATIENT)
    :: else
    fi;
  next:
    skip
  od;
  atomic {
    gone++;
    if
    :: gone == THREADS -> assert(!held && waiters == 0 && starving == 0)
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
