#!/usr/bin/env bash
# clang.sh CLANG ROOT: the public headers, each by itself, and a program that uses nearly all of them, are C++ to Clang, too.
set -euo pipefail
clang=$1 root=$2
failed=0
for file in "$root"/include/muster/*.hpp "$root/tests/install/tour.cpp"; do
  "$clang" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -Wno-pragma-once-outside-header -I"$root/include" -x c++ "$file" || failed=1
done
exit $failed
