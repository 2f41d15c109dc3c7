#!/usr/bin/env bash
# POST /predict of Omen beside the service it replaces (app.py, two gunicorn
# workers): both answer the same requests in turns, and what counts is requests
# per second of the servers' own processor time. Needs Debian's python3-flask,
# gunicorn, python3-numpy, apache2-utils, curl and jq. Omen learns this machine
# first, which takes some minutes.
#   bench/flask/compare.sh [REQUESTS] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
requests=${1:-20000} rounds=${2:-3}
dir=$(mktemp -d)
omen=127.0.0.1:19955 flask=127.0.0.1:19956
./bin/omen serve --storage.path="$dir/data" --web.listen-address=$omen >"$dir/omen.log" 2>&1 &
omen_pid=$!
(cd bench/flask && exec /usr/bin/python3 -m gunicorn -w 2 -b $flask app:app) >"$dir/flask.log" 2>&1 &
flask_pid=$!
trap 'kill $omen_pid $flask_pid 2>/dev/null; wait; rm -rf "$dir"' EXIT

until curl -sf $omen/api/v1/omen/hosts | jq -e '.hosts[0].model != "" and .hosts[0].model != null' >/dev/null; do
  kill -0 $omen_pid || { cat "$dir/omen.log"; exit 1; }
  sleep 2
done
id=$(curl -sf $omen/api/v1/omen/hosts | jq -r '.hosts[0].name')
curl -sf "$omen/api/v1/omen/hosts/$(jq -rn --arg v "$(curl -sf $omen/api/v1/omen/hosts | jq -r '.hosts[0].id')" '$v|@uri')" |
  jq -c --arg i "$id" '{instance: $i, features: ([.features[] | {(.name): .actual}] | add)}' >"$dir/body.json"

# cpu is the seconds of processor time that a server and its workers have used.
cpu() {
  for p in "$1" $(pgrep -P "$1" || true); do cut -d' ' -f14,15 "/proc/$p/stat"; done |
    awk -v hz="$(getconf CLK_TCK)" '{ s += $1 + $2 } END { print s / hz }'
}
load() {
  local before after
  before=$(cpu "$2")
  ab -q -k -n "$requests" -c 4 -T application/json -p "$dir/body.json" "http://$3/predict" >"$dir/ab.txt"
  grep -q 'Non-2xx' "$dir/ab.txt" && { echo "$1 refuses the request:"; cat "$dir/ab.txt"; exit 1; }
  after=$(cpu "$2")
  awk -v n="$requests" -v a="$before" -v b="$after" -v who="$1" 'BEGIN { printf "%-6s %d requests, %.2f CPU seconds, %.0f requests per CPU second\n", who, n, b - a, n / (b - a) }'
}
for ((i = 0; i < rounds; i++)); do
  load omen $omen_pid $omen
  load flask $flask_pid $flask
done | tee "$dir/all.txt"
awk '{ r[$1] += $(NF-4); c[$1]++ } END { printf "ratio %.1f\n", (r["omen"] / c["omen"]) / (r["flask"] / c["flask"]) }' "$dir/all.txt"
