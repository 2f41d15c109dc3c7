package watch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// labelled is a watch over an embedded store with targets that differ in labels.
func labelled(t *testing.T, targets []map[string]string, from ...LabelsFrom) *Watch {
	t.Helper()
	local := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
	t.Cleanup(func() { _ = local.Close() })
	now := time.Now().Truncate(time.Second)
	var batch []series.Sample
	add := func(name string, labels map[string]string, more ...string) {
		all := maps.Clone(labels)
		for i := 0; i+1 < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		batch = append(batch, series.Sample{Name: name, Labels: all, At: now, Value: 1})
	}
	for _, target := range targets {
		add("mem", target)
		for _, cpu := range []string{"0", "1"} {
			add("cpu_seconds", target, "cpu", cpu, "mode", "idle")
		}
		add("up", target)
		add("node_uname_info", map[string]string{"instance": target["instance"]}, "nodename", "node-"+target["instance"])
		add("kube_node_labels", map[string]string{"node": "node-" + target["instance"]}, "label_zone", "z-"+target["instance"])
	}
	must.OK(t, local.Append(t.Context(), batch))
	schema := must.Get(feature.NewSchema(feature.Profile{Name: "test", By: []string{"instance"}, Features: []feature.Feature{
		{Name: "idle", Expr: `sum by ($by) (cpu_seconds{mode="idle"})`},
		{Name: "mem", Expr: `max by ($by) (mem)`},
	}}))(t)
	w := New(Options{
		Source: local, Name: "test", Schema: schema, Step: time.Second, Store: open(t), Sink: deaf{},
		Labels: map[string]string{"env": "prod", "team": "nobody"}, LabelsFrom: from,
	})
	w.round(t.Context(), now)
	must.OK(t, w.lookUp(t.Context()))
	return w
}

func hostOf(name string) omen.Host { return omen.Host{Source: "test", Profile: "test", Name: name} }

