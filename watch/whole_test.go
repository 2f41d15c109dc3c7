package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/store"
)

// whole is a watch and a manager with all their loops, on synctest's clock, as
// package app puts them together.
type whole struct {
	deaf
	db      *store.DB
	manager *incident.Manager
	*Watch
	t     *testing.T // the bubble's
	began time.Time
}

func (w *whole) Offer(ctx context.Context, k omen.Tick) error { return w.manager.Offer(ctx, k) }

// bubble is when synctest's clock starts.
var bubble = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// live runs both over a source for the time that play takes.
func live(t *testing.T, source series.Source, o Options, play func(*whole)) {
	t.Helper()
	liveWith(t, source, &o, func() {}, play)
}

// liveWith is live with something to prepare on synctest's clock.
func liveWith(t *testing.T, source series.Source, with *Options, prepare func(), play func(*whole)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		prepare()
		o := *with
		db := must.Get(store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil))(t)
		defer db.Close()
		w := &whole{db: db, t: t, began: time.Now()}
		w.manager = incident.NewManager(incident.Options{Store: db, Hosts: w})
		o.Source, o.Name, o.Store, o.Sink = source, "test", db, w
		w.Watch = New(o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- w.manager.Run(ctx) }()
		go func() { done <- w.Run(ctx) }()
		play(w)
		cancel()
		for range 2 {
			must.OK(t, <-done)
		}
	})
}

// until lets the time since the beginning become d.
func (w *whole) until(d time.Duration) {
	time.Sleep(time.Until(w.began.Add(d))) // synctest's clock
	synctest.Wait()
}

// notified is the incidents that people were notified of, the newest first.
func (c *chain) notified(t *testing.T) []omen.Incident {
	t.Helper()
	return must.Get(c.db.Incidents(t.Context(), store.Filter{Loud: true}))(t)
}

// card is that of the model that serves the only host.
func (c *chain) card(t *testing.T) detect.Card {
	t.Helper()
	var card detect.Card
	must.OK(t, json.Unmarshal(c.Hosts()[0].Model.Card, &card))
	return card
}

// What people are notified of twice on a young host, and nobody takes up, is learned an hour
// after the last training instead of at the next stage: the third time nobody is
// notified. One that somebody acknowledged stays what it was.
func TestAHabitIsLearnedSoon(t *testing.T) {
	for _, acked := range []bool{false, true} {
		t.Run(fmt.Sprint("acknowledged ", acked), func(t *testing.T) {
			source := &world{hosts: []string{"web-1"}, born: bubble}
			for _, after := range []time.Duration{150 * time.Minute, 172 * time.Minute, 215 * time.Minute} {
				source.set("disk", 4, bubble.Add(after), bubble.Add(after+100*time.Second)) // too short to be critical
			}
			live(t, source, Options{Schema: profile(t), Step: 5 * time.Second}, func(w *whole) {
				notified := func() []omen.Incident {
					return must.Get(w.db.Incidents(w.t.Context(), store.Filter{Loud: true}))(t)
				}
				w.until(151 * time.Minute)
				if len(notified()) != 1 {
					t.Fatalf("notified of %+v, want the first", notified())
				}
				if acked {
					must.Get(w.manager.Do(w.t.Context(), incident.Command{Incident: notified()[0].ID, Action: incident.Acknowledge, By: "ann"}))(t)
				}
				w.until(175 * time.Minute)
				before := w.Hosts()[0] // the last stage was two hours, the next is four
				w.until(210 * time.Minute)
				if all, after := notified(), w.Hosts()[0]; len(all) != 2 || (after.Model.ID != before.Model.ID) == acked {
					t.Errorf("notified of %d, want two; trained again: %t", len(all), after.Model.ID != before.Model.ID)
				}
				changes := must.Get(w.db.Changes(w.t.Context(), notified()[0].ID))(t)
				if last := changes[len(changes)-1]; (last.Kind == omen.ChangeCommented) == acked {
					t.Errorf("the timeline ends with %s %q", last.Kind, last.Comment)
				}
				w.until(225 * time.Minute)
				if all := notified(); (len(all) == 3) != acked {
					t.Errorf("notified of %d incidents, acknowledged %t: %+v", len(all), acked, all[0])
				}
			})
		})
	}
}

