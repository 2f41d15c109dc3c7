package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a source whose numbers follow from time alone: a load that goes up
// and down within two minutes, two features that follow it, and noise.
type world struct {
	hosts []string
	born  time.Time // no samples before

	mu     sync.Mutex
	fault  map[string]float64 // feature -> factor, on the first host, at all times
	turns  []turn             // the same from some time on
	silent map[string]bool
	dead   error
	split  map[string]map[string][]string // what strict queries find of a host
}

// strict is which labels the series of hosts agree on: their instance.
func (w *world) strict(q series.Query) *series.Frame {
	f := series.NewFrame(w.hosts, []string{q.Exprs[0].Feature}, q.Start, time.Second, 1)
	f.Split, f.Partly = make([]map[string][]string, len(w.hosts)), make([]map[string][]string, len(w.hosts))
	for h, host := range w.hosts {
		f.Labels[h]["instance"] = host
		f.Split[h] = w.split[host]
	}
	return f
}

// turn is a feature that changes.
type turn struct {
	at      time.Time
	feature string
	factor  float64
}

// set makes the first host's feature so many times as large for a while.
func (w *world) set(feature string, factor float64, from, to time.Time) {
	w.turns = append(w.turns, turn{from, feature, factor}, turn{to, feature, 1})
}

// hush makes a host silent, or not.
func (w *world) hush(host string, silent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent[host] = silent
}

// factor is what the first host's feature is multiplied by.
func (w *world) factor(feature string, at time.Time) float64 {
	factor := 1.0
	if f := w.fault[feature]; f != 0 {
		factor = f
	}
	for _, t := range w.turns {
		if t.feature == feature && !at.Before(t.at) {
			factor = t.factor
		}
	}
	return factor
}

var features = []string{"cpu", "disk", "net", "mem"}

func (w *world) Read(_ context.Context, q series.Query) (*series.Frame, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead != nil {
		return nil, w.dead
	}
	if q.Strict {
		return w.strict(q), nil
	}
	names := make([]string, len(q.Exprs))
	for i, e := range q.Exprs {
		names[i] = e.Feature
	}
	var hosts []string
	for _, h := range w.hosts {
		if !w.silent[h] {
			hosts = append(hosts, h)
		}
	}
	step := max(q.Step, time.Second)
	f := series.NewFrame(hosts, names, q.Start, step, int(q.End.Sub(q.Start)/step)+1)
	f.Window = 4 * step
	for h, host := range hosts {
		for i := range f.Instants {
			at := f.Time(i)
			if at.Before(w.born) {
				continue
			}
			age := uint64(at.Sub(w.born) / time.Second)
			r := rand.New(rand.NewPCG(age, uint64(len(host))+uint64(host[len(host)-1])))
			load := 0.4 + 0.2*math.Sin(2*math.Pi*float64(age)/120)
			for j, name := range names {
				v := load*[]float64{1, 0.8, 0.5, 0.1}[slices.Index(features, name)] + 0.02*r.NormFloat64()
				if host == w.hosts[0] {
					v *= w.factor(name, at)
				}
				f.Set(h, i, j, v)
			}
		}
	}
	return f, nil
}

// rig is a watch over a world, with what it offered.
type rig struct {
	*Watch
	deaf
	world *world
	ticks []omen.Tick
	fails error // of what it hands over
	now   time.Time
}

func (r *rig) Offer(_ context.Context, k omen.Tick) error {
	r.ticks = append(r.ticks, k)
	return r.fails
}

func (r *rig) Record(context.Context, []omen.Score) error { return r.fails }

// deaf is a sink that forgets what it is given.
type deaf struct{}

func (deaf) Offer(context.Context, omen.Tick) error       { return nil }
func (deaf) Foresee(context.Context, omen.Outlooks) error { return nil }
func (deaf) Note(context.Context, mute.Event) error       { return nil }
func (deaf) Record(context.Context, []omen.Score) error   { return nil }

