package series

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/omenhq/omen"
)

// Every source that can hold the fixture behaves alike.
func TestSources(t *testing.T) {
	local := localFixture(t)
	t.Run("embedded", func(t *testing.T) { conform(t, local) })
	t.Run("own API", func(t *testing.T) {
		remote := serveRemote(t, local.QueryAPI(), RemoteOptions{})
		conform(t, remote)
		sameAs(t, local, remote, 0, fixtureSamples)
	})
	t.Run("own API in small pieces", func(t *testing.T) {
		remote := serveRemote(t, local.QueryAPI(), RemoteOptions{})
		remote.reader.maxPoints = 7
		sameAs(t, local, remote, 0, fixtureSamples)
	})
	t.Run("Prometheus", func(t *testing.T) {
		remote := prometheusFixture(t)
		conform(t, remote)
		// Away from the series' ends: how a rate extrapolates there, and how
		// long a lookback lasts, depends on Prometheus' version.
		sameAs(t, local, remote, 8, gapFrom)
	})
	t.Run("VictoriaMetrics", func(t *testing.T) { conform(t, victoriaFixture(t)) })
}

// sameAs holds two sources' frames against each other.
func sameAs(t *testing.T, one, other Source, from, to int) {
	t.Helper()
	exprs := append(fixtureExprs(), Expr{"disk", `node_disk_io`}, Expr{"disks", `sum by ($by) (node_disk_io)`})
	for name, q := range map[string]Query{
		"range":   {Exprs: exprs, Start: fixtureTime(from), End: fixtureTime(to - 1), Step: fixtureStep},
		"shifted": {Exprs: exprs, Start: fixtureTime(from).Add(7 * time.Second), End: fixtureTime(to - 1), Step: 10 * time.Second},
		"instant": {Exprs: exprs, Start: fixtureTime(200), End: fixtureTime(200)},
	} {
		a, err1 := one.Read(t.Context(), q)
		b, err2 := other.Read(t.Context(), q)
		if err1 != nil || err2 != nil {
			t.Fatalf("%s: %v, %v", name, err1, err2)
		}
		if diff := cmp.Diff(a, b, cmp.AllowUnexported(Frame{}), cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0),
			cmp.Comparer(func(x, y error) bool { return x.Error() == y.Error() })); diff != "" {
			t.Errorf("%s: frames differ (-one +other):\n%.2000s", name, diff)
		}
	}
}

// conform is what every source of the fixture must do.
func conform(t *testing.T, s Source) {
	t.Run("range", func(t *testing.T) { conformRange(t, s) })
	t.Run("instant", func(t *testing.T) { conformInstant(t, s) })
	t.Run("partial", func(t *testing.T) { conformPartial(t, s) })
	t.Run("refusals", func(t *testing.T) { conformRefusals(t, s) })
}

func conformRange(t *testing.T, s Source) {
	first, last := 8, fixtureSamples-1
	f, err := s.Read(t.Context(), Query{Exprs: fixtureExprs(), Start: fixtureTime(first), End: fixtureTime(last), Step: fixtureStep})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Failed) > 0 {
		t.Errorf("failed: %v", f.Failed)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, f.Hosts); diff != "" {
		t.Fatal(diff)
	}
	if want := last - first + 1; f.Instants != want {
		t.Fatalf("%d instants, want %d", f.Instants, want)
	}
	// Samples every 15 s and a step of 15 s: four of either.
	if f.Window != time.Minute {
		t.Errorf("window %s, want 1m", f.Window)
	}
	if diff := cmp.Diff(map[string]string{"instance": "b", "job": "node"}, f.Labels[1]); diff != "" {
		t.Errorf("labels: %s", diff)
	}
	for h := range f.Hosts {
		for i := range f.Instants {
			sample := first + i
			inGap := h == 2 && sample >= gapFrom && sample < gapTo
			// A rate needs the window behind it, a lookback lasts up to five
			// minutes into the gap where the source decides it.
			unsure := h == 2 && sample >= gapFrom-1 && sample < gapFrom+21 || h == 2 && sample >= gapTo && sample < gapTo+5
			if unsure {
				continue
			}
			busy, load, swap := busyOf(h), loadOf(h, sample), math.NaN()
			if h == 0 {
				swap = 4096
			}
			if inGap {
				busy, load = math.NaN(), math.NaN()
			}
			if diff := cmp.Diff([]float64{busy, load, swap}, f.Row(h, i), cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
				t.Fatalf("host %s at sample %d (-want +got):\n%s", f.Hosts[h], sample, diff)
			}
		}
	}
}

