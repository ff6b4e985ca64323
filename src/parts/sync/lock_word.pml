// LockWord: one holder at a time; nobody sleeps while the lock is free and nobody is on the way to it; no thread that
// has just come takes the lock while a starving one sleeps.
//
// Two threads lock and unlock twice each; a third does so once, and has a deadline that may pass at any moment of its
// sleep. The fast
// paths, lock_slow, sleep, leave and unlock_slow are lock_word.hpp's and lock_word.cpp's, step by step; spinning only
// makes the attempts more often and is left out. Passes are not counted: any may be the last. Whether the time is over
// that a waiter has patience is asked whenever it was woken, and is as it likes. With ANY_TIME signals interrupt sleeps.
//
// With DEATHS each thread is a process that one death may meet at any step; sleeps end by themselves, and who starves may
// look whether the holder is alive. Those are what brings others on who wait for one that has died on its way.

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
bool fresh = false;   // another one has gone to sleep
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
#define IS_FOR (FREE && (hungry || (slept && !starving) || (!starving && !passed)))

#ifdef MUTATE_TAKER_LEAVES_NO_MARK
#define TAKE holder = id; sleepers = false; coming = false; passed = false
#else
#define TAKE holder = id; sleepers = true; coming = false; passed = false
#endif

inline STILL_() {
  sleepers = true;
#ifndef MUTATE_SLEEPER_KEEPS_COMING
  if
#ifndef MUTATE_NEWCOMER_CLEARS_COMING
  :: hungry || (slept && !starving) -> coming = false
#else
  :: hungry || !starving -> coming = false
#endif
#ifndef MUTATE_NEWCOMER_SAYS_NOTHING
  :: else -> fresh = true
#else
  :: else
#endif
  fi
#endif
}
#define STILL STILL_()

proctype thread(byte id; bool has_deadline) {
  byte round = 0;
  bool hungry;
  bool slept;
  bool woken;
  bool some_starve;
  byte seen_holder; bool seen_sleepers; bool seen_starving; bool seen_coming; bool seen_passed; bool seen_fresh;
  do
  :: round == (has_deadline -> 1 : ROUNDS) -> break
  :: else ->
    round++;
    hungry = false;
    slept = false;
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
      :: IS_FOR -> TAKE; goto taken
      :: else ->
        STILL;
        if
        :: hungry -> starving = true
        :: else
        fi
      MAY_DIE
      fi;
      seen_holder = holder; seen_sleepers = sleepers; seen_starving = starving; seen_coming = coming; seen_passed = passed; seen_fresh = fresh
    };
    // futex_wait, comparing in the same step
    atomic {
      if
      :: holder == seen_holder && sleepers == seen_sleepers && starving == seen_starving && coming == seen_coming &&
         passed == seen_passed && fresh == seen_fresh ->
        asleep[id] = (hungry -> IMPATIENT : PATIENT)
      :: else -> goto look
      MAY_DIE
      fi
    };
    atomic {
      if
      :: asleep[id] == 0 ->
        slept = true;
        if
        :: hungry = true  // it has waited for so long
        :: true
        fi;
        goto look
#ifdef ANY_TIME
      :: asleep[id] != 0 -> asleep[id] = 0; goto look
#endif
#ifdef DEATHS
      :: asleep[id] == PATIENT -> asleep[id] = 0; slept = true; hungry = true; goto look
#endif
      :: has_deadline -> asleep[id] = 0; slept = true; goto late  // woken or not
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
      :: IS_FOR -> TAKE; goto taken
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
      :: sleepers && !coming -> coming = true; fresh = false; some_starve = starving
      :: else -> holder = NOBODY; goto next
      MAY_DIE
      fi;
    };
  begin:
    // wake_and_free
    if
    :: some_starve -> wake(IMPATIENT, woken)
    :: else -> wake(PATIENT | IMPATIENT, woken)
    MAY_DIE
    fi;
    atomic {
      if
#ifndef MUTATE_NEVER_LOOKS_WHETHER_IT_COMES
      :: woken && !coming -> goto unlock
      :: !woken && (fresh || !coming || starving != some_starve) ->
        coming = true; fresh = false; some_starve = starving; goto begin
#endif
      :: else ->
        if
        :: woken ->
          holder = NOBODY
#ifdef MUTATE_NO_BAR
          ; starving = false
#endif
        :: !woken && some_starve -> starving = false; fresh = false; some_starve = false; goto begin
        :: else -> holder = NOBODY; sleepers = false; starving = false; coming = false; passed = false; fresh = false
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
