package watch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// A file system that fills is said hours before it is full, with the time, and
// the backup beside it is not; a gap, a restart in the middle of it and a source
// that is down change nothing of that.
func TestAFillingFileSystemIsForecast(t *testing.T) {
	for name, restart := range map[string]time.Duration{"one run": 0, "a restart while it fills": 17 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			d := oneDay()
			j := &judge{Tracker: incident.NewTracker(incident.Hysteresis{}, nil)}
			w := watchOf(t, d, j)
			for at := monday; at.Before(monday.Add(20 * time.Hour)); at = at.Add(time.Minute) {
				d.set(func(d *disks) {
					d.dead = nil
					if at.After(monday.Add(15*time.Hour)) && at.Before(monday.Add(15*time.Hour+10*time.Minute)) {
						d.dead = omen.ErrUnavailable
					}
				})
				if restart > 0 && at.Equal(monday.Add(restart)) {
					w = watchOf(t, d, j)
				}
				w.minute(t, at)
			}
			if got := j.steps("/backup"); len(got) > 0 {
				t.Errorf("the backup: %s at %s: %s", got[0].Reason, got[0].At, got[0].Incident.Summary)
			}
			got := j.steps("/var")
			if len(got) < 2 || got[0].Kind != omen.ChangeOpened || got[len(got)-1].Reason != omen.ReasonCameTrue {
				t.Fatalf("%d changes of /var: %+v", len(got), got)
			}
			full := monday.Add(19*time.Hour + 2*time.Minute) // 99.5 % are reached 4.95 h after the onset
			first := got[0]
			lead := full.Sub(first.At)
			f := first.Incident.Forecast
			if lead < time.Hour || lead > 5*time.Hour {
				t.Errorf("%s before it is full, want hours", lead)
			}
			if ratio := f.Full.Hours() / lead.Hours(); ratio < .6 || ratio > 1.6 {
				t.Errorf("said in %s, and it is %s", f.Full, lead)
			}
			if !strings.HasPrefix(first.Incident.Summary, "/var on web-1 is full in ") || !strings.Contains(first.Incident.Summary, " GB/h since 14:05, at ") {
				t.Errorf("said: %s", first.Incident.Summary)
			}
			t.Logf("%s before it is full: %s", lead, first.Incident.Summary)
			for _, c := range got[1 : len(got)-1] {
				if c.Kind == omen.ChangeClosed || c.Kind == omen.ChangeReopened {
					t.Errorf("%s %s while it fills", c.Kind, c.Reason)
				}
			}
			if d.reads == 0 || len(w.Forecasts()) != 2 {
				t.Errorf("history was read %d times; %d forecasts", d.reads, len(w.Forecasts()))
			}
		})
	}
}

// A limit whose query fails is named where features are, and nothing is forecast
// of it.
func TestABrokenLimitIsSaid(t *testing.T) {
	d := oneDay()
	j := &judge{Tracker: incident.NewTracker(incident.Hysteresis{}, nil)}
	w := watchOf(t, d, j)
	at := monday
	pass := func(n int) {
		for range n {
			at = at.Add(time.Minute)
			w.minute(t, at)
		}
	}
	pass(10)
	if s := w.Status(); s.State != omen.SourceUp || len(w.Forecasts()) != 2 {
		t.Fatalf("state %s, failed %v, %d forecasts", s.State, s.FailedFeatures, len(w.Forecasts()))
	}
	d.set(func(d *disks) { d.broken = errors.New("many-to-many matching") })
	pass(2)
	if s := w.Status(); s.State != omen.SourcePartial || !strings.Contains(s.FailedFeatures["disk"], "many-to-many") {
		t.Errorf("state %s, failed %v", s.State, s.FailedFeatures)
	}
	d.set(func(d *disks) { d.broken = nil })
	pass(2)
	if s := w.Status(); s.State != omen.SourceUp || len(s.FailedFeatures) > 0 {
		t.Errorf("state %s, failed %v once it works again", s.State, s.FailedFeatures)
	}
}

// What a host has too much of is left out and counted, and what is gone is
// forgotten.
func TestResourcesAreBounded(t *testing.T) {
	d := &disks{used: map[string]func(time.Time) float64{}}
	for i := range feature.MaxResources + 7 {
		d.used[fmt.Sprintf("/m%03d", i)] = func(at time.Time) float64 {
			if at.After(monday.Add(30 * time.Minute)) {
				return math.NaN()
			}
			return .3
		}
	}
	w := watchOf(t, d, deaf{})
	for i := range 20 {
		w.minute(t, monday.Add(time.Duration(i)*time.Minute))
	}
	if n := len(w.Forecasts()) + len(w.Pending()); n != feature.MaxResources {
		t.Errorf("%d resources, want %d", n, feature.MaxResources)
	}
	if n := testutil.ToFloat64(w.metrics.unlimited.WithLabelValues(tooMany)); n != 7 {
		t.Errorf("%v are left out, want 7", n)
	}
	for i := range 120 {
		w.minute(t, monday.Add(time.Duration(20+i)*time.Minute))
	}
	if n := len(w.limits.of); n != 0 || len(w.Forecasts()) != 0 {
		t.Errorf("%d resources are remembered that are gone", n)
	}
}

