// LockWord: one holder at a time; nobody sleeps while the lock is free and nobody is on the way to it; no thread that
// has just come takes the lock while a starving one sleeps.
//
// Three threads lock and unlock twice each; the third has a deadline that may pass at any moment of its sleep. The fast
// paths, lock_slow, sleep, leave and unlock_slow are lock_word.hpp's and lock_word.cpp's, step by step; spinning only
// makes the first attempt more often and is left out. A patient sleeper loses its patience at any moment while somebody
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

proctype thread(byte id; bool has_deadline) {
  byte round = 0;
  bool hungry;
  bool woken;
  bool marked;
  byte seen_holder; bool seen_sleepers; bool seen_starving; bool seen_coming;
  do
  :: round == ROUNDS -> break
  :: else ->
    round++;
    hungry = false;
    // try_lock
    atomic {
      if
      :: FREE && !sleepers && !starving && !coming ->
        assert(asleep[0] != IMPATIENT && asleep[1] != IMPATIENT && asleep[2] != IMPATIENT);
        holder = id; goto taken
      :: else
      MAY_DIE
      fi
    };
  look:
    // take; else the mark that a sleeper leaves
    atomic {
      if
      :: FREE && (hungry || !starving) ->
        holder = id;
#ifndef MUTATE_TAKER_LEAVES_NO_MARK
        sleepers = true;
#else
        sleepers = false;
#endif
        coming = false;
        goto taken
      :: else ->
        sleepers = true;
        if
        :: hungry ->
          starving = true;
#ifndef MUTATE_SLEEPER_KEEPS_COMING
          coming = false
#endif
        :: else
        fi
      MAY_DIE
      fi;
      seen_holder = holder; seen_sleepers = sleepers; seen_starving = starving; seen_coming = coming
    };
    // futex_wait, comparing in the same step
    atomic {
      if
      :: holder == seen_holder && sleepers == seen_sleepers && starving == seen_starving && coming == seen_coming ->
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
        :: !FREE && dead[holder] -> holder = id; inside = 0; sleepers = true; coming = false; goto taken
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
      :: FREE && (hungry || !starving) -> holder = id; sleepers = true; coming = false; goto taken
      :: else ->
#ifndef MUTATE_LEAVER_LEAVES_NO_MARK
        sleepers = true;
        if
        :: hungry -> coming = false
        :: else
        fi;
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
      :: starving -> coming = true; marked = true
      :: else -> holder = NOBODY; marked = sleepers; sleepers = false; goto freed
      MAY_DIE
      fi;
    };
    // hand_over
    wake(IMPATIENT, woken);
    atomic {
      if
#ifndef MUTATE_NEVER_LOOKS_WHETHER_IT_COMES
      :: !(starving && coming) -> goto unlock
#endif
      :: else ->
        holder = NOBODY;
        coming = false;
        if
        :: woken -> sleepers = true
        :: else -> sleepers = false; starving = false
        fi;
#ifdef MUTATE_NO_BAR
        sleepers = false; starving = false;
#endif
        marked = !woken
      MAY_DIE
      fi;
    };
  freed:
    if
    :: marked -> wake(PATIENT | IMPATIENT, woken)
    :: !marked
    MAY_DIE
    fi;
  next:
    skip
  od;
end:
  atomic {
    gone++;
    if
    :: gone == THREADS && deaths == 0 -> assert(FREE && !starving && !coming)
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
