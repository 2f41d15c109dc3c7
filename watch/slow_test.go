package watch

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// timeout is how long a question takes that is not answered.
const timeout = 30 * time.Second

// stuck is a source that does not answer limits named slow in time.
type stuck struct {
	*disks
	most         atomic.Int32 // expressions at once with which it does
	partly       bool         // what is asked for with them is answered, as late
	over         atomic.Bool  // it answers all
	outs, others atomic.Int32
}

func (s *stuck) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	never := func(e series.Expr) bool { return feature.LimitOf(e.Feature) == "never" }
	slow := func(e series.Expr) bool { return strings.HasPrefix(e.Feature, "slow") || never(e) }
	if slices.ContainsFunc(q.Exprs, func(e series.Expr) bool { return feature.LimitOf(e.Feature) == "other" }) && !q.End.After(q.Start) {
		s.others.Add(1)
	}
	if s.over.Load() || len(q.Exprs) <= int(s.most.Load()) && !slices.ContainsFunc(q.Exprs, never) || !slices.ContainsFunc(q.Exprs, slow) {
		return s.disks.Read(ctx, q)
	}
	s.outs.Add(1)
	time.Sleep(timeout)
	err := fmt.Errorf("no answer in time: %w", omen.ErrUnavailable)
	if !s.partly || !slices.ContainsFunc(q.Exprs, func(e series.Expr) bool { return !slow(e) }) {
		return nil, err
	}
	f, fails := s.disks.Read(ctx, q)
	for i, e := range q.Exprs {
		if slow(e) {
			f.Failed[e.Feature] = err
			for row := range f.Hosts {
				for at := range f.Instants {
					f.Set(row, at, i, math.NaN())
				}
			}
		}
	}
	return f, fails
}

// Limits that the source does not answer in time hold up a round for one time-out,
// whatever they are asked for with: the others are read as often as that allows,
// and the source is asked no more than that. Once it answers, all are read again.
func TestSlowLimitsHoldUpNoOther(t *testing.T) {
	for name, c := range map[string]struct{ partly, scattered bool }{
		"together": {}, "in part": {partly: true}, "each in a query of its own": {scattered: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				by := []string{"mountpoint"}
				limits := []feature.Limit{{Name: "fine", Used: "fine", Max: 1e12, By: by}, {Name: "other", Used: "other", Max: 1e12}}
				for i := range 7 {
					l := feature.Limit{Name: fmt.Sprintf("slow%d", i), Used: "x", Max: 1e12, By: by}
					if c.scattered {
						l.By = []string{"mountpoint", fmt.Sprintf("label%d", i)}
					}
					limits = append(limits, l)
				}
				source := &stuck{partly: c.partly, disks: &disks{used: map[string]func(time.Time) float64{"/var": func(time.Time) float64 { return .3 }}}}
				w := New(Options{
					Source: source, Name: "test", Step: 15 * time.Second, Store: open(t), History: time.Hour, Sink: deaf{},
					Schema: must.Get(feature.NewSchema(feature.Profile{Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}}, Limits: limits}))(t),
				})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- w.Run(ctx) }()
				time.Sleep(time.Hour) // synctest's clock
				others, outs := source.others.Load(), source.outs.Load()
				if others < 37 {
					t.Errorf("the other query was read %d times in an hour", others)
				}
				if outs > others+7 {
					t.Errorf("%d time-outs in %d rounds", outs, others)
				}
				var forecast []string
				for _, o := range w.Forecasts() {
					forecast = append(forecast, o.Name)
				}
				if slices.Sort(forecast); !slices.Equal(forecast, []string{"fine", "other"}) {
					t.Errorf("forecast are %v, want those that are answered", forecast)
				}
				if u := w.Unread(); len(u) != 7 || !strings.Contains(u[0].Why, "no answer in time") {
					t.Errorf("unread are %+v, want the slow ones", u)
				}
				source.over.Store(true)
				time.Sleep(seldom + 2*time.Minute)
				if n, u := len(w.Forecasts())+len(w.Pending()), w.Unread(); n != 9 || len(u) > 0 {
					t.Errorf("once all are answered %d are known, unread are %+v", n, u)
				}
				source.others.Store(0)
				time.Sleep(10 * time.Minute)
				if n := source.others.Load(); n < 9 || n > 11 || len(w.Forecasts()) != 9 {
					t.Errorf("then: %d rounds in ten minutes, %d forecasts", n, len(w.Forecasts()))
				}
				cancel()
				must.OK(t, <-done)
			})
		})
	}
}

