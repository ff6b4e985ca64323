#!/usr/bin/env python3
"""muster du counts as GNU du does: du_test.py MUSTER [unittest's arguments]"""

import os
import re
import shutil
import socket
import stat
import subprocess
import unittest

import du_support
from du_support import THREADS, DuTest, limit_descriptors, loudly, obey_permissions


class Sizes(DuTest):
    def test_files_folders_and_nothing(self):
        self.file("a", "some", size=5000)
        self.file("a", "empty", size=0)
        self.folder("a", "void")
        self.assert_as_du("a")
        self.assert_as_du("a/some")
        self.assert_as_du("a/empty")
        self.assert_as_du("a/void")
        self.assert_as_du(".")
        self.assert_as_du(self.root)

    def test_sparse_files(self):
        with open(self.file("a", "sparse"), "r+b") as file:
            file.truncate(1 << 32)
        self.assert_as_du("a")
        self.assert_as_du("a/sparse")

    def test_fifos_sockets_and_devices_are_not_opened(self):
        os.mkfifo(self.path("fifo"))
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(self.root)
            server.bind("socket")
        self.assert_as_du(".")
        self.assert_as_du("fifo", "socket", "/dev/null", "/dev/tty")

    def test_many_files_in_one_folder(self):
        self.folder("a")
        for i in range(20000):
            os.close(os.open(self.path("a", f"file-{i}"), os.O_CREAT | os.O_WRONLY))
        self.assert_as_du("a")

    def test_many_folders(self):
        for i in range(100):
            for j in range(30):
                self.file("a", f"folder-{i}", f"folder-{j}", "file")
        self.assert_as_du("a")
        self.assert_as_du("a", workers=THREADS, preexec_fn=limit_descriptors(16))
        self.assert_as_du("a", preexec_fn=limit_descriptors(64))
        self.assert_as_du(*(f"a/folder-{i}" for i in range(100)))


class Names(DuTest):
    STRANGE = (b"new\nline", b"tab\tbell\a", b"escape\x1b[2J", b"bad\xff\xfe", b"it's", b'"quoted"', b"$HOME `x`",
               "文件夹-é".encode(), b" ", b"-j", b"--", b"++", b"[a,b]", b"{}", b"%%", b"bench", b"du", b"*", b"\\", b"~")

    def strange(self):
        for name in self.STRANGE:
            os.mkdir(os.path.join(os.fsencode(self.root), name))
            with open(os.path.join(os.fsencode(self.root), name, name), "wb") as file:
                file.write(b"x" * 100)

    def test_are_taken_and_printed_as_they_are(self):
        self.strange()
        self.assert_as_du(*self.STRANGE)
        for name in self.STRANGE:
            self.assert_as_du(name)
        names_that_are_no_options = [name for name in self.STRANGE if not name.startswith(b"-")]
        theirs = self.run_program("du", "-sB1", *names_that_are_no_options)
        self.assertEqual(self.muster(*names_that_are_no_options).stdout, theirs.stdout)

    def test_cannot_break_a_message(self):
        self.strange()
        for name in self.STRANGE:
            os.chmod(os.path.join(os.fsencode(self.root), name), 0)
        for locale in ("C", "C.UTF-8"):
            answer = self.assert_as_du(".", preexec_fn=obey_permissions,
                                       env={**du_support.ENVIRONMENT, "LC_ALL": locale})
            self.assertEqual(answer.stderr.count(b"\n"), len(self.STRANGE))
            self.assertNotIn(b"\x1b", answer.stderr)

    def test_cannot_break_the_table(self):
        self.strange()
        answer = self.muster("--top", "100", ".")
        self.assertEqual(len(answer.stdout.splitlines()), 3 + 1 + len(self.STRANGE))
        self.assertNotIn(b"\x1b", answer.stdout)
        answer.stdout.decode()
        self.assertIn(b"./'new'$'\\n''line'".replace(b"./'", b"'./"), answer.stdout)


