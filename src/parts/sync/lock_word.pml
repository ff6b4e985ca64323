// LockWord: one holder at a time; nobody sleeps while the lock is free and nobody is on the way to it; no thread that
// has just come takes the lock while a starving one sleeps.
//
// Three threads lock and unlock twice each; the third has a deadline that may pass at any moment of its sleep. The fast
// paths, lock_slow, sleep, leave and unlock_slow are lock_word.hpp's and lock_word.cpp's, step by step; spinning only
// makes the first attempt more often and is left out. Passes are not counted: any may be the last. A patient sleeper loses its patience at any moment while somebody
// has the lock. (It does at other moments, too; but then it would cure what we look for: a sleeper that nobody will
// wake.) With ANY_TIME it does so at any moment.
//
// With DEATHS each thread is a process that one death may meet at any step; who starves may look whether the holder is
// alive at any moment. Then patience is what brings those on who wait for one that has died on its way.

#define THREADS 3
#ifndef ROUNDS
#define ROUNDS 2
#endif

#define PATIENT   1
#define IMPATIENT 2
#define NOBODY    THREADS

// The word. Each step below that reads and writes it is one compare-and-swap that succeeded: one that fails changes
// nothing and looks again.
byte holder = NOBODY;
bool sleepers = false;
bool starving = false;
bool coming = false;
bool passed = false;  // as often as may be

byte asleep[THREADS];  // 0, or the kind of sleeper
bool dead[THREADS];
byte deaths = 0;
byte inside = 0;
byte gone = 0;

// os::futex_wake(1, kinds). The kernel wakes who sleeps longest; any one is more than that.
inline wake(kinds, any_woken) {
  atomic {
    if
    :: (asleep[0] & (kinds)) -> asleep[0] = 0; any_woken = true
    :: (asleep[1] & (kinds)) -> asleep[1] = 0; any_woken = true
    :: (asleep[2] & (kinds)) -> asleep[2] = 0; any_woken = true
    :: !(asleep[0] & (kinds)) && !(asleep[1] & (kinds)) && !(asleep[2] & (kinds)) -> any_woken = false
    fi
  }
}

#ifdef DEATHS
#define MAY_DIE :: deaths == 0 -> deaths++; dead[id] = true; asleep[id] = 0; goto end
#else
#define MAY_DIE
#endif

#define FREE (holder == NOBODY)

#ifdef MUTATE_TAKER_LEAVES_NO_MARK
#define TAKE holder = id; sleepers = false; coming = false; passed = false
#else
#define TAKE holder = id; sleepers = true; coming = false; passed = false
#endif

inline STILL_() {
  sleepers = true;
#ifndef MUTATE_SLEEPER_KEEPS_COMING
  if
  :: hungry || !starving -> coming = false
  :: else
  fi
#endif
}
#define STILL STILL_()

proctype thread(byte id; bool has_deadline) {
  byte round = 0;
  bool hungry;
  bool woken;
  bool some_starve;
  byte seen_holder; bool seen_sleepers; bool seen_starving; bool seen_coming; bool seen_passed;
  do
  :: round == ROUNDS -> break
  :: else ->
    round++;
    hungry = false;
    // try_lock, with barge
    atomic {
      if
      :: FREE && !starving && !passed ->
        assert(asleep[0] != IMPATIENT && asleep[1] != IMPATIENT && asleep[2] != IMPATIENT);
        holder = id;
        if
        :: true
        :: sleepers -> passed = true
        fi;
        goto taken
      :: else
      MAY_DIE
      fi
    };
  look:
    // take; else still, and the mark of who starves
    atomic {
      if
      :: FREE && (hungry || !starving) -> TAKE; goto taken
      :: else ->
        STILL;
        if
        :: hungry -> starving = true
        :: else
        fi
      MAY_DIE
      fi;
      seen_holder = holder; seen_sleepers = sleepers; seen_starving = starving; seen_coming = coming; seen_passed = passed
    };
    // futex_wait, comparing in the same step
    atomic {
      if
      :: holder == seen_holder && sleepers == seen_sleepers && starving == seen_starving && coming == seen_coming &&
         passed == seen_passed ->
        asleep[id] = (hungry -> IMPATIENT : PATIENT)
      :: else -> goto look
      MAY_DIE
      fi
    };
    atomic {
      if
      :: asleep[id] == 0 -> goto look
#if defined(ANY_TIME) || defined(DEATHS)
      :: asleep[id] == PATIENT ->
#else
      :: asleep[id] == PATIENT && !FREE ->
#endif
        asleep[id] = 0; hungry = true; goto look
      :: has_deadline -> asleep[id] = 0; goto late  // woken or not
#ifdef DEATHS
      // take_from_the_dead; or just another look
      :: asleep[id] == IMPATIENT ->
        asleep[id] = 0;
        if
        :: !FREE && dead[holder] -> inside = 0; TAKE; goto taken
        :: else -> goto look
        fi
#endif
      MAY_DIE
      fi
    };
  late:
    // leave
    atomic {
      if
      :: FREE && (hungry || !starving) -> TAKE; goto taken
      :: else ->
#ifndef MUTATE_LEAVER_LEAVES_NO_MARK
        STILL;
#endif
        goto next
      MAY_DIE
      fi
    };
  taken:
    inside++;
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
      :: sleepers && !coming -> coming = true; some_starve = starving
      :: else -> holder = NOBODY; goto next
      MAY_DIE
      fi;
    };
    // wake_and_free
    if
    :: some_starve -> wake(IMPATIENT, woken)
    :: else -> wake(PATIENT | IMPATIENT, woken)
    MAY_DIE
    fi;
    atomic {
      if
#ifndef MUTATE_NEVER_LOOKS_WHETHER_IT_COMES
      :: !coming || (starving && !some_starve) -> goto unlock
#endif
      :: else ->
        if
        :: woken ->
          holder = NOBODY
#ifdef MUTATE_NO_BAR
          ; starving = false
#endif
        :: !woken && some_starve -> starving = false; coming = false; goto unlock
        :: else -> holder = NOBODY; sleepers = false; starving = false; coming = false; passed = false
        fi
      MAY_DIE
      fi;
    };
  next:
    skip
  od;
end:
  atomic {
    gone++;
    if
    :: gone == THREADS && deaths == 0 -> assert(FREE)
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