// Limits that are not answered in time together, or not all, but alone are read each
// round, and are asked for together again after an hour, then ever more seldom. One
// that is never answered takes no round from them. Once none is, a round has one time-out.
func TestSlowLimitsThatAnswerAlone(t *testing.T) {
	for name, c := range map[string]struct {
		partly bool
		more   []string
		outs   int32 // until the 16th hour
		unread int
	}{
		"together": {outs: 4}, "in part": {partly: true, outs: 4},
		"one never": {more: []string{"never"}, outs: 6*15 + 4, unread: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var limits []feature.Limit
				for _, name := range append([]string{"other", "slow0", "slow1", "slow2", "slow3", "slow4"}, c.more...) {
					limits = append(limits, feature.Limit{Name: name, Used: name, Max: 1e12, By: []string{"mountpoint"}})
				}
				source := &stuck{partly: c.partly, disks: &disks{used: map[string]func(time.Time) float64{"/var": func(time.Time) float64 { return .3 }}}}
				source.most.Store(5)
				w := New(Options{
					Source: source, Name: "test", Step: time.Minute, Store: open(t), History: time.Hour, Sink: deaf{},
					Schema: must.Get(feature.NewSchema(feature.Profile{Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}}, Limits: limits}))(t),
				})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- w.Run(ctx) }()
				time.Sleep(30 * time.Minute) // synctest's clock
				source.outs.Store(0)
				unread := 0
				for range 15 * 360 {
					time.Sleep(10 * time.Second)
					if len(w.Unread()) > c.unread {
						unread++
					}
				}
				if unread > 0 {
					t.Errorf("limits that are answered alone were unread in %d of %d looks", unread, 15*360)
				}
				if n := source.outs.Load(); n == 0 || n > c.outs {
					t.Errorf("%d time-outs in 15 hours, want at most %d", n, c.outs)
				}
				if n := len(w.Forecasts()); n != 6 {
					t.Errorf("%d are forecast", n)
				}
				source.most.Store(0)
				source.outs.Store(0)
				time.Sleep(10 * time.Minute)
				if n := source.outs.Load(); n < 5 || n > 8 {
					t.Errorf("%d time-outs in ten minutes once none is answered, want one a round", n)
				}
				source.over.Store(true)
				time.Sleep(25 * time.Hour)
				source.others.Store(0)
				time.Sleep(10 * time.Minute)
				if n := source.others.Load(); n < 5 || n > 11 {
					t.Errorf("%d questions in ten minutes long after all are answered, want one a round that has a new instant", n)
				}
				cancel()
				must.OK(t, <-done)
			})
		})
	}
}

// away is a source whose history is not there at times.
type away struct {
	*disks
	gone atomic.Bool
	bad  string       // limit whose history is always refused
	asks atomic.Int32 // for that
}

func (a *away) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	if q.End.After(q.Start) && slices.Contains(q.By, "mountpoint") {
		if a.gone.Load() {
			return nil, omen.ErrUnavailable
		}
		if slices.ContainsFunc(q.Exprs, func(e series.Expr) bool { return feature.LimitOf(e.Feature) == a.bad }) {
			a.asks.Add(1)
			return nil, series.ErrTooMuch
		}
	}
	return a.disks.Read(ctx, q)
}

// After an outage the histories of all limits come back at once, one that is still
// refused is asked for ever more seldom, also where other resources are new.
func TestHistoriesComeBackTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &away{bad: "bad", disks: &disks{used: map[string]func(time.Time) float64{"/var": func(time.Time) float64 { return .3 }}}}
		source.gone.Store(true)
		limits := []feature.Limit{{Name: "bad", Used: "bad", Max: 1e12, By: []string{"mountpoint"}}}
		for i := range 7 {
			limits = append(limits, feature.Limit{Name: fmt.Sprintf("l%d", i), Used: "x", Max: 1e12, By: []string{"mountpoint"}})
		}
		w := New(Options{
			Source: source, Name: "test", Step: 15 * time.Second, Store: open(t), History: time.Hour, Sink: deaf{},
			Schema: must.Get(feature.NewSchema(feature.Profile{Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}}, Limits: limits}))(t),
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(2 * time.Hour) // synctest's clock
		source.gone.Store(false)
		time.Sleep(2*time.Minute + 5*time.Second) // the one that is refused may be the first
		waiting := func() (names []string) {
			w.limits.mu.Lock()
			defer w.limits.mu.Unlock()
			for _, r := range w.limits.of {
				if !r.ready {
					names = append(names, r.limit.Name)
				}
			}
			return names
		}
		if got := waiting(); !slices.Equal(got, []string{"bad"}) {
			t.Errorf("two minutes after the outage the histories of %v are missing", got)
		}
		source.asks.Store(0)
		for i := range 20 {
			source.set(func(d *disks) { d.used[fmt.Sprintf("/m%d", i)] = d.used["/var"] })
			time.Sleep(time.Minute)
		}
		time.Sleep(2 * time.Minute)
		if n := source.asks.Load(); n < 2 || n > 4 {
			t.Errorf("what is refused was asked for %d times in 22 minutes", n)
		}
		for _, p := range waiting() {
			if p != "bad" {
				t.Errorf("the history of a new %s is missing", p)
			}
		}
		cancel()
		must.OK(t, <-done)
	})
}