// Mounts of one device are one resource.
func TestOneDeviceIsOneResource(t *testing.T) {
	q := &feature.LimitQuery{By: []string{"device", "mountpoint"}, Limits: []*feature.Limit{{Name: "disk", By: []string{"device", "mountpoint"}, Same: "device"}}}
	f := series.NewFrame([]string{"a", "b", "c", "d"}, []string{"disk.used"}, monday, time.Second, 1)
	for i, labels := range []map[string]string{
		{"device": "sda", "mountpoint": "/var/lib/docker"}, {"device": "sda", "mountpoint": "/var"}, {"device": "sdb", "mountpoint": "/srv"}, {"device": "sdc", "mountpoint": "/x"},
	} {
		f.Labels[i] = labels
		f.Labels[i]["instance"] = "web-1"
	}
	f.Labels[3]["instance"] = "unknown"
	var got []string
	for _, r := range q.Rows(f, []string{"instance"}, map[string]omen.Host{"web-1": {Name: "web-1"}}) {
		got = append(got, r.Where)
	}
	if !slices.Equal(got, []string{"/var", "/srv"}) {
		t.Errorf("resources %v", got)
	}
}

// The loops of a watch that runs forecast once a minute.
func TestRunForecasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		d := &disks{used: map[string]func(time.Time) float64{"/var": func(at time.Time) float64 {
			return min(.1+.03*max(at.Sub(start).Minutes(), 0), 1)
		}}}
		j := &judge{Tracker: incident.NewTracker(incident.Hysteresis{}, nil)}
		w := New(Options{Source: d, Name: "test", Schema: diskProfile(t), Step: 15 * time.Second, Store: open(t), History: time.Hour, Sink: j})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(25 * time.Minute) // synctest's clock
		synctest.Wait()
		cancel()
		must.OK(t, <-done)
		if j.rounds < 24 || j.rounds > 27 {
			t.Errorf("%d rounds in 25 minutes", j.rounds)
		}
		got := j.steps("/var")
		if len(got) == 0 || got[0].At.Sub(start) > 27*time.Minute {
			t.Errorf("nobody is notified of what is full after half an hour: %+v", got)
		}
	})
}

// The history of a few resources is asked for by name, and that of many in one
// pass over all.
func TestHistoryIsReadInFewQueries(t *testing.T) {
	for n, want := range map[int]int{9: 3 * 3, few + 1: 3} { // three stretches each, and four names at a time
		d := &disks{used: map[string]func(time.Time) float64{}}
		w := watchOf(t, d, deaf{})
		for i := range n {
			mount := fmt.Sprintf("/m%03d", i)
			d.used[mount] = func(time.Time) float64 { return .3 }
			w.limits.of[omen.Resource{Where: mount}] = &resource{limit: &w.o.Schema.Limits()[0], name: "web-1/" + mount, first: monday}
		}
		w.last = monday
		for more := true; more; {
			more = w.recallSome(t.Context())
		}
		if w.limits.unknown() || d.reads != want {
			t.Errorf("%d resources: %d reads, want %d; all known: %t", n, d.reads, want, !w.limits.unknown())
		}
		for _, r := range w.limits.of {
			if f, ok := r.series.Forecast(monday); !ok || f.Days < 14 || r.first.After(monday.Add(-13*24*time.Hour)) {
				t.Fatalf("%d resources: %+v since %s, want 14 days", n, f, r.first)
			}
		}
	}
}

// BenchmarkForecastRound is what a minute costs of 1,000 hosts with ten file
// systems each, of which a fifth move, beside reading them.
func BenchmarkForecastRound(b *testing.B) {
	w := watchOf(b, &disks{}, deaf{})
	hosts, names := map[string]omen.Host{}, []string{}
	for i := range 1000 {
		name := fmt.Sprintf("web-%04d", i)
		hosts[name] = omen.Host{Source: "test", Profile: "test", Name: name}
		for j := range 10 {
			names = append(names, fmt.Sprintf("%s//m%d", name, j))
		}
	}
	at := monday
	round := func() {
		at = at.Add(time.Minute)
		f := series.NewFrame(names, []string{"disk.used", "disk.limit"}, at, time.Minute, 1)
		for i, name := range names {
			host, mount, _ := strings.Cut(name, "//")
			f.Labels[i] = map[string]string{"instance": host, "mountpoint": "/" + mount}
			used := .3
			if i%5 == 0 {
				used += .2 * math.Sin(at.Sub(monday).Hours()+float64(i))
			}
			f.Set(i, 0, 0, used*1e11)
			f.Set(i, 0, 1, 1e11)
		}
		w.limits.take(0, f, []string{"instance"}, hosts, map[string]int{}, newDates(), at)
		for _, r := range w.limits.of {
			r.ready = true
		}
		w.limits.outlooks(at, nil)
	}
	for range 200 {
		round()
	}
	for b.Loop() {
		round()
	}
}

