#!/usr/bin/env python3
"""What cannot travel to another process does not compile, and the compiler's first and only error says what to write instead.

refusals.py COMPILER INCLUDE_FOLDER
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

PRELUDE = """
#include <any>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>
#include <muster/exception.hpp>
#include <muster/serialize.hpp>
using namespace muster::detail;
template <class T> void send(Writer& out, Reader& in) { write_value<T>(out, read_value<T>(in)); }
template <class F> void ship(Writer& out, Reader& in, const F& f) {
  write_callable(out, f);
  read_callable<F>(in);
}
struct Thing { int size() const; };
struct Base { int x; };
struct Derived : Base { std::string y; };
struct Pointing { std::string name; const char* text; };
struct Referring { int& x; };
struct Frozen { const int x; std::string y; };
struct Listing { std::string names[2]; };
struct Choice { int kind; union { int i; float f; }; };
union Either { int i; float f; };
class Closed { int x = 0; public: int get() const { return x; } };
class Asking {
 public:
  explicit Asking(int x) : x_(x) {}
  template <class A> void serialize(A& archive) { archive(x_); }
 private:
  int x_;
};
struct Hiding { int x = 0; std::any rest; template <class A> void serialize(A& archive) { archive(x, rest); } };
struct Backwards { bool up = false; bool operator()(int a, int b) const { return up ? a < b : b < a; } };
struct Fault : std::exception { int code; explicit Fault(int c) : code(c) {} };
"""

# What is refused: the body of a function (Writer& out, Reader& in); a part of the advice; the culprit, where it is named.
REFUSED = [
    ("send<int*>(out, in);", "a pointer cannot travel", "int*"),
    ("send<std::vector<const char*>>(out, in);", "Pass the value itself, a std::string", "const char*"),
    ("send<std::map<int, std::optional<Pointing>>>(out, in);", "a pointer cannot travel", "const char*"),
    ("send<std::string_view>(out, in);", "Pass a std::string instead of a string_view", "std::basic_string_view<char>"),
    ("send<std::optional<std::span<int>>>(out, in);", "a std::vector instead of a span", "std::span<int"),
    ("send<std::reference_wrapper<int>>(out, in);", "a reference cannot travel", "std::reference_wrapper<int>"),
    ("send<std::function<int()>>(out, in);", "a std::function cannot travel", "std::function<int"),
    ("send<int Thing::*>(out, in);", "a pointer to a member cannot travel", "Thing"),
    ("send<Either>(out, in);", "Use a std::variant", "Either"),
    ("send<Choice>(out, in);", "Use a std::variant", "Choice"),
    ("send<Derived>(out, in);", "cereal::base_class<Base>(this)", "Derived"),
    ("send<Referring>(out, in);", "the fields of this struct cannot be told apart", "Referring"),
    ("send<Frozen>(out, in);", "references or constants among its fields", "Frozen"),
    ("send<Listing>(out, in);", "Make the array a std::array", "Listing"),
    ("send<std::unique_ptr<int[]>>(out, in);", "Use a std::vector", "int []"),
    ("send<std::set<int, Backwards>>(out, in);", "Make it a struct without fields", "Backwards"),
    ("send<Closed>(out, in);", "give it a serialize function", "Closed"),
    ("send<std::pair<int, std::mutex>>(out, in);", "Mutexes, threads, files and futures never travel", "std::mutex"),
    ("send<Asking>(out, in);", "needs a public default constructor", "Asking"),
    ("send<Hiding>(out, in);", "give it a serialize function", "std::any"),
    ("int x = 1; ship(out, in, [x] { return x; });", "Use muster::bind(f, args...)", "lambda"),
    ("int x = 1; ship(out, in, [&] { return x; });", "a closure with captures cannot travel", "lambda"),
    ("ship(out, in, std::function<int()>([] { return 1; }));", "a std::function cannot travel", "std::function<int"),
    ("ship(out, in, &Thing::size);", "Wrap it in a lambda without captures", "Thing"),
    ("ship(out, in, muster::bind([](int* p) { return *p; }, static_cast<int*>(nullptr)));", "a pointer cannot travel", "int*"),
    ("muster::register_exception<Fault>();", "register_exception<E>(save, load)", "Fault"),
]

# What is accepted: without these, a header that does not compile at all would pass for one that refuses.
ACCEPTED = [
    "send<std::map<int, std::vector<std::optional<std::string>>>>(out, in);",
    "ship(out, in, [](int x) { return x; });",
    "ship(out, in, muster::bind([](int x, int y) { return x + y; }, 1));",
    "muster::register_exception<Fault>([](const Fault& f) { return f.code; }, [](int c) { return Fault(c); });",
]


class Compiler:
    """Compiles bodies of a function, with the prelude compiled once."""

    def __init__(self, program, include, folder):
        self.folder = Path(folder)
        self.command = [program, "-std=c++20", f"-I{include}"]
        prelude = self.folder / "prelude.hpp"
        prelude.write_text(PRELUDE)
        subprocess.run([*self.command, "-x", "c++-header", str(prelude), "-o", f"{prelude}.gch"], check=True)

    def errors(self, body):
        source = self.folder / "snippet.cpp"
        source.write_text(f"void snippet(Writer& out, Reader& in);\nvoid snippet([[maybe_unused]] Writer& out, "
                          f"[[maybe_unused]] Reader& in) {{ {body} }}\n")
        done = subprocess.run([*self.command, "-include", str(self.folder / "prelude.hpp"), "-fsyntax-only", str(source)],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stderr


def complaint(status, output, advice, culprit):
    """What is wrong with the compiler's answer to something that is to be refused; None if nothing is."""
    errors = [line for line in output.splitlines() if re.search(r"\berror:", line)]
    if status == 0 or not errors:
        return "compiles"
    if "muster: " not in errors[0] or advice not in errors[0]:
        return f"its first error is: {errors[0]}"
    if len(errors) > 1:
        return f"has {len(errors)} errors, the second: {errors[1]}"
    if culprit.replace(" ", "") not in output.replace(" ", ""):
        return f"names no {culprit}"
    return None


def main():
    program, include = sys.argv[1:]
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        compiler = Compiler(program, include, folder)
        for body in ACCEPTED:
            status, output = compiler.errors(body)
            if status != 0:
                failures += 1
                print(f"is refused: {body}\n{output}")
        for body, advice, culprit in REFUSED:
            wrong = complaint(*compiler.errors(body), advice, culprit)
            if wrong:
                failures += 1
                print(f"{body}\n  {wrong}")
    print(f"refusals: {len(ACCEPTED)} accepted, {len(REFUSED)} refused, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
