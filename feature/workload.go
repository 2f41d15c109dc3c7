package feature

import "github.com/omenhq/omen"

const (
	// owners names the workload of each pod: a pod's owner, and of a
	// Deployment's ReplicaSet, whose name ends with a hash in Kubernetes' own
	// alphabet, what is before the hash. So no series of ReplicaSets is needed,
	// and a rollout changes nothing. Pods of jobs come and go: they are no
	// workload to learn.
	owners = `label_replace(label_join(kube_pod_owner{owner_kind=~"ReplicaSet|StatefulSet|DaemonSet"},` +
		` "owner", "/", "owner_kind", "owner_name"), "workload", "$1$2", "owner",` +
		` "ReplicaSet/(.+)-[bcdfghjklmnpqrstvwxz2456789]{5,10}|[^/]+/(.+)")`

	realContainers = `container!="",container!="POD"`
)

// eachPod is what pods measure, once for each pod and parts of it (containers,
// devices; empty: none), with their workload. Of series that tell of the same thing
// one counts: a restarted container leaves its earlier ones for some minutes, and
// two collectors double all. Pods are told apart by whatever identifies workloads
// besides, such as their cluster.
func eachPod(parts, series string) string {
	of := `$by, namespace, pod`
	apart := `workload`
	if parts != "" {
		of, apart = of+`, `+parts, apart+`, `+parts
	}
	return `max by (` + of + `) (` + series + `) * ignoring (` + apart + `) group_left (workload) max by ($by, namespace, pod) (` + owners + `)`
}

// perPod sums what pods or parts of them measure over their workload.
func perPod(parts, series string) string {
	return `sum by ($by) (` + eachPod(parts, series) + `)`
}

// Workload is the built-in profile for Kubernetes workloads (Deployments,
// StatefulSets, DaemonSets), from cAdvisor's metrics as the kubelet serves them
// and kube-state-metrics' 2.0 and later, without recording rules. A container's
// counters begin again at 0 at each restart, which rate knows.
func Workload() Profile {
	used := func(counter string) string { return `rate(` + counter + `{` + realContainers + `}[$window])` }
	return Profile{
		Name: "workload",
		Help: "A Kubernetes workload, by cAdvisor's and kube-state-metrics' metrics",
		By:   []string{"namespace", "workload"},
		// What is a pod's own, or kube-state-metrics', is no label of the workload.
		Limits: workloadLimits(),
		Labels: `group without (pod, uid, owner, owner_name, owner_is_controller, instance, job, container, node) (` + owners + `)`,
		Features: []Feature{
			{Name: "cpu", Group: "cpu", Unit: omen.Count, Direction: Both, Deviation: 0.2, Scale: 0.5,
				Help: "Processors in use by all pods",
				Expr: perPod("container", used("container_cpu_usage_seconds_total"))},
			{Name: "cpu_throttled", Group: "cpu", Unit: omen.Ratio, Direction: Up, Deviation: 0.1, Scale: 0.2,
				Help: "Share of scheduling periods in which containers ran into their limit",
				Expr: perPod("container", used("container_cpu_cfs_throttled_periods_total")) + ` / (` +
					perPod("container", used("container_cpu_cfs_periods_total")) + ` > 0)`},
			{Name: "memory", Group: "memory", Unit: omen.Bytes, Direction: Up, Deviation: 50e6, Scale: 100e6,
				Help: "Memory that all pods hold",
				Expr: perPod("container", `container_memory_working_set_bytes{`+realContainers+`}`)},
			{Name: "memory_per_pod", Group: "memory", Unit: omen.Bytes, Direction: Up, Deviation: 50e6, Scale: 100e6,
				Help: "Memory of the pod that holds most",
				Expr: `max by ($by) (sum by ($by, pod) (` + eachPod("container", `container_memory_working_set_bytes{`+realContainers+`}`) + `))`},
			{Name: "network_receive", Group: "network", Unit: omen.BytesPerSecond, Direction: Both, Deviation: 1e6, Scale: 2e6, Work: true,
				Help: "Received by all pods",
				Expr: perPod("interface", `rate(container_network_receive_bytes_total{interface!="lo"}[$window])`)},
			{Name: "network_transmit", Group: "network", Unit: omen.BytesPerSecond, Direction: Both, Deviation: 1e6, Scale: 2e6, Work: true,
				Help: "Sent by all pods",
				Expr: perPod("interface", `rate(container_network_transmit_bytes_total{interface!="lo"}[$window])`)},
			{Name: "disk_write", Group: "disk", Unit: omen.BytesPerSecond, Direction: Up, Deviation: 5e6, Scale: 1e7, Work: true,
				Help: "Written to disks by all pods",
				Expr: perPod("container, device", used("container_fs_writes_bytes_total"))},
			{Name: "pods", Group: "pods", Unit: omen.Count, Direction: Down, Deviation: 0.5, Scale: 1,
				Help: "Pods that the workload has",
				Expr: `count by ($by) (` + eachPod("", "kube_pod_owner") + `)`},
			{Name: "pods_unready", Group: "pods", Unit: omen.Count, Direction: Up, Deviation: 0.5, Scale: 1,
				Help: "Pods that are not ready",
				Expr: perPod("condition", `kube_pod_status_ready{condition=~"false|unknown"}`)},
			{Name: "restarts", Group: "pods", Unit: omen.Count, Direction: Up, Deviation: 0.5, Scale: 1,
				Help: "Container restarts within the window",
				Expr: perPod("container", `increase(kube_pod_container_status_restarts_total[$window])`)},
			{Name: "waiting", Group: "pods", Unit: omen.Count, Direction: Up, Deviation: 0.5, Scale: 1,
				Help: "Containers that wait to start: for their image, or after crashes",
				Expr: perPod("container", `kube_pod_container_status_waiting`)},
		},
	}
}
