#!/bin/sh
# Runs once at each start of a recorded machine: its address, its data disk
# (behind the device mapper, so that it can be made to stall), its files.
set -eu
for word in $(cat /proc/cmdline); do
  case $word in
  omen.net=*) net=${word#omen.net=} ;;
  omen.name=*) hostname "${word#omen.name=}"; echo "${word#omen.name=}" >/etc/hostname ;;
  esac
done
ip link set lo up
ip addr add "10.77.$net.2/24" dev eth0
ip link set eth0 up
echo "0 $(blockdev --getsz /dev/vdb) linear /dev/vdb 0" | dmsetup create srv
blkid /dev/mapper/srv >/dev/null || mkfs.ext4 -q /dev/mapper/srv
mount /dev/mapper/srv /srv
mkdir -p /srv/www /srv/nginx
i=0
while [ $i -lt 60 ]; do
  head -c $((1000 + i * i * 60)) /dev/urandom >/srv/www/f$i
  i=$((i + 1))
done
cat >/etc/nginx/nginx.conf <<'NGINX'
worker_processes 2;
events { worker_connections 512; }
http {
  access_log /srv/nginx/access.log;
  sendfile on;
  server { listen 80; root /srv/www; }
}
NGINX
if [ ! -e /swap ]; then
  dd if=/dev/zero of=/swap bs=1M count=256 2>/dev/null
  chmod 600 /swap
  mkswap -q /swap
fi
swapon /swap
