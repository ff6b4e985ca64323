// The sleep protocol: sleep.hpp with its callers in worker.cpp, loop.cpp and thread_engine.cpp.
//
// A producer submits TASKS tasks from outside; workers take them from the injector, in batches, or steal them; a GUEST
// takes a permit for a while, as callers of run() do. The last two tasks wait for each other: so if work is pending, a
// permit free and everybody asleep, nothing goes on any more, and `rested` finds that out. With DRAIN, somebody waits
// until all is settled and must be told.
//
// Steps between two accesses to shared memory are joined; each shared access is a step of its own. Everything in the
// protocol is sequentially consistent, and so is Spin. Spinning for work is one more look.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef TASKS
#define TASKS 2
#endif
#define MOST_SEARCHING 1
#define BATCH 2

byte awake = WORKERS;      // Sleep::counts_ is both of these in one word,
byte searching = 0;        // so they change in one step
byte permits = WORKERS;    // Sleep::permits_
bool locked = false;       // Sleep::lock_
byte bed[WORKERS];         // Sleep::asleep_, a stack
byte beds = 0;
bool called[WORKERS];      // Bed::called

byte injected = 0;
byte deque[WORKERS];

byte accepted = 0;
byte settled = 0;
byte awaiting_quiet = 0;
byte quiet_word = 0;

byte begun = 0;
byte running = 0;
byte guests = 0;

inline lock() { atomic { !locked; locked = true } }
inline unlock() { locked = false }

// Sleep::wake_one
inline wake_one() {
  lock();
  if
  :: beds == 0 -> unlock()
  :: else ->
    d_step {
#ifdef MUTATE_WAKE_WITHOUT_LOOKING_AGAIN
      wanted = true;
#else
      wanted = searching == 0 && awake < permits;
#endif
      if
      :: wanted -> awake++; searching++; beds--; woken = bed[beds]
      :: else
      fi
    };
    unlock();
    if
    :: wanted -> atomic { called[woken] = true; woken = 0; wanted = false }
    :: else
    fi
  fi
}

// Sleep::notify
inline notify() {
  atomic { wanted = searching == 0 && awake < permits };
  if
  :: wanted -> wake_one()
  :: else
  fi
}

// ThreadEngine::pending: one place after the other.
inline look_pending() {
  is_pending = injected > 0;
  i = 0;
  do
  :: !is_pending && i < WORKERS -> atomic { is_pending = deque[i] > 0; i++ }
  :: else -> i = 0; break
  od
}

// ThreadEngine::quiet and tell_if_quiet; gate.pml has the sums.
inline tell_if_quiet() {
  if
  :: awaiting_quiet == 0
  :: else ->
    if
    :: settled == accepted -> quiet_word++
    :: else
    fi
  fi
}

// The last two need two permits at once to end.
inline run_task() {
  atomic {
    begun++;
    running++;
    assert(running + guests <= WORKERS && awake <= WORKERS);
    alone = begun + 1 < TASKS
  };
  atomic { alone || begun == TASKS; alone = false };
  // ThreadEngine::settling, where it will have nothing to do; or it is no task of which that is told.
  if
  :: atomic { !is_searching && deque[id] == 0 && injected == 0 && searching < MOST_SEARCHING ->
      searching++; is_searching = true }
  :: true
  fi;
  atomic { running--; settled++ }  // Tally::add
}

// ThreadEngine::take_injected: `taken` for now, the rest into the own deque.
inline take_injected() {
  atomic {
    if
    :: injected >= BATCH && deque[id] == 0 -> injected = injected - BATCH; taken = true; rest = BATCH - 1
    :: injected > 0 && (injected < BATCH || deque[id] > 0) -> injected--; taken = true; rest = 0
    :: else
    fi
  };
  if
  :: rest > 0 ->
    deque[id] = deque[id] + rest;
    rest = 0;
#ifndef MUTATE_BATCH_WITHOUT_NOTIFY
    notify()
#endif
  :: else
  fi
}

inline steal() {
  i = 0;
  do
  :: !taken && i < WORKERS ->
    atomic {
      if
      :: deque[i] > 0 && i != id -> deque[i]--; taken = true
      :: else
      fi
    };
    i++
  :: else -> i = 0; break
  od
}

