#!/usr/bin/env bash
# Records bench/exhaustion/recorded: exhaust.sh builds the recorder, starts
# Debian's node_exporter beside it, and runs all file systems and processes.
# Needs root, loop devices, 8 GB in WORK (/dev/shm/exhaust, memory), cgroup v1's memory
# controller, and Debian's prometheus-node-exporter and e2fsprogs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${WORK:-/dev/shm/exhaust} port=${PORT:-19100}
mkdir -p "$work"
(cd "$here/../.." && CGO_ENABLED=0 go build -trimpath -o "$work/record" ./tools/record)
prometheus-node-exporter --web.listen-address="127.0.0.1:$port" --collector.disable-defaults --collector.filesystem \
  --collector.filesystem.mount-points-exclude='^$' --collector.filesystem.fs-types-exclude='^(proc|sysfs|cgroup2?|devpts|mqueue)$' \
  >"$work/exporter.log" 2>&1 &
exporter=$!
trap 'kill $exporter; wait $exporter || true; rm -f "$work/record"' EXIT
for _ in $(seq 50); do
  curl -sf "http://127.0.0.1:$port/metrics" >/dev/null && break
  sleep 0.2
done
"$work/record" exhaust -work "$work" -exporter "http://127.0.0.1:$port/metrics" -out "${OUT:-$here/../../bench/exhaustion/recorded}" "$@"
