// Package sourcetest is the suite that every [series.Source] passes, and the
// data it wants the source to hold: see [SamplesAt] and [Row].
//
// [Run] is the suite. A source that evaluates no PromQL and finds features by
// their names passes [RunByName] instead. [Same] holds two sources against each
// other. It tests no performance and no faults of a server or disk.
package sourcetest

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// Same holds two sources' frames from one sample to before another against each
// other.
func Same(t *testing.T, one, other series.Source, from, to int) {
	t.Helper()
	exprs := append(Exprs(), series.Expr{Feature: "disk", PromQL: `node_disk_io`}, series.Expr{Feature: "disks", PromQL: `sum by ($by) (node_disk_io)`})
	for name, q := range map[string]series.Query{
		"range":   {Exprs: exprs, Start: Time(from), End: Time(to - 1), Step: Step},
		"shifted": {Exprs: exprs, Start: Time(from).Add(7 * time.Second), End: Time(to - 1), Step: 10 * time.Second},
		"instant": {Exprs: exprs, Start: Time(200), End: Time(200)},
	} {
		a, err1 := one.Read(t.Context(), q)
		b, err2 := other.Read(t.Context(), q)
		if err1 != nil || err2 != nil {
			t.Fatalf("%s: %v, %v", name, err1, err2)
		}
		if diff := cmp.Diff(a, b, cmp.AllowUnexported(series.Frame{}), cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0),
			cmp.Comparer(func(x, y error) bool { return x.Error() == y.Error() })); diff != "" {
			t.Errorf("%s: frames differ (-one +other):\n%.2000s", name, diff)
		}
	}
}

// Run tests a source that holds the fixture and evaluates PromQL.
func Run(t *testing.T, s series.Source) {
	t.Run("range", func(t *testing.T) {
		f := conformRange(t, s)
		// Samples every 15 s and a step of 15 s: four of either.
		if f.Window != time.Minute {
			t.Errorf("window %s, want 1m", f.Window)
		}
		if diff := cmp.Diff(map[string]string{"instance": "b", "job": "node"}, f.Labels[1]); diff != "" {
			t.Errorf("labels: %s", diff)
		}
	})
	t.Run("instant", func(t *testing.T) { conformInstant(t, s) })
	t.Run("partial", func(t *testing.T) { conformPartial(t, s) })
	t.Run("refusals", func(t *testing.T) { conformRefusals(t, s) })
}

// RunByName tests a source that holds the fixture's features by their names.
func RunByName(t *testing.T, s series.Source) {
	t.Run("range", func(t *testing.T) { conformRange(t, s) })
	t.Run("refusals", func(t *testing.T) { conformRefusals(t, s) })
}

func conformRange(t *testing.T, s series.Source) *series.Frame {
	t.Helper()
	first, last := 8, Instants-1
	f := must.Get(s.Read(t.Context(), series.Query{Exprs: Exprs(), Start: Time(first), End: Time(last), Step: Step}))(t)
	if len(f.Failed) > 0 {
		t.Errorf("failed: %v", f.Failed)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, f.Hosts); diff != "" {
		t.Fatal(diff)
	}
	if want := last - first + 1; f.Instants != want {
		t.Fatalf("%d instants, want %d", f.Instants, want)
	}
	for h := range f.Hosts {
		for i := range f.Instants {
			sample := first + i
			inGap := h == 2 && sample >= GapFrom && sample < GapTo
			// A rate needs the window behind it, a lookback lasts up to five
			// minutes into the gap where the source decides it.
			unsure := h == 2 && sample >= GapFrom-1 && sample < GapFrom+21 || h == 2 && sample >= GapTo && sample < GapTo+5
			if unsure {
				continue
			}
			want := Row(h, sample)
			if inGap {
				want[0], want[1] = math.NaN(), math.NaN()
			}
			if diff := cmp.Diff(want, f.Row(h, i), cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
				t.Fatalf("host %s at sample %d (-want +got):\n%s", f.Hosts[h], sample, diff)
			}
		}
	}
	return f
}

