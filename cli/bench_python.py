"""The other side of `muster bench --python`: the same tasks on python3's own pools.

Reads one request a line from standard input, a JSON object, and answers each by one JSON line on standard output. The
clock runs as in the tutorial: from when the pool is made until it is closed and joined.
"""
import hashlib
import json
import multiprocessing
import multiprocessing.dummy
import multiprocessing.pool
import platform
import struct
import sys
import time


def square(i):
    i = i * i
    return i


def square_noreturn(i):
    i = i * i


def sha256(i):
    return hashlib.sha256(i.to_bytes(8, "little") * 512).digest()


def sleep(i):
    time.sleep(0.002)
    return i


TASKS = {"square": square, "square-noreturn": square_noreturn, "sha256": sha256, "sleep": sleep}
POOLS = {
    "threads": multiprocessing.pool.ThreadPool,
    "dummy": multiprocessing.dummy.Pool,
    "processes": multiprocessing.Pool,
}
expected = {}  # (task, items): what the plain loop returned


def fingerprint(results):
    value = 0
    for result in results:
        for word in struct.unpack("<4Q", result) if isinstance(result, bytes) else () if result is None else (result,):
            value = (value * 0x100000001B3 + word) & 0xFFFFFFFFFFFFFFFF
    return value


def answer(seconds, start, results, known):
    value = known[1] if results == known[0] else fingerprint(results)
    return {"seconds": seconds, "start": start, "size": len(results), "fingerprint": value}


def hello():
    return {"version": platform.python_version(), "implementation": platform.python_implementation()}


def loop(task, items):
    """The task without a pool; its results are what the pools' are checked against."""
    run = TASKS[task]
    begun = time.perf_counter()
    results = [run(i) for i in range(items)]
    seconds = time.perf_counter() - begun
    if (task, items) not in expected:
        expected.clear()
        expected[task, items] = results, fingerprint(results)
    return answer(seconds, 0.0, results, expected[task, items])


def pool(kind, task, workers, items):
    made = time.perf_counter()
    p = POOLS[kind](workers)
    begun = time.perf_counter()
    results = p.map(TASKS[task], range(items))
    p.close()
    p.join()
    ended = time.perf_counter()
    return answer(ended - begun, begun - made, results, expected[task, items])


def main():
    # Workers find the tasks by name in this very program, which came as text: only a fork has it.
    multiprocessing.set_start_method("fork")
    calls = {"hello": hello, "loop": loop, "pool": pool}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = calls[request.pop("call")](**request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
