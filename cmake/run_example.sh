#!/usr/bin/env bash
# run_example.sh PROGRAM EXPECTED: the program must end well and, where the file EXPECTED exists, print exactly that.
set -u
program=$1 expected=$2
output=$("$program" && printf .) || { printf '%s\n' "$output"; echo "$program failed" >&2; exit 1; }
output=${output%.}
printf '%s' "$output"
[ ! -e "$expected" ] || diff -u "$expected" <(printf '%s' "$output")
