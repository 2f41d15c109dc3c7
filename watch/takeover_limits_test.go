package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
)

// After a start nothing waits for the next round: what has a history is forecast as
// soon as that was read.
func TestForecastsComeWithTheirHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &judge{Tracker: incident.NewTracker(incident.Hysteresis{}, nil)}
		w := watchOf(t, oneDay(), j)
		w.round(t.Context(), time.Now())
		begin := time.Now()
		go func() { _ = w.limitLoop(t.Context()) }()
		go func() { _ = w.recallLoop(t.Context()) }()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(w.Forecasts()); n != 2 || len(w.Pending()) != 0 {
			t.Errorf("%s after the start: %d forecasts, %d waiting, want both", time.Since(begin), n, len(w.Pending()))
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.rounds != 2 {
			t.Errorf("%d rounds were handed on, want the first and that of what was read", j.rounds)
		}
	})
}

// What a reload did not change of a profile's limits keeps what is known, whatever else
// of it changed: its features, another limit, the order.
func TestTakeOverLimits(t *testing.T) {
	disk := feature.Limit{Name: "disk", Used: "used", Limit: "size", By: []string{"mountpoint"}, Unit: omen.Bytes}
	other := feature.Limit{Name: "inodes", Used: "inodes", Max: 9, By: []string{"mountpoint"}}
	cpu := []feature.Feature{{Name: "cpu", Expr: "cpu"}}
	change := func(l feature.Limit, change func(*feature.Limit)) feature.Limit { change(&l); return l }
	for _, c := range []struct {
		name    string
		profile feature.Profile
		kept    bool
	}{
		{"nothing", feature.Profile{Features: cpu, Limits: []feature.Limit{disk}}, true},
		{"a feature", feature.Profile{Features: append(cpu, feature.Feature{Name: "load", Expr: "load"}), Limits: []feature.Limit{disk}}, true},
		{"another limit before it", feature.Profile{Features: cpu, Limits: []feature.Limit{other, disk}}, true},
		{"its title", feature.Profile{Features: cpu, Limits: []feature.Limit{change(disk, func(l *feature.Limit) { l.Title = "space of $where" })}}, true},
		{"what is used", feature.Profile{Features: cpu, Limits: []feature.Limit{change(disk, func(l *feature.Limit) { l.Used = "used + 1" })}}, false},
		{"from where it is full", feature.Profile{Features: cpu, Limits: []feature.Limit{change(disk, func(l *feature.Limit) { l.Full = .9 })}}, false},
		{"it is gone", feature.Profile{Features: cpu, Limits: []feature.Limit{other}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := oneDay()
			old := watchOf(t, d, deaf{})
			at := monday.Add(17 * time.Hour)
			for range 3 {
				old.minute(t, at)
				at = at.Add(time.Minute)
			}
			c.profile.Name = "test"
			next := New(Options{Source: d, Name: "test", Schema: must.Get(feature.NewSchema(c.profile))(t), Step: time.Minute, Store: open(t), History: time.Hour, Sink: deaf{}})
			next.TakeOver(old)
			if n := len(next.Forecasts()); (n == 2) != c.kept || n != 0 && n != 2 {
				t.Errorf("%d forecasts are taken over, want them all: %t", n, c.kept)
			}
			next.round(t.Context(), at)
			next.forecast(t.Context())
			unread, kept := false, 0
			for id, r := range next.limits.of {
				unread = unread || id.Name == "disk" && !r.ready
			}
			for _, o := range next.Forecasts() {
				if o.Name == "disk" && o.At.Equal(at) && o.Days > 1 {
					kept++
				}
			}
			if (kept == 2) != c.kept || c.kept && unread {
				t.Errorf("in the next round %d are forecast, history is to be read: %t; want them all: %t", kept, unread, c.kept)
			}
			id := omen.Resource{Host: omen.Host{Source: "test", Profile: "test", Name: "web-1"}, Name: "disk", Where: "/var"}
			if used := next.Used(id, monday); (len(used) > 60) != c.kept {
				t.Errorf("%d points of the past, want them: %t", len(used), c.kept)
			}
			if n := len(old.Forecasts()); n != 2 {
				t.Errorf("the old one says %d forecasts", n)
			}
		})
	}
}
