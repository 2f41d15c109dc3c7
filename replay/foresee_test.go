package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/replay"
	"github.com/omenhq/omen/series"
)

// mounts are a host's file systems, of 100 GB each: what is used of them, 0…1, by
// time alone. It reads no instant after until.
type mounts struct {
	used  map[string]func(time.Time) float64
	until time.Time
	dead  error // of whatever is asked together with memory
}

func (m mounts) Read(_ context.Context, q series.Query) (*series.Frame, error) {
	if q.End.After(m.until) {
		return nil, fmt.Errorf("asked for %s: %w", q.End, omen.ErrInvalid)
	}
	var names, hosts []string
	for _, e := range q.Exprs {
		names = append(names, e.Feature)
	}
	if slices.Contains(names, "memory.used") && m.dead != nil {
		return nil, m.dead
	}
	if slices.Contains(q.By, "mountpoint") {
		for where := range m.used {
			hosts = append(hosts, where)
		}
	}
	slices.Sort(hosts)
	f := series.NewFrame(hosts, names, q.Start, q.Step, int(q.End.Sub(q.Start)/q.Step)+1)
	for h, where := range hosts {
		f.Labels[h] = map[string]string{"instance": "web-1", "device": "/dev" + where, "mountpoint": where}
		for i := range f.Instants {
			for j, name := range names {
				v := 1e11
				if strings.HasSuffix(name, ".used") {
					v *= m.used[where](f.Time(i))
				}
				f.Set(h, i, j, v)
			}
		}
	}
	return f, nil
}

// A file system that fills is notified of once, before it is full, and came true;
// a nightly job beside it is not; and what is not read is named.
func TestForecastsInReplay(t *testing.T) {
	samples, schema := recorded()
	begin := samples[2*perDay].At
	fills := begin.Add(30 * time.Hour)
	src := mounts{until: samples[len(samples)-1].At, dead: fmt.Errorf("no memory: %w", omen.ErrUnavailable), used: map[string]func(time.Time) float64{
		"/var": func(at time.Time) float64 { return min(.4+.15*max(at.Sub(fills).Hours(), 0), 1) },
		"/backup": func(at time.Time) float64 {
			if h := float64(at.Hour()) + float64(at.Minute())/60; h >= 2 && h < 6 {
				return .2 + .3*min(h-2, 2)
			}
			return .2
		},
	}}
	node := must.Get(feature.NewSchema(feature.Node()))(t)
	about := replay.Foreseeable{
		Source: src, Schema: node, Hosts: []omen.Host{samples[0].Host}, Span: omen.Span{From: begin, To: src.until}, Step: step,
	}
	f := must.Get(replay.Foresee(t.Context(), about, nil))(t)
	if f.Failed["memory"] == "" || len(f.Failed) != 1 || f.Resources != 4 || f.Every != step {
		t.Errorf("failed %v, %d resources, each %s", f.Failed, f.Resources, f.Every)
	}
	o := replay.Options{Schema: schema, Detect: detect.Options{Step: step}, Outlooks: f.Rounds["web-1"], RoundEvery: f.Every}
	got := must.Get(replay.Run(t.Context(), samples[:2*perDay], samples[2*perDay:], o))(t)
	if len(got.Forecasts) != 2 {
		t.Fatalf("%d forecasts: %+v", len(got.Forecasts), got.Forecasts)
	}
	full := fills.Add(time.Duration((.995 - .4) / .15 * float64(time.Hour)))
	notified := 0
	for _, one := range got.Forecasts { // space and inodes fill alike here
		if one.First.Where != "/var" {
			t.Errorf("forecast of %s", one.First)
		}
		if one.NotifiedAt.IsZero() {
			continue
		}
		notified++
		if !one.NotifiedAt.After(fills) || full.Sub(one.NotifiedAt) < time.Hour || one.FullAt.Sub(full).Abs() > 2*step {
			t.Errorf("notified %s, full %s: want between %s and %s", one.NotifiedAt, one.FullAt, fills, full)
		}
	}
	if notified == 0 {
		t.Error("nobody is notified")
	}
	var table strings.Builder
	report := replay.Report{Timelines: []*replay.Timeline{got}}
	report.Foreseen(f)
	must.OK(t, report.Write(&table))
	for _, want := range []string{"/var on web-1 is full in ", "full after ", "forecast: 4 resources", "not forecast: memory: ", "no memory"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in\n%s", want, table.String())
		}
	}
	// Without rounds nothing is forecast, and the incidents are the same.
	o.Outlooks, o.RoundEvery = nil, 0
	plain := must.Get(replay.Run(t.Context(), samples[:2*perDay], samples[2*perDay:], o))(t)
	if len(plain.Forecasts) != 0 || len(plain.Incidents) != len(got.Incidents) {
		t.Errorf("%d forecasts, %d incidents, with forecasts %d", len(plain.Forecasts), len(plain.Incidents), len(got.Incidents))
	}
}

