// Seats: seats.hpp with wait_elsewhere and await_crew_or_seat. Two pools of one worker each wait for each other.
//
// A's worker runs a1, which submits a2 to A and then waits for b1; B's worker runs b1, which waits for a2. A's worker is
// taken, so a2 can only be begun by b1's thread, once a1 has offered A's seat: whichever of the two waits first. A third
// pool's task c1 waits for a2 as well and may be the one that begins it. Somebody may cancel a2, too.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

// Task::state of a2 (0) and b1 (1)
#define BEGUN    1
#define DONE     2
#define SLEEPERS 4
#define NUDGE    8  // wraps at 64

#define A2 0
#define B1 1

byte state[2];
byte asleep[3];  // which task's state a thread sleeps on, plus one

byte free = 1;       // Seats::free_ of A, one up: it may be below nothing
byte listening = 0;  // Seats::listening_
bool listed[3];      // Seats::listeners_, by thread
bool locked = false;
byte running = 0;  // tasks of A that run
byte most = 0;
byte begins = 0;

inline runs() {
  running++;
  if
  :: running > most -> most = running
  :: else
  fi
}

inline wake_all(task) {
  d_step {
    if
    :: asleep[0] == task + 1 -> asleep[0] = 0
    :: else
    fi;
    if
    :: asleep[1] == task + 1 -> asleep[1] = 0
    :: else
    fi;
    if
    :: asleep[2] == task + 1 -> asleep[2] = 0
    :: else
    fi
  }
}

// stir
inline stir(task) {
  atomic {
    if
    :: state[task] & SLEEPERS ->
#ifndef MUTATE_STIR_WITHOUT_CHANGE
      state[task] = ((state[task] - SLEEPERS) + NUDGE) & 63
#endif
    :: else -> goto stirred
    fi
  };
  wake_all(task);
stirred:
  skip
}

// Seats::offer; all listeners wait for a2
inline offer() {
#ifdef MUTATE_OFFER_AFTER_LOOK
  heard = listening;
  free++;
#else
  free++;
  heard = listening;
#endif
  if
  :: heard == 0
  :: else ->
    atomic { !locked; locked = true };
    if
    :: listed[1] || listed[2] -> stir(A2)
    :: else
    fi;
    locked = false
  fi
}

inline settle(task) {
  d_step { before = state[task]; state[task] = state[task] | DONE };
  if
  :: before & SLEEPERS -> wake_all(task)
  :: else
  fi
}

// The loop of wait_elsewhere; only a2 can be begun by who waits for it.
inline wait_elsewhere(task) {
  skip;
again:
  atomic { state[task] = state[task] | SLEEPERS; seen = state[task] };
  if
  :: seen & DONE -> goto over
  :: else
  fi;
  if
  :: task == A2 && !(seen & BEGUN) ->
    d_step {  // Seats::take
      if
      :: free > 1 -> free--; won = true
      :: else -> won = false
      fi
    }
  :: else -> won = false
  fi;
  if
  :: won ->
    d_step {  // Task::begin
      won = !(state[A2] & BEGUN);
      state[A2] = state[A2] | BEGUN
    };
    if
    :: won ->
      // Engine::lend
      d_step { begins++; runs() };
      running--;
      settle(A2)
    :: else
    fi;
    won = false;
    offer()
  :: else ->
    atomic {  // futex_wait
      if
      :: state[task] == seen -> asleep[id] = task + 1
      :: else
      fi
    };
    asleep[id] == 0
  fi;
  goto again;
over:
  seen = 0
}

// SeatListener
inline listen() {
  listening++;
  atomic { !locked; locked = true };
  listed[id] = true;
  locked = false
}

inline listen_no_more() {
  atomic { !locked; locked = true };
  listed[id] = false;
  locked = false;
  listening--
}

proctype a1() {
  byte id = 0;
  byte seen, before, heard;
  bool won;
  d_step { runs() };
  running--;  // it waits, so it does not run
  offer();
  wait_elsewhere(B1);
  free--  // Seats::resume
}

proctype waits_for_a2(byte id; bool is_b1) {
  byte seen, before, heard;
  bool won;
#ifdef MUTATE_LISTEN_LATE
  wait_elsewhere(A2);
  listen();
#else
  listen();
  wait_elsewhere(A2);
#endif
  listen_no_more();
  if
  :: is_b1 -> settle(B1)
  :: else
  fi
}

proctype canceller() {
  byte before;
  bool won;
  if
  :: d_step {
      won = !(state[A2] & BEGUN);
      state[A2] = state[A2] | BEGUN
    };
    if
    :: won -> begins++; settle(A2)
    :: else
    fi
  :: true
  fi
}

active proctype rested() {
  timeout;
  assert((state[A2] & DONE) && (state[B1] & DONE));
  assert(begins == 1 && most == 1 && free == 1 && listening == 0)
}

init {
  atomic {
    run a1();
    run waits_for_a2(1, true);
    run waits_for_a2(2, false);
    run canceller()
  }
}
