// The hatch: hatch.hpp with its callers in worker.cpp and thread_engine.cpp.
//
// Somebody submits TASKS tasks. For some it waits, and these may be handed in at the hatch; the others go into the
// injector. WORKERS workers search, open the hatch where they find the injector empty, and close it before they do or
// leave anything. What else is searched for, and who is woken, is sleep.pml's: here a worker without work waits until
// something is in the injector.
//
// Checked: each task is run once and none is left; one worker runs them in the order of submission.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#ifndef WORKERS
#define WORKERS 1
#endif
#ifndef TASKS
#define TASKS 4
#endif
#define NONE 255
#define BATCH 2

mtype = { CLOSED, OPENING, OPEN, FULL };
mtype word = CLOSED;   // Hatch::word_
byte lies_in_it;       // the task, when it is FULL
byte mark = 0;         // Hatch::mark_

byte tail = 0;         // the injector: tasks by the order of their pushes
byte head = 0;
byte queue[TASKS];

bool ran[TASKS];
byte runs = 0;

inline run_task(task) {
  d_step {
    assert(!ran[task]);
#if WORKERS == 1
    assert(task == runs);
#endif
    ran[task] = true;
    runs++;
    task = NONE
  }
}

// ThreadEngine::come_to_search
inline open_hatch() {
  atomic { seen = (head == tail -> tail : NONE) };
  if
  :: seen != NONE ->
    if
    :: atomic { word == CLOSED -> word = OPENING };
      mark = seen;
      word = OPEN;
      mine = true
    :: else
    fi
  :: else
  fi;
  seen = 0
}

// ThreadEngine::take_injected: a batch, of which all but the first lie in the worker's deque.
inline take_injected() {
  atomic {
    if
    :: head < tail ->
      found = queue[head];
      head++;
      if
      :: head < tail && own[0] == NONE -> own[0] = queue[head]; head++
      :: else
      fi
    :: else
    fi
  }
}

// ThreadEngine::put_back: what it has found comes before what lies in its deque.
inline put_back() {
  if
  :: found != NONE -> own[1] = own[0]; own[0] = found
  :: else
  fi;
  found = handed;
  handed = NONE
}

// Hatch::close, by ThreadEngine::take_up and take_handed
inline close_hatch() {
  if
  :: mine ->
    mine = false;
#ifdef MUTATE_CLOSE_WITHOUT_LOOK
    word = CLOSED;
#else
    d_step {
      if
      :: word == FULL -> handed = lies_in_it
      :: else
      fi;
      word = CLOSED
    };
#endif
    if
    :: handed != NONE -> put_back()
    :: else
    fi
  :: else
  fi
}

proctype worker() {
  byte found = NONE, handed = NONE, seen = 0;
  byte own[3] = NONE;  // its deque, the newest first
  bool mine = false;
  do
  :: own[0] != NONE -> d_step { found = own[0]; own[0] = own[1]; own[1] = NONE };
    run_task(found)
  :: own[0] == NONE ->
    // ThreadEngine::search
    open_hatch();
    do
    :: mine && word == FULL -> break
    :: head < tail -> take_injected(); break
    :: true -> break  // it gives up
    od;
#ifdef MUTATE_REST_AT_THE_HATCH
    if
    :: found != NONE || word == FULL -> close_hatch()
    :: else
    fi;
#else
    close_hatch();
#endif
    if
    :: found != NONE -> run_task(found)
    :: else ->
end_asleep:
      head < tail
    fi
  od
}

proctype submitter() {
  byte task = 0;
  mtype seen;
  bool waits, same;
  do
  :: task < TASKS ->
    if
    :: waits = true
    :: waits = false
    fi;
    // ThreadEngine::submit
    same = false;
    if
    :: waits ->
      seen = word;
#ifdef MUTATE_HAND_IN_WITHOUT_MARK
      same = seen == OPEN;
#else
      same = seen == OPEN && mark == tail;
#endif
      atomic {
        if
        :: same && word == OPEN -> word = FULL; lies_in_it = task
        :: else -> same = false
        fi
      }
    :: else
    fi;
    if
    :: !same -> d_step { queue[tail] = task; tail++ }
    :: else
    fi;
    if
    :: waits -> ran[task]
    :: else
    fi;
    task++
  :: else -> break
  od
}

// When nobody can go on, everything must be done.
active proctype rested() {
  timeout;
  assert(runs == TASKS && word == CLOSED && head == tail)
}

init {
  atomic {
    byte n = 0;
    do
    :: n < WORKERS -> run worker(); n++
    :: else -> break
    od;
    run submitter()
  }
}