// A date needs no history: it is forecast from the first round on, and a value
// that is none is a gap.
func TestADateIsForecastAtOnce(t *testing.T) {
	expires := monday.Add(9 * 24 * time.Hour)
	value := map[string]float64{"/cert": float64(expires.Unix()), "/none": 0, "/never": math.Inf(1)}
	d := &disks{used: map[string]func(time.Time) float64{}}
	for where, v := range value {
		d.used[where] = func(time.Time) float64 { return v / 1e11 }
	}
	schema := must.Get(feature.NewSchema(feature.Profile{
		Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}},
		Limits: []feature.Limit{{Name: "certificate", Date: true, Used: "expires", By: []string{"mountpoint"}, Notice: omen.Notice{Warning: 14 * 24 * time.Hour, Critical: time.Hour}}},
	}))(t)
	j := &judge{Tracker: incident.NewTracker(incident.Hysteresis{}, nil)}
	w := New(Options{Source: d, Name: "test", Schema: schema, Step: time.Minute, Store: open(t), History: time.Hour, Sink: j})
	w.minute(t, monday)
	all := w.Forecasts()
	if len(all) != 1 || all[0].Where != "/cert" || !all[0].Expires.Equal(expires) || all[0].Full != 9*24*time.Hour {
		t.Errorf("%+v", all)
	}
	if got := j.steps("/cert"); len(got) != 1 || got[0].Incident.Summary != "/cert on web-1 expires in 9 d (11 Mar 00:00)" {
		t.Errorf("%+v", got)
	}
	if len(w.Used(all[0].Resource, monday)) != 0 {
		t.Error("a date has a past")
	}
	if why := w.limits.failing(); len(why) != 0 {
		t.Errorf("what has no end is a fault: %v", why)
	}
	value["/left"] = 5e6 // of one among several: omen check source notes it
	d.used["/left"] = func(time.Time) float64 { return value["/left"] / 1e11 }
	w.minute(t, monday.Add(time.Minute))
	if why := w.limits.failing(); len(why) != 0 {
		t.Errorf("one of several that is no date fails the limit: %v", why)
	}
	d.set(func(d *disks) { delete(d.used, "/cert") })
	w.minute(t, monday.Add(2*time.Minute))
	if why := w.limits.failing()["certificate"]; !strings.Contains(why, "used: web-1//left is no date: 5e+06 seconds since 1970 are 1970-02-27") {
		t.Errorf("a limit without any date says %q", why)
	}
	if len(w.Forecasts()) != 0 {
		t.Errorf("%+v", w.Forecasts())
	}
}

// boundless says of all file systems that their limit is 0, as cAdvisor does of
// containers without one, and takes a second for each answer.
type boundless struct {
	*disks
	histories int
}

func (b *boundless) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	time.Sleep(time.Second)
	f, err := b.disks.Read(ctx, q)
	if err != nil || !slices.Contains(q.By, "mountpoint") {
		return f, err
	}
	if f.Instants > 1 {
		b.histories++
	}
	for i, name := range f.Features {
		for h := range f.Hosts {
			for at := range f.Instants {
				if strings.HasSuffix(name, ".limit") {
					f.Set(h, at, i, 0)
				}
			}
		}
	}
	return f, nil
}

// What has no limit is no resource: no history of it is read, round by round, and it
// takes no room from those that are.
func TestWithoutALimitNothingIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &boundless{disks: oneDay()}
		for i := range feature.MaxResources {
			b.used[fmt.Sprintf("/m%03d", i)] = b.used["/var"]
		}
		w := New(Options{Source: b, Name: "test", Step: time.Minute, Store: open(t), History: time.Hour, Sink: deaf{}, Schema: must.Get(feature.NewSchema(feature.Profile{
			Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}},
			Limits: []feature.Limit{{Name: "disk", Used: "used", Limit: "size", By: []string{"mountpoint"}}, {Name: "pool", Used: "pool", Max: 2}},
		}))(t)})
		w.round(t.Context(), time.Now())
		go func() { _ = w.recallLoop(t.Context()) }()
		for range 10 {
			w.round(t.Context(), time.Now())
			w.forecast(t.Context())
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		if b.histories > 0 || len(w.limits.of) != 1 {
			t.Errorf("history was read %d times in ten rounds; %d resources, want the pool alone", b.histories, len(w.limits.of))
		}
	})
}
