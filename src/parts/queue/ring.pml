// The ring: its consumer gets each record once, in order, and whole, and never takes for a record what is none.
//
// One producer sends RECORDS records of one or two units; each write to memory is a step of its own, sequentially
// consistent. A unit's first word is a head, zero, or something that a record has there, which looks like any head. The
// producer may reserve two units, write into both, and publish one. The consumer reads when it likes, and gives room
// back when it likes. If a record is lost, it waits for ever, which the search finds, too.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#define UNITS   4
#define RECORDS 5
#define JUNK    255
#define WIDE    8  // a head: the record's number times this, and its size; number 0: a filler

#define AT(position) word[(position) % UNITS]

byte word[UNITS];
byte body[UNITS];  // behind the head, in its unit: whose it is
byte given = 0;    // up to where the consumer has given back

#ifdef MUTATE_NO_FREE_UNIT
#define ROOM (UNITS - (tail - known))
#else
#define ROOM (UNITS - 1 - (tail - known))
#endif
#define STRAIGHT (UNITS - tail % UNITS)

// RingProducer::put, and clear_ahead
inline put(number, size) {
  next = tail + size;
#ifndef MUTATE_ZERO_AFTER
  if
#ifdef MUTATE_TRUST_AHEAD
  :: next != cleared -> AT(next) = 0
#elif !defined(MUTATE_NO_ZERO)
  :: next != cleared || AT(next) != 0 -> AT(next) = 0
#endif
  :: else
  fi;
#endif
  AT(tail) = number * WIDE + size;
  tail = next;
#ifdef MUTATE_ZERO_AFTER
  AT(tail) = 0;
#endif
  cleared = tail;
  if
  :: ROOM >= 2 ->
    cleared = tail + 1;
    AT(cleared) = 0
  :: else
  fi
}

active proctype producer() {
  byte tail = 0;
  byte known = 0;  // of what the consumer has given back
  byte cleared = 0;
  byte next = 0;
  byte number = 1;
  byte size = 1;
  byte wanted = 1;
  do
  :: number <= RECORDS ->
    if
    :: size = 1; wanted = 1
    :: size = 1; wanted = 2
    :: size = 2; wanted = 2
    fi;
    if
    :: STRAIGHT < wanted ->
      do
      :: ROOM >= STRAIGHT -> break
      :: else -> given > known; known = given
      od;
      put(0, STRAIGHT)
    :: else
    fi;
    do
    :: ROOM >= wanted -> break
    :: else -> given > known; known = given
    od;
    body[tail % UNITS] = number;
    if
    :: wanted == 2 -> AT(tail + 1) = JUNK; body[(tail + 1) % UNITS] = number
    :: else
    fi;
    put(number, size);
    number++
  :: else -> break
  od
}

active proctype consumer() {
  byte at = 0;
  byte head = 0;
  byte number = 1;
  do
  :: given < at -> given = at
  :: number <= RECORDS && AT(at) != 0 ->
    head = AT(at);
    assert(head != JUNK);
    if
    :: head / WIDE != 0 ->
      assert(head / WIDE == number);
#ifdef MUTATE_GIVES_BACK_FIRST
      given = at + head % WIDE;
#endif
      assert(body[at % UNITS] == number);
      assert(head % WIDE < 2 || body[(at + 1) % UNITS] == number);
      number++
    :: else
    fi;
    at = at + head % WIDE
  :: number > RECORDS && given == at -> break
  od;
  assert(AT(at) == 0)
}
