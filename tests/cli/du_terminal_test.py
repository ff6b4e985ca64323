#!/usr/bin/env python3
"""How muster du behaves towards its user: usage, lost output, Ctrl-C, a terminal. du_terminal_test.py MUSTER [...]"""

import array
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
import unittest

import du_support
from du_support import DuTest, obey_permissions

PROGRESS = b" folders "
ERASE = b"\r\x1b[K"


class Usage(DuTest):
    def command(self, *arguments, **options):
        return self.run_program(du_support.MUSTER, *arguments, **options)

    def test_errors_are_told_with_status_2(self):
        for arguments, says in (((), b"PATH"), (("-j", "0", "."), b"--jobs"), (("-j", "-1", "."), b"--jobs"),
                                (("-j", "x", "."), b"--jobs"), (("-j", "1.5", "."), b"--jobs"),
                                (("-j", "99999999999", "."), b"--jobs"), (("-j", "1025", "."), b"--jobs"), (("-j",), b"--jobs"), (("-j", "", "."), b"--jobs"),
                                (("--top", "0", "."), b"--top"), (("--top", "-3", "."), b"--top"),
                                (("--nonsense", "."), b"--nonsense")):
            with self.subTest(arguments=arguments):
                answer = self.muster(*arguments)
                self.assert_ends(answer, 2, says)
                self.assertEqual(answer.stdout, b"")
                self.assertLess(len(answer.stderr), 200)

    def test_of_the_command_itself(self):
        self.assert_ends(self.command(), 2, b"Usage:")
        self.assert_ends(self.command("nonsense"), 2, b"no command 'nonsense'")
        self.assert_ends(self.command("--nonsense"), 2, b"no option '--nonsense'")

    def test_help_and_version_succeed(self):
        for arguments, says in ((("--help",), b"bench"), (("du", "--help"), b"muster du -x"), (("--version",), b"muster ")):
            answer = self.command(*arguments)
            self.assertEqual((answer.returncode, answer.stderr), (0, b""))
            self.assertIn(says, answer.stdout)

    def test_help_that_is_lost_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            self.assert_ends(self.command("--help", stdout=full), 1, b"No space left on device")

    def test_options_may_stand_behind_paths(self):
        self.file("a", "b")
        self.assertEqual(self.muster("a", "-j", "2", "-b").stdout, self.muster("-b", "-j2", "a").stdout)

    def test_more_workers_than_descriptors(self):
        for i in range(200):
            self.file("a", str(i), "b", "c")
        answer = self.muster("-j", "64", "a", preexec_fn=du_support.limit_descriptors(32))
        self.assertEqual(answer.stdout, self.muster("a").stdout)
        self.assert_ends(answer, 0)


class LostOutput(DuTest):
    def setUp(self):
        super().setUp()
        self.file("a", "b")

    def test_on_a_full_disk_is_told(self):
        for arguments in (("a",), ("--top", "3", "a"), ["a"] + [f"./{'/' * 1000}{i}/../a" for i in range(9)]):
            with open("/dev/full", "wb") as full:
                answer = self.muster(*arguments, stdout=full)
            self.assert_ends(answer, 1, b"muster: cannot write to standard output: No space left on device\n")

    def test_to_a_closed_descriptor_is_told(self):
        for closed in ((1,), (0, 1), (0, 1, 2)):
            answer = self.muster("a", stdin=None, preexec_fn=lambda: [os.close(number) for number in closed])
            self.assertEqual(answer.returncode, 1)
            if 2 not in closed:
                self.assertIn(b"cannot write to standard output: Bad file descriptor\n", answer.stderr)

    def test_closed_input_and_error_are_no_failure(self):
        self.folder("a", "closed")
        answer = self.muster("a", stdin=None, preexec_fn=lambda: (os.close(0), os.close(2)))
        self.assertEqual(answer.returncode, 0)
        self.assertEqual(answer.stdout, self.muster("a").stdout)
        os.chmod(self.path("a", "closed"), 0)
        answer = self.muster("a", preexec_fn=lambda: (obey_permissions(), os.close(2)))
        self.assertEqual(answer.returncode, 1)
        self.assertTrue(answer.stdout.endswith(b"\ta\n"))

    def test_because_the_reader_has_gone_is_nobodys_business(self):
        for restore_signals, status in ((True, -signal.SIGPIPE), (False, 1)):
            reader, writer = os.pipe()
            os.close(reader)
            answer = self.muster("a", stdout=writer, restore_signals=restore_signals)
            os.close(writer)
            self.assertEqual((answer.returncode, answer.stderr), (status, b""))


class StuckWalk(DuTest):
    """A tree with so many unreadable folders that their names fill any pipe: whoever reads it holds the walk up."""

    COUNT = 600

    def setUp(self):
        super().setUp()
        self.file("first", "file")
        for i in range(self.COUNT):
            self.folder("tree", "n" * 200 + str(i))
            os.chmod(self.path("tree", "n" * 200 + str(i)), 0)

    def command(self, *arguments):
        return [du_support.MUSTER, "du", *arguments]


def unread_bytes(descriptor):
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


