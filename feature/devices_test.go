package feature

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// byDevice is a host's devices and what each carries, in millions a second.
type byDevice map[string]float64

// networks are hosts by their network devices, and the traffic they have.
var networks = map[string]struct {
	devices byDevice
	want    float64
}{
	"proxmox":               {byDevice{"enp5s0": 10, "vmbr0": 10, "fwbr101i0": 10, "fwln101i0": 10, "fwpr101p0": 10, "tap101i0": 10, "veth102i0": 10}, 10},
	"two cards":             {byDevice{"eth0": 3, "eth1": 4, "lo": 99}, 7},
	"bond":                  {byDevice{"eno1np0": 5, "eno2np1": 5, "bond0": 10, "bond0.100": 6, "bond0.200": 4, "br0": 10}, 10},
	"team":                  {byDevice{"em1": 5, "p1p2": 5, "team0": 10}, 10},
	"bond alone":            {byDevice{"bond0": 10, "bond0.100": 6}, 10},
	"vlans":                 {byDevice{"eth0": 10, "eth0.100": 7, "vlan200": 3, "mgmt": 2, "storage": 7}, 10},
	"usb by its address":    {byDevice{"enx001122334455": 6, "usb0": 2, "wwan0": 1}, 9},
	"infiniband":            {byDevice{"ib0": 50, "ibp65s0": 40, "ib0.8001": 50, "eth0": 1}, 91},
	"laptop":                {byDevice{"wlp3s0": 8, "enp0s31f6": 0, "tailscale0": 5, "wg0": 2, "tun0": 1, "docker0": 3}, 8},
	"single board":          {byDevice{"end0": 3, "wlan0": 2, "enu1u2": 1}, 6},
	"many domains":          {byDevice{"enP2p1s0": 3, "enP4p65s0f1np1": 4, "enX0": 2, "ens3": 1, "enc600": 1, "env2": 1}, 12},
	"macOS names":           {byDevice{"en0": 4, "bridge0": 4, "utun3": 1}, 4},
	"azure":                 {byDevice{"eth0": 10, "enP12345s1": 10, "enP30832s1np0": 10}, 10},
	"virtual functions":     {byDevice{"enp8s0f0": 10, "enp8s0f0v3": 2, "enp8s0f0npf0vf1": 3, "enp8s0f0_3": 3}, 10},
	"kubernetes":            {byDevice{"ens5": 10, "cali0123456789a": 20, "cni0": 20, "flannel.1": 9, "kube-ipvs0": 1, "tunl0": 9, "nodelocaldns": 1}, 10},
	"eks":                   {byDevice{"eth0": 10, "eth1": 2, "eni0a1b2c3d4e5": 30}, 12},
	"gke":                   {byDevice{"eth0": 10, "gke52cc8a1b3ab": 30, "cbr0": 30, "docker0": 1}, 10},
	"openshift":             {byDevice{"ens192": 10, "br-ex": 10, "ovn-k8s-mp0": 40, "ovs-system": 3, "genev_sys_6081": 9, "0a1b2c3d4e5f607": 40}, 10},
	"openstack":             {byDevice{"eno1": 10, "qbr3f2a": 30, "qvb3f2a": 30, "qvo3f2a": 30, "tap3f2a": 30, "brq77": 30, "br-int": 30, "vxlan-7": 9}, 10},
	"xen":                   {byDevice{"eth0": 10, "xenbr0": 10, "vif1.0": 30, "xapi1": 8}, 10},
	"incus":                 {byDevice{"enp1s0": 10, "incusbr0": 30, "lxdbr0": 30, "vethc0ffee": 30, "macvtap0": 30}, 10},
	"virtual machines":      {byDevice{"enp1s0": 10, "virbr0": 30, "vnet7": 30, "vboxnet0": 3, "vmnet8": 3, "ve-web": 3}, 10},
	"containers":            {byDevice{"uplink": 10, "docker0": 30, "br-0a1b2c3d4e5f": 30, "veth1a2b3c4": 30, "podman0": 30}, 10},
	"dsl router":            {byDevice{"eth0": 10, "eth0.7": 10, "ppp0": 10}, 10},
	"dsa switch":            {byDevice{"eth0": 10, "lan1": 4, "lan2": 6, "br-lan": 10}, 10},
	"overlays":              {byDevice{"ens18": 10, "zt5u4y6ejv": 4, "nordlynx": 5, "gre1": 2, "ipsec0": 3}, 10},
	"modem":                 {byDevice{"eth0": 0, "ppp0": 7}, 7},
	"only ppp":              {byDevice{"ppp0": 7, "lo": 1}, 7},
	"only wireguard":        {byDevice{"wg0": 7, "lo": 1}, 7},
	"lxc":                   {byDevice{"eth0": 3, "eth1": 4}, 7},
	"openvz":                {byDevice{"venet0": 7, "lo": 2}, 7},
	"only a bridge":         {byDevice{"vmbr0": 7, "lo": 2}, 7},
	"only a vlan":           {byDevice{"eth0.100": 7}, 7},
	"a name of its own":     {byDevice{"wan0": 7, "lo": 2}, 7},
	"proxmox, pinned names": {byDevice{"nic0": 3, "nic1": 4, "vmbr0": 3, "vmbr1": 4, "tap100i0": 30}, 7},
	"calico by eBPF":        {byDevice{"eth0": 10, "bpfin.cali": 30, "bpfout.cali": 30}, 10},
	"weave":                 {byDevice{"eth0": 10, "datapath": 30, "vethwe-bridge": 30, "weave": 30}, 10},
	"eks, pods of VLANs":    {byDevice{"ens5": 10, "vlan1a2b3c4d5e6": 30, "vlan.eth.1": 9, "vlan100": 4}, 10},
	"micro VMs":             {byDevice{"eth0": 10, "fc-1-tap0": 30, "tap0_kata": 30}, 10},
	"cilium":                {byDevice{"ens192": 10, "cilium_host": 30, "cilium_vxlan": 30, "cilium_wg0": 30, "lxc12ab": 30}, 10},
	"synology":              {byDevice{"eth0": 5, "eth1": 5, "bond0": 10, "ovs_bond0": 10}, 10},
	"two ports of a card":   {byDevice{"ens1": 5, "ens1d1": 4, "eno12399np0": 1}, 10},
	"mesh":                  {byDevice{"eth0": 4, "bat0": 5}, 5},
	"another beside eth0":   {byDevice{"eth0": 1, "backbone": 7}, 7},
}