// A round knows nothing of what comes after it.
func TestForecastsDoNotLookAhead(t *testing.T) {
	samples, _ := recorded()
	begin := samples[2*perDay].At
	node := must.Get(feature.NewSchema(feature.Node()))(t)
	rounds := func(later float64, hours int) []omen.Outlooks {
		src := mounts{until: begin.Add(time.Duration(hours) * time.Hour), used: map[string]func(time.Time) float64{
			"/": func(at time.Time) float64 {
				if h := at.Sub(begin).Hours(); h > 4 {
					return later
				}
				return .5 + .1*math.Sin(float64(at.Unix())/5000)
			},
		}}
		return must.Get(replay.Foresee(t.Context(), replay.Foreseeable{Source: src, Schema: node, Hosts: []omen.Host{samples[0].Host}, Span: omen.Span{From: begin, To: src.until}, Step: step}, nil))(t).Rounds["web-1"]
	}
	want, got := rounds(.1, 4), rounds(.99, 8)
	if len(want) == 0 || len(got) <= len(want) {
		t.Fatalf("%d and %d rounds", len(want), len(got))
	}
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
		t.Error(diff)
	}
}

func TestForeseeCancelled(t *testing.T) {
	samples, _ := recorded()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := replay.Foresee(ctx, replay.Foreseeable{
		Source: mounts{}, Schema: must.Get(feature.NewSchema(feature.Node()))(t), Hosts: []omen.Host{samples[0].Host},
		Span: omen.Span{From: samples[0].At, To: samples[1].At}, Step: step,
	}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// hung are file systems of which some limits are not answered in time, or not together
// with others.
type hung struct {
	mounts
	never map[string]bool
	most  int // expressions at once
	asked map[string]int
}

func (h *hung) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	late := fmt.Errorf("no answer in time: %w", omen.ErrUnavailable)
	failed := map[string]error{}
	for _, e := range q.Exprs {
		name := feature.LimitOf(e.Feature)
		h.asked[name]++
		if h.never[name] {
			failed[e.Feature] = late
		} else {
			q.Done(e.Feature)
		}
	}
	for name := range failed {
		q.Done(name)
	}
	if len(failed) == len(q.Exprs) || len(q.Exprs) > h.most {
		return nil, late
	}
	f, err := h.mounts.Read(ctx, q)
	if err != nil {
		return nil, err
	}
	for column, why := range failed {
		f.Failed[column] = why
		at := slices.Index(f.Features, column)
		for row := range f.Hosts {
			for i := range f.Instants {
				f.Set(row, i, at, math.NaN())
			}
		}
	}
	return f, nil
}

// A limit that is not answered in time is said while it is waited for, is given up
// after it was asked for once by itself, and changes nothing of the others; and limits
// that are answered alone only are forecast all the same.
func TestALimitThatHangsIsGivenUp(t *testing.T) {
	samples, _ := recorded()
	begin := samples[2*perDay].At
	var limits []feature.Limit
	for _, name := range []string{"space", "inodes", "bad", "quota"} {
		limits = append(limits, feature.Limit{Name: name, Used: name + "_used", Limit: name, By: []string{"mountpoint"}})
	}
	schema := must.Get(feature.NewSchema(feature.Profile{Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}}, Limits: limits}))(t)
	src := mounts{until: begin.Add(12 * time.Hour), used: map[string]func(time.Time) float64{
		"/var": func(at time.Time) float64 { return min(.4+.15*max(at.Sub(begin.Add(time.Hour)).Hours(), 0), 1) },
	}}
	about := replay.Foreseeable{Source: src, Schema: schema, Hosts: []omen.Host{samples[0].Host}, Span: omen.Span{From: begin, To: src.until}, Step: step}
	want := must.Get(replay.Foresee(t.Context(), about, nil))(t)
	for name, c := range map[string]struct {
		never map[string]bool
		most  int
		asked int // for bad
	}{
		"one of several": {map[string]bool{"bad": true}, 8, 4}, // together and alone, each with two expressions
		"none together":  {map[string]bool{"bad": true}, 2, 4},
		"slow together":  {nil, 2, 0},
	} {
		h := &hung{mounts: src, never: c.never, most: c.most, asked: map[string]int{}}
		about.Source = h
		var waited, gave []string
		done := 0.
		got := must.Get(replay.Foresee(t.Context(), about, func(p replay.Progress) {
			if done = p.Done; len(p.Waiting) == 1 {
				waited = append(waited, p.Waiting[0])
			}
			if p.GivenUp != "" {
				gave = append(gave, p.GivenUp+": "+p.Why)
			}
		}))(t)
		if done != 1 {
			t.Errorf("%s: in the end %v are done", name, done)
		}
		for host, rounds := range want.Rounds {
			var others []omen.Outlooks
			for _, r := range rounds {
				r.Of = slices.DeleteFunc(slices.Clone(r.Of), func(o omen.Outlook) bool { return c.never[o.Name] })
				others = append(others, r)
			}
			if diff := cmp.Diff(others, got.Rounds[host]); diff != "" || len(others) == 0 {
				t.Errorf("%s: %d rounds (-want +got):\n%.500s", name, len(others), diff)
			}
		}
		if c.never == nil {
			if len(got.Failed) > 0 || len(gave) > 0 {
				t.Errorf("%s: failed %v, given up %v", name, got.Failed, gave)
			}
			continue
		}
		if len(got.Failed) != 1 || !strings.Contains(got.Failed["bad"], "its history: no answer in time") || h.asked["bad"] != c.asked {
			t.Errorf("%s: failed %v after %d questions", name, got.Failed, h.asked["bad"])
		}
		if !slices.Contains(waited, "bad") || len(gave) != 1 || !strings.HasPrefix(gave[0], "bad: its history: ") {
			t.Errorf("%s: waited for %v, gave up %v", name, waited, gave)
		}
	}
}
