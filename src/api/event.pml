// Event: who waits when the flag is set goes on, also if it is cleared at once; and nobody goes on who came after that
// and before the flag was set again.
//
// Two threads wait once each, sooner or later; a third sets the flag and clears it at once, once or twice. Who came after
// the last time may wait for ever. The steps are basic_event.hpp's and those of await_change; each that reads and writes
// the word is one compare-and-swap that succeeded. The count of clears is what tells one clear state from the next.

#define WAITERS 2

bool flag = false;
bool sleepers = false;
byte clears = 0;

bool asleep[WAITERS];
byte came[WAITERS];  // after so many sets
byte sets = 0;
bool over = false;  // the flag will not be set any more

#define STRANDED(id) (over && asleep[id] && came[id] < sets)

inline set() {
  atomic { wakes = sleepers; flag = true; sleepers = false; sets++ };
  atomic {
    if
    :: wakes -> asleep[0] = false; asleep[1] = false
    :: else
    fi
  }
}

inline clear() {
  atomic {
    flag = false;
#ifndef MUTATE_CLEAR_DOES_NOT_COUNT
    clears++
#endif
  }
}

proctype waiter(byte id) {
  byte seen_clears;
  bool was_set;
  atomic {
    seen_clears = clears; came[id] = sets; was_set = flag;
    if
    :: flag -> goto on
    :: else
    fi
  };
again:
  // The mark, if the word is still as seen.
  atomic {
    if
    :: flag || clears != seen_clears -> goto on
    :: else
#ifndef MUTATE_NO_MARK
      -> sleepers = true
#endif
    fi
  };
  // futex_wait, comparing in the same step
  atomic {
    if
    :: !flag && clears == seen_clears -> asleep[id] = true; assert(!STRANDED(id))
    :: else -> goto again
    fi
  };
end:
  !asleep[id];
  goto again;
on:
  assert(was_set || sets > came[id])
}

proctype setter() {
  bool wakes;
  set();
  clear();
  if
  :: true -> set(); clear()
  :: true
  fi;
  atomic { over = true; assert(!STRANDED(0) && !STRANDED(1)) }
}

init {
  atomic {
    run waiter(0);
    run waiter(1);
    run setter()
  }
}