// blocks are hosts by their block devices, and what they write.
var blocks = map[string]struct {
	devices byDevice
	want    float64
}{
	"sd card":          {byDevice{"mmcblk0": 2, "mmcblk0p1": 0, "mmcblk0p2": 2, "mmcblk0boot0": 0}, 2},
	"sata":             {byDevice{"sda": 5, "sda1": 1, "sda2": 4, "sdb": 3, "sdaa": 1, "sdaa15": 1}, 9},
	"nvme":             {byDevice{"nvme0n1": 5, "nvme0n1p1": 5, "nvme1n1": 2, "nvme0c0n1": 5}, 7},
	"lvm on raid":      {byDevice{"sda": 5, "sdb": 5, "md0": 5, "md127p1": 5, "dm-0": 3, "dm-1": 2}, 10},
	"zfs":              {byDevice{"sda": 5, "zd0": 9, "zd16p1": 9, "loop3": 9, "zram0": 9, "ram1": 9}, 5},
	"guest":            {byDevice{"vda": 5, "vda1": 5, "xvdf": 1, "sr0": 1, "fd0": 1}, 6},
	"mainframe":        {byDevice{"dasda": 5, "dasda1": 5, "dasdb": 2}, 7},
	"ceph":             {byDevice{"rbd0": 5, "rbd0p1": 5, "vdb": 1}, 6},
	"old controller":   {byDevice{"cciss!c0d0": 5, "cciss!c0d0p2": 5}, 5},
	"caches":           {byDevice{"sda": 5, "bcache0": 5, "drbd0": 5, "nbd0": 5, "pmem0": 1}, 6},
	"paths of a SAN":   {byDevice{"sda": 5, "sdb": 5, "emcpowera": 10, "emcpowera1": 10}, 10},
	"only paths":       {byDevice{"emcpowera": 10, "emcpowera1": 10}, 10},
	"veritas":          {byDevice{"sda": 5, "VxDMP1": 5, "VxVM12000": 5}, 5},
	"flash cards":      {byDevice{"fioa": 5, "fioa1": 5, "rssda": 2, "rssda1": 2}, 7},
	"powerflex":        {byDevice{"scinia": 5, "scinia1": 5, "scinib": 1}, 6},
	"oracle":           {byDevice{"sda": 5, "asm!acfs-1": 5, "oracleasm!data": 5}, 5},
	"user space":       {byDevice{"sda": 5, "ublkb0": 5, "ublkb0p1": 5}, 5},
	"flash chips":      {byDevice{"mmcblk2": 2, "mmcblk2gp0": 0, "mtdblock0": 1, "ubiblock0_0": 1}, 2},
	"ATA over network": {byDevice{"etherd!e1.0": 5, "etherd!e1.0p1": 5}, 5},
	"only partitions":  {byDevice{"xvda1": 5, "xvda2": 1}, 5},
	"only a volume":    {byDevice{"dm-7": 5}, 5},
}

