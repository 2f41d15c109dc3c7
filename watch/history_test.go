package watch

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
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

// cluster appends what cAdvisor and kube-state-metrics say of two workloads with
// two pods each, ten minutes of it.
func cluster(t *testing.T, db *tsdb.DB, end time.Time) {
	t.Helper()
	const step = 5 * time.Second
	for i := range 121 {
		at := end.Add(time.Duration(i-120) * step)
		var batch []series.Sample
		add := func(name string, v float64, labels ...string) {
			m := map[string]string{"namespace": "shop", "cluster": "eu"}
			for k := 0; k < len(labels); k += 2 {
				m[labels[k]] = labels[k+1]
			}
			batch = append(batch, series.Sample{Name: name, Labels: m, At: at, Value: v})
		}
		busy := float64(i) + math.Sin(float64(i)/9)
		for w, workload := range []string{"cart", "checkout"} {
			for p := range 2 {
				pod := fmt.Sprintf("%s-7d9f-%d", workload, p)
				for _, container := range []string{"app", "POD", ""} {
					cadvisor := []string{"pod", pod, "container", container, "instance", "10.0.0.1:10250", "job", "kubelet", "node", "n1"}
					add("container_cpu_usage_seconds_total", busy*float64(1+w), cadvisor...)
					add("container_memory_working_set_bytes", 1e8*(2+math.Sin(float64(i+9*p)/20)), cadvisor...)
				}
				add("kube_pod_container_status_restarts_total", 3, "pod", pod, "container", "app", "instance", "10.0.0.9:8080", "job", "kube-state-metrics", "uid", pod)
				add("kube_pod_owner", 1, "pod", pod, "owner_kind", "ReplicaSet", "owner_name", workload+"-7d9f5bc6c", "owner_is_controller", "true", "instance", "10.0.0.9:8080", "job", "kube-state-metrics", "uid", pod)
			}
		}
		if err := db.Append(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
}

// Workloads, whose identity comes from a join, are learned, and keep what their
// pods share.
func TestWorkloadsAreLearned(t *testing.T) {
	end := time.Now().Truncate(5 * time.Second)
	local, err := tsdb.Open(tsdb.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	cluster(t, local, end)
	w := New(Options{
		Source: local, Name: "k8s", Schema: must.Get(feature.NewSchema(feature.Workload()))(t), Step: 5 * time.Second, Store: open(t), History: time.Hour,
		Sink: deaf{},
	})
	w.round(t.Context(), end)
	if err := w.lookUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	batch, _ := w.due(end)
	if len(batch) != 2 {
		t.Fatalf("%d hosts are due, want both workloads", len(batch))
	}
	w.trainBatch(t.Context(), batch)
	for _, h := range w.Hosts() {
		if h.Model.Rows < 100 || h.Training.Err != "" {
			t.Errorf("%s has a model of %d rows: %q", h.Host, h.Model.Rows, h.Training.Err)
		}
		_, workload, _ := strings.Cut(h.Host.Name, "/")
		want := map[string]string{"namespace": "shop", "workload": workload, "cluster": "eu", "owner_kind": "ReplicaSet"}
		if diff := cmp.Diff(want, h.Labels); diff != "" {
			t.Errorf("labels of %s (-want +got):\n%s", h.Host, diff)
		}
	}
}

// Workloads of two clusters are never added up, whichever label tells the clusters
// apart; and the profile that is advised keeps them apart.
func TestWorkloadsOfTwoClusters(t *testing.T) {
	now := time.Now().Truncate(5 * time.Second)
	for _, label := range []string{"cluster", "k8s_cluster", "tenant_id", "datacenter", "env"} {
		local := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
		t.Cleanup(func() { _ = local.Close() })
		var batch []series.Sample
		for i, site := range []string{"eu", "us"} {
			add := func(name string, v float64, labels map[string]string) {
				maps.Copy(labels, map[string]string{label: site, "namespace": "shop", "pod": "db-0"})
				batch = append(batch, series.Sample{Name: name, Labels: labels, At: now, Value: v})
			}
			add("container_memory_working_set_bytes", float64(1+i), map[string]string{"container": "app", "instance": "10.0.0.1:10250"})
			add("kube_pod_owner", 1, map[string]string{"owner_kind": "StatefulSet", "owner_name": "db", "instance": "ksm"})
		}
		must.OK(t, local.Append(t.Context(), batch))
		watching := func(p feature.Profile) *Watch {
			w := New(Options{Source: local, Name: "k8s", Schema: must.Get(feature.NewSchema(p))(t), Step: 5 * time.Second, Store: open(t), Sink: deaf{}})
			w.round(t.Context(), now)
			must.OK(t, w.lookUp(t.Context()))
			return w
		}
		why := watching(feature.Workload()).Status().Refused["shop/db"]
		if !strings.Contains(why, "by: ["+label+", namespace, workload]") {
			t.Errorf("two clusters by %s: refused with %q", label, why)
		}
		w := watching(must.Get(feature.Declare(feature.Profile{Name: "apart", By: []string{label, "namespace", "workload"}}, "workload", nil, feature.Builtins()))(t))
		got := map[string]float64{}
		for _, h := range w.Hosts() {
			for _, f := range h.Features {
				if f.Name == "memory" {
					got[h.Host.Name] = f.Actual
				}
			}
		}
		if diff := cmp.Diff(map[string]float64{"eu/shop/db": 1, "us/shop/db": 2}, got); diff != "" || w.Status().RefusedHosts != 0 {
			t.Errorf("by %s (-want +got):\n%s refused %v", label, diff, w.Status().Refused)
		}
	}
}

// starved has no history of any host, for whatever reason.
type starved struct {
	*world
	why map[string]error // feature -> why it fails in history; nil: there are no samples
}

func (s *starved) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	f, err := s.world.Read(ctx, q)
	if err != nil || len(q.Hosts) == 0 || q.Step > time.Second {
		return f, err
	}
	if f.Failed = s.why; s.why == nil {
		return series.NewFrame(nil, f.Features, q.Start, q.Step, f.Instants), nil
	}
	return f, nil
}

// records are what was logged at a level or above.
type records struct {
	slog.Handler
	all *[]string
}

func (r records) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (r records) WithAttrs([]slog.Attr) slog.Handler           { return r }
func (r records) Handle(_ context.Context, one slog.Record) error {
	*r.all = append(*r.all, one.Message)
	return nil
}

// Trainings that fail again and again are counted on the hosts, and said once.
func TestTrainingsThatKeepFailingAreSeen(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2")
	var said []string
	r.log = slog.New(records{slog.DiscardHandler, &said})
	r.pass(t, 160)
	if err := r.lookUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.o.Source = &starved{world: r.world}
	batch := slices.Collect(func(yield func(*host) bool) {
		_ = yield(r.hosts["web-1"]) && yield(r.hosts["web-2"])
	})
	for range 2 * omen.FailingTrainings {
		r.trainBatch(t.Context(), batch)
	}
	for _, h := range r.Hosts() {
		if h.Training.Failures != 2*omen.FailingTrainings || h.Training.Err == "" {
			t.Errorf("%s: %d failures, %q", h.Host, h.Training.Failures, h.Training.Err)
		}
	}
	if !slices.Equal(said, []string{"training keeps failing"}) {
		t.Errorf("warned of %q", said)
	}
	r.o.Source = r.world
	r.trainBatch(t.Context(), batch)
	for _, h := range r.Hosts() {
		if h.Training.Failures != 0 || h.Model.ID == "" {
			t.Errorf("%s: %d failures, model %q", h.Host, h.Training.Failures, h.Model.ID)
		}
	}
}

// One cause that keeps many hosts from learning is one line of the log, with their
// number and the first names; another host's cause is one of its own.
func TestOneCauseOfManyHostsIsOneLine(t *testing.T) {
	var names []string
	for n := range 27 {
		names = append(names, fmt.Sprintf("web-%02d", n))
	}
	r := newRig(t, open(t), names...)
	r.pass(t, 160)
	if err := r.lookUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r.log = slog.New(slog.NewTextHandler(&log, nil))
	r.o.Source = &starved{r.world, map[string]error{"net": fmt.Errorf("cannot select more than 1: %w", series.ErrTooMuch)}}
	batch := slices.Collect(maps.Values(r.hosts))
	said := func() (lines []string) {
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "no model from this training") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	r.trainBatch(t.Context(), batch)
	if lines := said(); len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], `count=27 host="web-00, web-01, web-02 and 24 more"`) || !strings.Contains(lines[0], "cannot select more") {
		t.Errorf("logged\n%s", strings.Join(lines, ""))
	}
	log.Reset()
	r.o.Source = heavy{r.world, "web-07"}
	r.trainBatch(t.Context(), []*host{r.hosts["web-07"], r.hosts["web-08"]})
	if lines := said(); len(lines) != 1 || !strings.Contains(lines[0], "count=1 host=web-07 ") {
		t.Errorf("logged\n%s", strings.Join(lines, ""))
	}
}

