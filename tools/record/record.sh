#!/usr/bin/env bash
# Makes the recorded machines and runs them: record.sh DIR builds a Debian image
# below DIR, starts two machines, drives them for MINUTES (96), of which the
# first CALM (36) are without faults, and fetches what Omen in them measured.
# Needs root, and Debian's qemu-system-x86, qemu-utils, debootstrap. The machines
# are emulated, so no hypervisor is needed, and are slow: so is their load.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?where to build, a folder with 8 GB of room}
minutes=${MINUTES:-96} calm=${CALM:-36}
mkdir -p "$dir"
cd "$dir"
. "$here/debian.sh"

programs() {
  (cd "$here/../.." && CGO_ENABLED=0 go build -trimpath -o "$dir/record" ./tools/record &&
    CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/omen" ./cmd/omen)
}

# image makes root.img, kernel and initrd.
image() {
  system stress-ng,dmsetup,nginx-light,openssl
  install -m 755 record omen root/usr/local/bin/
  install -m 755 "$here/machine.sh" root/usr/local/bin/machine.sh
  local u=root/etc/systemd/system
  cat >$u/machine.service <<'UNIT'
[Unit]
DefaultDependencies=no
After=systemd-udev-settle.service local-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/bin/machine.sh
UNIT
  cat >$u/application.service <<'UNIT'
[Unit]
After=machine.service
Requires=machine.service
[Service]
ExecStart=/usr/local/bin/record guest
Restart=always
UNIT
  cat >$u/omen.service <<'UNIT'
[Unit]
After=machine.service
[Service]
ExecStart=/usr/local/bin/omen serve --storage.path=/var/lib/omen --web.listen-address=:9900 --web.allow-unauthenticated
Restart=always
UNIT
  mkdir -p $u/nginx.service.d
  printf '[Unit]\nAfter=machine.service\nRequires=machine.service\n' >$u/nginx.service.d/after.conf
  for unit in machine application omen; do
    mkdir -p $u/multi-user.target.wants
    ln -sf ../$unit.service $u/multi-user.target.wants/
  done
  ln -sf /lib/systemd/system/nginx.service $u/multi-user.target.wants/nginx.service
  disk 4G
}

# machine NAME NUMBER: two processors, 1 GB, a root and a data disk, a network
# of its own with us at the other end. Ahead of all else here, as a hypervisor is.
machine() {
  local name=$1 n=$2
  qemu-img create -q -f qcow2 -b root.img -F raw "$name.qcow2"
  qemu-img create -q -f qcow2 "$name-data.qcow2" 3G
  ip link del "tap$n" 2>/dev/null || true
  ip tuntap add dev "tap$n" mode tap
  ip addr add "10.77.$n.1/24" dev "tap$n"
  ip link set "tap$n" up
  nice -n -5 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 -nographic -no-reboot \
    -kernel kernel -initrd initrd \
    -append "root=/dev/vda rw console=ttyS0 net.ifnames=0 psi=1 omen.net=$n omen.name=$name" \
    -drive "file=$name.qcow2,if=virtio,cache=writeback" -drive "file=$name-data.qcow2,if=virtio,cache=writeback" \
    -netdev "tap,id=n,ifname=tap$n,script=no,downscript=no" -device "virtio-net-pci,netdev=n,mac=52:54:00:77:00:0$n" \
    </dev/null >"$name.log" 2>&1 &
  echo $! >"$name.pid"
}

up() {
  for n in 1 2; do machine "$(name $n)" $n; done
  for n in 1 2; do
    for _ in $(seq 120); do
      curl -sf -m 2 -d true "http://10.77.$n.2:9000/run" >/dev/null && break
      sleep 1
    done
  done
}

name() { echo "web database" | cut -d' ' -f"$1"; }

load() {
  local drives=()
  date -u +%FT%TZ >began
  ./record drive -host 10.77.1.2 -seed 11 -rate 9 -orders 0.15 -out web.jsonl -calm "${calm}m" -for "${minutes}m" 2>web.drive.log &
  drives+=($!)
  ./record drive -host 10.77.2.2 -seed 12 -rate 4 -orders 0.7 -out database.jsonl -calm "${calm}m" -for "${minutes}m" 2>database.drive.log &
  drives+=($!)
  wait "${drives[@]}"
  date -u +%FT%TZ >ended
}

fetch() {
  for n in 1 2; do
    local m; m=$(name $n)
    mkdir -p "data/$m"
    curl -sf -m 300 -d 'systemctl stop omen; tar -C /var/lib/omen -czf /srv/www/omen.tgz .' "http://10.77.$n.2:9000/run" >/dev/null
    curl -sf "http://10.77.$n.2/omen.tgz" | tar -xz -C "data/$m"
    ./record extract -data "data/$m/metrics" -faults "$m.jsonl" \
      -begin "$(cat began)" -end "$(cat ended)" -calm "${calm}m" -out "$here/../../bench/faults/machine/$m"
  done
}

down() {
  for n in 1 2; do
    kill "$(cat "$(name $n).pid")" 2>/dev/null || true
    ip link del "tap$n" 2>/dev/null || true
  done
}

if [ $# -gt 1 ]; then "${@:2}"; exit; fi # one step, by name
programs
image
trap down EXIT
up
load
fetch
