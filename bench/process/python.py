"""python3's own multiprocessing.Pool at the same works: python.py WORKERS

Reads the name of a work a line from standard input, does it once, and prints its cost; the numbers are those of works.hpp.
"""
import multiprocessing
import sys
import time

LARGE = 1_000_000
TASKS = 20_000
TRIPS = 2_000
RESTS = 50
BYTES = 1 << 26
ONES = 1 << 12
STARTS = 10


def square(i):
    return i * i


def same(i):
    return i


def sum_of(data):
    """Of zeros and ones; the fastest way that there is without numpy."""
    return data.count(1)


def seconds(body):
    begun = time.perf_counter()
    body()
    return time.perf_counter() - begun


def map_chunk_1(pool):
    def body():
        assert pool.map(square, range(TASKS), chunksize=1)[-1] == square(TASKS - 1)
    return seconds(body) * 1e9 / TASKS


def imap(pool):
    def body():
        assert sum(pool.imap(square, range(TASKS))) == (TASKS - 1) * TASKS * (2 * TASKS - 1) // 6
    return seconds(body) * 1e9 / TASKS


def apply(pool):
    def body():
        for i in range(TRIPS):
            assert pool.apply(same, (i,)) == i
    return seconds(body) * 1e6 / TRIPS


def apply_idle(pool):
    total = 0.0
    for i in range(RESTS):
        time.sleep(0.002)
        total += seconds(lambda: pool.apply(same, (i,)))
    return total * 1e6 / RESTS


def map_large(pool):
    def body():
        assert pool.map(square, range(LARGE))[-1] == square(LARGE - 1)
    return seconds(body) * 1e9 / LARGE


def array_64MiB(pool):
    def body():
        assert pool.map(sum_of, [DATA])[0] == BYTES // ONES
    return seconds(body) * 1e3


def start_stop(pool):
    def body():
        for _ in range(STARTS):
            fresh = multiprocessing.Pool(WORKERS)
            assert fresh.apply(same, (7,)) == 7
            fresh.close()
            fresh.join()
    return seconds(body) * 1e3 / STARTS


if __name__ == "__main__":
    WORKERS = int(sys.argv[1])
    DATA = None
    works = {work.__name__: work for work in (map_chunk_1, imap, apply, apply_idle, map_large, array_64MiB, start_stop)}
    with multiprocessing.Pool(WORKERS) as shared:
        DATA = (b"\1" + bytes(ONES - 1)) * (BYTES // ONES)  # after the fork: it has to be sent
        for line in sys.stdin:
            print(works[line.strip()](shared), flush=True)