// Every byte is counted once, whatever carries it; and hosts of odd devices
// are not at 0.
func TestEveryByteOnce(t *testing.T) {
	node, original := schemaOf(t, Node()), schemaOf(t, original())
	const instants, step = 14, 5 * time.Second
	begin := time.Now().Add(-2 * time.Minute).Truncate(time.Second)
	local := stored(t, begin, step, instants, func(i int) (batch []series.Sample) {
		up := 1e6 * (step * time.Duration(i)).Seconds()
		add := func(host string, devices byDevice, metrics ...string) {
			for device, rate := range devices {
				for _, m := range metrics {
					batch = append(batch, counter{name: m, ls: []string{"device", device}}.sample(host, 1e9+rate*up))
				}
			}
			batch = append(batch, counter{name: "node_memory_MemTotal_bytes"}.sample(host, 1))
		}
		for host, c := range networks {
			add(host, c.devices, "node_network_receive_bytes_total", "node_network_transmit_bytes_total")
		}
		for host, c := range blocks {
			add(host+" disks", c.devices, "node_disk_read_bytes_total", "node_disk_written_bytes_total")
		}
		return batch
	})
	end := begin.Add((instants - 1) * step)
	for _, s := range []*Schema{node, original} {
		f := readNode(t, local, s, end, end, step)
		want := map[string]map[string]float64{}
		for host, c := range networks {
			want[host] = map[string]float64{"network_receive": c.want, "network_transmit": c.want}
		}
		for host, c := range blocks {
			want[host+" disks"] = map[string]float64{"disk_read": c.want, "disk_write": c.want}
		}
		for _, host := range slices.Sorted(maps.Keys(want)) {
			for feature, millions := range want[host] {
				if got := f.At(f.Host(host), 0, slices.Index(f.Features, feature)) / 1e6; !near(got, millions) {
					t.Errorf("%s, %s: %s is %v millions, want %v", s.Profile(), host, feature, got, millions)
				}
			}
		}
	}
}

func near(got, want float64) bool { return got-want < 1e-6 && want-got < 1e-6 }

func schemaOf(t testing.TB, p Profile) *Schema {
	t.Helper()
	return must.Get(NewSchema(p))(t)
}

