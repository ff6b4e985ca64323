// Accepting and ending: accept, settled, quiet, drain, close and terminate of thread_engine.cpp.
//
// Two threads submit one task each from outside while somebody closes the engine, drains it and stops it. One worker
// runs what was accepted; the first task that it runs submits another one, which a closed engine still accepts. Counts
// are kept in two tallies, the worker's and the outsiders', and are summed one after the other.
//
// With TO_STOP it is drain_to_stop, the worker goes by itself, and one of those outside follows up on an accepted call,
// which is refused only when the worker is about to go.
//
// Checked: when drain returns, everything accepted is settled and nothing can be accepted any more; drain returns; a
// worker that goes leaves nothing behind.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#define OUTSIDE 0
#define WORKER  1

bool closed = false;
byte accepted[2];
byte settled[2];
byte queued = 0;

byte awaiting_quiet = 0;
byte quiet_word = 0;
bool drained = false;
bool stops_when_quiet = false;
bool terminated = false;
bool stopping = false;
bool alive = true;

// ThreadEngine::quiet: settled first.
inline quiet() {
#ifdef MUTATE_SUM_ACCEPTED_FIRST
  theirs = accepted[OUTSIDE];
  theirs = theirs + accepted[WORKER];
  ours = settled[OUTSIDE];
  ours = ours + settled[WORKER];
#else
  ours = settled[OUTSIDE];
  ours = ours + settled[WORKER];
  theirs = accepted[OUTSIDE];
  theirs = theirs + accepted[WORKER];
#endif
  is_quiet = ours == theirs;
  ours = 0;
  theirs = 0
}

inline tell_if_quiet() {
  if
  :: awaiting_quiet == 0
  :: else ->
    quiet();
    if
    :: is_quiet ->
#ifdef TO_STOP
      if
      :: stops_when_quiet ->
        terminated = true;
#ifndef MUTATE_STOP_WITHOUT_LOOK
        quiet();
#endif
        if
        :: is_quiet -> stopping = true
        :: else
        fi
      :: else
      fi;
#endif
      quiet_word++
    :: else
    fi
  fi
}

// ThreadEngine::submit from outside
proctype outsider(bool follows_up) {
  byte ours, theirs;
  bool is_quiet, was_closed;
#ifdef MUTATE_LOOK_BEFORE_COUNT
  was_closed = closed;
  d_step { accepted[OUTSIDE]++ };
#else
  d_step { accepted[OUTSIDE]++ };
  was_closed = (follows_up -> terminated : closed);
#endif
  if
  :: was_closed ->
    // ThreadEngine::settled by an outsider
    d_step { settled[OUTSIDE]++ };
#ifndef MUTATE_REFUSED_TELLS_NOBODY
    tell_if_quiet()
#else
    skip
#endif
  :: else ->
    assert(!drained);
    d_step { queued++ }
  fi
}

proctype worker() {
  byte ours, theirs;
  bool is_quiet;
  bool submitted = false;
end_idle:
  do
#ifdef TO_STOP
  :: stopping ->
    assert(queued == 0);
    alive = false;
    break
#endif
  :: atomic { queued > 0 -> queued-- };
    assert(!drained);
    // The task submits another one.
    if
    :: !submitted ->
      submitted = true;
      accepted[WORKER]++;
      queued++
    :: else
    fi;
    settled[WORKER]++;  // Tally::add
    // Out of work: Sleep's counts change, and then
    if
    :: queued == 0 -> tell_if_quiet()
    :: else
    fi
  od
}

proctype ends_it() {
  byte ours, theirs, word;
  bool is_quiet;
  closed = true;
#ifdef TO_STOP
  stops_when_quiet = true;
  awaiting_quiet++;
#ifndef MUTATE_JOINER_TELLS_NOBODY
  tell_if_quiet();
#endif
  !alive;
#else
  // ThreadEngine::drain
#ifndef MUTATE_DRAIN_IN_SECRET
  awaiting_quiet++;
#endif
  do
  :: word = quiet_word;
    quiet();
    if
    :: is_quiet -> break
    :: else
    fi;
    quiet_word != word  // futex_wait
  od;
#endif
  drained = true;
  assert(queued == 0)
}

init {
  atomic {
    run outsider(false);
#ifdef TO_STOP
    run outsider(true);
#else
    run outsider(false);
#endif
    run worker();
    run ends_it()
  }
}