func profile(t testing.TB) *feature.Schema {
	t.Helper()
	p := feature.Profile{Name: "test", By: []string{"instance"}}
	for _, name := range features {
		p.Features = append(p.Features, feature.Feature{
			Name: name, Help: "a number", Expr: name, Unit: omen.Count, Min: -1e6, Max: 1e6, Scale: 0.1, Deviation: 0.05,
		})
	}
	return must.Get(feature.NewSchema(p))(t)
}

func newRig(t testing.TB, db *store.DB, hosts ...string) *rig {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	r := &rig{world: &world{hosts: hosts, born: now, fault: map[string]float64{}, silent: map[string]bool{}}, now: now}
	r.Watch = New(Options{
		Source: r.world, Name: "test", Schema: profile(t), Step: time.Second, Store: db, History: time.Hour, Sink: r,
	})
	return r
}

func open(t testing.TB) *store.DB {
	t.Helper()
	db := must.Get(store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), slog.New(slog.DiscardHandler)))(t)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// pass scores n seconds, one by one.
func (r *rig) pass(t testing.TB, n int) []omen.Tick {
	t.Helper()
	r.ticks = nil
	for range n {
		r.now = r.now.Add(time.Second)
		r.round(t.Context(), r.now)
	}
	return r.ticks
}

// grow lets the rig's hosts become old enough for a first model, and trains it.
func (r *rig) grow(t testing.TB) {
	t.Helper()
	r.pass(t, 160)
	must.OK(t, r.lookUp(t.Context()))
	batch, _ := r.due(r.now)
	if len(batch) != len(r.world.hosts) {
		t.Fatalf("%d hosts are due after 160 s, want %d", len(batch), len(r.world.hosts))
	}
	r.trainBatch(t.Context(), batch)
}

func TestFreshHostsAreLearnedAndJudged(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2")
	for _, k := range r.pass(t, 100) {
		if len(k.Scores) != 0 || k.Err != "" {
			t.Fatalf("tick %+v before there is a model", k)
		}
	}
	must.OK(t, r.lookUp(t.Context()))
	if batch, wait := r.due(r.now); len(batch) != 0 || wait > time.Minute {
		t.Fatalf("%d hosts due after 100 s, the next in %s", len(batch), wait)
	}
	if due := r.FirstModelDue(); due.Sub(r.world.born) < 150*time.Second || due.Sub(r.world.born) > 152*time.Second {
		t.Errorf("first model due %s after birth", due.Sub(r.world.born))
	}
	r.grow(t)
	for _, h := range r.Hosts() {
		if h.Model.ID == "" || h.Model.Grade != omen.Provisional || h.Training.Err != "" {
			t.Fatalf("host %s has model %q of grade %q: %s", h.Host, h.Model.ID, h.Model.Grade, h.Training.Err)
		}
	}
	loud := 0
	for _, k := range r.pass(t, 120) {
		if len(k.Scores) != 2 {
			t.Fatalf("%d scores at %s, want 2", len(k.Scores), k.At)
		}
		for _, s := range k.Scores {
			if math.IsNaN(s.Value) || s.Anomalous() {
				loud++
			}
		}
	}
	if loud > 0 {
		t.Errorf("%d of 240 ordinary samples are anomalous", loud)
	}
	r.world.fault["disk"] = 20
	faulty := r.pass(t, 15)
	last := faulty[len(faulty)-1]
	for _, s := range last.Scores {
		sick := s.Host.Name == "web-1"
		if s.Anomalous() != sick {
			t.Errorf("%s scores %.2f", s.Host, s.Value)
		}
		if sick && s.Causes[0].Feature != "disk" {
			t.Errorf("first cause %s, want disk", s.Causes[0])
		}
	}
}

