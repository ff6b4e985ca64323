#!/usr/bin/env bash
# run_model.sh FILE.pml FOLDER [-DNAME...]: searches the model's whole state space with Spin, working in FOLDER.
# In the environment: SPIN, CC, MEMORY (MiB at most), LTL (a claim's name, or empty), FAILS (1: an error must be found).
set -eu
model=$1 folder=$2
shift 2
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

fail() {
  echo "$(basename "$model"): $1" >&2
  exit 1
}

"$SPIN" -a "$@" "$model" || fail "spin does not understand it"
flags=(-O2 -w -DMEMLIM="$MEMORY" -DCOLLAPSE -DVECTORSZ=4096)
if [ -n "$LTL" ]; then
  search=(-a -f -N "$LTL")
  flags+=(-DNFAIR=4)
else
  search=()
  flags+=(-DSAFETY)
fi
"$CC" "${flags[@]}" -o pan pan.c || fail "the verifier does not compile"
./pan -m1000000 "${search[@]}" | tee result.txt

# An incomplete search (memory or depth ran out) proves nothing, whatever it found not.
grep -q 'Search not completed' result.txt && complete=no || complete=yes
! grep -q 'max search depth too small' result.txt || complete=no
errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' result.txt)
[ -n "$errors" ] || fail "the search did not end"

if [ "$FAILS" = 1 ]; then
  [ "$errors" -gt 0 ] || fail "no error found, though one was put in"
  exit 0
fi
if [ "$errors" -gt 0 ]; then
  "$SPIN" -k "$(basename "$model").trail" -t -p -g -l "$@" "$model" | tail -n 80
  fail "an error was found; its trail is above"
fi
[ $complete = yes ] || fail "the search was not complete"
! grep -E '"assert\(' result.txt || fail "an assertion is never reached (above)"
