#!/usr/bin/env bash
# Go benchmarks of this tree into bin/bench.txt; with a revision, of that one,
# too, in turns in the same session, and benchstat's comparison of the two.
#   tools/bench.sh [REVISION]     environment: PACKAGES, BENCH, COUNT, BENCHTIME
set -euo pipefail
cd "$(dirname "$0")/.."
base=${1:-} packages=(${PACKAGES:-internal/simd autoencoder detect incident store watch})
new=$PWD work=$(mktemp -d)
trap 'git worktree remove --force "$work/tree" 2>/dev/null || true; rm -rf "$work"' EXIT

# build NAME TREE: test binaries of the packages that the tree has
build() {
  for p in "${packages[@]}"; do
    [ ! -d "$2/$p" ] || (cd "$2" && go test -c -o "$work/$1/${p//\//-}.test" "./$p")
  done
}
# round NAME TREE: every benchmark once more
round() {
  for p in "${packages[@]}"; do
    local bin=$work/$1/${p//\//-}.test
    [ ! -x "$bin" ] || (cd "$2/$p" && "$bin" -test.run '^$' -test.bench "${BENCH:-.}" -test.benchmem -test.benchtime "${BENCHTIME:-200ms}")
  done >>"$work/$1.txt"
}

mkdir -p bin
build new "$new"
if [ -n "$base" ]; then
  git worktree add --quiet --detach "$work/tree" "$base"
  build old "$work/tree"
fi
for ((i = 0; i < ${COUNT:-6}; i++)); do
  [ -z "$base" ] || round old "$work/tree"
  round new "$new"
done
cp "$work/new.txt" bin/bench.txt
[ -z "$base" ] || cp "$work/old.txt" bin/bench-base.txt
(cd tools/pinned && go build -o ../../bin/benchstat golang.org/x/perf/cmd/benchstat)
if [ -n "$base" ]; then
  ./bin/benchstat "base=bin/bench-base.txt" "here=bin/bench.txt"
else
  ./bin/benchstat bin/bench.txt
fi
