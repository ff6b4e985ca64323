#!/usr/bin/env python3
"""Shows that every rule of layers.py bites, and that what is right passes: one small tree for each case."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECKER = Path(__file__).resolve().parent / "layers.py"

# A tree in which every layer uses all that it may.
GOOD = {
    "include/muster/error.hpp": "#pragma once\n#include <muster/detail/export.hpp>\n",
    "include/muster/detail/export.hpp": "#pragma once\n",
    "include/muster/detail/job.hpp": "#pragma once\n#include <muster/error.hpp>\n",
    "include/muster/pool.hpp": "#pragma once\n#include <semaphore>\n#include <muster/detail/job.hpp>\n",
    "src/os/os.hpp": "#pragma once\n#include <atomic>\n#if defined(__x86_64__)\n#endif\n",
    "src/os/linux/futex.cpp": '#include "os/os.hpp"\n#include <linux/futex.h>\n',
    "src/parts/sync/lock.hpp": '#pragma once\n#include "os/os.hpp"\n#include <muster/error.hpp>\n',
    "src/parts/queue/deque.hpp": '#pragma once\n#include "parts/sync/lock.hpp"\n#include <muster/detail/job.hpp>\n',
    "src/parts/queue/deque_test.cpp": '#include "deque.hpp"\n#include "tests/leaks.hpp"\n#include <unistd.h>\n',
    "src/parts/wire/message.hpp": '#pragma once\n#include "os/os.hpp"\n',
    "src/parts/start/fork.cpp": '#include "parts/wire/message.hpp"\n',
    "src/parts/observe/trace.hpp": '#pragma once\n#include "os/os.hpp"\n',
    "src/engine/engine.hpp": "#pragma once\n#include <muster/detail/job.hpp>\n",
    "src/engine/thread/worker.hpp": '#pragma once\n#include "engine/engine.hpp"\n#include "parts/queue/deque.hpp"\n',
    "src/engine/process/channel.hpp": '#pragma once\n#include "../engine.hpp"\n#include "parts/start/fork.hpp"\n',
    "src/api/pool.cpp": '#include <muster/pool.hpp>\n#include "engine/thread/worker.hpp"\n#include "os/os.hpp"\n',
    "cli/du.hpp": "#pragma once\n",
    "cli/main.cpp": '#include "du.hpp"\n#include <muster/pool.hpp>\n#include <sys/stat.h>\n',
    "bench/config.hpp": "#pragma once\n",
    "bench/map/ours.cpp": '#include "bench/config.hpp"\n#include <muster/pool.hpp>\n',
    "examples/lock.cpp": "#include <muster/pool.hpp>\n// #if __linux__\n/*\n#ifdef __APPLE__\n*/\n",
    "tests/leaks.hpp": "#pragma once\n",
    "tests/api/pool_test.cpp": '#include "tests/leaks.hpp"\n#include <muster/pool.hpp>\n#include "os/os.hpp"\n',
}


def check(tree, *options):
    with tempfile.TemporaryDirectory() as root:
        for name, text in tree.items():
            path = Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([sys.executable, CHECKER, "--root", root, *options], capture_output=True, text=True)


class Layers(unittest.TestCase):
    def bites(self, name, line, said, **more):
        """Adding `line` to file `name` of the good tree is refused, there, in these words."""
        tree = GOOD | more.get("files", {})
        tree[name] = tree.get(name, "") + line + "\n"
        result = check(tree)
        self.assertEqual(result.returncode, 1, result.stdout)
        place = f"{name}:{tree[name].count(chr(10), 0, tree[name].rindex(line)) + 1}: "
        self.assertTrue(any(l.startswith(place) and said in l for l in result.stdout.splitlines()), result.stdout)
        self.assertIn(" 1 breaches", result.stdout)

    def test_good_tree_passes(self):
        result = check(GOOD)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)
        self.assertIn(f"{len(GOOD)} files, 0 breaches", result.stdout)

    def test_os_includes_nothing_of_ours(self):
        self.bites("src/os/linux/futex.cpp", '#include "parts/sync/lock.hpp"', "os may not include parts/sync")
        self.bites("src/os/os.hpp", "#include <muster/error.hpp>", "os may not include error")

    def test_parts_stay_below_engine_and_api(self):
        self.bites("src/parts/start/fork.cpp", '#include "engine/engine.hpp"', "may not include engine")
        self.bites("src/parts/queue/deque.hpp", "#include <muster/pool.hpp>", "may not include muster")
        self.bites("src/parts/queue/deque_test.cpp", "#include <muster/pool.hpp>", "may not include muster")

    def test_parts_use_only_their_own_part_below(self):
        self.bites("src/parts/sync/lock_slow.cpp", '#include "../queue/deque.hpp"', "parts/sync may not include parts/queue")
        self.bites("src/parts/wire/message.cpp", '#include "parts/sync/lock.hpp"', "parts/wire may not include parts/sync")
        self.bites("src/parts/start/fork.cpp", '#include "parts/sync/lock.hpp"', "parts/start may not include parts/sync")

    def test_observe_stands_alone(self):
        self.bites("src/parts/observe/trace.hpp", '#include "parts/sync/lock.hpp"', "observe may not include parts/sync")
        self.bites("src/parts/queue/deque.hpp", '#include "parts/observe/trace.hpp"', "may not include parts/observe")

    def test_engines_do_not_know_each_other(self):
        self.bites("src/engine/process/channel.hpp", '#include "engine/thread/worker.hpp"', "may not include engine/thread")
        self.bites("src/engine/thread/worker.hpp", '#include "../process/channel.hpp"', "may not include engine/process")

    def test_only_api_chooses_an_engine(self):
        self.bites("src/engine/engine.cpp", '#include "engine/thread/worker.hpp"', "engine may not include engine/thread")
        self.bites("include/muster/pool.hpp", '#include "engine/engine.hpp"', "muster may not include engine")
        self.bites("include/muster/detail/job.hpp", '#include "../../../src/os/os.hpp"', "detail may not include os")

    def test_engine_stays_below_api(self):
        self.bites("src/engine/thread/worker.hpp", "#include <muster/pool.hpp>", "may not include muster")
        self.bites("src/engine/thread/worker.hpp", '#include "api/pool.hpp"', "may not include api",
                   files={"src/api/pool.hpp": "#pragma once\n"})

    def test_lower_layers_do_not_reach_the_api_through_detail(self):
        detail = {"include/muster/detail/call.hpp": "#pragma once\n#include <muster/pool.hpp>\n"}
        self.bites("src/engine/thread/worker.hpp", "#include <muster/detail/call.hpp>", "reaches include/muster/pool.hpp",
                   files=detail)
        self.assertEqual(check(GOOD | detail | {"src/api/x.cpp": "#include <muster/detail/call.hpp>\n"}).returncode, 0)

    def test_front_ends_see_only_public_headers(self):
        for name in ("cli/main.cpp", "bench/map/ours.cpp", "examples/lock.cpp", "python/module.cpp", "tests/install/tour.cpp"):
            self.bites(name, "#include <muster/detail/job.hpp>", "may not include detail")
            self.bites(name, '#include "engine/engine.hpp"', "may not include engine")
        self.bites("cli/main.cpp", '#include "bench/config.hpp"', "cli may not include bench")
        self.bites("src/api/pool.cpp", '#include "tests/leaks.hpp"', "api may not include tests")
        self.assertEqual(check(GOOD | {"cli/e.cpp": "#include <muster/error.hpp>\n"}).returncode, 0)

    def test_platform_conditions_stay_in_os(self):
        for condition in ("#ifdef __linux__", "#if defined(_WIN32)", "#  ifndef __APPLE__", "#if 1 || \\\n  __aarch64__",
                          "#if __cplusplus > 1\n#elif __AVX2__", "#ifdef __x86_64__"):
            name, last = "src/engine/engine.hpp", condition.split("\n")[-1]
            result = check(GOOD | {name: condition + "\n#endif\n"})
            self.assertEqual(result.returncode, 1, condition)
            self.assertIn("only src/os may", result.stdout, last)
        self.bites("cli/main.cpp", "#ifdef __linux__", "asks for a platform (__linux__)")
        fine = "#if defined(__SANITIZE_THREAD__) || __GNUC__ > 11\n#endif\n#include <linux_names.hpp>\n"
        self.assertEqual(check(GOOD | {"src/api/a.cpp": fine}).returncode, 0)

    def test_kernel_is_only_called_from_os(self):
        self.bites("src/parts/sync/lock.hpp", "#include <linux/futex.h>", "only src/os talks to the kernel")
        self.bites("src/api/pool.cpp", "#include <sys/mman.h>", "only src/os talks to the kernel")
        self.bites("include/muster/pool.hpp", "#include <unistd.h>", "only src/os talks to the kernel")

    def test_cycles_between_files_are_found(self):
        tree = GOOD | {"cli/a.hpp": '#include "b.hpp"\n', "cli/b.hpp": '#include "c.hpp"\n', "cli/c.hpp": '#include "a.hpp"\n'}
        result = check(tree)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cli/a.hpp -> cli/b.hpp -> cli/c.hpp -> cli/a.hpp", result.stdout)

    def test_every_source_has_a_layer(self):
        for name in ("src/misc/x.cpp", "src/main.cpp", "src/parts/x.hpp"):
            self.assertIn(f"{name}:1: belongs to no layer", check(GOOD | {name: "int x;\n"}).stdout)

    def test_graph_names_the_modules(self):
        text = check(GOOD, "--graph").stdout
        self.assertRegex(text, r"(?m)^engine/thread +->  engine, parts/queue$")
        self.assertRegex(text, r"(?m)^os +->  -$")
        self.assertIn('"parts/queue" -> "parts/sync";', check(GOOD, "--dot").stdout)


if __name__ == "__main__":
    unittest.main()