func conformInstant(t *testing.T, s series.Source) {
	at := Time(100)
	f := must.Get(s.Read(t.Context(), series.Query{Exprs: Exprs(), By: []string{"job", "instance"}, Start: at, End: at}))(t)
	if diff := cmp.Diff([]string{"node/a", "node/b", "node/c"}, f.Hosts); diff != "" {
		t.Fatal(diff)
	}
	if f.Instants != 1 || !f.Start.Equal(at) {
		t.Errorf("%d instants from %s, want the one at %s", f.Instants, f.Start, at)
	}
	if diff := cmp.Diff(Row(1, 100), f.Row(f.Host("node/b"), 0), cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Error(diff)
	}
	if f.Host("node/z") != -1 {
		t.Error("an unknown host has an index")
	}
}

// One bad feature does not cost the others, and says why.
func conformPartial(t *testing.T, s series.Source) {
	at := Time(100)
	exprs := []series.Expr{
		{Feature: "load", PromQL: `node_load1`},
		{Feature: "typo", PromQL: `sum by (`},
		{Feature: "clash", PromQL: `node_load1 * on (job) node_load1`}, // many hosts of one job on both sides
		{Feature: "disk", PromQL: `node_disk_io`},
		{Feature: "all", PromQL: `sum(node_load1)`},
	}
	f := must.Get(s.Read(t.Context(), series.Query{Exprs: exprs, Start: at, End: at}))(t)
	for _, name := range []string{"typo", "clash"} {
		if !errors.Is(f.Failed[name], omen.ErrInvalid) {
			t.Errorf("%s: %v, want an error that wraps ErrInvalid", name, f.Failed[name])
		}
	}
	for _, name := range []string{"disk", "all"} {
		if !errors.Is(f.Failed[name], omen.ErrPartial) || omen.Hint(f.Failed[name]) == "" {
			t.Errorf("%s: %v, want an error that wraps ErrPartial, with a hint", name, f.Failed[name])
		}
	}
	if f.Failed["load"] != nil {
		t.Errorf("load: %v", f.Failed["load"])
	}
	// sda comes before sdb, and its value is the sample's number.
	if diff := cmp.Diff([]float64{LoadOf(1, 100), math.NaN(), math.NaN(), 100, math.NaN()}, f.Row(1, 0), cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	c := must.Get(series.Check(t.Context(), s, series.Query{Exprs: exprs, Start: at, End: at}))(t)
	if got := c.Features[0]; len(got.Hosts) != 3 || got.Samples != 3 || got.Err != nil {
		t.Errorf("check of load: %+v, want 3 hosts with a sample each", got)
	}
	if got := c.Features[1]; len(got.Hosts) != 0 || got.Err == nil {
		t.Errorf("check of the typo: %+v, want no host and an error", got)
	}
}

func conformRefusals(t *testing.T, s series.Source) {
	at := Time(100)
	for name, q := range map[string]series.Query{
		"no expressions": {Start: at, End: at},
		"backwards":      {Exprs: Exprs(), Start: at, End: at.Add(-time.Second), Step: time.Second},
		"no step":        {Exprs: Exprs(), Start: at, End: at.Add(time.Second)},
		"twice":          {Exprs: []series.Expr{{Feature: "x", PromQL: "up"}, {Feature: "x", PromQL: "up"}}, Start: at, End: at},
		"no PromQL":      {Exprs: []series.Expr{{Feature: "x", PromQL: " "}}, Start: at, End: at},
		"endless":        {Exprs: Exprs(), Start: at, End: at.AddDate(1, 0, 0), Step: time.Second},
		"only a typo":    {Exprs: []series.Expr{{Feature: "x", PromQL: "sum("}}, Start: at, End: at},
	} {
		if _, err := s.Read(t.Context(), q); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%s: err %v, want one that wraps ErrInvalid", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Read(ctx, series.Query{Exprs: Exprs(), Start: at, End: at}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: err %v", err)
	}
	// Nothing there is an answer, not an error.
	f, err := s.Read(t.Context(), series.Query{Exprs: Exprs(), Start: at.AddDate(0, -1, 0), End: at.AddDate(0, -1, 0)})
	if err != nil {
		t.Fatalf("a month before: %v", err)
	}
	for h, host := range f.Hosts {
		if diff := cmp.Diff([]float64{math.NaN(), math.NaN(), math.NaN()}, f.Row(h, 0), cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("a month before, host %s: %s", host, diff)
		}
	}
}