// ThreadEngine::take_up
inline take_up() {
  taken = false;
  if
  :: is_searching ->
    is_searching = false;
    // Sleep::end_search
    atomic { searching--; wanted = searching == 0 };
    if
    :: wanted ->
#ifndef MUTATE_END_SEARCH_WITHOUT_LOOK
      look_pending();
      if
      :: is_pending -> is_pending = false; notify()
      :: else
      fi
#else
      skip
#endif
    :: else
    fi
  :: else
  fi;
#ifdef PAUSE
  if
  :: id >= permits -> deque[id]++; notify(); goto lie_down  // put_back
  :: else
  fi;
#endif
  run_task()
}

// ThreadEngine::live
proctype worker(byte id) {
  bool is_searching = false;
  bool taken = false;
  bool alone = false;
  bool wanted, is_pending;
  byte rest = 0;
  byte i, woken;
work_once:
#ifdef PAUSE
  if
  :: id >= permits -> goto lie_down  // wait_for_permit
  :: else
  fi;
#endif
  atomic {
    if
    :: deque[id] > 0 -> deque[id]--; taken = true
    :: else
    fi
  };
  if
  :: !taken -> take_injected()
  :: else
  fi;
  if
  :: taken -> take_up(); goto work_once
  :: else
  fi;
  // search
  if
  :: !is_searching ->
    // Sleep::begin_search
    atomic {
      if
      :: searching < MOST_SEARCHING -> searching++; is_searching = true
      :: else -> goto lie_down
      fi
    };
    skip
  :: else
  fi;
  tell_if_quiet();
  take_injected();
  if
  :: !taken -> steal()
  :: else
  fi;
  if
  :: taken -> take_up(); goto work_once
  :: else
  fi;
lie_down:
  // Sleep::lie_down
  lock();
  called[id] = false;
  d_step { bed[beds] = id; beds++ };
  d_step { awake--; searching = searching - is_searching };
  unlock();
  is_searching = true;  // whoever wakes us counts us as one
#ifndef MUTATE_NO_QUIET_IN_BED
  tell_if_quiet();
#endif
#ifndef MUTATE_SLEEP_WITHOUT_LOOK
  look_pending();
  if
  :: is_pending -> is_pending = false; notify()
  :: else
  fi;
#endif
  // Sleep::doze
end_asleep:
  called[id];
  goto work_once
}

// ThreadEngine::submit from outside
proctype producer() {
  bool wanted;
  byte woken;
  byte count = 0;
  do
  :: count < TASKS -> count++; accepted++; injected++; notify()
  :: else -> break
  od
}

#ifdef GUEST
// ThreadEngine::run from outside, with a permit
proctype guest() {
  bool wanted, is_pending;
  byte i, woken;
  bool entered = false;
  // Sleep::enter
  d_step {
    if
    :: awake < permits -> awake++; guests++; entered = true
    :: else
    fi
  };
  if
  :: entered ->
    assert(running + guests <= WORKERS && awake <= WORKERS);
    // Sleep::leave
    d_step { awake--; guests-- };
#ifndef MUTATE_GUEST_LEAVES_WITHOUT_LOOK
    look_pending();
    if
    :: is_pending -> notify()
    :: else
    fi
#endif
  :: else
  fi
}
#endif

#ifdef PAUSE
// ThreadEngine::pause and resume
proctype pauser() {
  bool wanted, is_pending;
  byte i, woken;
  permits = 0;
  permits = WORKERS;
#ifndef MUTATE_RESUME_WITHOUT_LOOK
  look_pending();
  if
  :: is_pending -> notify()
  :: else
  fi
#endif
}
#endif

#ifdef DRAIN
// ThreadEngine::drain, begun once all is accepted
proctype drainer() {
  byte word;
  accepted == TASKS;
  awaiting_quiet++;
  do
  :: word = quiet_word;
    if
    :: settled == accepted -> break
    :: else
    fi;
    quiet_word != word  // futex_wait
  od;
  awaiting_quiet--;
  assert(settled == TASKS)
}
#endif

// When nobody can go on, everything must be done.
active proctype rested() {
  timeout;
  assert(injected == 0 && settled == TASKS);
  assert(running == 0 && awake == 0 && searching == 0)
}

init {
  atomic {
    byte n = 0;
    do
    :: n < WORKERS -> called[n] = true; run worker(n); n++
    :: else -> break
    od;
#ifdef GUEST
    run guest();
#endif
#ifdef PAUSE
    run pauser();
#endif
#ifdef DRAIN
    run drainer();
#endif
    run producer()
  }
}
