// Semaphore: nobody sleeps while there are permits and nobody is on the way to them; no permit is lost or made.
//
// Three threads take a permit each and end with it; the third has a deadline that may pass at any moment of its sleep, and
// then may end without. A fourth comes without waiting: it takes a permit if there is one, and gives it back. A fifth
// gives three permits, one by one or two at once. The steps are semaphore.hpp's and semaphore.cpp's; each that reads and
// writes the word is one compare-and-swap that succeeded.

#define SLEEPERS 3

byte permits = 0;
bool mark = false;

bool asleep[SLEEPERS];
byte have = 0;
byte gone = 0;

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

proctype taker(byte id; bool has_deadline) {
  bool more;
  // take
  atomic {
    if
    :: permits > 0 -> permits--; goto taken
    :: else
    fi
  };
look:
  mark = true;
  // take_and_mark
  atomic {
    if
    :: permits > 0 ->
      permits--;
#ifndef MUTATE_TAKER_LEAVES_NO_MARK
      mark = true;
#else
      mark = false;
#endif
#ifndef MUTATE_TAKER_WAKES_NOBODY
      more = permits > 0;
#endif
      goto marked
    :: else
    fi
  };
  // futex_wait: while there are no permits and the mark is there
  atomic {
    if
    :: permits == 0 && mark -> asleep[id] = true
    :: else -> goto look
    fi
  };
  atomic {
    if
    :: !asleep[id]
    :: has_deadline && asleep[id] -> asleep[id] = false
    fi
  };
  if
  :: true -> goto look
  :: has_deadline ->
    // It leaves, and looks a last time.
#ifndef MUTATE_LEAVER_LEAVES_NO_MARK
    mark = true;
#endif
    atomic {
      if
      :: permits > 0 -> permits--; mark = true; more = permits > 0; goto marked
      :: else -> goto end
      fi
    }
  fi;
marked:
  if
  :: more -> wake_one()
  :: else
  fi;
taken:
  have++;
end:
  gone++
}

inline give(n) {
  bool wakes;
  atomic { wakes = mark; mark = false; permits = permits + n };
  if
  :: wakes && n == 2 -> wake_one(); wake_one()
  :: wakes && n == 1 -> wake_one()
  :: else
  fi
}

proctype giver() {
  if
  :: true -> give(1); give(1); give(1)
  :: true -> give(2); give(1)
  :: true -> give(1); give(2)
  fi;
  gone++
}

// Does not wait.
proctype passer() {
  bool wakes;
  atomic {
    if
    :: permits > 0 -> permits--
    :: else -> goto end
    fi
  };
  atomic { wakes = mark; mark = false; permits++ };
  if
  :: wakes -> wake_one()
  :: else
  fi;
end:
  gone++
}

init {
  atomic {
    run taker(0, false);
    run taker(1, false);
    run taker(2, true);
    run giver();
    run passer()
  };
  gone == 5;
  assert(have + permits == 3)
}