// An operator's verdict decides what the next model learns: an incident that
// was no problem is learned, a confirmed one and one that nobody judged are not.
func TestVerdictReachesTheNextModel(t *testing.T) {
	for _, one := range []struct {
		verdict omen.Verdict
		learned bool
	}{{omen.NotAProblem, true}, {omen.Expected, true}, {omen.Real, false}, {omen.NoVerdict, false}} {
		t.Run("verdict "+string(one.verdict), func(t *testing.T) {
			begin, end := bubble.Add(27*time.Hour), bubble.Add(27*time.Hour+20*time.Minute) // an established model serves
			w := &world{hosts: []string{"web-1"}, born: bubble}
			w.set("disk", 4, begin, end)
			c := chainOf(t, bubble, Options{Source: w, Schema: profile(t), Step: 30 * time.Second, Retrain: 2 * time.Hour})
			c.live(t, 0, 28*time.Hour)
			all := c.notified(t)
			if len(all) != 1 || all[0].State != omen.Closed || all[0].Since.Sub(begin).Abs() > time.Minute {
				t.Fatalf("notified of %+v, want one that began at %s and is closed", all, begin)
			}
			if one.verdict != omen.NoVerdict {
				judged := must.Get(c.tracker.Prepare(all[0], incident.Command{Incident: all[0].ID, Action: incident.Judge, By: "ann", Verdict: one.verdict}, bubble.Add(28*time.Hour)))(t)
				must.OK(t, c.db.Append(t.Context(), judged...))
			}
			c.live(t, 28*time.Hour, 31*time.Hour)
			card := c.card(t)
			if !card.To.After(end.Add(time.Hour)) {
				t.Fatalf("the model that serves learned until %s, want a later one", card.To)
			}
			held := false
			for _, s := range append(card.Excluded, card.Suspects...) {
				held = held || s.From.Before(end) && s.To.After(begin)
			}
			if held == one.learned {
				t.Errorf("the trouble of %s to %s was learned: %v, want %v (excluded %v, suspects %v)", begin, end, !held, one.learned, card.Excluded, card.Suspects)
			}
		})
	}
}

// A window's effect reaches the model: its time is left out of training, or
// other values are expected in it, and only in it.
func TestWindowEffectsReachTheModel(t *testing.T) {
	const length, job = 40 * time.Minute, 34 * time.Minute // the job's end is a jump too, and in the window
	for _, effect := range []mute.Effect{mute.EffectSilence, mute.EffectExclude, mute.EffectShift} {
		t.Run(string(effect), func(t *testing.T) {
			w := &world{hosts: []string{"web-1"}, born: bubble}
			night := func(n int) time.Time { return bubble.Add(time.Duration(n)*aDay + 2*time.Hour) }
			for n := 1; n <= 4; n++ {
				w.set("disk", 3, night(n), night(n).Add(job))
			}
			w.set("disk", 3, night(4).Add(10*time.Hour), night(4).Add(10*time.Hour+length))
			c := chainOf(t, bubble, Options{Source: w, Schema: profile(t), Step: 2 * time.Minute})
			window := mute.Window{
				ID: "backup", Name: "backup", By: "ann", Effect: effect, Start: night(0).Format("2006-01-02T15:04:05"),
				Duration: length, Rule: "FREQ=DAILY", Match: []mute.Matcher{{Name: mute.MatchHost, Value: "web-.", IsRegex: true, IsEqual: true}},
			}
			must.OK(t, c.db.PutWindow(t.Context(), window, omen.Audit{By: "ann", Action: "test", Subject: "backup"}))
			c.rules.Windows = []mute.Window{window}
			for _, err := range c.tracker.SetRules(c.rules) {
				t.Fatal(err)
			}
			c.live(t, 0, 4*aDay)
			card := c.card(t)
			left := slices.ContainsFunc(card.Excluded, func(s omen.Span) bool { // nothing happened in the first night's
				return s.From.Equal(night(0)) && s.To.Equal(night(0).Add(length))
			})
			if left != (effect == mute.EffectExclude) {
				t.Errorf("the window is left out of training: %v (%v)", left, card.Excluded)
			}
			if known := len(card.Shifts) == 1 && card.Shifts[0].ID == "backup"; known != (effect == mute.EffectShift) {
				t.Errorf("the model knows the windows %+v", card.Shifts)
			}
			if effect != mute.EffectShift {
				return
			}
			loud := 0
			c.live(t, 4*aDay, night(4).Sub(bubble))
			for at := night(4).Sub(bubble); at < night(4).Add(job).Sub(bubble); at += c.o.Step {
				c.live(t, at, at+c.o.Step)
				if c.Hosts()[0].Score.Anomalous() {
					loud++
				}
			}
			if loud > 0 {
				t.Errorf("%d samples of the fourth night are anomalous", loud)
			}
			noon := night(4).Add(10 * time.Hour).Sub(bubble)
			c.live(t, night(4).Add(job).Sub(bubble), noon)
			before := c.notified(t)
			if len(before) > 0 && before[0].Since.After(night(4)) {
				t.Fatalf("people were notified of %s in the fourth night", before[0].Summary)
			}
			c.live(t, noon, noon+length)
			if notified := c.notified(t); len(notified) != len(before)+1 || notified[0].Causes[0].Feature != "disk" {
				t.Errorf("the same at noon: notified of %+v, want one incident of the disk", notified)
			}
		})
	}
}