// A feature that history does not give, and the present does, is not learned
// as missing.
func TestHistoryWithoutAFeatureIsNotLearned(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	r.pass(t, 160)
	if err := r.lookUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	source := &starved{r.world, map[string]error{"net": fmt.Errorf("cannot select more than 1: %w", series.ErrTooMuch)}}
	r.o.Source = source
	batch, _ := r.due(r.now)
	r.trainBatch(t.Context(), batch)
	if h := r.Hosts()[0]; h.Model.ID != "" || !strings.Contains(h.Training.Err, "feature net") || !strings.Contains(h.Training.Err, "cannot select more") {
		t.Errorf("model %q, %q", h.Model.ID, h.Training.Err)
	}
	// One that the source refuses whenever it is asked is missing everywhere.
	source.why = map[string]error{"net": fmt.Errorf("unknown function: %w", omen.ErrInvalid)}
	r.trainBatch(t.Context(), batch)
	if h := r.Hosts()[0]; h.Model.ID == "" {
		t.Errorf("no model: %s", h.Training.Err)
	}
}

// heavy refuses the history of several hosts together, and of one always.
type heavy struct {
	*world
	poison string
}

func (s heavy) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	if slices.Contains(q.Hosts, s.poison) && q.Step == time.Second {
		return nil, fmt.Errorf("read: %w: %w", series.ErrTooMuch, omen.ErrInvalid)
	}
	return s.world.Read(ctx, q)
}

func TestOneHostThatIsTooMuchKeepsNoOtherFromLearning(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2")
	r.pass(t, 160)
	if err := r.lookUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.o.Source = heavy{r.world, "web-2"}
	batch, _ := r.due(r.now)
	r.trainBatch(t.Context(), batch)
	for _, h := range r.Hosts() {
		if poisoned := h.Host.Name == "web-2"; (h.Model.ID == "") != poisoned || (h.Training.Err != "") != poisoned {
			t.Errorf("%s: model %q, %q", h.Host, h.Model.ID, h.Training.Err)
		}
	}
}

// A source that answers and has nothing is not up, and says why.
func TestASourceWithoutHostsIsNotUp(t *testing.T) {
	r := newRig(t, open(t))
	r.pass(t, 1)
	if s := r.Status(); s.State != omen.SourcePartial || !strings.Contains(s.Err, "no host has a sample") {
		t.Errorf("%s: %q", s.State, s.Err)
	}
	r.world.hosts = []string{"web-1"}
	r.pass(t, 1)
	if s := r.Status(); s.State != omen.SourceUp || s.Err != "" {
		t.Errorf("%s: %q", s.State, s.Err)
	}
}
