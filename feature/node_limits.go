package feature

import "github.com/omenhq/omen"

const (
	// bootDirs are file systems in memory that the system makes at boot and
	// programs hardly write to.
	bootDirs = `/(dev|run|sys|proc|var/run|var/lock)(/.*)?`

	ofMemory = `fstype="tmpfs",mountpoint!~"` + bootDirs + `"`

	// readOnly is what nobody can fill.
	readOnly = ` unless on ($by) (node_filesystem_readonly == 1)`
)

// writable is what some series tell of the file systems that can become full, given
// what selects them; those in memory are among them: as their device, which is tmpfs
// of all, they get their mount point. Of several series of one the largest counts, of
// each what it says by itself: the free space of one is not that beside another's size.
func writable(series func(match string) string) string {
	return `max by ($by) (((` + series(realFiles) + `)` + readOnly + `) or label_replace((` +
		series(ofMemory) + `)` + readOnly + `, "device", "$1", "mountpoint", "(.*)"))`
}

func usedSpace(match string) string {
	return `node_filesystem_size_bytes{` + match + `} - node_filesystem_free_bytes{` + match + `}`
}

func inodes(match string) string { return `node_filesystem_files{` + match + `}` }

// leftOut is how many file systems of a host are always full or never: those
// that are read-only, of a kind without a size of its own, or of boot.
const leftOut = `count by ($by) (max by ($by, device, mountpoint) (
  node_filesystem_readonly == 1
  or node_filesystem_readonly{fstype=~` + virtualFiles + `,fstype!="tmpfs"}
  or node_filesystem_readonly{fstype="tmpfs",mountpoint=~"` + bootDirs + `"}))`

// ofNode gives what is measured of a Kubernetes node to the host of its name.
func ofNode(series string) string {
	return `label_replace(` + series + `, "instance", "$1", "node", "(.+)")`
}

// nodeLimits are what a Linux host can run out of.
func nodeLimits() []Limit {
	gauge := func(metric string) string { return `max by ($by) (` + metric + `)` }
	return []Limit{
		{Name: "filesystem_space", Unit: omen.Bytes, By: []string{"device", "mountpoint"}, Same: "device",
			Help: "A file system's space, as df shows it",
			Used: writable(usedSpace),
			Limit: writable(func(match string) string {
				return usedSpace(match) + ` + node_filesystem_avail_bytes{` + match + `}`
			}),
			Features: []string{"filesystem_used", "filesystem_growth", "filesystem_filling"}, LeftOut: leftOut},
		{Name: "filesystem_inodes", Title: "inodes of $where", Unit: omen.Count, By: []string{"device", "mountpoint"}, Same: "device",
			Help:     "A file system's inodes: how many files it can have",
			Used:     writable(func(match string) string { return inodes(match) + ` - node_filesystem_files_free{` + match + `}` }),
			Limit:    writable(inodes),
			Features: []string{"inodes_used"}},
		{Name: "memory", Unit: omen.Bytes, Full: .98,
			Help:     "Memory that programs can have without swapping",
			Used:     gauge(`node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes`),
			Limit:    gauge(`node_memory_MemTotal_bytes`),
			Features: []string{"memory_used", "pressure_memory", "swap_traffic", "major_faults"}},
		{Name: "swap", Unit: omen.Bytes,
			Help:     "Swap space; a host without swap lacks it",
			Used:     gauge(`node_memory_SwapTotal_bytes - node_memory_SwapFree_bytes`),
			Limit:    gauge(`node_memory_SwapTotal_bytes > 0`),
			Features: []string{"swap_used", "swap_traffic"}},
		{Name: "file_handles", Unit: omen.Count,
			Help:     "Open files of the whole host, against fs.file-max",
			Used:     gauge(`node_filefd_allocated`),
			Limit:    gauge(`node_filefd_maximum`),
			Features: []string{"file_descriptors"}},
		{Name: "conntrack", Title: "connection tracking table", Unit: omen.Count,
			Help:  "Connections that the firewall tracks: beyond, new ones are dropped",
			Used:  gauge(`node_nf_conntrack_entries`),
			Limit: gauge(`node_nf_conntrack_entries_limit`)},
		{Name: "pids", Title: "process IDs", Unit: omen.Count,
			Help:     "Processes, against kernel.pid_max; needs node_exporter's processes collector",
			Used:     gauge(`node_processes_pids`),
			Limit:    gauge(`node_processes_max_processes`),
			Features: []string{"processes", "forks"}},
		{Name: "threads", Unit: omen.Count,
			Help:     "Threads, against kernel.threads-max; needs node_exporter's processes collector",
			Used:     gauge(`node_processes_threads`),
			Limit:    gauge(`node_processes_max_threads`),
			Features: []string{"processes", "forks"}},
		{Name: "pods", Unit: omen.Count,
			Help: "Pods of a Kubernetes node, by kube-state-metrics; needs an instance that is the node's name",
			Used: `count by ($by) (max by ($by, namespace, pod) (` + ofNode(`kube_pod_info{node!=""}`) + `)` +
				` unless on (namespace, pod) (kube_pod_status_phase{phase=~"Succeeded|Failed"} == 1))`,
			Limit: gauge(ofNode(`kube_node_status_allocatable{resource="pods"}`))},
		{Name: "process_descriptors", Title: "file descriptors of $where", Unit: omen.Count, By: []string{"job"},
			Help:  "Open files of the process nearest to its limit, of those that report them under the host's instance",
			Used:  gauge(`process_open_fds / process_max_fds`) + ` * ` + gauge(`process_max_fds`),
			Limit: gauge(`process_max_fds`)},
	}
}

// workloadLimits are what a Kubernetes workload can run out of: of each
// container the pod that is nearest to its limit counts, so used is the highest
// share of the highest limit.
func workloadLimits() []Limit {
	limit := eachPod("container", `kube_pod_container_resource_limits{resource="memory",unit="byte"}`)
	most := `max by ($by) (` + limit + `)`
	// A volume may be mounted by several workloads: each has it.
	claims := `max by ($by) (` + eachPod("persistentvolumeclaim", `kube_pod_spec_volumes_persistentvolumeclaims_info`) + `)`
	volume := func(metric string) string {
		return `(` + claims + ` * ignoring (workload) group_left () max by ($by) (` + metric + `))`
	}
	return []Limit{
		{Name: "container_memory", Title: "memory of container $where", Unit: omen.Bytes, Full: .98, By: []string{"container"},
			Help:     "Memory of the container whose pod is nearest to its limit: beyond, it is killed",
			Used:     `max by ($by) ((` + eachPod("container", `container_memory_working_set_bytes{`+realContainers+`}`) + `) / (` + limit + `)) * ` + most,
			Limit:    most,
			Features: []string{"memory", "memory_per_pod"}},
		{Name: "volume_space", Title: "volume $where", Unit: omen.Bytes, By: []string{"persistentvolumeclaim"},
			Help:  "Space of a persistent volume, as the kubelet reports it",
			Used:  volume(`kubelet_volume_stats_used_bytes`),
			Limit: volume(`kubelet_volume_stats_used_bytes + kubelet_volume_stats_available_bytes`)},
		{Name: "volume_inodes", Title: "inodes of volume $where", Unit: omen.Count, By: []string{"persistentvolumeclaim"},
			Help:  "Inodes of a persistent volume, as the kubelet reports them",
			Used:  volume(`kubelet_volume_stats_inodes_used`),
			Limit: volume(`kubelet_volume_stats_inodes > 0`)},
	}
}
