// RWLock: a writer is alone, nobody sleeps while the lock is for them, and readers that waited when a writer ended go
// before the next one.
//
// READERS and WRITERS (two each, unless defined otherwise) lock and unlock at most ROUNDS times; the last writer and the
// last reader, unless it is the only one, have a deadline that may pass at any moment of their sleep. Since each may stop after any round, a sleeper that only the
// next passer-by would wake is stuck here. The steps are rwlock.cpp's; spinning only tries the fast path more often and
// is left out. A patient writer loses its patience at any moment while somebody has the lock. (It does at other moments,
// too; but then it would cure what we look for: a sleeper that nobody will wake.) With ANY_TIME it does so at any
// moment.

#ifndef READERS
#define READERS 2
#endif
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef ROUNDS
#define ROUNDS  1
#endif
#define THREADS (READERS + WRITERS)

// Kinds of sleepers; readers are of the kind READER << turn.
#define PATIENT   1
#define IMPATIENT 2
#define READER    4

// The state. Each step below that reads and writes it is one compare-and-swap that succeeded: one that fails changes
// nothing and looks again.
bool writer = false;
bool coming = false;
bool turn = false;
byte starving = 0;
byte waiting_writers = 0;
byte readers = 0;
byte waiting_readers = 0;

byte asleep[4];  // 0, or the kind of sleeper
byte reading = 0;
byte writing = 0;
byte gone = 0;

#define HELD (writer || readers > 0)
#define IS_FOR_WRITER(hungry) (!HELD && (starving == 0 || hungry))
#define IS_FOR_READER (!writer && starving == 0)

// os::futex_wake(1, kind). The kernel wakes who sleeps longest; any one is more than that.
inline wake_one(kind) {
  atomic {
    if
    :: (asleep[0] & (kind)) -> asleep[0] = 0
    :: (asleep[1] & (kind)) -> asleep[1] = 0
    :: (asleep[2] & (kind)) -> asleep[2] = 0
    :: (asleep[3] & (kind)) -> asleep[3] = 0
    :: else
    fi
  }
}

inline wake_all(kind) {
  d_step {
    if :: (asleep[0] & (kind)) -> asleep[0] = 0 :: else fi;
    if :: (asleep[1] & (kind)) -> asleep[1] = 0 :: else fi;
    if :: (asleep[2] & (kind)) -> asleep[2] = 0 :: else fi;
    if :: (asleep[3] & (kind)) -> asleep[3] = 0 :: else fi
  }
}

// Which kind wake_next wakes, or 0; looked at in the step that frees the lock, before its change.
inline choose_next() {
  if
#ifdef MUTATE_STARVING_WAIT_THEIR_TURN
  :: starving > 0 -> wakes = PATIENT | IMPATIENT
#else
  :: starving > 0 -> wakes = IMPATIENT
#endif
  :: starving == 0 && waiting_writers > 0 && !coming -> wakes = PATIENT
  :: else -> wakes = 0
  fi
}

// What a sleeper compares: the lower half.
#define SEEN_LOWER (writer == seen_writer && coming == seen_coming && turn == seen_turn && \
                    starving == seen_starving && waiting_writers == seen_waiting)
inline look() {
  seen_writer = writer; seen_coming = coming; seen_turn = turn; seen_starving = starving; seen_waiting = waiting_writers
}

inline end_of_thread() {
  atomic {
    gone++;
    if
    :: gone == THREADS -> assert(!HELD && starving + waiting_writers + waiting_readers == 0)
    :: else
    fi
  }
}

proctype reader_thread(byte id; bool has_deadline) {
  byte round = 0;
  bool own_turn;
  byte wakes;
  bool seen_writer; bool seen_coming; bool seen_turn; byte seen_starving; byte seen_waiting;
  do
  :: break
  :: round < ROUNDS ->
    round++;
    // try_lock_shared, or enrol
    atomic {
      if
      :: IS_FOR_READER -> readers++; goto taken
      :: else -> waiting_readers++; own_turn = turn
      fi
    };
  again:
    atomic {
      if
      :: turn != own_turn -> goto taken
      :: turn == own_turn && IS_FOR_READER -> readers++; waiting_readers--; goto taken
      :: else
      fi;
      look()
    };
    atomic {
      if
      :: SEEN_LOWER -> asleep[id] = READER << own_turn
      :: else -> goto again
      fi
    };
    atomic {
      if
      :: asleep[id] == 0 -> goto again
      :: has_deadline && asleep[id] != 0 -> asleep[id] = 0
      fi
    };
    // It looks once more, and then leaves.
    atomic {
      if
      :: turn != own_turn -> goto taken
      :: turn == own_turn && IS_FOR_READER -> readers++; waiting_readers--; goto taken
      :: else -> waiting_readers--; goto next
      fi
    };
  taken:
    reading++;
    assert(writing == 0);
    reading--;
    // unlock_shared
    atomic {
      assert(readers > 0 && !writer);
      wakes = 0;
      if
      :: readers == 1 ->
        choose_next();
        if
        :: waiting_writers > 0 -> coming = true
        :: else
        fi
      :: else
      fi;
      readers--
    };
    if
    :: wakes != 0 -> wake_one(wakes)
    :: else
    fi;
  next:
    own_turn = false; wakes = 0;
    seen_writer = false; seen_coming = false; seen_turn = false; seen_starving = 0; seen_waiting = 0
  od;
  end_of_thread()
}