func TestTheNextStageFollows(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	r.grow(t)
	before := r.Hosts()[0]
	if want := r.world.born.Add(10 * time.Minute); before.Training.NextDue.Sub(want).Abs() > 2*time.Second {
		t.Fatalf("next training due %s, want %s", before.Training.NextDue, want)
	}
	r.pass(t, 450)
	batch, _ := r.due(r.now)
	if len(batch) != 1 {
		t.Fatalf("%d hosts due after ten minutes", len(batch))
	}
	r.trainBatch(t.Context(), batch)
	after := r.Hosts()[0]
	if after.Training.Err == "" && (after.Model.ID == before.Model.ID || after.Model.Rows <= before.Model.Rows) {
		t.Errorf("model %s of %d rows after %s of %d", after.Model.ID, after.Model.Rows, before.Model.ID, before.Model.Rows)
	}
	if batch, _ := r.due(r.now); len(batch) != 0 {
		t.Error("due again at once")
	}
}

func TestSilenceAndDeathAreNoAnomalies(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2")
	r.grow(t)
	r.world.silent["web-2"] = true
	k := r.pass(t, 3)[2]
	if len(k.Scores) != 1 || len(k.Silent) != 1 || k.Silent[0].Name != "web-2" {
		t.Errorf("scores %d, silent %v", len(k.Scores), k.Silent)
	}
	if s := r.Hosts()[1].State; s != omen.HostSilent {
		t.Errorf("web-2 is %s", s)
	}
	r.world.dead = fmt.Errorf("connection refused: %w", omen.ErrUnavailable)
	for _, k := range r.pass(t, 3) {
		if k.Err == "" || len(k.Scores)+len(k.Silent) != 0 {
			t.Errorf("tick of a dead source: %+v", k)
		}
	}
	if s := r.Status(); s.State != omen.SourceDown || s.Err == "" {
		t.Errorf("status %+v", s)
	}
	r.world.dead, r.world.silent["web-2"] = nil, false
	ticks := r.pass(t, 1)
	if len(ticks) != 4 || len(ticks[3].Scores) != 2 {
		t.Errorf("%d instants after three that could not be read, want all four caught up", len(ticks))
	}
	if s := r.Status(); s.State != omen.SourceUp {
		t.Errorf("source is %s after it came back", s.State)
	}
}

func TestRestartAndReturnTakeUpTheModel(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1", "web-2")
	r.grow(t)
	id := r.Hosts()[0].Model.ID
	again := newRig(t, db, "web-1", "web-2")
	again.world.born, again.now = r.world.born, r.now
	again.pass(t, 1)
	must.OK(t, again.lookUp(t.Context()))
	h := again.Hosts()[0]
	if h.Model.ID != id || len(again.pass(t, 1)[0].Scores) != 2 {
		t.Fatalf("after a restart the model is %q, want %q", h.Model.ID, id)
	}
	if first := h.Training.NextDue.Sub(r.world.born); first > 11*time.Minute {
		t.Errorf("after a restart the next stage is due %s after birth: history forgotten", first)
	}
	again.world.silent["web-1"] = true
	again.pass(t, 1)
	for range 60 { // at which web-2 is heard
		again.now = again.now.Add(forgetAfter / 60)
		again.pass(t, 1)
	}
	if n := len(again.Hosts()); n != 1 {
		t.Fatalf("%d hosts after an hour of silence", n)
	}
	again.world.silent["web-1"] = false
	again.pass(t, 1)
	must.OK(t, again.lookUp(t.Context()))
	if got := again.Hosts()[0].Model.ID; got != id {
		t.Errorf("a host that returned has model %q, want %q", got, id)
	}
}

