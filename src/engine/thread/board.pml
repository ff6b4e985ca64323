// The board: board.hpp with its callers in loop.cpp and wait.cpp, on the hardest board there is: one slot, which
// several loops use one after another.
//
// Loop 0 (with WAITS) belongs to a caller that only waits, loop 1 (with WORKS) to a caller that works on it, loop 2 is a
// task: whoever announced it leaves, and the last one out settles it. Two workers come by whenever the slot looks
// announced, maybe by an old look; a worker may work, leave early without closing (a worn-out one, at most once), or
// turn on its heel (pass_by, at most twice).
//
// Checked: every item is run once; a loop is touched only between its announcement and the return of its caller, or
// its settling; it is settled once; the caller that sleeps is woken; at the end the slot is free and not announced.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#define ITEMS 2
#define LOOPS 3
#define TASK  2  // the loop that is a task

// Slot::crew: the count below, then
#define COUNT    7
#define OPEN     8
#define SLEEPERS 16

byte crew = 0;
byte slot_loop = 0;  // Slot::loop, Slot::task
byte cursor = 0;
bool announced = false;  // Board::active_
bool taken = false;   // Board::taken_
bool queueing = false;
byte returned = 0;

bool owner_asleep = false;
bool queuer_asleep = false;

bool alive[LOOPS];  // announced, and neither returned nor settled
byte ran[LOOPS * ITEMS];
byte started = 0;
byte over = 0;  // loops that have returned or were settled
byte early = 0;

inline touch(l) { assert(alive[l]) }

// Board::open, after the slot was filled in
inline open(l, inside) {
  atomic {  // nobody is inside
    slot_loop = l;
    cursor = 0;
    alive[l] = true;
    crew = OPEN + inside
  };
  announced = true
}

// Board::close
inline close() {
  announced = false;
  d_step { crew = crew & (COUNT | SLEEPERS) }
}

// Board::withdraw
inline withdraw() {
  if
  :: announced -> announced = false
  :: else
  fi
}

// Board::give_back
inline give_back() {
  taken = false;
  if
  :: queueing -> returned++; queuer_asleep = false
  :: else
  fi
}

// ThreadEngine::work_on; the loop is the one that was in the slot when we joined
inline work_on(may_leave_early) {
  do
  :: atomic { touch(loop); begin = cursor };
    if
    :: begin >= ITEMS -> close(); break
    :: may_leave_early && begin < ITEMS && early == 0 -> early++; break
    :: begin < ITEMS ->
      atomic {
        if
        :: cursor == begin -> cursor++
        :: else -> begin = ITEMS  // lost: look again
        fi
      };
      if
      :: begin < ITEMS ->
        atomic {
          touch(loop);
          ran[loop * ITEMS + begin]++;
          assert(ran[loop * ITEMS + begin] == 1)
        }
      :: else
      fi
    fi
  od;
  begin = 0
}

// ThreadEngine::leave and pass_by
inline leave() {
#ifndef MUTATE_LOOK_AFTER_LEAVING
  is_task = slot_loop == TASK;
#endif
  d_step { before = crew; crew-- };
#ifdef MUTATE_LOOK_AFTER_LEAVING
  is_task = slot_loop == TASK;
#endif
  if
  :: (before & (OPEN | COUNT)) == 1 ->
    if
    :: !is_task ->
#ifdef MUTATE_LEAVER_WAKES_NOBODY
      skip
#else
      if
      :: before & SLEEPERS -> owner_asleep = false
      :: else
      fi
#endif
    :: is_task ->
      give_back();
      // Loop::finish
      atomic {
        touch(TASK);
        alive[TASK] = false;
        over++
      }
    fi
  :: else
  fi;
  before = 0;
  is_task = false
}

// Slot::join: a compare-and-swap that fails when the slot is shut
inline join() {
#ifdef MUTATE_JOIN_WITHOUT_LOOKING
  atomic { crew++; joined = true }
#else
  atomic {
    if
    :: crew & OPEN -> crew++; joined = true
    :: else -> joined = false
    fi
  }
#endif
}

// Board::find by a worker: the look at `announced` may be old when it joins.
proctype worker() {
  byte loop, begin, before;
  bool is_task, joined;
end_idle:
  do
  :: announced ->
    join();
    if
    :: joined ->
      loop = slot_loop;
      if
      :: work_on(loop == TASK)
      :: early < 2 -> early++  // pass_by; bounded, or the state space would be full of coming and going
      fi;
      leave();
      loop = 0;
      joined = false
    :: else ->
      // Or workers would come by for ever.
      assert(!(over == started && announced))
    fi
  od
}

// ThreadEngine::await_crew
inline await_crew() {
  do
  :: value = crew;
    if
    :: (value & (OPEN | COUNT)) == 0 -> break
    :: else
    fi;
    atomic {  // mark
      if
      :: crew == value -> crew = crew | SLEEPERS
      :: else -> goto again
      fi
    };
    value = value | SLEEPERS;
    d_step {  // futex_wait
      if
      :: crew == value -> owner_asleep = true
      :: else
      fi
    };
    !owner_asleep;
again:
    skip
  od;
  value = 0
}

#ifdef WAITS
// ThreadEngine::run by a thread that has no permit: waits for a slot, and for others to do the work.
proctype waits() {
  byte value, seen;
  // Board::take_waiting
  d_step { value = taken; taken = true };
  if
  :: value ->
    queueing = true;
    do
    :: seen = returned;
      d_step { value = taken; taken = true };
      if
      :: !value -> break
      :: else
      fi;
      d_step {  // futex_wait
        if
        :: returned == seen -> queuer_asleep = true
        :: else
        fi
      };
      !queuer_asleep
    od;
    queueing = false
  :: else
  fi;
  open(0, 0);
#ifndef MUTATE_RETURN_WITHOUT_WAITING
  await_crew();
#endif
  alive[0] = false;
#ifndef MUTATE_WAITER_WITHDRAWS_NOTHING
  withdraw();
#endif
  give_back();
  over++
}
#endif

#ifdef WORKS
// ThreadEngine::run by a thread that works too.
proctype works() {
  byte loop = 1;
  byte begin, value;
  d_step { value = taken; taken = true };
  if
  :: value ->
    // run_alone
    d_step { ran[loop * ITEMS] = 1; ran[loop * ITEMS + 1] = 1 }
  :: else ->
    open(1, 0);
    work_on(false);
    await_crew();
    alive[1] = false;
    withdraw();
    give_back()
  fi;
  over++
}
#endif

// ThreadEngine::begin_loop
proctype begins() {
  byte loop = TASK;
  byte begin, before, value;
  bool is_task;
  d_step { value = taken; taken = true };
  if
  :: value ->
    d_step { ran[loop * ITEMS] = 1; ran[loop * ITEMS + 1] = 1 };
    over++
  :: else ->
    open(TASK, 1);
    work_on(true);
    leave()
  fi
}

active proctype rested() {
  byte n, all;
  timeout;
  d_step {
    do
    :: n < LOOPS * ITEMS -> all = all + ran[n]; n++
    :: else -> break
    od
  };
  assert(over == started && all == started * ITEMS);
  assert(!announced && !taken && (crew & (OPEN | COUNT)) == 0)
}

init {
  atomic {
    run worker();
    run worker();
#ifdef WAITS
    run waits();
    started++;
#endif
#ifdef WORKS
    run works();
    started++;
#endif
    run begins();
    started++
  }
}
