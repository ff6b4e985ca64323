// Doze: the sleeper wakes up after each thing that was done for it. One thread waits for the first thing, and then for
// the second, and so on; two threads of the pool (who may have its lock, one after the other) do them. The steps are
// doze.hpp's, each in sequential consistency.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error: here, a sleeper that stays asleep.

#ifndef THINGS
#define THINGS 3
#endif

byte done = 0;         // what was done
byte asleep_word = 0;  // Doze::asleep_
bool asleep = false;   // in the system
byte taken = 0;
bool holds_lock = false;

inline futex_wait() {
  atomic {
    if
#ifdef MUTATE_NO_COMPARISON
    :: true -> asleep = true
#else
    :: asleep_word == 1 -> asleep = true
    :: else
#endif
    fi
  };
  !asleep  // or for ever: an invalid end state
}

inline wake() {
  if
  :: asleep_word == 0
  :: else ->
#ifndef MUTATE_WORD_STAYS
    atomic { was = asleep_word; asleep_word = 0 };
#else
    was = 1;
#endif
    if
    :: was == 0
    :: else -> asleep = false
    fi
  fi
}

proctype sleeper() {
  do
  :: taken == THINGS -> break
  :: taken < done -> taken++  // the spin, or the look before
  :: taken == done && taken < THINGS ->
    do
    ::
#ifdef MUTATE_LOOKS_FIRST
      if
      :: done > taken -> break
      :: else
      fi;
      asleep_word = 1;
#else
      asleep_word = 1;
      if
      :: done > taken -> break
      :: else
      fi;
#endif
      futex_wait()
    od;
    asleep_word = 0
  od
}

proctype waker() {
  byte was;
  do
  :: atomic { !holds_lock -> holds_lock = true };
    if
    :: done == THINGS -> holds_lock = false; break
    :: else
    fi;
#ifdef MUTATE_ASKS_FIRST
    wake();
    done++;
#else
    done++;
    wake();
#endif
    holds_lock = false
  od
}

init {
  atomic {
    run sleeper();
    run waker();
    run waker()
  }
}
