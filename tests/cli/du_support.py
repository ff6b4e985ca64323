"""What the tests of `muster du` share: trees to count, the real du to compare with, a process without privileges."""

import ctypes
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

MUSTER = ""  # the program under test, set by main()

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24
THREADS = (("threads", "1"), ("threads", "2"), ("threads", "8"))
WORKERS = (*THREADS, ("processes", "1"), ("processes", "3"))
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"}


def loudly(text):
    print(f"\n*** NOT TESTED HERE: {text} ***", file=sys.stderr, flush=True)


def du_version():
    text = subprocess.run(["du", "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return tuple(int(part) for part in re.search(r"(\d+)\.(\d+)", text).groups())


def has_sanitizer(name):
    with open(MUSTER, "rb") as program:
        return f"__{name}_".encode() in program.read()


def obey_permissions():
    """Runs in the child: without these, root reads what it may not."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot give up the right to read everything")


def limit_descriptors(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


class DuTest(unittest.TestCase):
    """A test in an empty folder of its own, which is also the current one of the programs it runs."""

    base = None  # where the folder lies: usually where temporary files do

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="muster-du-", dir=self.base)
        self.addCleanup(self.remove_tree)

    def remove_tree(self):
        # Programs, since Python goes no deeper than a path is long.
        if subprocess.run(["rm", "-rf", self.root], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            subprocess.run(["chmod", "-R", "u+rwx", self.root], check=True)
            subprocess.run(["rm", "-rf", self.root], check=True)

    def path(self, *names):
        return os.path.join(self.root, *names)

    def folder(self, *names):
        os.makedirs(self.path(*names), exist_ok=True)
        return self.path(*names)

    def file(self, *names, size=1):
        os.makedirs(os.path.dirname(self.path(*names)), exist_ok=True)
        with open(self.path(*names), "wb") as file:
            file.write(b"x" * size)
        return self.path(*names)

    def hard_link(self, old, new):
        os.makedirs(os.path.dirname(self.path(new)), exist_ok=True)
        os.link(self.path(old), self.path(new))

    def run_program(self, *command, **options):
        settings = {"cwd": self.root, "env": ENVIRONMENT, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                    "stderr": subprocess.PIPE, "check": False, "timeout": 120}
        return subprocess.run(command, **{**settings, **options})

    def muster(self, *arguments, **options):
        return self.run_program(MUSTER, "du", *arguments, **options)

    def assert_as_du(self, *paths, options=(), workers=WORKERS, **settings):
        """Sizes, status and messages are du's, in both kinds of size, with any number and kind of workers."""
        for sizes, ours in (("-sB1", ()), ("-sb", ("--apparent-size",))):
            if sizes == "-sb" and du_version() >= (9, 2):
                loudly("--apparent-size: this du no longer counts the apparent size of folders")
                continue
            theirs = self.run_program("du", sizes, *options, "--", *paths, **settings)
            for pool, jobs in workers:
                with self.subTest(paths=paths, sizes=sizes, pool=pool, jobs=jobs):
                    answer = self.muster("--pool", pool, "-j", jobs, *ours, *options, "--", *paths, **settings)
                    self.assertEqual(answer.stdout, theirs.stdout)
                    self.assertEqual(answer.returncode, theirs.returncode)
                    self.assertEqual(messages(answer), messages(theirs))
        return theirs

    def assert_ends(self, answer, status, says=b""):
        self.assertEqual(answer.returncode, status, answer.stderr)
        self.assertIn(says, answer.stderr)


def messages(answer):
    """In no order: the workers' order is chance."""
    return sorted(line.removeprefix(b"muster ") for line in answer.stderr.split(b"\n"))


def main():
    global MUSTER
    MUSTER = os.path.abspath(sys.argv.pop(1))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background would pass on "ignored"
    unittest.main(module="__main__", verbosity=1)
