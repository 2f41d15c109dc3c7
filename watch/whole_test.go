package watch

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/store"
)

// whole is the chain from a source's numbers to incidents and back to what is
// learned, on synctest's clock, as package app puts it together.
type whole struct {
	db   *store.DB
	desk *incident.Desk
	*Watch
	began time.Time
}

// live runs the chain over a source for the time that play takes.
func live(t *testing.T, source series.Source, o Options, play func(*whole)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		w := &whole{db: db, desk: incident.NewDesk(incident.Options{Store: db}), began: time.Now()}
		o.Source, o.Name, o.Store, o.Offer, o.Benign = source, "test", db, w.desk.Offer, db.BenignSpans
		o.Windows = db.Windows
		o.Excluded = func(ctx context.Context, h omen.Host, from, to time.Time) ([]omen.Span, error) {
			return db.ExcludedSpans(ctx, h, nil, from, to)
		}
		w.Watch = New(o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- w.desk.Run(ctx) }()
		go func() { done <- w.Run(ctx) }()
		play(w)
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	})
}

// until lets the time since the beginning become d.
func (w *whole) until(d time.Duration) {
	time.Sleep(time.Until(w.began.Add(d))) // synctest's clock
	synctest.Wait()
}

// told is the incidents that people were told of, the newest first.
func (w *whole) told(t *testing.T) []omen.Incident {
	t.Helper()
	all, err := w.db.Incidents(context.Background(), store.Filter{Loud: true})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// card is that of the model that serves the only host.
func (w *whole) card(t *testing.T) detect.Card {
	t.Helper()
	var c detect.Card
	if err := json.Unmarshal(w.Hosts()[0].Model.Card, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// An operator's verdict decides what the next model learns: an incident that
// was no problem is learned, a confirmed one and one that nobody judged are not.
func TestVerdictReachesTheNextModel(t *testing.T) {
	for _, c := range []struct {
		verdict omen.Verdict
		learned bool
	}{{omen.NotAProblem, true}, {omen.Expected, true}, {omen.Real, false}, {omen.NoVerdict, false}} {
		t.Run("verdict "+string(c.verdict), func(t *testing.T) {
			t.Parallel()
			w := &world{hosts: []string{"web-1"}, fault: map[string]float64{}, silent: map[string]bool{}}
			o := Options{Schema: profile(t), Step: 30 * time.Second, Retrain: 2 * time.Hour}
			live(t, w, o, func(x *whole) {
				w.born = x.began
				x.until(27 * time.Hour) // an established model serves
				w.set("disk", 4)
				begin := time.Now()
				x.until(27*time.Hour + 20*time.Minute)
				w.set("disk", 1)
				end := time.Now()
				x.until(28 * time.Hour)
				all := x.told(t)
				if len(all) != 1 || all[0].State != omen.Closed || all[0].Since.Sub(begin).Abs() > time.Minute {
					t.Fatalf("told of %+v, want one that began at %s and is closed", all, begin)
				}
				if c.verdict != omen.NoVerdict {
					if _, err := x.desk.Do(context.Background(), incident.Command{Incident: all[0].ID, Action: incident.Judge, By: "ann", Verdict: c.verdict}); err != nil {
						t.Fatal(err)
					}
				}
				x.until(31 * time.Hour)
				card := x.card(t)
				if !card.To.After(end.Add(time.Hour)) {
					t.Fatalf("the model that serves learned until %s, want a later one", card.To)
				}
				held := false
				for _, s := range append(card.Excluded, card.Suspects...) {
					held = held || s.From.Before(end) && s.To.After(begin)
				}
				if held == c.learned {
					t.Errorf("the trouble of %s to %s was learned: %v, want %v (excluded %v, suspects %v)", begin, end, !held, c.learned, card.Excluded, card.Suspects)
				}
			})
		})
	}
}

// A window's effect reaches the model: its time is left out of training, or
// other values are expected in it, and only in it.
func TestWindowEffectsReachTheModel(t *testing.T) {
	for _, effect := range []omen.Effect{omen.EffectSilence, omen.EffectExclude, omen.EffectShift} {
		t.Run(string(effect), func(t *testing.T) {
			t.Parallel()
			w := &world{hosts: []string{"web-1"}, silent: map[string]bool{}}
			live(t, w, Options{Schema: profile(t), Step: 2 * time.Minute}, func(x *whole) {
				w.born = x.began
				start := x.began.Add(2 * time.Hour)
				if _, err := x.desk.Window(context.Background(), omen.Window{
					ID: "backup", Name: "backup", By: "ann", Effect: effect, Start: start.Format("2006-01-02T15:04:05"),
					Duration: 40 * time.Minute, Rule: "FREQ=DAILY", Match: []omen.Matcher{{Name: omen.MatchHost, Value: "web-.", IsRegex: true, IsEqual: true}},
				}); err != nil {
					t.Fatal(err)
				}
				const day = 24 * time.Hour
				const between = 30 * time.Second // two samples
				for n := time.Duration(1); n <= 3; n++ {
					x.until(n*day + 2*time.Hour + between)
					w.set("disk", 3)
					x.until(n*day + 2*time.Hour + 32*time.Minute + between) // its end is a jump too
					w.set("disk", 1)
				}
				if told := x.told(t); len(told) != 0 && effect == omen.EffectShift {
					t.Fatalf("people were told of %s", told[0].Summary)
				}
				x.until(4 * day)
				card := x.card(t)
				excluded := 0
				for _, s := range card.Excluded {
					if s.From.Sub(start)%day == 0 && s.To.Sub(s.From) == 40*time.Minute {
						excluded++
					}
				}
				if want := map[omen.Effect]int{omen.EffectExclude: 4}[effect]; excluded < want-1 || want == 0 && excluded > 0 {
					t.Errorf("%d nights left out of training, want about %d (%v)", excluded, want, card.Excluded)
				}
				if known := len(card.Shifts) == 1 && card.Shifts[0].ID == "backup"; known != (effect == omen.EffectShift) {
					t.Errorf("the model knows the windows %+v", card.Shifts)
				}
				if effect != omen.EffectShift {
					return
				}
				x.until(4*day + 2*time.Hour + between)
				w.set("disk", 3)
				loud := 0
				for i := range time.Duration(32) {
					x.until(4*day + 2*time.Hour + i*time.Minute + between)
					if x.Hosts()[0].Score.Anomalous() {
						loud++
					}
				}
				w.set("disk", 1)
				if loud > 0 {
					t.Errorf("%d of 32 minutes of the fifth night are anomalous", loud)
				}
				x.until(4*day + 12*time.Hour)
				if told := x.told(t); len(told) != 0 {
					t.Fatalf("people were told of %s", told[0].Summary)
				}
				w.set("disk", 3)
				x.until(4*day + 12*time.Hour + 40*time.Minute)
				if told := x.told(t); len(told) != 1 || told[0].Causes[0].Feature != "disk" {
					t.Errorf("the same at noon: told of %+v, want one incident of the disk", told)
				}
			})
		})
	}
}
