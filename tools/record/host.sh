#!/usr/bin/env bash
# Records faults on this machine itself: host.sh DIR serves the application of
# record.sh's machines from a disk in a file (mounted at /srv), lets clients in a
# network namespace drive it for MINUTES (100), of which the first CALM (48) are
# without faults, and takes down what Omen measured meanwhile. Whatever else this
# machine does goes on beside it.
# Needs root, cgroup v1's blkio, and Debian's nginx-light, stress-ng, iproute2,
# iptables. It uses /srv, /usr/local/bin/record and ports 80, 9000 and 9900.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?where to work, a folder with 8 GB of room}
minutes=${MINUTES:-100} calm=${CALM:-48} name=${NAME:-host}
export DESK=/sys/fs/cgroup/blkio/desk
mkdir -p "$dir"
cd "$dir"
started=()

end() {
  kill "${started[@]}" 2>/dev/null || true
  wait "${started[@]}" 2>/dev/null || true
  ip netns del clients 2>/dev/null || true
  umount /srv 2>/dev/null || true
  losetup -j desk.img | cut -d: -f1 | xargs -r losetup -d
  rmdir "$DESK" 2>/dev/null || true
  rm -f /usr/local/bin/record
}
trap end EXIT

(cd "$here/../.." && go build -trimpath -o "$dir/record" ./tools/record && go build -trimpath -o "$dir/omen" ./cmd/omen)
install -m 755 record /usr/local/bin/record

# The disk: writes of the group desk to it can be held up for ever.
truncate -s 4G desk.img
mkfs.ext4 -qF desk.img
device=$(losetup -f --show desk.img)
mount "$device" /srv
DISK=$(lsblk -dno MAJ:MIN "$device" | tr -d ' ')
export DISK
mkdir -p "$DESK" /srv/www /srv/nginx
for i in $(seq 0 59); do head -c $((1000 + i * i * 60)) /dev/urandom >/srv/www/f$i; done

# The clients' side of the network: packets can be lost there.
ip netns add clients
ip link add desk0 type veth peer name desk1
ip link set desk1 netns clients
ip addr add 10.77.9.2/24 dev desk0
ip link set desk0 up
ip -n clients addr add 10.77.9.1/24 dev desk1
ip -n clients link set lo up
ip -n clients link set desk1 up

cat >nginx.conf <<NGINX
daemon off;
worker_processes 2;
pid $dir/nginx.pid;
error_log $dir/nginx.log;
events { worker_connections 512; }
http {
  access_log /srv/nginx/access.log;
  sendfile on;
  server { listen 10.77.9.2:80; root /srv/www; }
}
NGINX
grouped() { exec bash -c 'echo $$ >"$DESK/cgroup.procs"; exec "$@"' - "$@"; }
grouped nginx -c "$dir/nginx.conf" &
started+=($!)
grouped record guest 2>guest.log &
started+=($!)
./omen serve --storage.path="$dir/omen.d" --web.listen-address=127.0.0.1:9900 >omen.log 2>&1 &
started+=($!)
sleep 20 # until it measures

date -u +%FT%TZ >began
ip netns exec clients ./record drive -place host -host 10.77.9.2 -seed "${SEED:-21}" -rate 60 -orders 0.4 -gap "${GAP:-130s}" \
  -out faults.jsonl -kinds "${KINDS:-}" -calm "${calm}m" -for "${minutes}m" 2>drive.log &
driver=$!
started+=("$driver")
wait "$driver"
date -u +%FT%TZ >ended
kill "${started[2]}"
wait "${started[2]}" || true
./record extract -data omen.d/metrics -faults faults.jsonl -begin "$(cat began)" -end "$(cat ended)" -calm "${calm}m" -out "$here/../../bench/faults/machine/$name"