class Interrupt(StuckWalk):
    def start(self, *arguments, **options):
        reader, writer = os.pipe()
        capacity = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        process = subprocess.Popen(self.command(*arguments), cwd=self.root, env=du_support.ENVIRONMENT,
                                   stdout=subprocess.PIPE, stderr=writer, preexec_fn=obey_permissions, **options)
        os.close(writer)
        while unread_bytes(reader) < capacity - 512:  # less is left than a message takes
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        return process, reader

    def interrupt(self, process):
        """Returns when the signal has arrived: the program catches only one, so it is no longer among those caught."""
        process.send_signal(signal.SIGINT)
        while True:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                caught = int(re.search(r"SigCgt:\s*(\w+)", status.read())[1], 16)
            if not caught & (1 << (signal.SIGINT - 1)):
                return
            time.sleep(0.001)

    def finish(self, process, reader):
        with open(reader, "rb") as errors:
            said = errors.read()
        return process.communicate()[0], said

    def test_ends_soon_as_by_the_signal_and_tells_no_half_result(self):
        for workers in (("-j", "1"), ("-j", "4"), ("--pool", "processes", "-j", "2")):
            process, reader = self.start(*workers, "--top", "5", "tree")
            self.interrupt(process)
            output, said = self.finish(process, reader)
            self.assertEqual(process.returncode, -signal.SIGINT)
            self.assertEqual(output, b"")
            self.assertTrue(said.endswith(b"muster du: interrupted in 'tree', which is left out\n"), said[-300:])
            if not du_support.has_sanitizer("tsan"):  # it keeps a signal from a thread that waits in the kernel
                self.assertLess(said.count(b"\n"), self.COUNT)

    def test_keeps_what_was_finished_before(self):
        process, reader = self.start("first", "tree", "first/file")
        self.interrupt(process)
        output, _ = self.finish(process, reader)
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertEqual(output, self.run_program("du", "-sB1", "first").stdout)

    def test_twice_ends_at_once(self):
        process, reader = self.start("tree")
        process.send_signal(signal.SIGINT)
        while process.poll() is None:  # it may only go once the first one was noted
            process.send_signal(signal.SIGINT)
            time.sleep(0.001)
        self.assertEqual(process.returncode, -signal.SIGINT)
        os.close(reader)
        process.stdout.close()

    def test_that_is_ignored_from_the_start_stays_ignored(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGINT, signal.default_int_handler)
        process, reader = self.start("tree")
        process.send_signal(signal.SIGINT)
        output, said = self.finish(process, reader)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(said.count(b"\n"), self.COUNT)
        self.assertTrue(output.endswith(b"\ttree\n"))


def keep_output_at_interrupts(terminal):
    """At Ctrl-C a terminal throws away what it has not shown yet, an erasure perhaps; under load there is some."""
    attributes = termios.tcgetattr(terminal)
    attributes[3] |= termios.NOFLSH
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


class Terminal(StuckWalk):
    def start(self, *arguments, environment=None, output=None):
        """Runs at a terminal of its own, the master side of which is returned."""
        process, master = pty.fork()
        if process == 0:
            try:
                os.chdir(self.root)
                obey_permissions()
                keep_output_at_interrupts(0)
                if output is not None:
                    os.dup2(output, 1)
                os.execve(du_support.MUSTER, self.command(*arguments), environment or du_support.ENVIRONMENT)
            finally:
                os._exit(99)
        self.addCleanup(os.close, master)
        return process, master

    def read_until(self, master, what=None):
        """All that appears up to `what`, or to the end."""
        seen = b""
        while what is None or what not in seen:
            self.assertTrue(select.select([master], [], [], 60)[0], "nothing comes any more")
            try:
                seen += os.read(master, 65536)
            except OSError:  # EIO: the other side is closed
                break
        return seen

    def assert_erased(self, seen):
        for line in seen.split(b"\n"):
            self.assertNotIn(PROGRESS, line.rsplit(ERASE, 1)[-1])

    def test_shows_progress_and_erases_it(self):
        process, master = self.start("-j", "2", "first", "tree")
        seen = self.read_until(master)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), 1)
        self.assertIn(PROGRESS, seen)
        self.assert_erased(seen)
        self.assertEqual(seen.count(b"Permission denied\r\n"), self.COUNT)
        results = [line.rsplit(ERASE, 1)[-1] for line in seen.split(b"\r\n") if b"\t" in line]
        expected = self.run_program("du", "-sB1", "first", "tree", preexec_fn=obey_permissions).stdout
        self.assertEqual(results, expected.splitlines())

    def test_no_progress_line_is_wider_than_the_terminal(self):
        process, master = self.start("tree")
        fcntl.ioctl(master, termios.TIOCSWINSZ, array.array("H", [24, 20, 0, 0]))
        seen = self.read_until(master)
        os.waitpid(process, 0)
        lines = [part.split(b"\r")[0] for part in seen.split(ERASE) if PROGRESS.strip() in part.split(b"\r")[0]]
        self.assertTrue(all(len(line) <= 79 for line in lines), lines)

    def test_ctrl_c_ends_it_and_leaves_a_clean_line(self):
        for output in (None, os.open(os.devnull, os.O_WRONLY)):
            for pool in ("threads", "processes"):
                process, master = self.start("--pool", pool, "tree", output=output)
                seen = self.read_until(master, PROGRESS)
                os.write(master, b"\x03")
                seen += self.read_until(master)
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), -signal.SIGINT)
                self.assert_erased(seen)
                self.assertIn(b"interrupted in 'tree'", seen)
                self.assertNotIn(b"\ttree", seen)

    def test_that_cannot_erase_shows_none(self):
        process, master = self.start("tree", environment={**du_support.ENVIRONMENT, "TERM": "dumb"})
        seen = self.read_until(master)
        os.waitpid(process, 0)
        self.assertNotIn(PROGRESS, seen)
        self.assertNotIn(b"\x1b", seen)

    def test_without_one_there_is_no_progress(self):
        answer = self.muster("tree", preexec_fn=obey_permissions)
        self.assert_ends(answer, 1)
        self.assertEqual(answer.stderr.count(b"\n"), self.COUNT)
        self.assertNotIn(PROGRESS, answer.stderr)
        self.assertNotIn(b"\x1b", answer.stderr + answer.stdout)


if __name__ == "__main__":
    du_support.main()
