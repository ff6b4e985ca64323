#!/usr/bin/env python3
"""muster bench: what it prints, what it leaves, what it refuses: bench_test.py MUSTER [unittest's arguments]"""

import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

from du_support import obey_permissions

MUSTER = ""  # the program under test, set by main()

SMALL = ("--max-range", "50", "--workers", "1-2", "--repeat", "2")
LINE = re.compile(r"(thread_pool |dummy_pool  |process_pool) (\d+), costTime: (\d+\.\d{6})s ret\.size: (\d+)"
                  r"(  \(python3\))?")
ROW = re.compile(r"(python3 )?(\w+_pool) +(\d+) +(\d+\.\d{6}) +(\d+\.\d{6}) +(\d+\.\d{6}) +(\S+) +(\S+)(?: +(\S+))?")
KINDS = ("thread_pool", "dummy_pool", "process_pool")


class BenchTest(unittest.TestCase):
    """A test in an empty folder of its own, which is also the current one of the programs it runs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="muster-bench-")
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def path(self, name):
        return os.path.join(self.root, name)

    def programs(self, *names):
        """The value of a PATH where there is nothing but these."""
        folder = self.path("programs")
        os.makedirs(folder, exist_ok=True)
        for name in names:
            os.symlink(shutil.which(name), os.path.join(folder, name))
        return folder

    def fake_program(self, name, script):
        folder = self.programs()
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(file.name, 0o755)
        return folder

    def bench(self, *arguments, path=None, **options):
        environment = {**os.environ, "LC_ALL": "C.UTF-8", **({"PATH": path} if path else {})}
        settings = {"cwd": self.root, "env": environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                    "stderr": subprocess.PIPE, "check": False, "timeout": 120, "text": True}
        return subprocess.run([MUSTER, "bench", *arguments], **{**settings, **options})

    def output(self, *arguments, **options):
        answer = self.bench(*arguments, **options)
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        return answer.stdout

    def assert_refused(self, answer, status, *says):
        self.assertEqual(answer.returncode, status, answer.stderr)
        for text in says:
            self.assertIn(text, answer.stderr)
        self.assertLessEqual(answer.stderr.count("\n"), 3, answer.stderr)

    def files(self):
        return sorted(set(os.listdir(self.root)) - {"programs"})


class Printed(BenchTest):
    def test_lines_are_the_tutorials(self):
        output = self.output("--task", "square", "--max-range", "1000", "--repeat", "1", "--workers", "1-3")
        lines = [line for line in output.split("\n") if "costTime" in line and "ret.size" in line]
        self.assertEqual([LINE.fullmatch(line).group(1, 2, 4) for line in lines],
                         [(kind, str(workers), "1000") for workers in (1, 2, 3) for kind in ("thread_pool ", "dummy_pool  ", "process_pool")])

    def test_all_tasks_by_default(self):
        output = self.output(*SMALL)
        self.assertEqual(re.findall(r"^([\w-]+): .*, for every i in range\((\d+)\)$", output, re.M),
                         [(task, "50") for task in ("square", "square-noreturn", "sha256", "sleep")])

    def test_a_large_range_leaves_heavy_tasks_at_their_default(self):
        output = self.output("--max-range", "30000", "--workers", "8", "--repeat", "1", "--pool", "threads")
        self.assertEqual(re.findall(r"range\((\d+)\)\n", output), ["30000", "30000", "20000", "100"])

    def test_choices(self):
        for chosen in (("--task", "sleep,square"), ("--task", "square", "--task", "sleep")):
            self.assertEqual(re.findall(r"^([\w-]+): .* range", self.output(*chosen, *SMALL), re.M), ["square", "sleep"])
        output = self.output("--task", "square", "--pool", "dummy", *SMALL)
        self.assertIn("\ndummy_pool   2, ", output)
        self.assertNotIn("thread_pool", output)
        self.assertNotIn("process_pool", output)

    def test_workers(self):
        for text, numbers, pool in (("3", [3], "threads"), ("2,1", [1, 2], "processes"), ("1-2,4-5,5", [1, 2, 4, 5], "threads"),
                                    ("1024", [1024], "threads"), ("40", [40], "processes")):
            output = self.output("--task", "square", "--pool", pool, "--max-range", "9", "--repeat", "1", "--workers", text)
            self.assertEqual([int(line[2]) for line in LINE.finditer(output)], numbers)

    def test_table(self):
        output = self.output("--task", "square", "--max-range", "1000", "--repeat", "4", "--workers", "1-2")
        medians = {line.group(1, 2): line[3] for line in LINE.finditer(output)}
        rows = list(ROW.finditer(output))
        self.assertEqual([row.group(2, 3) for row in rows], [(kind, workers) for kind in KINDS for workers in ("1", "2")])
        for row in rows:
            self.assertEqual(row[4], medians[row[2].ljust(12), row[3]])
            self.assertLessEqual(float(row[5]), float(row[4]))
            self.assertRegex(row[7] + row[8], r"^[\d.]+x[\d.]+x$")
        self.assertEqual([row[7] for row in rows if row[3] == "1"], ["1.00x"] * 3)
        self.assertRegex(output, r"\nplain loop +\d+\.\d{6} +\d+\.\d{6}\n")
        self.assertIn("median of 4 runs", output)

    def test_speed_up_over_one_worker_needs_one(self):
        output = self.output("--task", "square", "--max-range", "10", "--workers", "2")
        self.assertEqual([row[7] for row in ROW.finditer(output)], ["-"] * 3)

    def test_names_what_the_numbers_depend_on(self):
        version = subprocess.run([MUSTER, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        output = self.output("--task", "square", *SMALL)
        self.assertTrue(output.startswith(version + ", "), output)
        self.assertRegex(output.split("\n")[0], r", (GNU|Clang) \d+\.")
        self.assertRegex(output.split("\n")[1], rf".+, {os.cpu_count()} cores?, {len(os.sched_getaffinity(0))} usable")

    def test_waiting_profits_from_workers(self):
        for pool, label in (("threads", "thread_pool"), ("processes", "process_pool")):
            output = self.output("--task", "sleep", "--pool", pool, "--max-range", "100", "--workers", "1,8", "--repeat", "1")
            one, eight = (float(row[4]) for row in ROW.finditer(output))
            self.assertGreaterEqual(one, 100 * 0.002)
            self.assertGreater(one / eight, 2)
            self.assertIn(f"Workers pay here: the fastest, {label} with 8 workers", output)

    def test_what_isolation_costs_is_told(self):
        output = self.output("--task", "square", "--pool", "threads,processes", *SMALL)
        sentence = r"\n(Processes are ahead of threads here|Isolation (costs little|has a price) here): process_pool with \d workers? takes "
        self.assertRegex(output, sentence + r"[\d.]+x the time of thread_pool with \d workers?\.\n")
        self.assertRegex(output, r"\nSent to a process and back, .* an item costs [\d.]+ [mun]s more than in the plain loop")
        self.assertRegex(output, r"\nTo start (\d workers?) takes .* where they are processes, .* where they are threads\.\n")
        for pools in ("threads,dummy", "dummy"):
            output = self.output("--task", "square", "--pool", pools, *SMALL)
            self.assertNotIn("process", output)
        output = self.output("--task", "square", "--pool", "processes", *SMALL)
        self.assertRegex(output, r"\nTo start \d workers? takes [\d.]+ [mu]s where they are processes\.\n")
        self.assertNotIn("thread", output)

    def test_start_methods(self):
        for options, method in (((), "forkserver"), (("--start-method", "fork"), "fork"),
                                (("--start-method", "forkserver"), "forkserver")):
            output = self.output("--task", "sha256", "--pool", "threads,processes", *SMALL, *options, "--json", "out.json")
            self.assertIn(f"\nstart method of processes: {method}\n", output)
            with open(self.path("out.json"), encoding="utf-8") as file:
                rows = json.load(file)["rows"]
            self.assertEqual({(row["kind"], row["start_method"]) for row in rows},
                             {("thread_pool", None), ("process_pool", method)})

    def test_nothing_returned_is_still_computed(self):
        """No machine squares an item in 0.02 ns; a loop that was optimized away would take less for 10^8 of them."""
        output = self.output("--task", "square-noreturn", "--pool", "threads", "--workers", "1", "--repeat", "1",
                             "--max-range", "100000000")
        times = re.findall(r"^(?:plain loop|thread_pool +1) +(\d+\.\d+)", output, re.M)
        self.assertEqual(len(times), 2)
        for seconds in times:
            self.assertGreater(float(seconds), 100_000_000 * 0.02e-9)

    def test_help(self):
        output = self.output("--help")
        for text in ("--task", "--pool", "--start-method", "--workers", "--max-range", "--repeat", "--python", "--json", "--plot", "Examples:",
                     "sha256", "square-noreturn"):
            self.assertIn(text, output)

    def test_progress_only_on_a_terminal(self):
        ours, theirs = os.openpty()
        answer = self.bench("--task", "square", *SMALL, stderr=theirs)
        os.close(theirs)
        shown = read_terminal(ours)
        self.assertEqual(answer.returncode, 0)
        self.assertIn(b"square: thread_pool with 2 workers, run 1 of 2", shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), "the line is erased at the end")


class Left(BenchTest):
    def test_json_is_what_was_printed(self):
        output = self.output("--task", "square,sleep", "--json", "out.json", *SMALL)
        with open(self.path("out.json"), encoding="utf-8") as file:
            data = json.load(file)
        lines = [(line[1].strip(), int(line[2]), line[3]) for line in LINE.finditer(output)]
        rows = data["rows"]
        self.assertCountEqual(lines, [(row["kind"], row["workers"], f"{row['median']:.6f}") for row in rows])
        for row in rows:
            self.assertEqual((row["by"], row["unit"], row["size"], len(row["times"])), ("muster", "s", 50, 2))
            self.assertAlmostEqual(row["median"], statistics.median(row["times"]))
            self.assertEqual(row["min"], min(row["times"]))
            loop = next(task["plain_loop"]["median"] for task in data["tasks"] if task["task"] == row["task"])
            self.assertAlmostEqual(row["over_plain_loop"], loop / row["median"])
            one = next(one for one in rows if (one["task"], one["kind"], one["workers"]) == (row["task"], row["kind"], 1))
            self.assertAlmostEqual(row["over_one_worker"], one["median"] / row["median"])
        self.assertEqual(data["machine"]["cores"], os.cpu_count())
        self.assertEqual(self.files(), ["out.json"])

    def test_json_replaces_a_file_and_keeps_its_rights(self):
        with open(self.path("old"), "w", encoding="utf-8") as file:
            file.write("x" * 100_000)
        os.chmod(self.path("old"), 0o640)
        os.symlink("old", self.path("link"))
        self.output("--task", "square", "--json", "link", *SMALL)
        with open(self.path("old"), encoding="utf-8") as file:
            json.load(file)
        self.assertEqual(os.stat(self.path("old")).st_mode & 0o777, 0o640)
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertEqual(self.files(), ["link", "old"])

    def test_json_to_a_pipe(self):
        output = self.output("--task", "square", "--json", "/dev/stdout", *SMALL)
        data = json.loads(output[output.index("\n{"):output.rindex("}") + 1])
        self.assertEqual(len(data["rows"]), 6)

    def test_svg(self):
        output = self.output("--plot", "a b'c.svg", *SMALL)
        self.assertIn("written: a b'c.svg", output)
        self.assertEqual(self.files(), ["a b'c.svg"])
        document = xml.etree.ElementTree.parse(self.path("a b'c.svg")).getroot()
        self.assertEqual(document.tag, "{http://www.w3.org/2000/svg}svg")
        text = " ".join("".join(node.itertext()) for node in document.iter("{http://www.w3.org/2000/svg}text"))
        for word in ("thread_pool", "dummy_pool", "process_pool", "square-noreturn: speed-up", "sleep: time in", "workers", "plain loop"):
            self.assertIn(word, text.replace("\xa0", " "))

    def test_png(self):
        self.output("--task", "square", "--plot", "out.png", *SMALL)
        with open(self.path("out.png"), "rb") as file:
            self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")
        self.assertEqual(os.stat(self.path("out.png")).st_mode & 0o777, 0o666 & ~current_umask())


class Beside(BenchTest):
    def test_python_runs_the_same(self):
        output = self.output("--python", "--json", "out.json", *SMALL)
        lines = [line.group(1, 2, 4, 5) for line in LINE.finditer(output)]
        expected = [(kind.ljust(12), workers, "50", side)
                    for workers in ("1", "2") for kind in KINDS for side in (None, "  (python3)")]
        self.assertEqual(lines, expected * 4)
        self.assertIn("\nstart method of processes: forkserver; python3's: fork\n", output)
        with open(self.path("out.json"), encoding="utf-8") as file:
            data = json.load(file)
        self.assertRegex(data["machine"]["python3"], r"^3\.\d+")
        for row in data["rows"]:
            if row["by"] == "muster":
                other = next(one for one in data["rows"] if one["by"] == "python3" and
                             all(one[key] == row[key] for key in ("task", "kind", "workers")))
                self.assertAlmostEqual(row["over_python3"], other["median"] / row["median"])
            else:
                self.assertIsNone(row["over_python3"])

    def test_the_table_has_a_ratio_for_each_worker_count(self):
        output = self.output("--python", "--task", "square", "--pool", "threads", "--max-range", "20000", "--workers", "1-3")
        rows = list(ROW.finditer(output))
        self.assertEqual([(row[1], row[3]) for row in rows], [(side, n) for side in (None, "python3 ") for n in "123"])
        for row in rows:
            self.assertRegex(row[9], r"^-$" if row[1] else r"^[\d.]+x$")
        self.assertRegex(output, r"muster is ahead in \d of 3 rows")

    def test_processes_beside_pythons(self):
        output = self.output("--python", "--pool", "processes", "--task", "square", "--plot", "out.svg", *SMALL)
        self.assertEqual([line.group(1, 2, 5) for line in LINE.finditer(output)],
                         [("process_pool", workers, side) for workers in "12" for side in (None, "  (python3)")])
        self.assertRegex(output, r"muster is ahead in \d of 2 rows")

    def test_the_current_folder_is_not_imported(self):
        with open(self.path("hashlib.py"), "w", encoding="utf-8") as file:
            file.write("raise SystemExit(9)\n")
        self.output("--python", "--task", "sha256", *SMALL)

    def test_a_python_that_fails_is_named(self):
        path = self.fake_program("python3", "exit 7\n")
        self.assert_refused(self.bench("--python", *SMALL, path=path), 1, "python3 ended with status 7")
        path = self.fake_program("python3", "kill -9 $$\n")
        self.assert_refused(self.bench("--python", *SMALL, path=path), 1, "python3 was killed by signal 9")
        path = self.fake_program("python3", "echo hello\nsleep 1\n")
        self.assert_refused(self.bench("--python", *SMALL, path=path), 1, "python3 answered")

    def test_wrong_results_are_found(self):
        answer = '{"seconds": 1, "start": 0, "size": 50, "fingerprint": 4711}'
        path = self.fake_program("python3", f"""echo '{{"version": "3"}}'\nwhile read line; do echo '{answer}'; done\n""")
        self.assert_refused(self.bench("--python", *SMALL, path=path), 1, "python3's plain loop gave other results for square")


class Refused(BenchTest):
    def test_nonsense(self):
        for option, values in {
                "--workers": ("0", "-1", "x", "", "1-", "-", "1,,2", "3-1", "0-4", "1.5", "1025", "99999999999999999999", "1 2", "1-2-3"),
                "--max-range": ("0", "-1", "x", "", "1e6", "3037000500", "99999999999999999999", "1.5"),
                "--repeat": ("0", "-1", "x", "", "1001"),
                "--task": ("", "cube", "square,cube", "SQUARE"),
                "--pool": ("", "fibers", "threads,fibers"),
                "--start-method": ("", "spawn", "FORK", "fork,forkserver"),
                "--plot": ("", "x", "x.gif", ".svg", "x.svg.gz"),
                "--json": ("",)}.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    answer = self.bench(option, value)
                    self.assert_refused(answer, 2, option)
                    self.assertEqual(answer.stdout, "")
        self.assert_refused(self.bench("--unknown"), 2, "--unknown")
        self.assert_refused(self.bench("rest"), 2, "rest")
        self.assertEqual(self.files(), [])

    def test_more_than_the_task_takes(self):
        answer = self.bench("--task", "sleep", "--max-range", "100001")
        self.assert_refused(answer, 2, "--max-range", "sleep takes at most 100000")

    def test_results_that_no_memory_holds(self):
        # What nobody has: 3 * 10^9 digests of 32 bytes, and as many of Python's.
        answer = self.bench("--task", "sha256", "--max-range", "3000000000", "--python")
        self.assert_refused(answer, 2, "--max-range", "GiB")

    def test_less_memory_than_there_seems_to_be(self):
        def limited():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

        if self.bench("--help", preexec_fn=limited).returncode != 0:
            self.skipTest("a program built with a sanitizer takes more address space than this test leaves")
        answer = self.bench("--task", "square", "--max-range", "200000000", "--workers", "1", preexec_fn=limited)
        self.assert_refused(answer, 1, "memory")

    def test_missing_programs(self):
        empty = self.programs()
        self.assert_refused(self.bench("--plot", "x.svg", *SMALL, path=empty), 1, "gnuplot", "gnuplot-nox")
        self.assert_refused(self.bench("--python", *SMALL, path=empty), 1, "python3")
        self.assertEqual(self.files(), [])

    def test_a_gnuplot_that_fails(self):
        path = self.fake_program("gnuplot", "echo 'no such terminal' >&2; exit 3\n")
        self.assert_refused(self.bench("--plot", "x.svg", path=path), 1, "gnuplot ended with status 3: no such terminal")
        path = self.fake_program("gnuplot", "exit 0\n")
        self.assert_refused(self.bench("--plot", "x.png", path=path), 1, "gnuplot drew nothing")
        self.assertEqual(self.files(), [])

    def test_a_gnuplot_that_fails_at_the_end_leaves_the_old_plot(self):
        with open(self.path("x.svg"), "w", encoding="utf-8") as file:
            file.write("old")
        path = self.fake_program("gnuplot", 'if test -e seen; then exit 3; fi; : > seen; echo "<svg/>"\n')
        answer = self.bench("--plot", "x.svg", "--task", "square", *SMALL, path=path)
        self.assert_refused(answer, 1, "gnuplot ended with status 3")
        with open(self.path("x.svg"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "old")

    def test_files_that_cannot_be_written_are_known_before_measuring(self):
        os.mkdir(self.path("folder.svg"))
        for option, name in (("--plot", "missing/x.svg"), ("--plot", "folder.svg"), ("--json", "missing/x"), ("--json", "."),
                             ("--json", "/proc/x")):
            with self.subTest(option=option, name=name):
                answer = self.bench(option, name, "--task", "square")
                self.assert_refused(answer, 1, f"cannot write {name}")
                self.assertNotIn("costTime:", answer.stdout)
        self.assertEqual(self.files(), ["folder.svg"])

    def test_files_that_may_not_be_written(self):
        os.mkdir(self.path("closed"), 0o555)
        with open(self.path("kept.json"), "w", encoding="utf-8") as file:
            file.write("old")
        os.chmod(file.name, 0o444)
        for option, name in (("--plot", "closed/x.svg"), ("--json", "closed/x"), ("--json", "kept.json")):
            answer = self.bench(option, name, "--task", "square", preexec_fn=obey_permissions)
            self.assert_refused(answer, 1, f"cannot write {name}: Permission denied")
            self.assertNotIn("costTime:", answer.stdout)

    def test_a_full_disk(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            began = time.monotonic()
            answer = self.bench("--task", "sleep", "--max-range", "5000", stdout=full)
            self.assertLess(time.monotonic() - began, 60, "it does not go on measuring for nobody")
            self.assert_refused(answer, 1, "standard output", "No space left on device")
        self.assert_refused(self.bench("--task", "square", "--json", "/dev/full", *SMALL), 1, "/dev/full", "No space left")

    def test_a_closed_stdout(self):
        for extra in ((), ("--python",), ("--json", "x"), ("--plot", "x.svg")):
            answer = self.bench("--task", "square", *SMALL, *extra, stdout=None, preexec_fn=lambda: os.close(1))
            self.assert_refused(answer, 1, "standard output", "Bad file descriptor")
        self.assertEqual(self.files(), [])

    def test_a_reader_that_has_gone(self):
        reading, writing = os.pipe()
        os.close(reading)
        answer = self.bench("--task", "square", *SMALL, stdout=writing)
        os.close(writing)
        self.assertIn(answer.returncode, (1, -signal.SIGPIPE))
        self.assertEqual(answer.stderr, "")


class Interrupted(BenchTest):
    def interrupt(self, *arguments, ending=signal.SIGINT, processes=0):
        """Ends it in its measurements, while it has so many processes; what it leaves, and which, is the test's business."""
        program = subprocess.Popen([MUSTER, "bench", *arguments], cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, preexec_fn=lambda: signal.signal(ending, signal.SIG_DFL))
        for line in program.stdout:
            if "costTime:" in line:
                break
        while len(children := children_of(program.pid)) < processes:
            self.assertIsNone(program.poll(), "it has ended before")
        began = time.monotonic()
        program.send_signal(ending)
        _, errors = program.communicate(timeout=60)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual((program.returncode, errors), (-ending, ""))
        return children

    LONG = ("--task", "sleep", "--max-range", "400", "--workers", "1-2,8", "--repeat", "1")

    def test_nothing_is_left(self):
        for ending in (signal.SIGINT, signal.SIGTERM):
            self.interrupt(*self.LONG, "--json", "x.json", "--plot", "x.svg", ending=ending)
            self.assertEqual(self.files(), [])

    def assert_end(self, children):
        deadline = time.monotonic() + 30
        while any(is_running(child) for child in children):
            self.assertLess(time.monotonic(), deadline, "processes are left")
            time.sleep(0.05)

    def test_workers_end_too(self):
        for method in ("fork", "forkserver"):
            children = self.interrupt(*self.LONG, "--pool", "processes", "--start-method", method, processes=2)
            self.assert_end(children)

    def test_python_and_its_workers_end_too(self):
        children = self.interrupt(*self.LONG, "--python", "--pool", "processes", processes=1)
        self.assert_end(children)


def read_terminal(terminal):
    """All that was written to it; nobody has it open for writing any more."""
    shown = b""
    with open(terminal, "rb", buffering=0) as file:
        try:
            while part := file.read(4096):
                shown += part
        except OSError:  # how a terminal ends
            pass
    return shown


def children_of(pid):
    """All descendants."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], stdout=subprocess.PIPE, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listed.splitlines())}
    found = {pid}
    while grown := {child for child, parent in parents.items() if parent in found} - found:
        found |= grown
    return found - {pid}


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def main():
    global MUSTER
    MUSTER = os.path.abspath(sys.argv.pop(1))
    unittest.main(module="__main__", verbosity=1)


if __name__ == "__main__":
    main()