// File systems that share their free space fill up once: the datasets of a
// pool, the exports of a server, the mounts of a device.
func TestSharedSpaceFillsOnce(t *testing.T) {
	mounts := map[string][]struct { // by host: a device, and what it loses in a minute
		device string
		lost   float64
	}{
		"zfs":        {{"tank/d0", 1e10}, {"tank/d1", 1e10}, {"tank", 1e10}, {"rpool/ROOT/pve-1", 1e9}},
		"ipv6":       {{"[fd00::1]:/a", 1e9}, {"[fd00::1]:/b", 1e9}, {"[fd00::2]:/c", 1e9}, {"10.0.0.1:6789,10.0.0.2:6789:/", 1e9}},
		"nfs":        {{"nas:/vol/home", 1e9}, {"nas:/vol/mail", 1e9}, {"//win/c", 1e9}, {"//win/d", 1e9}},
		"partitions": {{"/dev/sda1", 1e9}, {"/dev/sda2", 1e9}, {"/dev/sda2", 1e9}, {"/dev/mapper/vg-a", 1e9}, {"/dev/mapper/vg-b", 1e9}},
	}
	want := map[string]float64{"zfs": 1.1e10 / 60, "ipv6": 3e9 / 60, "nfs": 2e9 / 60, "partitions": 4e9 / 60}
	const instants, step = 14, 5 * time.Second
	begin := time.Now().Add(-2 * time.Minute).Truncate(time.Second)
	local := stored(t, begin, step, instants, func(i int) (batch []series.Sample) {
		for host, all := range mounts {
			for j, m := range all {
				c := counter{name: "node_filesystem_free_bytes", ls: []string{"device", m.device, "fstype", "zfs", "mountpoint", "/" + strings.Repeat("m", j)}}
				batch = append(batch, counter{name: "node_filesystem_size_bytes", ls: c.ls}.sample(host, 1e13), c.sample(host, 1e12-m.lost*(step*time.Duration(i)).Minutes()))
			}
			batch = append(batch, counter{name: "node_memory_MemTotal_bytes"}.sample(host, 1))
		}
		return batch
	})
	end := begin.Add((instants - 1) * step)
	f := readNode(t, local, schemaOf(t, Node()), end, end, step)
	for host, want := range want {
		if got := f.At(f.Host(host), 0, slices.Index(f.Features, "filesystem_growth")); !near(got, want) {
			t.Errorf("%s: filesystem_growth is %v, want %v", host, got, want)
		}
	}
}

// A host that two collectors report has each of its features once.
func TestTwoCollectorsOfAHost(t *testing.T) {
	const instants, step = 70, time.Second
	begin := time.Now().Add(-2 * time.Minute).Truncate(step)
	local := stored(t, begin, step, instants, func(i int) (batch []series.Sample) {
		add := func(host, job string) {
			for _, c := range synthetic {
				s := c.sample(host, 1000+c.rate*float64(i))
				s.Labels["job"] = job
				batch = append(batch, s)
			}
			for _, c := range standing {
				s := c.sample(host, c.rate)
				s.Labels["job"] = job
				batch = append(batch, s)
			}
		}
		add("once", "node")
		add("twice", "node")
		add("twice", "agent")
		return batch
	})
	end := begin.Add((instants - 1) * step)
	for _, p := range []Profile{Node(), original()} {
		s := schemaOf(t, p)
		v := s.AppendVectors(nil, readNode(t, local, s, end, end, step), "local", end)
		if len(v) != 2 {
			t.Fatalf("%s: %d hosts, want 2", p.Name, len(v))
		}
		for i, name := range s.Names() {
			if a, b := v[0].Values[i], v[1].Values[i]; !near(a, b) && (a == a || b == b) { // but for a gap of both
				t.Errorf("%s: %s is %v by one collector, %v by two", p.Name, name, a, b)
			}
		}
	}
}
