"""Python's pools of processes at the same works: python.py POOL WORKERS, POOL one of those in POOLS below.

Prints "ready"; then reads the name of a work a line from standard input, does it once, and prints its cost. The numbers
are those of works.hpp.
"""
import concurrent.futures
import multiprocessing
import os
import signal
import sys
import time

LARGE = 10_000_000
TASKS = 20_000
TRIPS = 2_000
PAUSES = 50
BYTES = 1 << 26
ONES = 1 << 12
TEXTS = 128
TEXT = 1 << 20
STARTS = 10


def square(i):
    return i * i


def same(i):
    return i


def sum_of(data):
    """Of zeros and ones; the fastest way that there is without numpy."""
    return data.count(1)


def ones(size):
    return b"\1" * size


def text(i):
    return chr(ord("a") + i % 26) * TEXT


class Pool:
    """multiprocessing.Pool, which forks when it is made."""

    def __init__(self):
        self.pool = multiprocessing.Pool(WORKERS)
        self.call(same, 0)

    def map(self, function, items, chunksize=None):
        return self.pool.map(function, items, chunksize=chunksize)

    def imap(self, function, items):
        return self.pool.imap(function, items)

    def call(self, function, argument):
        return self.pool.apply(function, (argument,))

    def end(self):
        self.pool.close()
        self.pool.join()


class Executor:
    """concurrent.futures, and what has its interface. Its map has no chunk size of its own: it gets multiprocessing's."""

    def __init__(self, make=concurrent.futures.ProcessPoolExecutor):
        self.executor = make(max_workers=WORKERS)
        self.call(same, 0)

    def map(self, function, items, chunksize=None):
        return list(self.executor.map(function, items, chunksize=chunksize or len(items) // (4 * WORKERS) + 1))

    def imap(self, function, items):
        return self.executor.map(function, items)

    def call(self, function, argument):
        return self.executor.submit(function, argument).result()

    def end(self):
        self.executor.shutdown()


class Loky(Executor):
    """The executor below joblib."""

    def __init__(self):
        from joblib.externals import loky
        super().__init__(loky.ProcessPoolExecutor)


POOLS = {"multiprocessing": Pool, "futures": Executor, "loky": Loky}


def seconds(body):
    begun = time.perf_counter()
    body()
    return time.perf_counter() - begun


def map_results(pool):
    def body():
        assert pool.map(square, range(LARGE))[-1] == square(LARGE - 1)
    return seconds(body) * 1e9 / LARGE


def chunk1(pool):
    def body():
        assert pool.map(square, range(TASKS), 1)[-1] == square(TASKS - 1)
    return seconds(body) * 1e9 / TASKS


def imap(pool):
    def body():
        assert sum(pool.imap(square, range(TASKS))) == (TASKS - 1) * TASKS * (2 * TASKS - 1) // 6
    return seconds(body) * 1e9 / TASKS


def apply_round_trip(pool):
    def body():
        for i in range(TRIPS):
            assert pool.call(same, i) == i
    return seconds(body) * 1e6 / TRIPS


def work_for(duration):
    end = time.perf_counter() + duration
    while time.perf_counter() < end:
        pass


def apply_after(pause, pool):
    total = 0.0
    for _ in range(PAUSES):
        pause(0.002)
        total += seconds(lambda: pool.call(same, 7))
    return total * 1e6 / PAUSES


def apply_idle(pool):
    return apply_after(work_for, pool)


def apply_rested(pool):
    return apply_after(time.sleep, pool)


def array_in(pool):
    def body():
        assert pool.map(sum_of, [DATA], 1)[0] == BYTES // ONES
    return seconds(body) * 1e3


def array_out(pool):
    def body():
        assert pool.call(ones, BYTES)[BYTES // 3] == 1
    return seconds(body) * 1e3


def texts_out(pool):
    def body():
        assert len(pool.map(text, range(TEXTS), 1)[-1]) == TEXT
    return seconds(body) * 1e6 / TEXTS


def start_stop(_):
    def body():
        for _ in range(STARTS):
            fresh = POOLS[sys.argv[1]]()
            assert fresh.call(same, 7) == 7
            fresh.end()
    return seconds(body) * 1e3 / STARTS


def respawn(_):
    """From a worker's death until there is an executor that answers. Only joblib's makes itself anew."""
    from joblib.externals import loky

    def executor():
        return loky.get_reusable_executor(max_workers=WORKERS)
    first = executor()
    lost = first.submit(os.getpid).result()

    def body():
        os.kill(lost, signal.SIGKILL)
        while executor() is first:
            time.sleep(50e-6)
        assert executor().submit(same, 7).result() == 7
    return seconds(body) * 1e3


WORKS = (map_results, chunk1, imap, apply_round_trip, apply_idle, apply_rested, array_in,
         array_out, texts_out, start_stop, respawn)

if __name__ == "__main__":
    WORKERS = int(sys.argv[2])
    SHARED = POOLS[sys.argv[1]]()
    DATA = (b"\1" + bytes(ONES - 1)) * (BYTES // ONES)  # after the start: it has to be sent
    print("ready", flush=True)
    for line in sys.stdin:
        print({work.__name__: work for work in WORKS}[line.strip()](SHARED), flush=True)
