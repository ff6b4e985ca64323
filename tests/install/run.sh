#!/usr/bin/env bash
# Installs muster, static and shared, and builds outside programs against it in every way that users do.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/build/install-test
jobs=$(nproc)
options=(-G Ninja -DCMAKE_BUILD_TYPE=Release)
! command -v ccache >/dev/null || options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)

# quietly NAME COMMAND...: its output only if it fails.
quietly() {
  local log=$work/$1.log
  shift
  "$@" >"$log" 2>&1 || { cat "$log" && echo "failed: $*" && exit 1; } >&2
}

# cmake_build NAME SOURCE OPTION...
cmake_build() {
  local name=$1 source=$2
  shift 2
  quietly "$name" cmake -S "$source" -B "$work/$name" "${options[@]}" "$@"
  quietly "$name" cmake --build "$work/$name" -j "$jobs"
}

# passes WHAT PROGRAM
passes() {
  quietly tour bash "$root/cmake/run_example.sh" "$2" "$here/tour.expected"
  echo "ok  $1"
}

# Each header of the package can be included alone, without a warning.
headers_stand_alone() {
  (cd "$1/include" && find muster -name '*.hpp') >"$work/headers"
  quietly headers xargs -a "$work/headers" -P "$jobs" -I{} \
    g++ -std=c++20 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ -I"$1/include" -include {} /dev/null
  echo "ok  headers stand alone"
}

by_pkg_config() {
  local kind=$1 config flags
  config=$(dirname "$(find "$2" -name muster.pc)")
  flags=$(PKG_CONFIG_PATH=$config pkg-config --cflags --libs muster)
  # shellcheck disable=SC2086  # a list of words
  quietly pkg-config g++ -std=c++20 -Wall -Wextra -Wpedantic -Werror "$here/tour.cpp" -o "$work/tour-$kind" $flags
  LD_LIBRARY_PATH=$(dirname "$config") passes "$kind: pkg-config" "$work/tour-$kind"
}

# The programs of ../shared/contract, where that folder exists.
by_contract() {
  local kind=$1 prefix=$2
  [ -d "$root/../shared/contract" ] || return 0
  cmake_build "$kind-contract" "$root/../shared/contract" -DCMAKE_PREFIX_PATH="$prefix"
  ctest --test-dir "$work/$kind-contract" --output-on-failure
}

one_kind() {
  local kind=$1 shared=$2 prefix=$work/$1-prefix
  rm -rf "$prefix" "$prefix.first"
  cmake_build "$kind" "$root" -DBUILD_SHARED_LIBS="$shared" -DMUSTER_DEVELOP=OFF -DMUSTER_BUILD_CLI=ON
  quietly "$kind" cmake --install "$work/$kind" --prefix "$prefix.first"
  mv "$prefix.first" "$prefix" # a package may be moved after it was installed

  quietly command "$prefix/bin/muster" --version
  echo "ok  $kind: command"
  cmake_build "$kind-package" "$here" -DCMAKE_PREFIX_PATH="$prefix"
  passes "$kind: find_package" "$work/$kind-package/tour"
  cmake_build "$kind-folder" "$here" -DMUSTER_SOURCE="$root" -DBUILD_SHARED_LIBS="$shared"
  passes "$kind: add_subdirectory" "$work/$kind-folder/tour"
  by_pkg_config "$kind" "$prefix"
  by_contract "$kind" "$prefix"
}

mkdir -p "$work"
one_kind static OFF
headers_stand_alone "$work/static-prefix"
one_kind shared ON
echo "install test passed"
