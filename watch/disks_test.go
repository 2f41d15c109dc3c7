package watch

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// disks is a source of one host with file systems: how full each is follows from
// time alone.
type disks struct {
	used map[string]func(time.Time) float64 // by mount point; NaN: it is not mounted

	mu     sync.Mutex
	dead   error // of everything
	broken error // of the query for what is used
	reads  int   // of history
	young  bool  // there is none
}

func (d *disks) Read(_ context.Context, q series.Query) (*series.Frame, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead != nil {
		return nil, d.dead
	}
	names := make([]string, len(q.Exprs))
	for i, e := range q.Exprs {
		names[i] = e.Feature
	}
	step := max(q.Step, time.Second)
	n := int(q.End.Sub(q.Start)/step) + 1
	if n > 1 {
		d.reads++
	}
	if !slices.Contains(q.By, "mountpoint") {
		f := series.NewFrame([]string{"web-1"}, names, q.Start, step, n)
		f.Labels[0]["instance"] = "web-1"
		for i := range n {
			for j := range names {
				f.Set(0, i, j, 1+.1*math.Sin(float64(f.Time(i).Unix())))
			}
		}
		return f, nil
	}
	if d.young && n > 1 {
		return series.NewFrame(nil, names, q.Start, step, n), nil
	}
	var mounts []string
	for _, m := range slices.Sorted(maps.Keys(d.used)) {
		if len(q.Hosts) == 0 || slices.Contains(q.Hosts, "web-1/"+m) {
			mounts = append(mounts, m)
		}
	}
	hosts := make([]string, len(mounts))
	for i, m := range mounts {
		hosts[i] = "web-1/" + m
	}
	f := series.NewFrame(hosts, names, q.Start, step, n)
	for h, m := range mounts {
		f.Labels[h]["instance"], f.Labels[h]["mountpoint"] = "web-1", m
		for i := range n {
			for j, name := range names {
				v := 1e11
				if strings.HasSuffix(name, ".used") {
					v *= d.used[m](f.Time(i))
				}
				f.Set(h, i, j, v)
			}
		}
	}
	if d.broken != nil {
		for _, name := range names {
			if strings.HasSuffix(name, ".used") {
				f.Failed[name] = d.broken
			}
		}
	}
	return f, nil
}

func (d *disks) set(change func(*disks)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// judge is a sink that judges forecasts as the incident manager does.
type judge struct {
	deaf
	*incident.Tracker
	mu      sync.Mutex
	changes []omen.Change
	rounds  int
}

func (j *judge) Foresee(_ context.Context, round omen.Outlooks) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rounds++
	j.changes = append(j.changes, j.Tracker.Foresee(round)...)
	return nil
}

func (j *judge) Offer(context.Context, omen.Tick) error { return nil }

// steps are the changes of a resource so far.
func (j *judge) steps(where string) (all []omen.Change) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.changes {
		if c.Incident.Forecast.Where == where {
			all = append(all, c)
		}
	}
	return all
}

func diskProfile(t testing.TB) *feature.Schema {
	t.Helper()
	return must.Get(feature.NewSchema(feature.Profile{
		Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}},
		Limits: []feature.Limit{{Name: "disk", Used: "used", Limit: "size", By: []string{"mountpoint"}, Unit: omen.Bytes}},
	}))(t)
}

func watchOf(t testing.TB, d *disks, sink Sink) *Watch {
	t.Helper()
	return New(Options{Source: d, Name: "test", Schema: diskProfile(t), Step: time.Minute, Store: open(t), History: time.Hour, Sink: sink})
}

// minute scores and forecasts one instant, and reads the history that is missing.
func (w *Watch) minute(t testing.TB, at time.Time) {
	t.Helper()
	w.round(t.Context(), at)
	if w.forecast(t.Context()); w.limits.unknown() {
		w.recallSome(t.Context())
	}
}

func (l *limits) unknown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.of {
		if !r.ready {
			return true
		}
	}
	return false
}

// monday is when a day begins in which /var fills from 14:05 on, a tenth of it an
// hour, while /backup does what it does every night.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func oneDay() *disks {
	hour := func(at time.Time) float64 { return float64(at.Hour()) + float64(at.Minute())/60 }
	return &disks{used: map[string]func(time.Time) float64{
		"/var": func(at time.Time) float64 {
			return min(.5+.0005*math.Sin(9*hour(at))+.1*max(at.Sub(monday.Add(14*time.Hour+5*time.Minute)).Hours(), 0), 1)
		},
		"/backup": func(at time.Time) float64 { // from 3:00 to 4:30 up to 85 %, emptied at 6:00
			switch h := hour(at); {
			case h < 3 || h >= 6:
				return .4
			case h < 4.5:
				return .4 + .3*(h-3)
			}
			return .85
		},
	}}
}
