package feature

// Every byte is counted once, whatever carries it: cards and disks are stacked
// on one another, and each layer counts the bytes that pass through it. What a
// device is follows from its name, which the kernel and udev give. The facts
// that node_exporter has of devices would not do: netclass is off in many
// places, a bridge and a TUN device look like a card in it, a container's only
// card like a virtual one, and each would cost every query a join.
const (
	// cardNames are network cards: their traffic adds up. enP1234s1 is left
	// out on purpose: Azure's virtual function below an eth0 that counts its
	// bytes too. So are a card's virtual functions (v3), their representors
	// (npf0vf1, _3) and VLANs (.100).
	cardNames = `eth[0-9]+|en[0-9]+|env[0-9]+|en[abcdopsuxX][^._v]*|enP[0-9]+p[^._v]*|em[0-9]+|p[0-9]+p[0-9]+|` +
		`nic[0-9]+|wlan[0-9]+|wl[opsuxP][^._v]*|wwan[0-9]+|ww[opsuxP][^._v]*|ib[0-9]+|ib[opsxP][^._v]*|usb[0-9]+|hsn[0-9]+`

	// guestNames are the host's ends of containers' and virtual machines'
	// cables, the networks among them, and devices that the kernel makes
	// without being asked. What leaves the host passes a card; and what a guest
	// sends is received here.
	guestNames = `lo|(veth|v[be]-|docker|br-|brq|virbr|vnet|vif|vboxnet|vmnet|mpqemubr|cali|cilium|lxc|lxd|incus|flannel|cni|cbr|kube|weave|` +
		`podman|nerdctl|netavark|hassio|bpfin\\.|bpfout\\.|datapath|fc-|tap|macvtap|fwbr|fwln|fwpr|qbr|qvb|qvo|qr-|qg-|ifb|dummy|vxlan|genev|ovs-|ovn|antrea|azv|nodelocaldns).*|` +
		`(eni|gke|vlan)[0-9a-f]{7,}|[0-9a-f]{15}|(sit|tunl|gre|gretap|erspan|ip6tnl|ip6gre|ip_vti|ip6_vti)0`

	// memoryDisks are no disks, or files and volumes behind a cache.
	memoryDisks = `(loop|ram|zram|fd|sr|zd).*`

	// stackedDisks sit on disks that are counted: volumes, RAID, replicas,
	// paths of one NVMe namespace or of a storage network (emcpower), partitions
	// (sda1, fioa1, mmcblk0p2).
	stackedDisks = `(dm-|md|drbd|nbd|bcache|ublkb|ubiblock|emcpower|VxDMP|VxVM|asm!|oracleasm!).*|nvme[0-9]+c.*|` +
		`([a-z]+d|fio|scini)[a-z]+[0-9]+|.+[0-9]p[0-9]+`

	// virtualFiles are kinds of file systems without space of their own, or that
	// are full by design.
	virtualFiles = `"(tmpfs|ramfs|devtmpfs|rootfs|overlay|aufs|squashfs|iso9660|udf|erofs|cramfs|autofs|nsfs|efivarfs|fuse.*|9p|virtiofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|hugetlbfs|mqueue|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|sysfs|tracefs)"`

	realFiles = `fstype!~` + virtualFiles

	// The size of a file system on a device of the host's own changes only if
	// somebody resizes it. That of a dataset of a pool, or of another machine's file
	// system, changes with what others use of the space that they share.
	ownFiles    = realFiles + `,device=~"/.*",device!~"//.*"`
	sharedFiles = realFiles + `,device!~"/[^/].*"`

	// pool is what a file system's device shares its free space with: tank of
	// the ZFS dataset tank/home, the server of a network file system's path, also
	// [fd00::1] of [fd00::1]:/home. A block device shares with nobody.
	pool = `"pool", "$1", "device", "(//[^/]+|/.*|\\[[^]]*\\]|[^/:]*).*"`
)

// rate is what counters grow by per second. A counter that stepped back within
// the window has none: the kernel's do so by themselves (iowait, a card's
// statistics), and PromQL's rate would take that for a restart and count all
// that it ever counted again. The host's own restart is seen in its uptime. A rate
// below 0 becomes +Inf, through 1/0, and so do the sums and maxima that it is in: an
// infinite value is a gap. Without it they would be those of the other counters.
func rate(counter, match string) string {
	return `(1 / clamp_min(1 / deriv(` + counter + `{` + match + `}[$window]), 0))`
}

// once takes one of the series that tell of the same thing, however many
// collectors report it.
func once(label, series string) string {
	return `max by ($by, ` + label + `) (` + series + `)`
}

// cards is a counter's rate over a host's network: all its cards together, or
// any other device that carries more: where the cards below a bond, a VPN or a
// bridge are not reported or idle, or a card has a name of its own.
func cards(counter string) string {
	return `max by ($by) (sum by ($by) (` + once("device", rate(counter, `device=~"`+cardNames+`"`)) + `) or ` +
		once("device", rate(counter, `device!~"`+cardNames+`|`+guestNames+`"`)) + `)`
}

// disks sums a counter's rate over a host's disks.
func disks(counter string) string {
	return orStacked(`sum by ($by) (`+once("device", rate(counter, realDisks))+`)`, counter)
}

// busiestDisk is a counter's rate at the disk where it is highest.
func busiestDisk(counter string) string {
	return orStacked(`max by ($by) (`+rate(counter, realDisks)+`)`, counter)
}

const realDisks = `device!~"` + memoryDisks + `|` + stackedDisks + `"`

// orStacked takes the busiest stacked device of hosts that report no disk, such
// as a virtual machine that was given partitions.
func orStacked(disks, counter string) string {
	return `(` + disks + ` or max by ($by) (` + rate(counter, `device=~"`+stackedDisks+`"`) + `))`
}
