#!/usr/bin/env bash
# Statements that tests reached, by package, of a Go cover profile.
set -euo pipefail
awk 'NR > 1 {
  at = $1; sub(/\/[^\/]*:.*/, "", at); sub(/^github.com\/omenhq\/omen\/?/, "", at)
  if (at == "") at = "."
  if (!(($1, at) in seen)) { seen[$1, at] = 1; all[at] += $2; total += $2 }
  if ($3 > 0 && !(($1, at) in hit)) { hit[$1, at] = 1; reached[at] += $2; sum += $2 }
}
END {
  for (at in all) printf "%6.1f %%  %s\n", 100 * reached[at] / all[at], at | "sort -k3"
  close("sort -k3")
  printf "%6.1f %%  in all\n", 100 * sum / total
}' "$1"
