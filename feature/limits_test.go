package feature

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

func TestLimitsOfBuiltinsParse(t *testing.T) {
	for _, p := range Builtins() {
		s := schemaOf(t, p)
		queries := s.LimitQueries()
		queries = append(queries, LimitQuery{Exprs: s.LeftOutExprs()})
		for _, q := range queries {
			for _, e := range q.Exprs {
				parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expanded(e.PromQL, append(slices.Clone(s.By()), q.By...)))
				if err != nil || parsed.Type() != parser.ValueTypeVector {
					t.Errorf("%s, %s: %v", p.Name, e.Feature, err)
				}
			}
		}
	}
}

func TestLimitsAreNoFeatures(t *testing.T) {
	p := Node()
	with := schemaOf(t, p)
	p.Limits = nil
	if without := schemaOf(t, p); with.Hash() != without.Hash() || len(with.Limits()) < 9 {
		t.Errorf("%d limits change the hash that models are bound to", len(with.Limits()))
	}
}

func TestLimitsThatAreRefused(t *testing.T) {
	for want, change := range map[string]func(*Limit){
		`limit "a-b": name: must be letters`:                                 func(l *Limit) { l.Name = "a-b" },
		`limit "a": name: is there twice, or is a feature's`:                 func(l *Limit) { l.Name = "a" },
		`limit "slots": used: is empty`:                                      func(l *Limit) { l.Used = " " },
		`limit "slots": limit: is missing`:                                   func(l *Limit) { l.Limit = "" },
		`limit "slots": max: is given together with limit`:                   func(l *Limit) { l.Max = 3 },
		`limit "slots": max: -1 is not above 0`:                              func(l *Limit) { l.Limit, l.Max = "", -1 },
		`limit "slots": max: is infinite, and what never ends is never full`: func(l *Limit) { l.Limit, l.Max = "", math.Inf(1) },
		`limit "slots": title: has $where2, which means nothing`:             func(l *Limit) { l.Title = "$where2" },
		`limit "slots": title: has ${where}, which means nothing`:            func(l *Limit) { l.Title = "${where}" },
		`limit "slots": by[1]: "pool" is there twice`:                        func(l *Limit) { l.By = []string{"pool", "pool"} },
		`limit "slots": features[1]: "a" is there twice`:                     func(l *Limit) { l.Features = []string{"a", "a"} },
		`limit "slots": unit: "litres" is not known`:                         func(l *Limit) { l.Unit = "litres" },
		`limit "slots": full: 98 is not a share of the limit`:                func(l *Limit) { l.Full = 98 },
		`limit "slots": same: "device" is not among by`:                      func(l *Limit) { l.Same = "device" },
		`limit "slots": title: has $where, and by is empty`:                  func(l *Limit) { l.Title, l.By = "$where", nil },
		`limit "slots": by[0]: "instance" identifies the host`:               func(l *Limit) { l.By = []string{"instance"} },
		`limit "slots": features[0]: there is no feature "b"`:                func(l *Limit) { l.Features = []string{"b"} },
	} {
		l := Limit{Name: "slots", Used: "used", Limit: "limit", By: []string{"pool"}}
		change(&l)
		_, err := Declare(Profile{Name: "shop", Features: []Feature{{Name: "a", Expr: "a"}}, Limits: []Limit{l}}, "", nil, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, omen.ErrInvalid) || omen.Hint(err) == "" {
			t.Errorf("got %v, want %q and a hint", err, want)
		}
	}
}

