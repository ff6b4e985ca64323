#!/usr/bin/env python3
"""Holds the tree to its layers: includes run downwards only, and the system shows only in src/os.

layers.py [--root DIR]             name every breach as file:line, status 1 if there is one
layers.py [--root DIR] --graph     draw which module includes which, as text
layers.py [--root DIR] --dot       the same for graphviz
"""

import argparse
import posixpath
import re
import sys
from pathlib import Path

FRONT = ("cli", "python", "examples", "bench")
SOURCES = {".cpp", ".hpp", ".h"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
CONDITION = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|elifdef|elifndef)\b((?:\\\n|.)*)", re.M)
COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', re.S)
SYSTEMS = (r"_*linux_*|_*unix_*|_*ANDROID_*|_*APPLE_*|_*MACH_*|_WIN(?:32|64)|_*MINGW\w*|_*CYGWIN_*"
           r"|_*(?:Free|Net|Open)BSD_*|_*DragonFly_*|_*sun_*|_*EMSCRIPTEN_*")
MACHINES = (r"_*x86_64_*|_*amd64_*|_*i[3-6]86_*|_M_(?:X64|AMD64|IX86|ARM\w*)|_*aarch64_*|_*arm(?:64)?_*|_*riscv\w*"
            r"|_*powerpc\w*|_*PPC\w*|_*s390\w*|_*mips\w*|_*loongarch\w*|_*AVX\w*|_*SSE\w*|_*BMI\w*|_*ARM_\w+")
PLATFORM = re.compile(rf"\b(?:{SYSTEMS}|{MACHINES})\b")
KERNEL = re.compile(r"(?:(?:sys|linux|asm|mach)/.+|unistd|pthread|sched|fcntl|signal|semaphore|poll|spawn|dlfcn|windows)"
                    r"(?:\.h)?$")


def module_of(path):
    """The module that a file belongs to, None if it has no place in the layout."""
    parts = path.split("/")
    if parts[:2] == ["include", "muster"]:
        return {"detail": "detail", "error.hpp": "error"}.get(parts[2], "muster")
    if parts[0] == "tests":
        return "tests/install" if parts[1] == "install" else "tests"
    if parts[0] in FRONT:
        return parts[0]
    if parts[0] != "src" or len(parts) < 3:
        return None
    if parts[1] in ("os", "api"):
        return parts[1]
    if parts[1] == "engine":
        return "engine" if len(parts) == 3 else "engine/" + parts[2]
    if parts[1] == "parts" and len(parts) > 3:
        return "parts/" + parts[2]
    return None


PARTS_BELOW = {"parts/queue": {"parts/sync"}, "parts/start": {"parts/wire"}}


def allowed(source, target):
    """Whether module `source` may include module `target`."""
    if source == target or source == "tests":
        return True
    if source == "os":
        return False
    if source in FRONT or source == "tests/install":
        return target in ("muster", "error")
    if source in ("muster", "detail", "error"):  # a lower layer that reaches up through detail/ is caught on its own
        return target in ("muster", "detail", "error")
    if target in ("os", "detail", "error"):
        return True
    if source.startswith("parts/"):
        return target in PARTS_BELOW.get(source, ())
    if source.startswith("engine"):
        return target == "engine" or target.startswith("parts/")
    return target in ("muster", "engine") or target.startswith(("engine/", "parts/"))  # src/api


def is_lower(module):
    return module == "os" or module.startswith(("engine", "parts/"))


class Tree:
    """The files of one tree and the includes between them."""

    def __init__(self, root):
        self.text = {}
        for top in ("include", "src", "tests", *FRONT):
            for path in sorted((root / top).rglob("*")):
                if path.suffix in SOURCES and path.is_file():
                    plain = COMMENT.sub(lambda m: m[1] or re.sub(r"[^\n]", " ", m[0]), path.read_text(errors="replace"))
                    self.text[path.relative_to(root).as_posix()] = plain
        self.includes = {path: list(self.find_includes(path)) for path in self.text}

    def find_includes(self, path):
        """Yields (line, name, file of ours or None)."""
        for match in INCLUDE.finditer(self.text[path]):
            near = [posixpath.dirname(path)] if match[1] == '"' else []
            places = (posixpath.normpath(posixpath.join(folder, match[2])) for folder in (*near, "src", "include", "."))
            yield self.line(path, match), match[2], next((place for place in places if place in self.text), None)

    def line(self, path, match):
        return self.text[path].count("\n", 0, match.start()) + 1

    def edges(self, path):
        return [(line, target) for line, _, target in self.includes[path] if target]