// A source that had hosts and has none is down until one sends something: nobody is
// forgotten, be it for a day and over a restart, and who comes later is not either.
func TestNoHostIsForgottenWhileNoneIsHeard(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1", "web-2")
	r.grow(t)
	if err := r.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := newRig(t, db, "web-1", "web-2")
	again.world.born, again.now = r.world.born, r.now
	for name, r := range map[string]*rig{"running": r, "restarted": again} {
		if err := r.load(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.world.silent["web-1"], r.world.silent["web-2"] = true, true
		r.pass(t, 1)
		if err := r.lookUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.pass(t, int(unheard/time.Second)-1)
		if s := r.Status(); s.State != omen.SourceUp {
			t.Errorf("%s: %s after %s, want up", name, s.State, unheard)
		}
		for range 24 {
			k := r.pass(t, 2)[1]
			if s := r.Status(); s.State != omen.SourceDown || !strings.Contains(s.Err, "none of its 2 hosts") || len(k.Silent) != 2 {
				t.Fatalf("%s: %s (%s), %d hosts silent, want down and two", name, s.State, s.Err, len(k.Silent))
			}
			r.now = r.now.Add(time.Hour)
		}
		r.world.silent["web-1"] = false
		if k := r.pass(t, 2)[1]; len(k.Silent) != 1 || r.Status().State != omen.SourceUp {
			t.Errorf("%s: %d hosts silent when one is back, source %s, want one and up", name, len(k.Silent), r.Status().State)
		}
	}
}

func TestExcludedSpansAreNotLearned(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1")
	must.OK(t, db.PutSilence(t.Context(), mute.Silence{
		ID: "s", From: r.world.born, Until: r.world.born.Add(20 * time.Second), By: "ann", Reason: "work", Effect: mute.EffectExclude,
		Match: []mute.Matcher{{Name: "host", Value: "web-1", IsEqual: true}},
	}, omen.Audit{At: r.now, By: "ann", Action: "silence.create", Subject: "s"}))
	r.grow(t)
	if rows := r.Hosts()[0].Model.Rows; rows < 130 || rows > 141 {
		t.Errorf("learned from %d rows of 160, want 20 left out", rows)
	}
}

func TestDamagedModelIsTrainedAgain(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1")
	r.grow(t)
	info := r.Hosts()[0].Model
	must.OK(t, db.PutModel(t.Context(), info, []byte("not a model")))
	again := newRig(t, db, "web-1")
	again.world.born, again.now = r.world.born, r.now
	again.pass(t, 1)
	must.OK(t, again.lookUp(t.Context()))
	if batch, _ := again.due(again.now); len(batch) != 1 {
		t.Errorf("%d hosts due: a host whose only model is damaged is learned at once", len(batch))
	}
}

// A prediction of what the host then sends is the score that it then gets,
// however often it was asked, and nothing is read for it.
func TestPredictionIsTheNextScore(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	r.grow(t)
	r.pass(t, 30)
	id := r.Hosts()[0].Host
	odd := must.Get(r.Predict(id, []float64{0.4, 9, 0.2, 0.04}))(t)
	if !odd.Anomalous() || odd.Causes[0].Feature != "disk" {
		t.Errorf("predicted %.2f by %v, want disk", odd.Value, odd.Causes)
	}
	next := must.Get(r.world.Read(t.Context(), series.Query{Exprs: r.past().Query(r.now, r.now, time.Second).Exprs, Start: r.now.Add(time.Second), End: r.now.Add(time.Second), Step: time.Second}))(t)
	values := r.o.Schema.AppendVectors(nil, next, "test", next.Time(0))[0].Values
	r.world.dead = errors.New("is not asked")
	got := must.Get(r.Predict(id, values))(t)
	r.world.dead = nil
	want := r.pass(t, 1)[0].Scores[0]
	if got.Value != want.Value || got.Level != want.Level || !got.At.Equal(want.At) || !slices.Equal(got.Expected, want.Expected) {
		t.Errorf("predicted %v at %v, it became %v at %v", got.Value, got.At, want.Value, want.At)
	}
	if m, _, known := r.Serving(id); !known || m.ID != want.Model {
		t.Errorf("the model that serves is %q, known %t, want %q", m.ID, known, want.Model)
	}
	if _, err := r.Predict(id, values[1:]); !errors.Is(err, omen.ErrSchema) {
		t.Errorf("a vector of another width: %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
