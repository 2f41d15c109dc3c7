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