func conformInstant(t *testing.T, s Source) {
	at := fixtureTime(100)
	f, err := s.Read(t.Context(), Query{Exprs: fixtureExprs(), By: []string{"job", "instance"}, Start: at, End: at})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"node/a", "node/b", "node/c"}, f.Hosts); diff != "" {
		t.Fatal(diff)
	}
	if f.Instants != 1 || !f.Start.Equal(at) {
		t.Errorf("%d instants from %s, want the one at %s", f.Instants, f.Start, at)
	}
	if diff := cmp.Diff([]float64{busyOf(1), loadOf(1, 100), math.NaN()}, f.Row(f.Host("node/b"), 0), cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Error(diff)
	}
	if f.Host("node/z") != -1 {
		t.Error("an unknown host has an index")
	}
}

// One bad feature does not cost the others, and says why.
func conformPartial(t *testing.T, s Source) {
	at := fixtureTime(100)
	exprs := []Expr{
		{"load", `node_load1`},
		{"typo", `sum by (`},
		{"clash", `node_load1 * on (job) node_load1`}, // many hosts of one job on both sides
		{"disk", `node_disk_io`},
		{"all", `sum(node_load1)`},
	}
	f, err := s.Read(t.Context(), Query{Exprs: exprs, Start: at, End: at})
	if err != nil {
		t.Fatal(err)
	}
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
	if diff := cmp.Diff([]float64{loadOf(1, 100), math.NaN(), math.NaN(), 100, math.NaN()}, f.Row(1, 0), cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	c, err := Check(t.Context(), s, Query{Exprs: exprs, Start: at, End: at})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Features[0]; len(got.Hosts) != 3 || got.Samples != 3 || got.Err != nil {
		t.Errorf("check of load: %+v, want 3 hosts with a sample each", got)
	}
	if got := c.Features[1]; len(got.Hosts) != 0 || got.Err == nil {
		t.Errorf("check of the typo: %+v, want no host and an error", got)
	}
}

func conformRefusals(t *testing.T, s Source) {
	at := fixtureTime(100)
	for name, q := range map[string]Query{
		"no expressions": {Start: at, End: at},
		"backwards":      {Exprs: fixtureExprs(), Start: at, End: at.Add(-time.Second), Step: time.Second},
		"no step":        {Exprs: fixtureExprs(), Start: at, End: at.Add(time.Second)},
		"twice":          {Exprs: []Expr{{"x", "up"}, {"x", "up"}}, Start: at, End: at},
		"no PromQL":      {Exprs: []Expr{{"x", " "}}, Start: at, End: at},
		"endless":        {Exprs: fixtureExprs(), Start: at, End: at.AddDate(1, 0, 0), Step: time.Second},
		"only a typo":    {Exprs: []Expr{{"x", "sum("}}, Start: at, End: at},
	} {
		if _, err := s.Read(t.Context(), q); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%s: err %v, want one that wraps ErrInvalid", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Read(ctx, Query{Exprs: fixtureExprs(), Start: at, End: at}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: err %v", err)
	}
	// Nothing there is an answer, not an error.
	f, err := s.Read(t.Context(), Query{Exprs: fixtureExprs(), Start: at.AddDate(0, -1, 0), End: at.AddDate(0, -1, 0)})
	if err != nil || len(f.Hosts) != 0 {
		t.Errorf("a month before: %v, err %v, want no hosts", f, err)
	}
}
