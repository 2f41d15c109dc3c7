package watch

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/training"
)

// TestRunGrowsAHostUp runs the whole watch on synctest's clock: eleven minutes
// pass at once, and both loops, their timers and the queue between them are
// the real ones.
func TestRunGrowsAHostUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := must.Get(store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil))(t)
		defer db.Close()
		born := time.Now().Truncate(time.Second)
		kept := &rig{}
		w := New(Options{
			Source: &world{hosts: []string{"web-1"}, born: born}, Name: "test", Schema: profile(t),
			Step: time.Second, Store: db, History: time.Hour, Sink: kept,
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(time.Minute) // synctest's clock
		due := w.FirstModelDue()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		cancel()
		must.OK(t, <-done)
		models, err := db.Models(context.Background(), omen.Host{Source: "test", Profile: "test", Name: "web-1"})
		if err != nil || len(models) != 2 {
			for _, m := range models {
				t.Logf("%s trained %s rows %d: %s", m.ID, m.TrainedAt.Sub(born), m.Rows, m.Note)
			}
			t.Fatalf("%d models after eleven minutes, want the first and that of ten minutes; %v", len(models), err)
		}
		firstScore := time.Duration(-1)
		for i, k := range kept.ticks {
			if want := born.Add(time.Duration(i+1) * time.Second); !k.At.Equal(want) {
				t.Fatalf("tick %d is of %s, want %s: each second once", i, k.At.Sub(born), want.Sub(born))
			}
			if firstScore < 0 && len(k.Scores) > 0 {
				firstScore = k.At.Sub(born)
			}
		}
		first := training.Schedule{Step: time.Second}.FirstStage()
		if firstScore < first || firstScore > first+10*time.Second {
			t.Errorf("first score %s after birth, want it at %s or little later", firstScore, first)
		}
		if said := due.Sub(born); said < first || said > firstScore {
			t.Errorf("after a minute the first model was said to be due %s after birth, and came by %s", said, firstScore)
		}
	})
}

// When the first model is due is not said before it is known how much history there
// is: it is due at once where there is enough.
func TestTheFirstModelIsDueByItsHistory(t *testing.T) {
	for history, want := range map[time.Duration]time.Duration{0: 150 * time.Second, time.Minute: 90 * time.Second, time.Hour: 0} {
		r := newRig(t, open(t), "web-1")
		r.world.born = r.now.Add(-history)
		r.pass(t, 1)
		if h := r.Hosts()[0]; !h.Training.NextDue.IsZero() || !r.FirstModelDue().IsZero() {
			t.Errorf("%s of history: due at %s, before it was looked up", history, h.Training.NextDue)
		}
		must.OK(t, r.lookUp(t.Context()))
		due := r.FirstModelDue()
		if in := max(0, due.Sub(r.last)); due.IsZero() || in < want-time.Minute || in > want+time.Second || want == 0 && in > 0 {
			t.Errorf("%s of history: due in %s, want %s", history, in, want)
		}
		if got := r.Hosts()[0].Training.NextDue; !got.Equal(due) {
			t.Errorf("the host says %s, the source %s", got, due)
		}
		for range 200 {
			if batch, _ := r.due(r.now); len(batch) > 0 {
				break
			}
			r.pass(t, 1)
		}
		if late := r.last.Sub(due); want > 0 && (late < 0 || late > 2*time.Second) {
			t.Errorf("%s of history: the training begins %s after it was due", history, late)
		}
	}
}

func TestAClockSetBackIsNoDeadSource(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	r.world.born = r.now.Add(-time.Hour)
	r.pass(t, 3)
	r.now = r.now.Add(-30 * time.Minute)
	back := r.now.Add(time.Second)
	for _, k := range r.pass(t, 2) {
		if k.Err != "" || k.At.Before(back) || k.At.After(back.Add(time.Second)) {
			t.Errorf("tick of %s says %q", k.At, k.Err)
		}
	}
	if s := r.Status(); s.State != omen.SourceUp || s.Hosts != 1 {
		t.Errorf("source is %s with %d hosts", s.State, s.Hosts)
	}
}

// unreadable answers for now, and not for the past.
type unreadable struct{ *world }

func (u unreadable) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	if q.End.Sub(q.Start) > 10*time.Second {
		return nil, errors.New("query too long")
	}
	return u.world.Read(ctx, q)
}

func TestHistoryThatCannotBeReadIsShown(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	r.o.Source = unreadable{r.world}
	r.pass(t, 2)
	err := r.lookUp(t.Context())
	if err == nil {
		t.Fatal("history was read")
	}
	r.unread(err)
	if got := r.Hosts()[0].Training.Err; !strings.Contains(got, "query too long") {
		t.Errorf("the host's training says %q", got)
	}
	r.o.Source = r.world
	must.OK(t, r.lookUp(t.Context()))
	if got := r.Hosts()[0].Training.Err; got != "" {
		t.Errorf("the host's training still says %q", got)
	}
}

// slow answers, and lets something happen before its first answer is there.
type slow struct {
	*world
	meanwhile func()
}

func (s *slow) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	f, err := s.world.Read(ctx, q)
	if then := s.meanwhile; then != nil {
		s.meanwhile = nil
		then()
	}
	return f, err
}

// A training may take longer than the silence after which a stream forgets:
// the new model must go on in the middle of the trouble that came meanwhile.
func TestLongTrainingDoesNotForgetWhatCameMeanwhile(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	r.grow(t)
	r.pass(t, 450)
	before := r.Hosts()[0].Model.ID
	r.o.Source = &slow{r.world, func() {
		r.pass(t, 50) // history has been read: time goes on while the model is fitted
		r.world.fault["disk"] = 20
		r.pass(t, 15)
	}}
	batch, _ := r.due(r.now)
	r.trainBatch(t.Context(), batch)
	if h := r.Hosts()[0]; h.Model.ID == before {
		t.Fatalf("the second model does not serve: %s", h.Training.Err)
	}
	if s := r.pass(t, 1)[0].Scores[0]; !s.Anomalous() {
		t.Errorf("the new model's first score is %.2f in the middle of a fault", s.Value)
	}
}
