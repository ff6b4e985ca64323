// RWLock: a writer is alone, nobody sleeps while the lock is for them, and readers that waited when a writer ended go
// before the next one.
//
// Two readers and two writers, one of each with a deadline that may pass at any moment of its sleep. The steps are
// rwlock.cpp's; each atomic block is one compare-and-swap that succeeded. Who sleeps compares the lower half of the
// state: readers, admitted, writer and turn.

#define ROUNDS 1
#define THREADS 4

byte readers = 0;
byte admitted = 0;
bool writer = false;
bool turn = false;
byte waiting_readers = 0;
byte waiting_writers = 0;

bool asleep[THREADS];
byte reading = 0;
byte writing = 0;
byte gone = 0;

inline wake() {
  d_step { asleep[0] = false; asleep[1] = false; asleep[2] = false; asleep[3] = false }
}

// admit_waiting, within a step of the caller's.
inline admit_waiting() {
  if
  :: waiting_readers > 0 ->
    assert(admitted == 0);
    admitted = admitted + waiting_readers;
    waiting_readers = 0;
    turn = !turn
  :: else
  fi
}

#define SEEN_LOWER (readers == seen_readers && admitted == seen_admitted && writer == seen_writer && turn == seen_turn)

proctype reader_thread(byte id; bool has_deadline) {
  byte round = 0;
  bool own_turn;
  bool stirs;
  byte seen_readers; byte seen_admitted; bool seen_writer; bool seen_turn;
  do
  :: round == ROUNDS -> break
  :: else ->
    round++;
    // try_lock_shared, or enrol
    atomic {
      if
      :: !writer && waiting_writers == 0 -> readers++; goto taken
      :: else -> waiting_readers++; own_turn = turn
      fi
    };
  look:
    atomic {
      if
      :: !writer && turn != own_turn -> readers++; admitted--; goto taken
      :: !writer && turn == own_turn && waiting_writers == 0 -> readers++; waiting_readers--; goto taken
      :: else
      fi;
      seen_readers = readers; seen_admitted = admitted; seen_writer = writer; seen_turn = turn
    };
    atomic {
      if
      :: SEEN_LOWER -> asleep[id] = true
      :: else -> goto look
      fi
    };
    atomic {
      if
      :: !asleep[id] -> goto look
      :: has_deadline && asleep[id] -> asleep[id] = false
      fi
    };
    // It looks once more, and then leaves.
    atomic {
      if
      :: !writer && turn != own_turn -> readers++; admitted--; goto taken
      :: !writer && turn == own_turn && waiting_writers == 0 -> readers++; waiting_readers--; goto taken
      :: else
      fi
    };
    atomic {
      stirs = false;
      if
      :: turn != own_turn -> admitted--; stirs = (waiting_readers > 0 || waiting_writers > 0)
      :: else -> waiting_readers--
      fi
    };
    if
#ifndef MUTATE_LEAVER_WAKES_NOBODY
    :: stirs -> wake()
#endif
    :: else
    fi;
    goto next;
  taken:
    reading++;
    assert(writing == 0);
    reading--;
    // unlock_shared
    atomic {
      assert(readers > 0);
      readers--;
      stirs = (readers == 0 && (waiting_readers > 0 || admitted > 0 || waiting_writers > 0))
    };
    if
    :: stirs -> wake()
    :: else
    fi;
  next:
    skip
  od;
  atomic { gone++; if :: gone == THREADS -> assert(readers + admitted + waiting_readers + waiting_writers == 0 && !writer) :: else fi }
}

proctype writer_thread(byte id; bool has_deadline) {
  byte round = 0;
  bool stirs;
  byte seen_readers; byte seen_admitted; bool seen_writer; bool seen_turn;
  do
  :: round == ROUNDS -> break
  :: else ->
    round++;
    atomic {
      if
      :: !writer && readers == 0 && admitted == 0 -> writer = true; goto taken
      :: else -> waiting_writers++
      fi
    };
  look:
    atomic {
      if
      :: !writer && readers == 0 && admitted == 0 -> waiting_writers--; writer = true; goto taken
      :: else
      fi;
      seen_readers = readers; seen_admitted = admitted; seen_writer = writer; seen_turn = turn
    };
    atomic {
      if
      :: SEEN_LOWER -> asleep[id] = true
      :: else -> goto look
      fi
    };
    atomic {
      if
      :: !asleep[id] -> goto look
      :: has_deadline && asleep[id] -> asleep[id] = false
      fi
    };
    // leave_as_writer
    atomic {
      waiting_writers--;
      stirs = false;
      if
      :: !writer && readers == 0 && admitted == 0 -> writer = true; goto taken
      :: else
      fi;
      if
      :: !writer && admitted == 0 && waiting_writers == 0 && waiting_readers > 0 -> admit_waiting(); stirs = true
      :: else
      fi
    };
    if
    :: stirs -> wake()
    :: else
    fi;
    goto next;
  taken:
    writing++;
    assert(writing == 1 && reading == 0);
    writing--;
    // unlock
    atomic {
      assert(writer);
      writer = false;
#ifndef MUTATE_UNLOCK_ADMITS_NOBODY
      admit_waiting();
#endif
      stirs = (admitted > 0 || waiting_writers > 0)
    };
    if
    :: stirs -> wake()
    :: else
    fi;
  next:
    skip
  od;
  atomic { gone++; if :: gone == THREADS -> assert(readers + admitted + waiting_readers + waiting_writers == 0 && !writer) :: else fi }
}

init {
  atomic {
    run reader_thread(0, false);
    run reader_thread(1, true);
    run writer_thread(2, false);
    run writer_thread(3, true)
  }
}
