package watch

import (
	"testing"
	"time"
)

// A watch that takes over scores on from the next instant with the same hosts,
// models and streams: as one that had gone on by itself. One of another step
// starts afresh.
func TestTakeOver(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1", "web-2")
	r.grow(t)
	r.pass(t, 20)
	r.mu.Lock()
	r.hosts["web-2"].training.Running = true // a training that ends with the old one
	r.mu.Unlock()
	before := r.Hosts()

	next := newRig(t, db, "web-1", "web-2")
	next.world, next.now = r.world, r.now
	next.o.Source = r.world
	next.TakeOver(r.Watch)
	for i, h := range next.Hosts() {
		if h.Model.ID == "" || h.Model.ID != before[i].Model.ID || h.Score.Value != before[i].Score.Value || h.State != before[i].State || h.Training.Running {
			t.Errorf("before it has scored: %+v, want what was\n%+v", h, before[i])
		}
	}
	if next.ranged != r.ranged || next.rangeRead != r.rangeRead {
		t.Errorf("models learned with rates over %+v (read: %v), want %+v (%v)", next.ranged, next.rangeRead, r.ranged, r.rangeRead)
	}
	if s, was := next.Status(), r.Status(); s.State != was.State || s.LastRead != was.LastRead || s.Hosts != 2 {
		t.Errorf("status %+v, want %+v", s, was)
	}
	if old := r.Hosts(); len(old) != 2 || old[0].Score.Value != before[0].Score.Value {
		t.Errorf("the old one says %+v", old)
	}

	alone := newRig(t, open(t), "web-1", "web-2")
	alone.world, alone.now = &world{hosts: r.world.hosts, born: r.world.born, fault: map[string]float64{}, silent: map[string]bool{}}, r.world.born
	alone.o.Source = alone.world
	alone.grow(t)
	alone.pass(t, 20)
	want, got := alone.pass(t, 30), next.pass(t, 30)
	for i := range want {
		if len(got[i].Scores) != 2 || got[i].Scores[0].Value != want[i].Scores[0].Value || len(got[i].Silent) != 0 {
			t.Fatalf("instant %d: %+v, want the scores of one that was not replaced %+v", i, got[i].Scores, want[i].Scores)
		}
	}

	other := New(Options{Source: r.world, Name: "test", Schema: profile(t), Step: 2 * time.Second, Store: db, Sink: r})
	other.TakeOver(next.Watch)
	if len(other.Hosts()) != 0 {
		t.Error("a watch of another step took over hosts")
	}
}
