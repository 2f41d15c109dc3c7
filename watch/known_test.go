package watch

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// secretive refuses the history of one host.
type secretive struct {
	*world
	host string
}

func (s secretive) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	if slices.Contains(q.Hosts, s.host) && q.End.Sub(q.Start) > 10*time.Second {
		return nil, errors.New("history of this host is forbidden")
	}
	return s.world.Read(ctx, q)
}

// A new host whose history cannot be read is looked up again and again; the
// hosts that are known are learned meanwhile.
func TestAHostThatCannotBeLookedUpHoldsUpNobody(t *testing.T) {
	w := &world{hosts: []string{"web-1", "web-2"}, born: bubble, silent: map[string]bool{"web-2": true}}
	live(t, secretive{w, "web-2"}, Options{Schema: profile(t), Step: time.Second, History: time.Hour}, func(x *whole) {
		x.until(4 * time.Minute)
		w.hush("web-2", false)
		x.until(11 * time.Minute)
		hosts := x.Hosts()
		if len(hosts) != 2 || !strings.Contains(hosts[1].Training.Err, "forbidden") {
			t.Fatalf("hosts %+v, want web-2 among them, and why its history is not known", hosts)
		}
		if learned := hosts[0].Model.To.Sub(x.began); learned < 9*time.Minute {
			t.Errorf("web-1's model learned the first %s, want the ten minutes' one", learned)
		}
	})
}

// While hosts are being trained, which may take hours, one that appears is
// looked up all the same.
func TestTrainingHoldsUpNoLookUp(t *testing.T) {
	w := &world{hosts: []string{"web-1", "web-2"}, born: bubble, silent: map[string]bool{"web-2": true}}
	o := Options{Schema: profile(t), Step: time.Second, History: time.Hour}
	prepare := func() { // web-1's first training waits for its turn; a channel of the bubble
		o.Slots = make(chan struct{}, 1)
		o.Slots <- struct{}{}
	}
	liveWith(t, w, &o, prepare, func(x *whole) {
		x.until(4 * time.Minute)
		if h := x.Hosts()[0]; !h.Training.Running {
			t.Fatalf("web-1 is not being trained: %+v", h.Training)
		}
		w.hush("web-2", false)
		x.until(5 * time.Minute)
		x.mu.Lock()
		h := x.hosts["web-2"]
		known := h != nil && h.known
		x.mu.Unlock()
		if !known {
			t.Error("web-2 waits for web-1's training to be looked up")
		}
		<-o.Slots
	})
}

// What a training decided holds over a restart: a challenger that was refused
// is not trained again at once.
func TestRefusalOutlivesARestart(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1")
	r.grow(t)
	r.pass(t, 450)
	serving := r.Hosts()[0].Model
	_, blob, err := db.Model(t.Context(), serving.ID)
	if err != nil {
		t.Fatal(err)
	}
	refused := serving
	refused.ID, refused.TrainedAt, refused.Serving = serving.ID+"-refused", r.now, false
	must.OK(t, db.PutModel(t.Context(), refused, blob))
	again := newRig(t, db, "web-1")
	again.world.born, again.now = r.world.born, r.now
	again.pass(t, 1)
	must.OK(t, again.lookUp(t.Context()))
	if batch, _ := again.due(again.now); len(batch) != 0 {
		t.Error("the host is due at once")
	}
	if h := again.Hosts()[0]; h.Model.ID != serving.ID || h.Training.NextDue.Sub(r.world.born) < 20*time.Minute {
		t.Errorf("model %s, due again %s after birth: want the old one, and the next stage", h.Model.ID, h.Training.NextDue.Sub(r.world.born))
	}
}

// A host that died while Omen did not run is silent, not unknown; an hour
// later it is gone, and forgotten for good.
func TestDeathDuringDowntimeIsNoticed(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1", "web-2")
	r.grow(t)
	must.OK(t, r.keep(t.Context()))
	restart := func() *rig {
		again := newRig(t, db, "web-1", "web-2")
		again.world.born, again.now, again.world.silent["web-2"] = r.world.born, r.now, true
		must.OK(t, again.load(t.Context()))
		again.pass(t, 1)
		must.OK(t, again.lookUp(t.Context()))
		return again
	}
	again := restart()
	k := again.pass(t, 1)[0]
	if len(k.Scores) != 1 || len(k.Silent) != 1 || k.Silent[0].Name != "web-2" {
		t.Fatalf("%d scores, silent %v: want web-2 silent", len(k.Scores), k.Silent)
	}
	if h := again.Hosts()[1]; h.State != omen.HostSilent || !h.LastSeen.Before(again.now.Add(-time.Second)) {
		t.Errorf("web-2 is %s and was seen %s", h.State, h.LastSeen)
	}
	if batch, _ := again.due(again.now.Add(time.Hour)); len(batch) != 0 {
		t.Errorf("%d hosts due: a silent one is not trained", len(batch)) // web-1 is due at ten minutes
	}
	for range 61 { // in which web-1 is heard
		again.now = again.now.Add(forgetAfter / 60)
		again.pass(t, 1)
	}
	if n := len(again.Hosts()); n != 1 {
		t.Errorf("%d hosts after an hour of silence", n)
	}
	must.OK(t, again.keep(t.Context()))
	if n := len(restart().Hosts()); n != 1 {
		t.Errorf("%d hosts after another restart: one that was gone came back", n)
	}
}

func TestWhatFailsEachTickIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, open(t), "web-1")
	r.log = slog.New(slog.NewTextHandler(&log, nil))
	r.grow(t)
	r.fails = errors.New("full")
	r.pass(t, 5)
	r.fails = nil
	r.pass(t, 5)
	for what, want := range map[string]int{"scores not judged": 1, "scores are judged again": 1, "scores not kept": 1, "scores are kept again": 1} {
		if n := strings.Count(log.String(), what); n != want {
			t.Errorf("%q is logged %d times, want %d", what, n, want)
		}
	}
	if a, b := testutil.ToFloat64(r.metrics.unoffered), testutil.ToFloat64(r.metrics.unrecorded); a != 5 || b != 5 {
		t.Errorf("%v and %v rounds counted, want 5 each", a, b)
	}
}

// A host's model and scores are its own: neither the other hosts nor their
// order change them.
func TestOtherHostsChangeNothing(t *testing.T) {
	start := time.Now().Truncate(time.Second)
	play := func(hosts ...string) map[string][]float64 {
		r := newRig(t, open(t), hosts...)
		r.world.born, r.now = start, start
		r.grow(t)
		scores := map[string][]float64{}
		for _, k := range r.pass(t, 60) {
			for _, s := range k.Scores {
				scores[s.Host.Name] = append(scores[s.Host.Name], s.Value)
			}
		}
		return scores
	}
	all := play("a-1", "b-2", "c-3")
	for _, name := range []string{"c-3", "a-1", "b-2"} {
		alone := play(name)
		if len(all[name]) != 60 || !maps.EqualFunc(alone, map[string][]float64{name: all[name]}, equalFloats) {
			t.Errorf("%s among others scores %v, alone %v", name, all[name], alone[name])
		}
	}
}

func equalFloats(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Where the newest model is damaged the one before it serves.
func TestAnOlderModelServesForADamagedOne(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1")
	r.grow(t)
	older := r.Hosts()[0].Model
	newer := older
	newer.ID, newer.Serving = older.ID+"-newer", true
	must.OK(t, db.PutModel(t.Context(), newer, []byte("not a model")))
	again := newRig(t, db, "web-1")
	again.world.born, again.now = r.world.born, r.now
	again.pass(t, 1)
	must.OK(t, again.lookUp(t.Context()))
	if h := again.Hosts()[0]; h.Model.ID != older.ID {
		t.Fatalf("model %q serves, want %q", h.Model.ID, older.ID)
	}
	if k := again.pass(t, 1)[0]; len(k.Scores) != 1 || k.Scores[0].Model != older.ID {
		t.Errorf("scores %+v, want one by the older model", k.Scores)
	}
}

// After a read that took long, the last minute's instants are scored and the
// others are counted.
func TestASlowReadIsCaughtUpOnlySoFar(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	r.grow(t)
	last := r.now
	r.now = r.now.Add(99 * time.Second)
	ticks := r.pass(t, 1) // one read, 100 s after the one before
	if len(ticks) != maxCatchUp {
		t.Fatalf("%d instants scored, want %d", len(ticks), maxCatchUp)
	}
	for i, k := range ticks {
		if want := last.Add(time.Duration(100-maxCatchUp+1+i) * time.Second); !k.At.Equal(want) || len(k.Scores) != 1 {
			t.Fatalf("tick %d is of %s with %d scores, want %s with one", i, k.At, len(k.Scores), want)
		}
	}
	if n := testutil.ToFloat64(r.metrics.skipped); n != 100-maxCatchUp {
		t.Errorf("%v instants counted as skipped, want %d", n, 100-maxCatchUp)
	}
}

// What the page shows of a model: its age, drift and self-test.
func TestDriftAndSelfTestAreShown(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	r.o.Detect.SelfTest = true
	r.pass(t, 80) // with less than four minutes there is nothing to inject faults into
	r.grow(t)
	if h := r.Hosts()[0]; h.Drift.Samples != 0 || h.Stale || len(h.SelfTest) == 0 || h.First.Sub(r.world.born) > time.Second {
		t.Fatalf("drift %+v, stale %v, self-test %+v, first %s", h.Drift, h.Stale, h.SelfTest, h.First)
	}
	r.pass(t, 120)
	calm := r.Hosts()[0].Drift
	if calm.Samples != 120 || calm.Drifting || calm.Busy > 0.2 {
		t.Errorf("drift of a host that stays as it was: %+v", calm)
	}
	r.world.fault["mem"] = 3
	r.pass(t, 600)
	if d := r.Hosts()[0].Drift; d.Drifting {
		t.Errorf("a provisional model, soon trained again, drifts: %+v", d)
	}
	r.mu.Lock()
	r.hosts["web-1"].drift.young = false
	r.mu.Unlock()
	if d := r.Hosts()[0].Drift; !d.Drifting || d.Busy < 0.4 || d.Samples != 720 {
		t.Errorf("drift of a host that changed for good: %+v", d)
	}
	r.mu.Lock()
	r.hosts["web-1"].info.TrainedAt = r.last.Add(-2*r.o.Retrain - time.Second)
	r.mu.Unlock()
	if !r.Hosts()[0].Stale {
		t.Error("a model of two days ago is not stale")
	}
}