// A host keeps what all of its series share, then what info series and the
// configuration say; what identifies it stays.
func TestHostsKeepTheirLabels(t *testing.T) {
	w := labelled(t, []map[string]string{
		{"instance": "a", "job": "node", "cluster": "eu", "team": "db"},
		{"instance": "b", "job": "node", "cluster": "us"},
		{"instance": "b", "job": "agent", "cluster": "us"}, // who measures is no label of the host
	}, LabelsFrom{Series: "node_uname_info", Take: []string{"nodename", "absent"}},
		LabelsFrom{Series: `label_replace(kube_node_labels, "nodename", "$1", "node", "(.*)")`, On: []string{"nodename"}, Take: []string{"label_zone", "node"}})
	for name, want := range map[string]map[string]string{
		"a": {"instance": "a", "job": "node", "cluster": "eu", "team": "db", "env": "prod", "nodename": "node-a", "label_zone": "z-a", "node": "node-a"},
		"b": {"instance": "b", "cluster": "us", "team": "nobody", "env": "prod", "nodename": "node-b", "label_zone": "z-b", "node": "node-b"},
	} {
		if diff := cmp.Diff(want, w.Labels(hostOf(name))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if s := w.Status(); s.RefusedHosts != 0 {
		t.Errorf("refused %v", s.Refused)
	}
}

// Two machines of one identity are no host: it is neither judged nor learned, and
// the source says which profile keeps them apart. Two collectors of one machine,
// and two disks of it, are no two machines.
func TestMachinesOfOneIdentityAreRefused(t *testing.T) {
	w := labelled(t, []map[string]string{
		{"instance": "one", "job": "node", "cluster": "eu"},
		{"instance": "two-clusters", "job": "node", "cluster": "eu"}, {"instance": "two-clusters", "job": "node", "cluster": "us"},
		{"instance": "two-sites", "job": "node", "dc": "a"}, {"instance": "two-sites", "job": "node", "dc": "b"},
		{"instance": "one-labelled", "job": "node", "cluster": "eu"}, {"instance": "one-labelled", "job": "node"},
		{"instance": "two-collectors", "replica": "a"}, {"instance": "two-collectors", "replica": "b"},
	})
	s := w.Status()
	if got := slices.Sorted(maps.Keys(s.Refused)); !slices.Equal(got, []string{"one-labelled", "two-clusters", "two-sites"}) || s.RefusedHosts != 3 {
		t.Fatalf("refused %v", s.Refused)
	}
	if why := s.Refused["two-clusters"]; !strings.Contains(why, "cluster (eu, us)") || !strings.Contains(why, "{name: test-by-cluster, extends: test, by: [cluster, instance]}") {
		t.Errorf("said %q", why)
	}
	if why := s.Refused["one-labelled"]; !strings.Contains(why, "cluster (eu, none)") {
		t.Errorf("said %q", why)
	}
	w.refreshLabels(t.Context(), nil) // now that it is known which labels vary
	if s := w.Status(); s.RefusedHosts != 3 {
		t.Errorf("the second time refused %v", s.Refused)
	}
	w.round(t.Context(), w.last.Add(time.Second))
	if s := w.Status(); s.State != omen.SourcePartial || !strings.Contains(s.Err, "3 hosts are not judged") {
		t.Errorf("the source is %s: %s", s.State, s.Err)
	}
	w.mu.Lock()
	for _, h := range w.hosts {
		h.due = w.last
	}
	w.mu.Unlock()
	due, _ := w.due(w.last)
	if names := namesOf(due); !slices.Equal(names, []string{"one", "two-collectors"}) {
		t.Errorf("%v are learned", names)
	}
}

func namesOf(hosts []*host) []string {
	var names []string
	for _, h := range hosts {
		names = append(names, h.id.Name)
	}
	slices.Sort(names)
	return names
}

// A host that comes to be two is not judged from when that is found, and is
// judged again, by its model, when it is one.
func TestACollisionComesAndGoes(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2")
	r.grow(t)
	if k := r.pass(t, 1)[0]; len(k.Scores) != 2 {
		t.Fatalf("%d scores", len(k.Scores))
	}
	r.world.split = map[string]map[string][]string{"web-2": {"cluster": {"eu", "us"}}}
	r.refreshLabels(t.Context(), nil)
	if k := r.pass(t, 1)[0]; len(k.Scores) != 1 || k.Scores[0].Host.Name != "web-1" || k.Young != 1 || len(k.Silent) != 0 {
		t.Errorf("tick %+v of two machines", k)
	}
	r.world.split = nil
	r.refreshLabels(t.Context(), nil)
	must.OK(t, r.lookUp(t.Context()))
	if k := r.pass(t, 1)[0]; len(k.Scores) != 2 {
		t.Errorf("%d scores of machines that are apart again", len(k.Scores))
	}
	if s := r.Status(); s.RefusedHosts != 0 || s.State != omen.SourceUp {
		t.Errorf("status %+v", s)
	}
}

// A host follows its labels, as its source has them now.
func TestLabelsThatChangeAreFollowed(t *testing.T) {
	local := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
	t.Cleanup(func() { _ = local.Close() })
	schema := must.Get(feature.NewSchema(feature.Profile{Name: "test", By: []string{"instance"}, Features: []feature.Feature{{Name: "mem", Expr: "mem"}}}))(t)
	w := New(Options{Source: local, Name: "test", Schema: schema, Step: time.Second, Store: open(t), Sink: deaf{}})
	now := time.Now().Truncate(time.Second)
	at := now.Add(-10 * time.Minute)
	for _, env := range []string{"staging", "prod"} {
		must.OK(t, local.Append(t.Context(), []series.Sample{{Name: "mem", Labels: map[string]string{"instance": "a", "env": env}, At: at, Value: 1}}))
		w.round(t.Context(), at)
		must.OK(t, w.lookUp(t.Context()))
		w.refreshLabels(t.Context(), nil)
		if got := w.Labels(hostOf("a"))["env"]; got != env {
			t.Errorf("env=%s at the source is %q here", env, got)
		}
		at = now
	}
}

// Labels are kept however many there are and however they are written, and what
// identifies a host in any case.
func TestLabelsOfAnyKind(t *testing.T) {
	many := map[string]string{"instance": "a", "zone": "z"}
	for i := range 60 {
		many[fmt.Sprintf("label_%02d", i)] = "x"
	}
	most := maps.Clone(many)
	for i := range 200 {
		most[fmt.Sprintf("annotation_%03d", i)] = "x"
	}
	for name, target := range map[string]map[string]string{
		"many": many, "most": most,
		"OpenTelemetry": {"instance": "a", "service.name": "shop", "zone": "z"},
	} {
		local := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
		t.Cleanup(func() { _ = local.Close() })
		now := time.Now().Truncate(time.Second)
		var batch []series.Sample
		for _, disk := range []string{"", "sda", "sdb"} { // the host's own has none
			labels := maps.Clone(target)
			labels["k8s.disk"] = disk
			batch = append(batch, series.Sample{Name: "mem", Labels: labels, At: now, Value: 1})
		}
		must.OK(t, local.Append(t.Context(), batch))
		schema := must.Get(feature.NewSchema(feature.Profile{Name: "test", By: []string{"zone", "instance"}, Features: []feature.Feature{{Name: "mem", Expr: "mem"}}}))(t)
		w := New(Options{Source: local, Name: "test", Schema: schema, Step: time.Second, Store: open(t), Sink: deaf{}})
		w.round(t.Context(), now)
		if got := w.Labels(hostOf("z/a")); got["zone"] != "z" || got["instance"] != "a" {
			t.Errorf("%s: at first %v", name, got)
		}
		must.OK(t, w.lookUp(t.Context()))
		got := w.Labels(hostOf("z/a"))
		if name != "most" {
			if diff := cmp.Diff(target, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		} else if len(got) < 100 || got["zone"] != "z" || got["instance"] != "a" {
			t.Errorf("%s: %d labels of zone %q, instance %q", name, len(got), got["zone"], got["instance"])
		}
	}
}

// Two machines behind one instance that only their collectors' labels tell apart,
// or a label that one of them has, are told apart by when they booted. Two collectors of one are not, nor one that
// has just booted.
func TestBootTimesTellMachinesApart(t *testing.T) {
	local := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
	t.Cleanup(func() { _ = local.Close() })
	now := time.Now().Truncate(time.Second)
	var batch []series.Sample
	for instance, up := range map[string][2]time.Duration{
		"localhost:9100":  {time.Hour, 40 * time.Hour},
		"once:9100":       {time.Hour, time.Hour + time.Second},
		"booting:9100":    {time.Minute, 40 * time.Hour},
		"region:9100":     {time.Hour, 40 * time.Hour},
		"relabelled:9100": {time.Hour, time.Hour},
	} {
		for i, prometheus := range []string{"site-a", "site-b"} {
			labels := map[string]string{"instance": instance, "job": "node", "prometheus": prometheus}
			if strings.HasPrefix(instance, "re") { // of two targets one has it, and nothing else differs
				labels = map[string]string{"instance": instance, "job": "node"}
				if i == 0 {
					labels["region"] = "eu"
				}
			}
			for name, value := range map[string]float64{
				"node_boot_time_seconds": float64(now.Add(-up[i]).Unix()), "node_time_seconds": float64(now.Unix()),
				"node_memory_MemTotal_bytes": 1e9, "node_procs_running": 1, "node_procs_blocked": 0,
			} {
				batch = append(batch, series.Sample{Name: name, Labels: labels, At: now, Value: value})
			}
		}
	}
	must.OK(t, local.Append(t.Context(), batch))
	w := New(Options{Source: local, Name: "test", Schema: must.Get(feature.NewSchema(feature.Node()))(t), Step: time.Second, Store: open(t), Sink: deaf{}})
	w.round(t.Context(), now)
	must.OK(t, w.lookUp(t.Context()))
	s := w.Status()
	if why := s.Refused["region:9100"]; !strings.Contains(why, "region (eu, none)") || !strings.Contains(why, "by: [region, instance]") {
		t.Errorf("refused %v", s.Refused)
	}
	if why := s.Refused["localhost:9100"]; s.RefusedHosts != 2 || !strings.Contains(why, "prometheus (site-a, site-b)") || !strings.Contains(why, "by: [prometheus, instance]") {
		t.Errorf("refused %v", s.Refused)
	}
}

// Names that values with a / make equal are no host; the values say why.
func TestNamesJoinedAlikeAreRefused(t *testing.T) {
	local := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
	t.Cleanup(func() { _ = local.Close() })
	now := time.Now().Truncate(time.Second)
	must.OK(t, local.Append(t.Context(), []series.Sample{
		{Name: "mem", Labels: map[string]string{"team": "a/b", "service": "c"}, At: now, Value: 1},
		{Name: "mem", Labels: map[string]string{"team": "a", "service": "b/c"}, At: now, Value: 1},
		{Name: "mem", Labels: map[string]string{"team": "a", "service": "d/e"}, At: now, Value: 1},
	}))
	schema := must.Get(feature.NewSchema(feature.Profile{Name: "test", By: []string{"team", "service"}, Features: []feature.Feature{{Name: "mem", Expr: "mem"}}}))(t)
	w := New(Options{Source: local, Name: "test", Schema: schema, Step: time.Second, Store: open(t), Sink: deaf{}})
	w.round(t.Context(), now)
	must.OK(t, w.lookUp(t.Context()))
	s := w.Status()
	if why := s.Refused["a/b/c"]; s.RefusedHosts != 1 || !strings.Contains(why, "team (a, a/b)") || !strings.Contains(why, "joined by /") {
		t.Errorf("refused %v", s.Refused)
	}
}

// An info series that cannot be read costs nothing but its own labels: collisions
// are seen all the same.
func TestAnInfoSeriesThatFails(t *testing.T) {
	w := labelled(t, []map[string]string{
		{"instance": "a", "cluster": "eu", "team": "db"},
		{"instance": "b", "cluster": "eu"}, {"instance": "b", "cluster": "us"},
	}, LabelsFrom{Series: "count(node_uname_info)", Take: []string{"nodename"}}, LabelsFrom{Series: "node_uname_info", Take: []string{"nodename"}})
	want := map[string]string{"instance": "a", "cluster": "eu", "team": "db", "env": "prod", "nodename": "node-a"}
	if diff := cmp.Diff(want, w.Labels(hostOf("a"))); diff != "" {
		t.Errorf("a (-want +got):\n%s", diff)
	}
	if s := w.Status(); s.Refused["b"] == "" {
		t.Errorf("refused %v, want b", s.Refused)
	}
	if !w.labels.failing {
		t.Error("nobody hears that the info series cannot be read")
	}
	w.o.LabelsFrom[1].Series = "count(node_uname_info)" // no longer read, either
	w.refreshLabels(t.Context(), nil)
	if got := w.Labels(hostOf("a"))["nodename"]; got != "node-a" {
		t.Errorf("nodename is %q after its series cannot be read, want what it was", got)
	}
}

// Which labels are no host's is learned from hosts that send something: silent
// ones, such as those of stored models after a restart, have no series.
func TestSilentHostsShowNoLabels(t *testing.T) {
	w := labelled(t, []map[string]string{{"instance": "a"}, {"instance": "b"}})
	w.labels = labels{}
	for _, name := range []string{"0-gone", "1-gone", "2-gone"} {
		w.hosts[name] = &host{id: hostOf(name)}
	}
	w.refreshLabels(t.Context(), nil)
	if !slices.Contains(w.labels.without, "cpu") {
		t.Errorf("labels of no host: %v, want cpu among them", w.labels.without)
	}
}

// That a host is silent does not say that it is one machine again.
func TestASilentHostStaysRefused(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2")
	r.grow(t)
	r.pass(t, 1)
	r.world.split = map[string]map[string][]string{"web-2": {"cluster": {"eu", "us"}}}
	r.refreshLabels(t.Context(), nil)
	r.world.hosts = []string{"web-1"}
	r.pass(t, 1)
	r.refreshLabels(t.Context(), nil)
	if s := r.Status(); s.RefusedHosts != 1 {
		t.Errorf("refused %v, want web-2", s.Refused)
	}
}
