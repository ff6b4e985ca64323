// The injector: nothing is lost, taken twice or out of a producer's order, and empty() is never wrong about a push that
// came before it.
//
// One producer pushes nodes 1 and 2 one after the other, another pushes node 3; two takers try a few times each, one
// node a time, and at the end somebody takes what is left. An observer calls empty() at any moment. Every access to the
// list is a step of its own, sequentially consistent.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#define STUB  0
#define NODES 4
#define NONE  15

byte next[NODES];
byte head = STUB;
byte tail = STUB;
bool taking = false;

bool pushed[NODES];  // its exchange has happened
bool taken[NODES];
byte takers = 0;  // that have ended
byte pushers = 0;

// Injector::push_chain
inline push(node) {
  next[node] = NONE;
  atomic { before = tail; tail = node; pushed[node] = true };
  next[before] = node
}

inline took(node) {
  assert(node != STUB && !taken[node]);
  assert(node != 2 || taken[1]);
  taken[node] = true
}

// Injector::take_one; `item` is NONE when there was nothing to be had.
inline take_one() {
  item = NONE;
  first = head;
  second = next[first];
  if
  :: first == STUB && second == NONE -> goto nothing
  :: first == STUB && second != NONE ->
    head = second;
    first = second;
    second = next[first]
  :: else
  fi;
  if
  :: second == NONE ->
#ifndef MUTATE_STUB_WITHOUT_LOOK
    if
    :: tail != first -> goto nothing
    :: else
    fi;
#endif
    push(STUB);
    second = next[first];
    if
    :: second == NONE -> goto nothing
    :: else
    fi
  :: else
  fi;
  atomic { head = second; took(first); item = first };
nothing:
  skip
}

proctype pushes(byte from, to) {
  byte before;
  byte node = from;
  do
  :: node <= to -> push(node); node++
  :: else -> break
  od;
  pushers++
}

// Injector::take
proctype takes() {
  byte first, second, before, item;
  byte tries = 0;
  do
  :: tries < 2 ->
    tries++;
#ifndef MUTATE_TWO_TAKERS
    atomic { !taking; taking = true };
#endif
    take_one();
    taking = false
  :: else -> break
  od;
  takers++
}

proctype observer() {
  bool seen[NODES];
  d_step { seen[1] = pushed[1]; seen[2] = pushed[2]; seen[3] = pushed[3] };
  // Injector::empty
#ifndef MUTATE_EMPTY_LOOKS_AT_HEAD_FIRST
  if
  :: tail == STUB
  :: else -> goto not_empty
  fi;
#ifndef MUTATE_EMPTY_LOOKS_AT_TAIL_ONLY
  if
  :: head == STUB
  :: else -> goto not_empty
  fi;
#endif
#else
  if
  :: head == STUB
  :: else -> goto not_empty
  fi;
  if
  :: tail == STUB
  :: else -> goto not_empty
  fi;
#endif
  atomic { assert((!seen[1] || taken[1]) && (!seen[2] || taken[2]) && (!seen[3] || taken[3])) };
not_empty:
  skip
}

proctype takes_the_rest() {
  byte first, second, before, item;
  pushers == 2 && takers == 2;
  do
  :: take_one();
    if
    :: item == NONE -> break
    :: else
    fi
  od;
  assert(taken[1] && taken[2] && taken[3]);
  assert(head == STUB && tail == STUB)
}

init {
  atomic {
    next[STUB] = NONE;
    run pushes(1, 2);
    run pushes(3, 3);
    run takes();
    run takes();
    run takes_the_rest();
    run observer()
  }
}