class Paths(DuTest):
    def test_given_twice_or_inside_another_count_once(self):
        self.file("a", "b", "c", size=100)
        self.file("a", "d", size=5000)
        self.file("e", "f")
        for paths in (("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a/d", "a"), ("a", "a/d"), ("a/d", "a/d"),
                      ("./a", "a", "e", "a/b/.."), ("e", "a/b/c", "a/b", "a"), (".", "a"), ("a", ".")):
            self.assert_as_du(*paths)

    def test_are_printed_with_at_most_one_slash_behind(self):
        self.file("a", "b", "c")
        for path in ("a/", "a//", "a///", "a//b//", "./a/"):
            self.assert_as_du(path)

    def test_that_are_missing_do_not_stop_the_others(self):
        self.file("a", "b")
        self.assert_as_du("missing")
        self.assert_as_du("missing", "a", "a/none", "a/b/", "new\nline")
        answer = self.muster("", "a")
        self.assert_ends(answer, 1, b"PATH is empty")
        self.assertTrue(answer.stdout.endswith(b"\ta\n"))

    def test_that_are_too_long_are_refused(self):
        self.assert_as_du("x" * 300, "y/" * 3000)

    def test_that_are_links_are_followed_only_with_a_slash(self):
        self.file("a", "b", size=10000)
        os.symlink("a", self.path("link"))
        os.symlink("a/b", self.path("link-to-file"))
        os.symlink("nowhere", self.path("dangling"))
        for path in ("link", "link/", "link//", "link/.", "link-to-file", "link-to-file/", "dangling", "dangling/"):
            self.assert_as_du(path)
        self.assert_as_du("link", "link/", "a")

    def test_links_inside_are_not_followed(self):
        self.file("a", "b", size=10000)
        os.symlink("..", self.path("a", "loop"))
        os.symlink("self", self.path("a", "self"))
        os.symlink("x" * 3000, self.path("a", "long"))
        os.symlink("/", self.path("a", "root"))
        self.assert_as_du("a")


class HardLinks(DuTest):
    def test_count_once(self):
        for i in range(50):
            self.file("a", str(i), "file", size=100 * i)
            self.hard_link(f"a/{i}/file", f"b/{49 - i}/other")
            self.hard_link(f"a/{i}/file", f"a/{49 - i}/third")
        for paths in (("a",), ("b",), (".",), ("a", "b"), ("b", "a"), ("a/7/file", "b"), ("a/1/file", "a/1/file"),
                      ("b", "a/3/file", "a/3")):
            self.assert_as_du(*paths)

    def test_lie_in_the_first_of_their_folders(self):
        """Whichever worker comes first, the table is the same."""
        for i in range(40):
            self.file("tree", f"z-{i}", "deep", "file", size=4096 * i)
            self.hard_link(f"tree/z-{i}/deep/file", f"tree/a-{i}/file")
            self.hard_link(f"tree/z-{i}/deep/file", f"tree/a-{i}/file-too")
            self.hard_link(f"tree/z-{i}/deep/file", f"tree/a-{i}/below/file")
        first = self.muster("-j", "1", "-b", "--top", "200", "tree").stdout
        for _ in range(20):
            self.assertEqual(self.muster("-j", "8", "-b", "--top", "200", "tree").stdout, first)
        for _ in range(5):
            self.assertEqual(self.muster("--pool", "processes", "-j", "3", "-b", "--top", "200", "tree").stdout, first)
        sizes = table(first)
        folder = os.lstat(self.folder("tree", "z-7", "deep")).st_size
        self.assertEqual(sizes["tree/z-7"], 2 * folder)
        self.assertEqual(sizes["tree/a-7/below"], folder)
        self.assertEqual(sizes["tree/a-7"], 2 * folder + 7 * 4096)

    def test_belong_to_the_first_path_in_the_table_too(self):
        self.file("b", "file", size=100000)
        self.hard_link("b/file", "a/file")
        for pool in ("threads", "processes"):
            sizes = table(self.muster("--pool", pool, "-b", "--top", "9", "b", "a").stdout)
            self.assertGreater(sizes["b"], 100000)
            self.assertLess(sizes["a"], 100000)
            sizes = table(self.muster("--pool", pool, "-b", "--top", "9", "a/file", "b").stdout)
            self.assertLess(sizes["b"], 100000)