func TestDatesThatAreRefused(t *testing.T) {
	for want, change := range map[string]func(*Limit){
		"": func(*Limit) {},
		"max: is for amounts, and this is a date":                                                 func(l *Limit) { l.Max = 5 },
		"unit: is for amounts, and this is a date":                                                func(l *Limit) { l.Unit = omen.Bytes },
		"warning: 1d is less than critical, 2d":                                                   func(l *Limit) { l.Notice = omen.Notice{Warning: 24 * time.Hour, Critical: 48 * time.Hour} },
		"critical: 30d is longer before the date than warning, which is 14d where it is left out": func(l *Limit) { l.Notice.Critical = 30 * 24 * time.Hour },
		"warning: 36h is nearer to the date than critical, which is 3d where it is left out":      func(l *Limit) { l.Notice.Warning = 36 * time.Hour },
		"critical: -1d is below 0":                                                                func(l *Limit) { l.Notice.Critical = -24 * time.Hour },
		"warning: is for dates":                                                                   func(l *Limit) { l.Date, l.Max, l.Notice.Warning = false, 5, time.Hour },
		"used: is empty":                                                                          func(l *Limit) { l.Used = "" },
	} {
		l := Limit{Name: "certificate", Date: true, Used: "max by ($by) (probe_ssl_earliest_cert_expiry)"}
		change(&l)
		p, err := Declare(Profile{Name: "shop", Features: []Feature{{Name: "a", Expr: "a"}}, Limits: []Limit{l}}, "", nil, nil)
		if want == "" {
			if s := schemaOf(t, p); err != nil || s.Limits()[0].Notice != (omen.Notice{Warning: 14 * 24 * time.Hour, Critical: 3 * 24 * time.Hour}) {
				t.Errorf("%v, %+v", err, s.Limits())
			}
		} else if err == nil || !strings.Contains(err.Error(), `limit "certificate": `+want) || omen.Hint(err) == "" {
			t.Errorf("got %v, want %q and a hint", err, want)
		}
	}
	for _, n := range []omen.Notice{{Warning: 3 * 24 * time.Hour}, {Critical: 14 * 24 * time.Hour}, {Warning: time.Hour, Critical: time.Hour}, {Warning: 60 * 24 * time.Hour, Critical: 30 * 24 * time.Hour}} {
		l := Limit{Name: "certificate", Date: true, Used: "expires", Notice: n}
		if _, err := Declare(Profile{Name: "shop", Features: []Feature{{Name: "a", Expr: "a"}}, Limits: []Limit{l}}, "", nil, nil); err != nil {
			t.Errorf("%+v: %v", n, err)
		}
	}
}

func TestLimitsAreInherited(t *testing.T) {
	own := Limit{Name: "memory", Used: "mine", Max: 1}
	p := must.Get(Declare(Profile{Name: "mine", Limits: []Limit{own, {Name: "slots", Used: "s", Max: 9}}}, "node", []string{"swap", "inodes_used"}, Builtins()))(t)
	s := schemaOf(t, p)
	names := map[string]Limit{}
	for _, l := range s.Limits() {
		names[l.Name] = l
	}
	if _, left := names["swap"]; left || names["memory"].Used != "mine" || names["slots"].Max != 9 || len(names) != len(Node().Limits) {
		t.Errorf("limits are %v", slices.Sorted(maps.Keys(names)))
	}
	if len(names["filesystem_inodes"].Features) != 0 || s.Index("inodes_used") >= 0 {
		t.Errorf("a feature that is left out still shows the trouble of inodes: %v", names["filesystem_inodes"].Features)
	}
}

// What can become full of a host is read, each device once, and what is full by
// design is left out and counted.
func TestResourcesOfAHost(t *testing.T) {
	type mount struct {
		device, fstype, mountpoint string
		readonly                   float64
	}
	mounts := []mount{
		{"/dev/sda1", "ext4", "/", 0}, {"/dev/sda2", "ext4", "/var", 0}, {"/dev/sda2", "ext4", "/srv/bind", 0},
		{"tmpfs", "tmpfs", "/tmp", 0}, {"tmpfs", "tmpfs", "/scratch", 0},
		{"tmpfs", "tmpfs", "/run", 0}, {"tmpfs", "tmpfs", "/run/user/0", 0}, {"tmpfs", "tmpfs", "/dev/shm", 0},
		{"/dev/loop3", "squashfs", "/snap/core/1", 1}, {"/dev/sr0", "iso9660", "/media", 1}, {"overlay", "overlay", "/merged", 0},
		{"/dev/sdb1", "ext4", "/readonly", 1},
	}
	begin := time.Now().Add(-2 * time.Minute).Truncate(time.Second)
	local := stored(t, begin, 5*time.Second, 4, func(int) (batch []series.Sample) {
		for i, m := range mounts {
			ls := []string{"device", m.device, "fstype", m.fstype, "mountpoint", m.mountpoint}
			for name, v := range map[string]float64{"size_bytes": 1000, "free_bytes": 500 - float64(i), "avail_bytes": 400, "files": 100, "files_free": 60, "readonly": m.readonly} {
				batch = append(batch, counter{name: "node_filesystem_" + name, ls: ls}.sample("web-1", v))
			}
		}
		for name, v := range map[string]float64{
			"node_memory_MemTotal_bytes": 1e9, "node_memory_MemAvailable_bytes": 4e8, "node_memory_SwapTotal_bytes": 0, "node_memory_SwapFree_bytes": 0,
			"node_filefd_allocated": 1000, "node_filefd_maximum": 1e6,
		} {
			batch = append(batch, counter{name: name}.sample("web-1", v))
		}
		batch = append(batch, counter{name: "process_open_fds", ls: []string{"job", "node"}}.sample("web-1", 9), counter{name: "process_max_fds", ls: []string{"job", "node"}}.sample("web-1", 1024))
		return batch
	})
	at := begin.Add(15 * time.Second)
	s := schemaOf(t, Node())
	got := map[string]string{}
	for _, q := range s.LimitQueries() {
		f := must.Get(local.Read(t.Context(), series.Query{Exprs: q.Exprs, By: append(slices.Clone(s.By()), q.By...), Start: at, End: at}))(t)
		for _, l := range q.Limits {
			for row := range f.Hosts {
				used, limit := l.Amount(f, row, 0)
				where, _ := l.Where(f.Labels[row])
				if f.Labels[row]["instance"] == "web-1" && !math.IsNaN(used/limit) {
					got[l.titleOf(where)] = fmt.Sprintf("%g of %g", used, limit)
				}
			}
		}
		if len(f.Failed) > 0 {
			t.Errorf("failed: %v", f.Failed)
		}
	}
	want := map[string]string{
		"/": "500 of 900", "/var": "501 of 901", "/srv/bind": "502 of 902", "/tmp": "503 of 903", "/scratch": "504 of 904",
		"memory": "6e+08 of 1e+09", "file handles": "1000 of 1e+06", "file descriptors of node": "9 of 1024",
	}
	for _, m := range []string{"/", "/var", "/srv/bind", "/tmp", "/scratch"} {
		want["inodes of "+m] = "40 of 100"
	}
	if !maps.Equal(got, want) {
		t.Errorf("resources are\n%v, want\n%v", got, want)
	}
	f := must.Get(local.Read(t.Context(), series.Query{Exprs: s.LeftOutExprs(), By: s.By(), Start: at, End: at}))(t)
	if n := f.At(f.Host("web-1"), 0, 0); n != 7 {
		t.Errorf("%v file systems are left out, want 7", n)
	}
}

