# shellcheck shell=bash
# Sourced by what makes Debian machines for qemu: both functions work in the
# current folder, and need root and Debian's debootstrap and e2fsprogs.

# system PACKAGES makes root: Debian bookworm with these packages and its cloud
# kernel, which has netem, the device mapper and pressure stall information.
system() {
  [ ! -e root ] || return 0
  rm -rf root.new # of one that did not come to its end
  debootstrap --variant=minbase \
    --include="systemd-sysv,udev,kmod,procps,iproute2,e2fsprogs,initramfs-tools,linux-image-cloud-amd64,$1" bookworm root.new
  echo '/dev/vda / ext4 defaults 0 1' >root.new/etc/fstab
  ln -sf /dev/null root.new/etc/systemd/system/apt-daily.timer
  ln -sf /dev/null root.new/etc/systemd/system/apt-daily-upgrade.timer
  mv root.new root
}

# disk SIZE makes of root what a machine starts from: kernel, initrd, root.img.
disk() {
  cp root/boot/vmlinuz-* kernel
  cp root/boot/initrd.img-* initrd
  rm -f root.img root.img.new
  mke2fs -q -t ext4 -d root root.img.new "$1"
  mv root.img.new root.img
}
