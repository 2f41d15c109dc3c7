#!/usr/bin/env bash
# Makes the Debian machine of `make vm`, as tools/record makes the recorded ones;
# prints the folder with its root.img, kernel and initrd. Some minutes at first;
# then they lie in the user's cache, by what they were made from.
# Needs root, and Debian's debootstrap; what starts it needs qemu-system-x86.
set -euo pipefail
cd "$(dirname "$0")"
key=$(cat build.sh guest.service ../../tools/record/debian.sh | sha256sum | cut -c 1-16)
dir=${OMEN_VM:-${XDG_CACHE_HOME:-$HOME/.cache}/omen-vm/$key}
if [ ! -e "$dir/root.img" ]; then
  here=$PWD
  . ../../tools/record/debian.sh
  mkdir -p "$dir"
  cd "$dir"
  # polkitd wants some logind, which debootstrap does not find by itself; without
  # libnss-systemd nobody knows the name of a unit's DynamicUser.
  system dbus,polkitd,libpam-systemd,libnss-systemd >&2
  echo '/dev/vdb /payload ext4 ro 0 0' >>root/etc/fstab
  install -D -m 644 "$here/guest.service" root/etc/systemd/system/guest.service
  ln -sf ../guest.service root/etc/systemd/system/multi-user.target.wants/guest.service
  disk 2G >&2
  rm -rf root
fi
echo "$dir"
