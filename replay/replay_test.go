package bench

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

func TestGrowing(t *testing.T) {
	born := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	due := growing(born, time.Minute, &story{})
	var fits []time.Duration
	last := time.Time{}
	for now := born; now.Sub(born) <= 73*time.Hour; now = now.Add(time.Minute) {
		if due(0, now, last) {
			fits = append(fits, now.Sub(born))
			last = now
		}
	}
	var want []time.Duration
	for _, hours := range []float64{1, 2, 4, 8, 16, 24, 48, 72} { // sixty samples are an hour's
		want = append(want, time.Duration(hours*float64(time.Hour)))
	}
	if diff := cmp.Diff(want, fits); diff != "" {
		t.Error(diff)
	}
	y := &story{}
	due = growing(born, time.Minute, y)
	last = born.Add(4 * time.Hour)
	y.habit = last.Add(10 * time.Minute)
	if due(0, last.Add(59*time.Minute), last) || !due(0, last.Add(time.Hour), last) {
		t.Error("a habit is not learned an hour after the fit before")
	}
	if last = last.Add(time.Hour); due(0, last.Add(time.Hour), last) {
		t.Error("a habit is learned twice")
	}
}

// The fault of the synthetic host is one page, named by its causes; without
// history the host grows up first.
func TestReplay(t *testing.T) {
	s := daily("replayed")
	schema, err := columnSchema(s)
	if err != nil {
		t.Fatal(err)
	}
	all := append(append([]omen.Vector{}, s.Train...), s.Test...)
	fault := s.Test[s.Segments[0].Start].At
	for _, c := range []struct {
		name string
		from time.Time
		fits int
	}{
		{"with history", s.Test[0].At, 2},
		{"from birth", time.Time{}, 3},
	} {
		got, err := Replay(t.Context(), schema, [][]omen.Vector{all, {}}, ReplayOptions{From: c.from})
		if err != nil {
			t.Fatal(c.name, err)
		}
		r := got[0]
		if r.Fits < c.fits || r.Err != "" {
			t.Errorf("%s: %d fits, %q", c.name, r.Fits, r.Err)
		}
		var hit []Page
		for _, p := range r.Pages {
			if !p.Opened.Before(fault) && p.Opened.Sub(fault) <= 5*s.Step {
				hit = append(hit, p)
			}
		}
		if len(hit) != 1 || hit[0].Quiet() || len(hit[0].Causes) == 0 {
			t.Fatalf("%s: pages at the fault: %+v of %+v", c.name, hit, r.Pages)
		}
		if f := hit[0].Causes[0].Feature; f != "a" && f != "c" {
			t.Errorf("%s: first cause %q, the fault is in a and c", c.name, f)
		}
		if got[1].Err == "" {
			t.Error("a host without samples has no reason")
		}
		var table strings.Builder
		if err := WriteReplay(&table, got); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(table.String(), hit[0].Opened.Format(time.DateTime)) || !strings.Contains(table.String(), "expected") || !strings.Contains(table.String(), "no samples") {
			t.Errorf("%s: table\n%s", c.name, table.String())
		}
		path, err := r.Plot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() < 10_000 {
			t.Errorf("plot: %v, %v", info, err)
		}
	}
}

func TestReplayCancelled(t *testing.T) {
	s := daily("x")
	schema, err := columnSchema(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Replay(ctx, schema, [][]omen.Vector{s.Train}, ReplayOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Instants before the host's first and after its last sample are not its life;
// a silence in between is, and is not odd.
func TestHistories(t *testing.T) {
	schema, err := feature.FromColumns("bench", []string{"a"}, feature.Feature{Scale: 1})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := series.NewFrame([]string{"gone", "web"}, []string{"a"}, start, time.Minute, 6)
	for _, i := range []int{1, 2, 4} {
		f.Row(1, i)[0] = .5
	}
	got := Histories(schema, f, "local")
	if len(got) != 2 || len(got[0]) != 0 || len(got[1]) != 4 {
		t.Fatalf("%v", got)
	}
	if h := got[1][0]; !h.At.Equal(start.Add(time.Minute)) || h.Host.Name != "web" || h.Host.Source != "local" {
		t.Errorf("first vector: %+v", h)
	}
}

func TestReplaySilence(t *testing.T) {
	s := daily("silent")
	schema, err := columnSchema(s)
	if err != nil {
		t.Fatal(err)
	}
	all := append(append([]omen.Vector{}, s.Train...), s.Test[:200]...)
	for range 40 {
		all = append(all, omen.Vector{Host: all[0].Host, At: all[len(all)-1].At.Add(s.Step), Values: slices.Repeat([]float64{math.NaN()}, 4)})
	}
	r, err := Replay(t.Context(), schema, [][]omen.Vector{all}, ReplayOptions{From: s.Test[0].At})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r[0].Scores[200:] {
		if p.Value != 0 {
			t.Fatalf("score %v of a silent host", p.Value)
		}
	}
}