// A workload's containers and volumes, by the pod that is nearest to its limit; a
// volume that two workloads mount is each one's.
func TestResourcesOfAWorkload(t *testing.T) {
	begin := time.Now().Add(-2 * time.Minute).Truncate(time.Second)
	sample := func(name string, v float64, ls ...string) series.Sample {
		s := counter{name: name, ls: append([]string{"namespace", "shop"}, ls...)}.sample("ksm", v)
		return s
	}
	local := stored(t, begin, 5*time.Second, 4, func(int) (batch []series.Sample) {
		for pod, owner := range map[string][2]string{"cart-1": {"StatefulSet", "cart"}, "cart-2": {"StatefulSet", "cart"}, "web-5d4f6-x": {"ReplicaSet", "web-5d4f6"}} {
			batch = append(batch, sample("kube_pod_owner", 1, "pod", pod, "owner_kind", owner[0], "owner_name", owner[1]),
				sample("kube_pod_spec_volumes_persistentvolumeclaims_info", 1, "pod", pod, "persistentvolumeclaim", "shared", "volume", "v"),
				sample("kube_pod_container_resource_limits", 1000, "pod", pod, "container", "app", "resource", "memory", "unit", "byte"))
		}
		batch = append(batch,
			sample("container_memory_working_set_bytes", 300, "pod", "cart-1", "container", "app"), sample("container_memory_working_set_bytes", 800, "pod", "cart-2", "container", "app"),
			sample("container_memory_working_set_bytes", 500, "pod", "cart-2", "container", "no-limit"),
			sample("kubelet_volume_stats_used_bytes", 70, "persistentvolumeclaim", "shared"), sample("kubelet_volume_stats_available_bytes", 30, "persistentvolumeclaim", "shared"),
			sample("kubelet_volume_stats_inodes_used", 5, "persistentvolumeclaim", "shared"), sample("kubelet_volume_stats_inodes", 50, "persistentvolumeclaim", "shared"))
		return batch
	})
	at := begin.Add(15 * time.Second)
	s := schemaOf(t, Workload())
	got := map[string]string{}
	for _, q := range s.LimitQueries() {
		f := must.Get(local.Read(t.Context(), series.Query{Exprs: q.Exprs, By: append(slices.Clone(s.By()), q.By...), Start: at, End: at}))(t)
		if len(f.Failed) > 0 {
			t.Errorf("failed: %v", f.Failed)
		}
		for _, l := range q.Limits {
			for row, labels := range f.Labels {
				if used, limit := l.Amount(f, row, 0); !math.IsNaN(used / limit) {
					where, _ := l.Where(labels)
					got[labels["workload"]+": "+l.titleOf(where)] = fmt.Sprintf("%g of %g", used, limit)
				}
			}
		}
	}
	want := map[string]string{
		"cart: memory of container app": "800 of 1000",
		"cart: volume shared":           "70 of 100", "cart: inodes of volume shared": "5 of 50",
		"web: volume shared": "70 of 100", "web: inodes of volume shared": "5 of 50",
	}
	if !maps.Equal(got, want) {
		t.Errorf("resources are\n%v, want\n%v", got, want)
	}
}