class Processes(DuTest):
    """What travels is parts of the tree; a part that is lost is walked again."""

    def tree(self):
        for i in range(300):
            self.file("a", f"b-{i % 20}", f"c-{i}", "file", size=i)
            self.hard_link(f"a/b-{i % 20}/c-{i}/file", f"a/d-{i % 7}/e-{i}/other")

    def test_many_parts_come_to_the_same_sum(self):
        self.tree()
        expected = self.muster("-b", "--top", "2000", "a", "a/b-3", ".").stdout
        for jobs in ("1", "2", "7"):
            answer = self.muster("--pool", "processes", "-j", jobs, "-b", "--top", "2000", "a", "a/b-3", ".")
            self.assertEqual((answer.stdout, answer.stderr, answer.returncode), (expected, b"", 0))

    def test_of_too_few_descriptors_are_told(self):
        if du_support.has_sanitizer("ubsan"):
            self.skipTest("to look at an exception, UndefinedBehaviorSanitizer opens a pipe")
        self.tree()
        answer = self.muster("--pool", "processes", "-j", "8", "a", preexec_fn=limit_descriptors(12))
        if answer.returncode != 0:
            self.assert_ends(answer, 1, b"muster: ")
            self.assertLess(len(answer.stderr.splitlines()), 3)

    def test_of_a_kind_that_is_none_are_refused(self):
        for kind in ("", "fibers", "thread,process"):
            self.assert_ends(self.muster("--pool", kind, "."), 2, b"--pool")


class Unreadable(DuTest):
    def test_is_named_and_the_rest_counted(self):
        for name in ("readable", "closed", "list-only", "pass-only"):
            self.file("a", name, "below", "file", size=10000)
        modes = {"closed": 0, "list-only": stat.S_IRUSR, "pass-only": stat.S_IXUSR}
        for name, mode in modes.items():
            os.chmod(self.path("a", name), mode)
        settings = {"preexec_fn": obey_permissions}
        answer = self.assert_as_du("a", **settings)
        self.assert_ends(answer, 1, b"cannot read directory 'a/closed': Permission denied")
        self.assert_as_du("a/closed", "a/closed/below", "a/list-only", "a/pass-only/below", "a/readable", **settings)

    def test_among_thousands_is_never_lost(self):
        for i in range(500):
            self.file("a", str(i), "b", "file")
            os.chmod(self.path("a", str(i), "b"), 0 if i % 3 == 0 else 0o700)
        self.assert_as_du("a", preexec_fn=obey_permissions)


class Depth(DuTest):
    # A disk takes minutes to make and remove what memory does in seconds.
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

    def dig(self, levels, name, *beside):
        """Folders in one another, too deep for any path; `beside` each lie some more."""
        at = os.open(self.root, os.O_RDONLY)
        for _ in range(levels):
            for other in beside:
                os.mkdir(other, dir_fd=at)
            os.mkdir(name, dir_fd=at)
            deeper = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
            os.close(at)
            at = deeper
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
        return at

    def test_beyond_the_longest_path(self):
        os.close(self.dig(300, "n" * 200))
        self.assert_as_du(".")

    def test_of_a_hundred_thousand_folders(self):
        os.close(self.dig(100000, "d"))
        theirs = self.run_program("du", "-sB1", ".")
        for pool, jobs in (("threads", "1"), ("threads", "4"), ("processes", "2")):
            self.assertEqual(self.muster("--pool", pool, "-j", jobs, ".").stdout, theirs.stdout)

    def test_with_folders_beside_each_and_few_descriptors(self):
        os.close(self.dig(3000, "d", "a", "z"))
        self.assert_as_du(".")
        self.assert_as_du(".", workers=THREADS, preexec_fn=limit_descriptors(14))
        self.assert_as_du(".", preexec_fn=limit_descriptors(40))

    def test_is_no_limit_to_names_in_messages(self):
        at = self.dig(100, "n" * 200)
        os.mkdir("closed", 0, dir_fd=at)
        os.close(at)
        answer = self.assert_as_du(".", preexec_fn=obey_permissions)
        self.assertIn(b"/closed': Permission denied", answer.stderr)
        self.assertGreater(len(answer.stderr), 20000)


