package feature

import (
	"cmp"
	"strings"

	"github.com/omenhq/omen"
)

// PodMeasure is how what a feature of a node measures is measured of the node's pods.
// In its expressions "$pods" is what selects the series of the node's containers,
// "$kube" what selects kube-state-metrics' of its cluster, and "$by" what tells pods
// apart.
type PodMeasure struct {
	Metric string // which has to be there
	Use    string // one value a pod
	Per    string // of the node: what Use is divided by to be in the feature's unit; empty: it is
	Waits  string // share of time in which the pod waited for the resource (PSI); few sources have it
}

// PodOwners has the label workload of each pod: the kind and name of what would
// replace it, a ReplicaSet's without its hash. Pods that nothing replaces have none.
const PodOwners = `max by ($by, workload) (label_replace(label_join(kube_pod_owner{$kube owner_kind=~"ReplicaSet|StatefulSet|DaemonSet|ReplicationController"},` +
	` "owner", "/", "owner_kind", "owner_name"), "workload", "$1$2", "owner",` +
	` "(ReplicaSet/.+)-[bcdfghjklmnpqrstvwxz2456789]{5,10}|(.+)"))`

// PodStarts is when each pod was made, or began: where kube-state-metrics does not
// say it, the first of its containers does.
const PodStarts = `max by ($by) (kube_pod_created{$kube}) or min by ($by) (container_start_time_seconds{$pods, ` + realContainers + `})`

// ofPods sums what parts of pods measure: of series that tell of the same thing, such
// as those of a container that was restarted, the largest counts.
func ofPods(part, series string) string {
	return `sum by ($by) (max by ($by, ` + part + `) (` + series + `))`
}

func containerRate(counter string) string {
	return `rate(` + counter + `{$pods, ` + realContainers + `}[$window])`
}

// podNetwork leaves out pods that have the node's own network: all that passes it is
// counted as theirs.
func podNetwork(counters ...string) string {
	for i, c := range counters {
		counters[i] = ofPods("interface", `rate(`+c+`{$pods, interface!="lo"}[$window])`)
	}
	return `(` + strings.Join(counters, ` + `) + `) unless on ($by) kube_pod_info{$kube host_network="true"}`
}

func podWaits(resource string) string {
	return `max by ($by) (rate(container_pressure_` + resource + `_waiting_seconds_total{$pods, ` + realContainers + `}[$window]))`
}

// podMeasures are the features of the profile node that can be measured of pods in
// the same unit. What pods have no share of is not among them: that a processor waits
// for a disk, that a queue is long, that processes wait (who waits is not who is to
// blame). Many sources drop the two parts of processor time: then all of it counts.
var podMeasures = func() map[string]PodMeasure {
	cpu := func(part string) PodMeasure {
		return PodMeasure{
			Metric: "container_cpu_usage_seconds_total", Per: cores, Waits: podWaits("cpu"),
			Use: ofPods("container", containerRate("container_cpu_"+part+"_seconds_total")) + ` or ` + ofPods("container", containerRate("container_cpu_usage_seconds_total")),
		}
	}
	disk := func(counters ...string) PodMeasure {
		m := PodMeasure{Metric: counters[0], Waits: podWaits("io")}
		for i, c := range counters {
			counters[i] = ofPods("container, device", containerRate(c))
		}
		m.Use = strings.Join(counters, ` + `)
		return m
	}
	network := func(counters ...string) PodMeasure {
		return PodMeasure{Metric: counters[0], Use: podNetwork(counters...)}
	}
	return map[string]PodMeasure{
		"cpu_user":   cpu("user"),
		"cpu_system": cpu("system"),
		"processes":  {Metric: "container_processes", Use: ofPods("container", `container_processes{$pods, `+realContainers+`}`)},
		"memory_used": {
			Metric: "container_memory_working_set_bytes", Use: ofPods("container", `container_memory_working_set_bytes{$pods, `+realContainers+`}`),
			Per: `max by ($by) (node_memory_MemTotal_bytes)`, Waits: podWaits("memory"),
		},
		"disk_read":        disk("container_fs_reads_bytes_total"),
		"disk_write":       disk("container_fs_writes_bytes_total"),
		"disk_operations":  disk("container_fs_reads_total", "container_fs_writes_total"),
		"network_receive":  network("container_network_receive_bytes_total"),
		"network_transmit": network("container_network_transmit_bytes_total"),
		"network_packets":  network("container_network_receive_packets_total", "container_network_transmit_packets_total"),
	}
}()

// resources are the groups of features that measure one resource: of which group the
// pods' measures are.
var resources = map[string]string{"cpu_iowait": "disk", "procs_blocked": "disk", "pressure_cpu": "cpu", "pressure_io": "disk", "pressure_memory": "memory", "filesystem": "disk", "tcp": "network"}

// resource is what a feature measures of a node: its group, or what its group is about.
func (s *Schema) resource(name string) string {
	i := s.Index(name)
	if i < 0 {
		return ""
	}
	if of := resources[name]; of != "" {
		return of
	}
	group := s.features[i].Group
	if of := resources[group]; of != "" {
		return of
	}
	return group
}

// PodCause is a cause of an incident with how it is measured of pods.
type PodCause struct {
	omen.Cause
	Measure PodMeasure
}

// PodCauses are the causes of an incident by which the pods of its node can be judged,
// the largest first: those that are not trivial and that pods are measured in, of the
// same resource as the leading one. lead is that one's name; empty: all are trivial.
func (s *Schema) PodCauses(causes []omen.Cause) (all []PodCause, lead string) {
	for _, c := range causes {
		if c.Trivial {
			continue
		}
		lead = cmp.Or(lead, c.Feature)
		if m, ok := podMeasures[c.Feature]; ok && s.Index(c.Feature) >= 0 && s.resource(c.Feature) == s.resource(lead) {
			all = append(all, PodCause{c, m})
		}
	}
	return all, lead
}
