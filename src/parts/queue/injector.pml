// The injector: nothing is lost, taken twice or out of a producer's order, and empty() is never wrong about a push that
// came before it.
//
// One producer pushes items 1 and 2 one after the other, another pushes 3; two takers try twice each, one item a time, and
// at the end somebody takes what is left. An observer calls empty() at any moment. Every access to the queue is a step
// of its own, sequentially consistent. Blocks have two slots, or only one (ONE_SLOT): then they are used again.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#ifdef ONE_SLOT
#define SLOTS 1
#else
#define SLOTS 2
#endif
#define ITEMS  4
#define BLOCKS 4   // the first is none
#define WIDE   16  // a ticket: a block times this, and a slot

#define BLOCK(ticket) (ticket / WIDE)
#define SLOT(ticket)  (ticket % WIDE)
#define END(ticket)   (BLOCK(ticket) * WIDE + SLOTS)
#define AT(ticket)    slots[BLOCK(ticket) * SLOTS + SLOT(ticket)]

byte slots[BLOCKS * SLOTS];
byte next[BLOCKS];
byte tail = SLOTS;
byte head = SLOTS;
bool taking = false;
bool growing = false;
bool unused[BLOCKS];  // spare blocks, and those that are not yet allocated

bool pushed[ITEMS];
bool taken[ITEMS];
byte takers = 0;  // that have ended
byte pushers = 0;

inline lock_growing() { atomic { !growing; growing = true } }

// Injector::fresh_block
inline find_unused() {
  fresh = 1;
  do
  :: unused[fresh] -> break
  :: else -> fresh++; assert(fresh < BLOCKS)
  od;
  assert(slots[fresh * SLOTS] == 0 && slots[fresh * SLOTS + SLOTS - 1] == 0);
  unused[fresh] = false;
  next[fresh] = 0
}

// Injector::push_behind; `done` is false when the next block was there
inline push_behind(item) {
  lock_growing();
  seen = tail;
  done = false;
  if
#ifndef MUTATE_GROW_WITHOUT_LOOK
  :: SLOT(seen) >= SLOTS ->
#else
  :: true ->
#endif
    tail = END(seen);
    d_step { find_unused() };
    slots[fresh * SLOTS] = item;
    next[BLOCK(seen)] = fresh;
    atomic { tail = fresh * WIDE + 1; pushed[item] = true };
    done = true
#ifndef MUTATE_GROW_WITHOUT_LOOK
  :: else
#endif
  fi;
  growing = false
}

// Injector::push
inline push(item) {
  do
  :: atomic { ticket = tail; tail = tail + 1; pushed[item] = pushed[item] || SLOT(ticket) < SLOTS };
    if
    :: SLOT(ticket) < SLOTS -> AT(ticket) = item; break
    :: else ->
      push_behind(item);
      if
      :: done -> break
      :: else
      fi
    fi
  od;
  ticket = 0; seen = 0; done = false; fresh = 0
}

inline took(item) {
  assert(!taken[item]);
  assert(item != 2 || taken[1]);
  taken[item] = true
}

// Injector::retire
inline retire() {
  if
  :: old != 0 ->
#ifndef MUTATE_RETIRE_FULL
    d_step { slots[old * SLOTS] = 0; slots[old * SLOTS + SLOTS - 1] = 0 };
#endif
    lock_growing();
    unused[old] = true;
    growing = false
  :: else
  fi
}

// One round of Injector::take; `item` is 0 when there was nothing to be had.
inline take_one() {
  item = 0;
  at = head;
  if
  :: SLOT(at) == SLOTS ->
    second = next[BLOCK(at)];
    if
    :: second == 0 -> goto nothing
    :: else ->
      old = BLOCK(at);
      at = second * WIDE;
#ifndef MUTATE_RETIRE_BEFORE_GOING_ON
      head = at;
      retire()
#else
      retire();
      head = at
#endif
    fi
  :: else
  fi;
  item = AT(at);
  if
  :: item != 0 ->
    d_step { took(item) };
    head = at + 1
  :: else
  fi;
nothing:
  skip;
  d_step { at = 0; second = 0; old = 0 }
}

proctype pushes(byte from, to) {
  byte ticket, seen, fresh;
  bool done;
  byte item = from;
  do
  :: item <= to -> push(item); item++
  :: else -> break
  od;
  pushers++
}

// Injector::take
proctype takes() {
  byte at, second, old, item;
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
  bool seen[ITEMS];
  byte tail_now, head_now;
  d_step { seen[1] = pushed[1]; seen[2] = pushed[2]; seen[3] = pushed[3] };
  // Injector::empty
#ifndef MUTATE_EMPTY_LOOKS_AT_HEAD_FIRST
  tail_now = tail;
  head_now = head;
#else
  head_now = head;
  tail_now = tail;
#endif
  if
  :: SLOT(tail_now) > SLOTS -> tail_now = END(tail_now)
  :: else
  fi;
  if
  :: head_now == tail_now ->
    atomic { assert((!seen[1] || taken[1]) && (!seen[2] || taken[2]) && (!seen[3] || taken[3])) }
  :: else
  fi
}

proctype takes_the_rest() {
  byte at, second, old, item;
  pushers == 2 && takers == 2;
  do
  :: take_one();
    if
    :: item == 0 -> break
    :: else
    fi
  od;
  assert(taken[1] && taken[2] && taken[3]);
  assert(head == tail || head == END(tail))
}

init {
  atomic {
    unused[1] = true;
    unused[2] = true;
    unused[3] = true;
    run pushes(1, 2);
    run pushes(3, 3);
    run takes();
    run takes();
    run takes_the_rest();
    run observer()
  }
}
