// The partner: partner.hpp and the halves of hatch.hpp, with their callers in partner.cpp (Guest, run_with_partner,
// await_partner, run_half, offer_seat) and worker.cpp (close_hatch).
//
// There are PERMITS permits. WORKERS workers search, open the hatch, offer a seat there where one is wanted, run the
// halves that lie in it, and close it whenever they like. GUESTS threads from outside run LOOPS loops each, beside
// the hatch's owner if they have the seat, else by a permit of their own, else not at all. A guest may lose patience
// with its partner, and give its permit back before it goes on waiting.
//
// Checked: each half is run once, by the owner while its guest is still there or by the guest; no more run than there
// are permits; who waits for its partner goes on; at the end no permit is lost, and the seat is nobody's.
//
// Each MUTATE_ macro takes one cure away; the search must then find an error.

#ifndef GUESTS
#define GUESTS 2
#endif
#ifndef WORKERS
#define WORKERS 1
#endif
#ifndef LOOPS
#define LOOPS 2
#endif
#define PERMITS (WORKERS + 1)
#define TURNS 3  // numbers of halves, one behind the other: 0, 1, 2, 0, ...

// Hatch::word_, and what lies in it
mtype = { CLOSED, OPEN, HALF };
mtype word = CLOSED;
byte number;  // of the half
byte whose;   // its guest

// Partner::seat_: the first four, or NAME + guest, or OWNED + guest
#define NONE 0
#define WANTED 1
#define OFFERED 2
#define FREE 3
#define NAME 4
#define OWNED (NAME + GUESTS)
byte seat = NONE;

// Partner::turn_ and state_
mtype = { BEGUN, RUN, TAKEN_BACK };
byte turn = 0;
byte state_turn = 0;
mtype state = RUN;

byte awake = WORKERS;  // Sleep's count: a worker has a permit all the time here
byte running = 0;      // who runs items just now

bool there[GUESTS];  // its loop can be touched
byte runs[GUESTS];   // of the half of its loop
byte gone = 0;       // guests

inline begin_running() {
  d_step { running++; assert(running <= PERMITS) }
}
inline end_running() { running-- }

// ThreadEngine::close_hatch
inline close_hatch() {
  d_step { mine = false; word = CLOSED };
  if
  :: offers ->
    offers = false;
    // Partner::withdraw_seat
    atomic {
      if
      :: seat == FREE -> seat = NONE; awake--
      :: seat == OFFERED -> seat = NONE
#ifdef MUTATE_WITHDRAW_FROM_A_GUEST
      :: seat >= NAME && seat < OWNED -> seat = NONE
#else
      :: seat >= NAME && seat < OWNED -> seat = seat + GUESTS
#endif
      :: else
      fi
    }
  :: else
  fi
}

// ThreadEngine::run_half
inline run_half() {
  atomic {  // Partner::begin
    if
    :: state_turn != seen -> state_turn = seen; state = BEGUN; begun = true
    :: else -> begun = false
    fi
  };
#ifdef MUTATE_RUN_WHAT_WAS_TAKEN_BACK
  begun = true;
#endif
  if
  :: begun ->
    guest = whose;
    begin_running();
    assert(there[guest]);
    runs[guest]++;
    end_running();
    if
    :: word = OPEN
    :: close_hatch()
    fi;
    d_step { assert(state_turn == seen && state == BEGUN); state = RUN }
  :: else -> word = OPEN
  fi;
  seen = 0;
  guest = 0
}

proctype worker() {
  byte seen = 0, guest = 0;
  bool mine = false, offers = false, begun = false;
end_searching:
  do
  :: !mine && word == CLOSED -> atomic { word == CLOSED -> word = OPEN; mine = true }
  :: mine && word == HALF -> seen = number; run_half()
  :: atomic { mine && !offers && seat == WANTED -> seat = OFFERED; offers = true }
  :: mine && word != HALF -> close_hatch()
  :: mine && word == HALF -> close_hatch()  // it has found something else
  od
}

proctype caller(byte me) {
  byte loops = 0, mine_is = 0;
  bool seated, permitted, handed, is_done;
  do
  :: loops < LOOPS ->
    d_step { there[me] = true; runs[me] = 0; seated = false; permitted = false; handed = false; is_done = false };
    // Guest
    atomic {
      if
      :: seat == FREE -> seat = NAME + me; seated = true
      :: else
      fi
    };
    if
    :: !seated ->
      atomic {
        if
        :: awake < PERMITS -> awake++; permitted = true
        :: else
        fi
      };
      if
      :: permitted ->
        atomic {  // Partner::bring_permit
          if
          :: seat == OFFERED -> seat = NAME + me; seated = true; permitted = false
          :: else
          fi
        }
      :: else
      fi;
      atomic {  // Partner::want_seat
        if
        :: seat == NONE -> seat = WANTED
        :: else
        fi
      }
    :: else
    fi;
    if
    :: seated ->
      // hand_in_half
      mine_is = (turn + 1) % TURNS;
      atomic {
        if
        :: word == OPEN -> word = HALF; number = mine_is; whose = me; handed = true
        :: else
        fi
      };
      if
      :: handed -> turn = mine_is
      :: else
      fi
    :: else
    fi;
    if
    :: seated || permitted ->
      begin_running();  // the first half
      end_running();
      if
      :: handed ->
        atomic {  // take_back
          if
          :: state_turn != mine_is -> state_turn = mine_is; state = TAKEN_BACK; handed = false
          :: else
          fi
        }
      :: else
      fi;
      if
      :: handed ->
        if
        :: state_turn == mine_is && state == RUN
        :: true ->
          // Guest::give_permit_back
#ifndef MUTATE_SEAT_LEFT_TOO_EARLY
          atomic {
            if
            :: seat == NAME + me -> seat = OWNED + me
            :: else
            fi
          };
#else
          seat = NONE;
#endif
          awake--;
          d_step { seated = false; permitted = false };
          state_turn == mine_is && state == RUN;
          seat = NONE
        fi
      :: else -> // run_alone
        begin_running();
        runs[me]++;
        end_running()
      fi;
      assert(runs[me] == 1);
      // Guest::leave
      if
      :: seated ->
        atomic {
          if
          :: seat == NAME + me -> seat = FREE; seated = false
          :: else
          fi
        };
        if
        :: seated -> seat = NONE; permitted = true
        :: else
        fi
      :: else
      fi;
      if
#ifdef MUTATE_PERMIT_LOST
      :: permitted && !seated -> awake--
#else
      :: permitted -> awake--
#endif
      :: else
      fi
    :: else
    fi;
    d_step { there[me] = false; loops++ }
  :: else -> break
  od;
  gone++
}

// When the callers have gone, a worker may go on opening and closing for ever; so what must hold then is looked at
// whenever the hatch is closed and nobody holds a permit for guests.
active proctype rested() {
  gone == GUESTS;
  atomic {
    word == CLOSED && (seat == NONE || seat == WANTED);
    assert(running == 0 && awake == WORKERS)
  }
}

init {
  atomic {
    byte n = 0;
    do
    :: n < WORKERS -> run worker(); n++
    :: else -> break
    od;
    n = 0;
    do
    :: n < GUESTS -> run caller(n); n++
    :: else -> break
    od
  }
}