def is_test(path):
    """Of a program that tests, or what such programs share."""
    return re.search(r"(_(test|bench)\.cpp|/testing\.hpp)$", path) is not None


def breaches(tree):
    """Yields (file, line, what is wrong)."""
    for path in tree.text:
        module = module_of(path)
        if module is None:
            yield path, 1, "belongs to no layer"
            continue
        yield from upward(tree, path, module)
        yield from through_detail(tree, path, module)
        yield from platform(tree, path, module)
    yield from cycles(tree)


def upward(tree, path, module):
    for line, target in tree.edges(path):
        other = module_of(target)
        if other == "tests" and is_test(path):
            continue
        if other is not None and not allowed(module, other):
            yield path, line, f"{module} may not include {other} ({target})"


def through_detail(tree, path, module):
    """A lower layer may use detail/, but not what detail/ itself takes from the API."""
    if not is_lower(module):
        return
    for line, first in tree.edges(path):
        if module_of(first) not in ("detail", "error"):
            continue
        seen, todo = {first}, [first]
        while todo:
            current = todo.pop()
            for _, target in tree.edges(current):
                if module_of(target) == "muster":
                    yield path, line, f"{module} reaches {target} through {current}"
                    return
                if target not in seen:
                    seen.add(target)
                    todo.append(target)


def platform(tree, path, module):
    if module == "os":
        return
    for match in CONDITION.finditer(tree.text[path]):
        macro = PLATFORM.search(match[1])
        if macro:
            yield path, tree.line(path, match), f"asks for a platform ({macro[0]}): only src/os may"
    if module in ("muster", "detail", "error", "api") or is_lower(module):
        for line, name, target in tree.includes[path]:
            if target is None and KERNEL.match(name) and name != "semaphore" and not is_test(path):
                yield path, line, f"takes {name} from the system: only src/os talks to the kernel"


def cycles(tree):
    state = {}  # absent: not seen; a list position: on the current path; None: done

    def visit(path, trail):
        state[path] = len(trail)
        trail.append(path)
        for line, target in tree.edges(path):
            if target not in state:
                yield from visit(target, trail)
            elif state[target] is not None:
                yield path, line, "includes itself: " + " -> ".join(trail[state[target]:] + [target])
        trail.pop()
        state[path] = None

    for path in tree.text:
        if path not in state:
            yield from visit(path, [])


ORDER = (*FRONT, "tests", "tests/install", "muster", "detail", "error", "api", "engine", "parts", "os")


def rank(module):
    return ORDER.index(module if module in ORDER else module.split("/")[0]), module


def module_graph(tree):
    graph = {}
    for path in tree.text:
        if module_of(path) and not is_test(path):
            uses = graph.setdefault(module_of(path), set())
            uses.update(m for _, t in tree.edges(path) if (m := module_of(t)) and m != module_of(path))
    return {module: sorted(graph[module], key=rank) for module in sorted(graph, key=rank)}


def label(module):
    return {"muster": "include/muster", "detail": "include/muster/detail", "error": "include/muster/error.hpp",
            "api": "src/api"}.get(module, module)


def draw(tree, dot):
    graph = module_graph(tree)
    if not dot:
        width = max((len(label(m)) for m in graph), default=0)
        for module, uses in graph.items():
            print(f"{label(module):{width}}  ->  {', '.join(map(label, uses)) or '-'}")
        return
    print("digraph muster {\n  node [shape=box];")
    for module, uses in graph.items():
        print(f'  "{label(module)}";')
        for use in uses:
            print(f'  "{label(module)}" -> "{label(use)}";')
    print("}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--graph", action="store_true")
    parser.add_argument("--dot", action="store_true")
    options = parser.parse_args()
    tree = Tree(options.root)
    if options.graph or options.dot:
        draw(tree, options.dot)
        return 0
    found = list(breaches(tree))
    for path, line, what in found:
        print(f"{path}:{line}: {what}")
    print(f"layers: {len(tree.text)} files, {len(found)} breaches")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
