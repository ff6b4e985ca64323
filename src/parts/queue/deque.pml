// The deque: its owner and two thieves get every item once, over a ring of two slots that wraps and grows.
//
// The owner pushes five items and pops in between, then pops until nothing is left; each thief tries twice. Every
// access is a step of its own, sequentially consistent; the orderings on weaker memory are argued in deque.hpp and not
// searched here.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#define ITEMS 5
#define SMALL 2
#define LARGE 4

byte top = 1;     // positions begin at one, so that bottom - 1 is a byte too
byte bottom = 1;
byte ring = SMALL;
byte small[SMALL];
byte large[LARGE];
byte got[ITEMS + 1];
byte thieves = 0;  // that have ended

inline get(which, at) {
  if
  :: which == SMALL -> item = small[at % SMALL]
  :: else -> item = large[at % LARGE]
  fi
}

inline put(which, at, what) {
  if
  :: which == SMALL -> small[at % SMALL] = what
  :: else -> large[at % LARGE] = what
  fi
}

inline took() {
  atomic {
    got[item]++;
    assert(item != 0 && got[item] == 1)
  };
  item = 0
}

// Deque::push_all with one item
inline push(what) {
  b = bottom;
  t = top;
  if
  :: b - t + 1 > ring ->
    at = t;
    do
    :: at < b -> large[at % LARGE] = small[at % SMALL]; at++
    :: else -> break
    od;
    ring = LARGE;
    at = 0
  :: else
  fi;
#ifdef MUTATE_PUBLISH_BEFORE_PUT
  bottom = b + 1;
  put(ring, b, what)
#else
  put(ring, b, what);
  bottom = b + 1
#endif
}

// Deque::pop
inline pop() {
  b = bottom - 1;
#ifdef MUTATE_TOP_BEFORE_BOTTOM
  t = top;
  bottom = b;
#else
  bottom = b;
  t = top;
#endif
  if
  :: t > b -> bottom = b + 1
  :: else ->
    get(ring, b);
    if
    :: t == b ->
#ifndef MUTATE_LAST_WITHOUT_CONTEST
      atomic {
        if
        :: top == t -> top = t + 1
        :: else -> item = 0
        fi
      };
#endif
      bottom = b + 1
    :: else
    fi;
    if
    :: item != 0 -> took()
    :: else
    fi
  fi
}

// Deque::steal_if
proctype thief() {
  byte t, b, item, r;
  byte tries = 0;
  do
  :: tries < 2 ->
    tries++;
#ifdef MUTATE_BOTTOM_BEFORE_TOP
    b = bottom;
    t = top;
#else
    t = top;
    b = bottom;
#endif
    if
    :: t < b ->
      r = ring;
      get(r, t);
      atomic {
        if
        :: top == t -> top = t + 1
        :: else -> item = 0
        fi
      };
      if
      :: item != 0 -> took()
      :: else
      fi
    :: else
    fi
  :: else -> break
  od;
  thieves++
}

proctype owner() {
  byte b, t, at, item;
  push(1);
  push(2);
  pop();
  push(3);
  push(4);
  pop();
  pop();
  push(5);
  pop();
  thieves == 2;
  do
  :: top < bottom -> pop()
  :: else -> break
  od;
  assert(got[1] == 1 && got[2] == 1 && got[3] == 1 && got[4] == 1 && got[5] == 1)
}

init {
  atomic {
    run owner();
    run thief();
    run thief()
  }
}