proctype writer_thread(byte id; bool has_deadline) {
  byte round = 0;
  bool hungry;
  byte wakes;
  bool wakes_readers;
  bool own_turn;  // of the readers to wake
  bool seen_writer; bool seen_coming; bool seen_turn; byte seen_starving; byte seen_waiting;
  do
  :: break
  :: round < ROUNDS ->
    round++;
    // try_lock, or enrol
    atomic {
      if
      :: IS_FOR_WRITER(false) -> writer = true; goto taken
      :: else -> waiting_writers++
      fi
    };
  again:
    atomic {
      if
      :: IS_FOR_WRITER(hungry) ->
        writer = true;
        waiting_writers--;
        starving = starving - hungry;
#ifndef MUTATE_TAKER_KEEPS_COMING
        coming = false;
#endif
        goto taken
      :: else
      fi;
#ifndef MUTATE_SLEEPER_KEEPS_COMING
      if
#ifndef MUTATE_SLEEPER_TAKES_COMING_FROM_FREE
      :: HELD -> coming = false
      :: else
#else
      :: coming = false
#endif
      fi;
#endif
      look()
    };
    // futex_wait, comparing in the same step
    atomic {
      if
      :: SEEN_LOWER -> asleep[id] = (hungry -> IMPATIENT : PATIENT)
      :: else -> goto again
      fi
    };
    atomic {
      if
      :: asleep[id] == 0 -> goto again
#ifdef ANY_TIME
      :: asleep[id] == PATIENT -> asleep[id] = 0
#else
      :: asleep[id] == PATIENT && HELD -> asleep[id] = 0
#endif
      :: has_deadline && asleep[id] != 0 -> asleep[id] = 0; goto late
      fi
    };
    // Its patience is over: it starves, unless the lock has become free meanwhile.
    atomic {
      if
      :: IS_FOR_WRITER(hungry)
      :: else -> starving++; hungry = true
      fi;
      goto again
    };
  late:
    // leave_as_writer
    atomic {
      waiting_writers--;
      if
#ifndef MUTATE_LEAVER_TAKES_NOTHING
      :: IS_FOR_WRITER(hungry) -> writer = true; starving = starving - hungry; coming = false; goto taken
#endif
      :: else
      fi;
      if
      :: HELD -> coming = false
      :: else
      fi;
      starving = starving - hungry;
      wakes_readers = (hungry && starving == 0 && !writer && waiting_readers > 0);
      own_turn = turn;
#ifdef MUTATE_LEAVER_ADMITS
      if
      :: wakes_readers -> readers = readers + waiting_readers; waiting_readers = 0; turn = !turn
      :: else
      fi
#endif
    };
    if
#ifndef MUTATE_LEAVER_WAKES_NOBODY
    :: wakes_readers -> wake_all(READER << own_turn)
#endif
    :: else
    fi;
    goto next;
  taken:
    writing++;
    assert(writing == 1 && reading == 0);
    writing--;
    // unlock
    atomic {
      assert(writer && readers == 0);
      own_turn = turn;
      wakes = 0;
      writer = false;
      if
#ifndef MUTATE_UNLOCK_ADMITS_NOBODY
      :: waiting_readers > 0 ->
        readers = waiting_readers;
        waiting_readers = 0;
        turn = !turn;
        wakes_readers = true
#endif
      :: else ->
        wakes_readers = false;
        choose_next();
        if
        :: waiting_writers > 0 -> coming = true
        :: else
        fi
      fi
    };
    if
    :: wakes_readers -> wake_all(READER << own_turn)
    :: !wakes_readers && wakes != 0 -> wake_one(wakes)
    :: else
    fi;
  next:
    hungry = false; wakes = 0; wakes_readers = false; own_turn = false;
    seen_writer = false; seen_coming = false; seen_turn = false; seen_starving = 0; seen_waiting = 0
  od;
  end_of_thread()
}

init {
  byte id = 0;
  atomic {
    do
    :: id < READERS -> run reader_thread(id, READERS > 1 && id + 1 == READERS); id++
    :: id >= READERS && id < THREADS -> run writer_thread(id, id + 1 == THREADS); id++
    :: id == THREADS -> break
    od
  }
}
