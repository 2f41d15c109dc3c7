package feature

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// A file system that is made smaller or larger does not fill: what counts is what is
// written.
func TestAResizeIsNoGrowth(t *testing.T) {
	resized := map[string]struct{ size, written float64 }{ // what it has then, and what is written in that minute
		"smaller": {60e9, 0}, "larger": {400e9, 0}, "written": {100e9, 6e9}, "written and smaller": {60e9, 6e9},
	}
	const instants, step = 26, 5 * time.Second
	begin := time.Now().Add(-5 * time.Minute).Truncate(time.Second)
	local := stored(t, begin, step, instants, func(i int) (batch []series.Sample) {
		for host, to := range resized {
			size, used := 100e9, 50e9
			if i >= instants-6 {
				size, used = to.size, used+to.written
			}
			ls := []string{"device", "/dev/sda1", "fstype", "ext4", "mountpoint", "/"}
			for name, v := range map[string]float64{"size": size, "free": size - used, "avail": size - used - 1e9} {
				batch = append(batch, counter{name: "node_filesystem_" + name + "_bytes", ls: ls}.sample(host, v))
			}
			batch = append(batch, counter{name: "node_memory_MemTotal_bytes"}.sample(host, 1))
		}
		return batch
	})
	end := begin.Add((instants - 1) * step)
	f := readNode(t, local, schemaOf(t, Node()), end, end, step)
	for host, to := range resized {
		growth := f.At(f.Host(host), 0, slices.Index(f.Features, "filesystem_growth"))
		filling := f.At(f.Host(host), 0, slices.Index(f.Features, "filesystem_filling"))
		if !near(growth, to.written/60) || !near(filling, to.written/49e9) {
			t.Errorf("%s: growth %v, want %v; filling %v, want %v", host, growth, to.written/60, filling, to.written/49e9)
		}
	}
}

// Two series of one resource, as of two collectors that do not ask at the same
// moment, have one limit: what they say of used and free is not mixed.
func TestLimitsOfTwoSeries(t *testing.T) {
	const instants, step = 4, 5 * time.Second
	begin := time.Now().Add(-2 * time.Minute).Truncate(time.Second)
	local := stored(t, begin, step, instants, func(i int) (batch []series.Sample) {
		add := func(host, name string, v float64, ls ...string) {
			batch = append(batch, counter{name: name, ls: ls}.sample(host, v))
		}
		for j, seen := range []float64{500 + 20*float64(i), 500 + 20*float64(max(0, i-1))} { // the second is behind
			job := []string{"a", "b"}[j]
			files := []string{"job", job, "device", "/dev/sda1", "fstype", "ext4", "mountpoint", "/"}
			add("web-1", "node_filesystem_size_bytes", 1000, files...)
			add("web-1", "node_filesystem_free_bytes", 1000-seen, files...)
			add("web-1", "node_filesystem_avail_bytes", 950-seen, files...)
			add("web-1", "node_filesystem_readonly", 0, files...)
			add("web-1", "node_filesystem_files", 1000, files...)
			add("web-1", "node_filesystem_files_free", 1000-seen, files...)
			add("web-1", "node_memory_MemTotal_bytes", 1000, "job", job)
			add("web-1", "node_memory_MemAvailable_bytes", 1000-seen, "job", job)
			add("web-1", "node_memory_SwapTotal_bytes", 1000, "job", job)
			add("web-1", "node_memory_SwapFree_bytes", 1000-seen, "job", job)
			claim := []string{"namespace", "shop", "persistentvolumeclaim", "data"}
			add("kubelet-"+job, "kubelet_volume_stats_used_bytes", seen, claim...)
			add("kubelet-"+job, "kubelet_volume_stats_available_bytes", 950-seen, claim...)
		}
		// One process near its small limit, one far from its large one.
		for pid, of := range map[string][2]float64{"1": {900, 1000}, "2": {100, 4000}} {
			add("web-1", "process_open_fds", of[0], "job", "db", "pid", pid)
			add("web-1", "process_max_fds", of[1], "job", "db", "pid", pid)
		}
		add("ksm", "kube_pod_owner", 1, "namespace", "shop", "pod", "db-0", "owner_kind", "StatefulSet", "owner_name", "db")
		add("ksm", "kube_pod_spec_volumes_persistentvolumeclaims_info", 1, "namespace", "shop", "pod", "db-0", "persistentvolumeclaim", "data", "volume", "v")
		return batch
	})
	end := begin.Add((instants - 1) * step)
	want := map[string][2]float64{ // used and limit in the end, and the same limit throughout
		"/": {560, 950}, "inodes of /": {560, 1000}, "memory": {560, 1000}, "swap": {560, 1000}, "file descriptors of db": {3600, 4000}, "volume data": {560, 950},
	}
	seen := map[string]bool{}
	for _, p := range []Profile{Node(), Workload()} {
		s := schemaOf(t, p)
		for _, q := range s.LimitQueries() {
			f := must.Get(local.Read(t.Context(), series.Query{Exprs: q.Exprs, By: append(slices.Clone(s.By()), q.By...), Start: begin, End: end, Step: step}))(t)
			for _, l := range q.Limits {
				for row, labels := range f.Labels {
					where, _ := l.Where(labels)
					title := l.titleOf(where)
					for i := range f.Instants {
						used, limit := l.Amount(f, row, i)
						if math.IsNaN(used / limit) {
							continue
						}
						seen[title] = true
						if limit != want[title][1] || i == f.Instants-1 && used != want[title][0] {
							t.Errorf("%s: %g of %g at %d, want %g of %g in the end", title, used, limit, i, want[title][0], want[title][1])
						}
					}
				}
			}
		}
	}
	if len(seen) != len(want) {
		t.Errorf("resources are %v", seen)
	}
}