class FileSystems(DuTest):
    """Each command runs in a namespace of its own, where the test may mount what it likes."""

    def mounted(self, script, *command):
        return self.run_program("unshare", "--mount", "sh", "-e", "-c", script + '\nexec "$@"', "sh", *command)

    def setUp(self):
        super().setUp()
        self.can_mount = shutil.which("unshare") and self.mounted("mount -t tmpfs tmpfs .", "true").returncode == 0

    def assert_as_du_mounted(self, script, *arguments):
        if not self.can_mount:
            self.fall_back()
            return
        theirs = self.mounted(script, "du", "-sB1", *arguments)
        for pool, jobs in (("threads", "1"), ("threads", "8"), ("processes", "2")):
            answer = self.mounted(script, du_support.MUSTER, "du", "--pool", pool, "-j", jobs, *arguments)
            self.assertEqual((answer.stdout, answer.stderr, answer.returncode),
                             (theirs.stdout, theirs.stderr, theirs.returncode))
        return theirs

    def fall_back(self):
        loudly("own mounts (they need root); /dev with what is mounted in it stands for them")
        self.assertNotEqual(os.lstat("/dev").st_dev, os.lstat("/dev/pts").st_dev)
        self.assert_as_du("/dev", options=("-x",))
        self.assert_as_du("/dev/null", "/dev/pts", options=("-x",))

    def test_are_left_out_on_request(self):
        self.file("a", "b", "file", size=10000)
        self.folder("a", "other")
        script = "mount -t tmpfs tmpfs a/other\nmkdir a/other/c\nhead -c 50000 /dev/zero >a/other/c/file"
        self.assert_as_du_mounted(script, "a")
        self.assert_as_du_mounted(script, "-x", "a")
        self.assert_as_du_mounted(script, "-x", "a", "a/other")
        self.assert_as_du_mounted(script, "-x", "a/other/c", "a")

    def test_mounted_into_themselves_end(self):
        self.file("a", "b", "c", "file", size=10000)
        script = "mount --bind a a/b/c"
        self.assert_as_du_mounted(script, "a")
        self.assert_as_du_mounted(script, "a", "a/b")
        self.assert_as_du_mounted(script, "-x", "a")

    def test_mounted_twice(self):
        self.file("a", "b", "file", size=10000)
        self.file("a", "c", "file", size=20000)
        self.folder("d", "e")
        script = "mount --bind a d/e\nmount --bind a/b/file a/c/file"
        self.assert_as_du_mounted(script, ".")
        self.assert_as_du_mounted(script, "a", "d")
        self.assert_as_du_mounted(script, "d", "a", ".")


def table(output):
    """The table of --top as a dictionary from folder to bytes, in the order of the rows."""
    rows = re.finditer(r"^ *[\d.]+ [KMGTPE]?i?B +([\d,]+)  \S* +[\d.]+%  (.*)$", output.decode(), re.MULTILINE)
    return {row[2]: int(row[1].replace(",", "")) for row in rows}


class Table(DuTest):
    def test_holds_the_largest_folders_with_what_is_below(self):
        for i in range(30):
            self.file("a", f"b-{i % 7}", f"c-{i}", "file", size=i * 1000)
        for options, sizes in ((("-b",), "-b"), ((), "-B1")):
            if sizes == "-b" and du_version_counts_no_folders():
                continue
            lines = self.run_program("du", sizes, "a").stdout.decode().splitlines()
            theirs = sorted(((-int(size), name) for size, name in (line.split("\t") for line in lines)))
            expected = [(name, -size) for size, name in theirs]
            for count in (1, 5, 38, 1000):
                for pool in ("threads", "processes"):
                    answer = self.muster(*options, "--pool", pool, "--top", str(count), "a").stdout
                    self.assertEqual(list(table(answer).items()), expected[:count])

    def test_follows_the_sums(self):
        self.file("a", "b", "file")
        sums = self.muster("a").stdout
        self.assertTrue(self.muster("--top", "3", "a").stdout.startswith(sums + b"\n"))

    def test_has_bars_that_the_locale_can_show(self):
        self.file("a", "b", "file", size=100000)
        blocks = self.muster("--top", "1", "a")
        marks = self.muster("--top", "1", "a", env={**du_support.ENVIRONMENT, "LC_ALL": "C"})
        self.assertIn("█".encode(), blocks.stdout)
        self.assertIn(b"####", marks.stdout)
        marks.stdout.decode("ascii")

    def test_of_nothing_is_no_table(self):
        self.file("file")
        self.assertEqual(self.muster("--top", "3", "file").stdout, self.muster("file").stdout)


def du_version_counts_no_folders():
    if du_support.du_version() < (9, 2):
        return False
    loudly("--apparent-size: this du no longer counts the apparent size of folders")
    return True


if __name__ == "__main__":
    du_support.main()
