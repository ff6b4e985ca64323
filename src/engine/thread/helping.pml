// Waiting inside a task: wait_helping, find_descendant and nudge of wait.cpp, with the worker that runs what is awaited.
//
// The helper H waits for the task X. The worker W begins X some time, pushes ITEMS tasks, and X cannot end before all of
// them have been run, though W itself runs none: H must not stay asleep while one of them is queued. A thief from
// elsewhere takes one item, at most, and may beat H to it.
//
// With LOOP, X is a loop itself: W announces its items on the board, where H finds them without any frame.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#define ITEMS 2

// Task::state
#define DONE     1
#define SLEEPERS 2
#define NUDGE    4  // wraps at 32

byte word = 0;
bool asleep = false;

bool frame = false;  // W's frames show X
byte deque = 0;      // W's
byte ran = 0;
byte helpless = 0;

inline wake_all() { asleep = false }

// find_descendant: first the frames, then the deque, whose steal may fail.
inline find() {
  if
#ifdef LOOP
  :: true ->
#else
  :: frame ->
#endif
    atomic {
      if
      :: deque > 0 -> deque--; found = true
      :: else
      fi
    }
  :: else
  fi
}

// wait_helping; its spinning is one look.
proctype helper() {
  byte marked;
  bool found = false;
again:
  if
  :: word & DONE -> goto over
  :: else
  fi;
  find();
  if
  :: found -> goto help
  :: else
  fi;
#ifdef MUTATE_LOOK_BEFORE_MARK
  find();
  helpless++;
  d_step { word = word | SLEEPERS; marked = word };
#else
#ifdef MUTATE_COUNT_LATE
  d_step { word = word | SLEEPERS; marked = word };
  if
  :: !(marked & DONE) -> find()
  :: else
  fi;
  helpless++;
#else
  helpless++;
  d_step { word = word | SLEEPERS; marked = word };
  if
  :: !(marked & DONE) -> find()
  :: else
  fi;
#endif
#endif
  if
  :: !(marked & DONE) && !found ->
    d_step {  // futex_wait
      if
      :: word == marked -> asleep = true
      :: else
      fi
    };
    !asleep
  :: else
  fi;
  helpless--;
  if
  :: found -> goto help
  :: else -> goto again
  fi;
help:
  atomic { found = false; ran++ };
  goto again;
over:
  assert(ran == ITEMS)
}

// ThreadEngine::submit by X, and nudge; or announce
inline publish(items) {
#ifndef MUTATE_NUDGE_BEFORE_PUSH
  deque = deque + items;
#endif
#ifdef MUTATE_LOOP_NUDGES_ONLY_FRAMES
  if
  :: frame
  :: else -> goto published
  fi;
#endif
  if
  :: helpless == 0
  :: else ->
    if
    :: word & SLEEPERS ->
#ifndef MUTATE_WAKE_WITHOUT_CHANGE
      d_step { word = (word + NUDGE) & 31 };
#endif
      wake_all()
    :: else
    fi
  fi;
#ifdef MUTATE_NUDGE_BEFORE_PUSH
  deque = deque + items;
#endif
published:
  skip
}

proctype runs_it() {
  byte before;
  byte count = 0;
#ifdef LOOP
  publish(ITEMS);
  frame = true;
#else
  frame = true;
  do
  :: count < ITEMS -> count++; publish(1)
  :: else -> break
  od;
#endif
  ran == ITEMS;  // without a wait of the engine's
  // settled by X's run, and then the frame goes
  d_step { before = word; word = word | DONE };
  if
  :: before & SLEEPERS -> wake_all()
  :: else
  fi;
  frame = false
}

proctype thief() {
  if
  :: atomic { deque > 0 -> deque-- };
    ran++
  :: ran == ITEMS
  fi
}

init {
  atomic {
    run helper();
    run runs_it();
    run thief()
  }
}
