#!/usr/bin/env bash
# Every fuzz target of the module for FUZZTIME (default 10s) each, one after the
# other. An input that fails is printed, and kept below testdata/fuzz of its
# package: commit it with the fix.
#   tools/fuzz.sh [PACKAGE...]
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
# Making an input smaller only because it is new would take most of the time: 60 s each by default.
flags=(-run '^$' -fuzztime "${FUZZTIME:-10s}" -fuzzminimizetime 20x)
while IFS=: read -r file target; do
  package=./$(dirname "$file")
  if ((${#@})) && [[ " $* " != *" $package "* ]]; then continue; fi
  echo "fuzz $package $target"
  if ! out=$(go test "${flags[@]}" -fuzz "^$target\$" "$package" 2>&1); then
    printf '%s\n' "$out"
    input=$(sed -n 's/^ *Failing input written to //p' <<<"$out" | head -1)
    # Go's fuzzer at times calls the end of its own time a failure, without an
    # input: then it is run once more, and has to pass.
    if [ -z "$input" ] && grep -qE '^ +context deadline exceeded$' <<<"$out" &&
      go test "${flags[@]}" -fuzz "^$target\$" "$package"; then
      continue
    fi
    failed=1
    [ -z "$input" ] || { echo "$package/$input:"; cat "$package/$input"; }
  fi
done < <(git ls-files '*_test.go' | xargs grep -oE '^func Fuzz\w+' | sed 's/:func /:/' | sort)
exit $failed
