package bench

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
)

// hourly is a synthetic host at a step of ten seconds: forty minutes to learn
// from, then an hour with one fault.
func hourly() *Series {
	s := &Series{Set: "small", Name: "hourly", Step: 10 * time.Second, Features: []string{"a", "b", "c"}}
	random := rand.New(rand.NewPCG(3, 3))
	for i := range 600 {
		load := .3 + .1*math.Sin(2*math.Pi*float64(i)/37) + .02*random.NormFloat64()
		v := omen.Vector{Host: omen.Host{Source: "bench", Profile: "small", Name: "hourly"},
			At: time.Date(2026, 1, 5, 0, 0, 10*i, 0, time.UTC), Values: []float64{load, load / 2, .1 * random.Float64()}}
		if i < 240 {
			s.Train = append(s.Train, v)
			continue
		}
		label := i >= 240+100 && i <= 240+120
		if label {
			v.Values[0] = 50
		}
		s.Test, s.Labels = append(s.Test, v), append(s.Labels, label)
	}
	s.Segments = segmentsOf(s.Labels)
	return s
}

// A simulated week is the recording's normal samples and nothing else, in
// stretches as they were, one step apart; a seed always gives the same one.
func TestWeekOf(t *testing.T) {
	s := hourly()
	w := weekOf(s, 1)
	if n := 7 * 24 * 360; len(w.Test) != n || len(w.Labels) != n || len(w.Segments) != 0 {
		t.Fatalf("%d samples, %d labels, %d segments, want %d samples and no segment", len(w.Test), len(w.Labels), len(w.Segments), n)
	}
	known := map[*float64]int{} // where a sample's values lie -> its place in the recording
	for i, v := range append(append([]omen.Vector{}, s.Train...), s.Test...) {
		known[&v.Values[0]] = i
	}
	last := s.Train[len(s.Train)-1].At
	joints, seen := 0, map[int]bool{}
	for i, v := range w.Test {
		if v.At.Sub(last) != s.Step {
			t.Fatalf("sample %d is %s after the one before", i, v.At.Sub(last))
		}
		last = v.At
		at, ok := known[&v.Values[0]]
		if !ok || at >= 240+100-1 && at <= 240+120+12 {
			t.Fatalf("sample %d of the week is sample %d of the recording: a fault, or near one", i, at)
		}
		seen[at] = true
		if i > 0 && at != known[&w.Test[i-1].Values[0]]+1 {
			joints++
		}
	}
	if most := len(w.Test) / (3 * 6); joints < len(w.Test)/(12*6)/2 || joints > 2*most {
		t.Errorf("%d joints in a week of stretches of 3 to 12 minutes", joints)
	}
	if len(seen) < 500 {
		t.Errorf("%d different samples of the recording's 600", len(seen))
	}
	if diff := cmp.Diff(w.Test[:500], weekOf(s, 1).Test[:500]); diff != "" {
		t.Errorf("the same seed gives another week: %s", diff)
	}
	if cmp.Equal(w.Test[:500], weekOf(s, 2).Test[:500]) {
		t.Error("another seed gives the same week")
	}
}

func TestWeeks(t *testing.T) {
	short := hourly()
	short.Train = short.Train[:60]
	short.Test, short.Labels, short.Segments = short.Test[:60], short.Labels[:60], nil
	if _, err := Weeks(t.Context(), []*Series{short}, detect.Options{}, 1, nil); !errors.Is(err, omen.ErrTooFew) {
		t.Errorf("weeks of twenty minutes: %v, want ErrTooFew", err)
	}
	weeks := must.Get(Weeks(t.Context(), []*Series{hourly(), short}, detect.Options{}, 1, nil))(t)
	if len(weeks) != 1 || weeks[0].Days != 7 || weeks[0].Notified > weeks[0].Shown || len(weeks[0].Pages) != weeks[0].Notified {
		t.Fatalf("%+v, want one week of seven days", weeks)
	}
	weeks = []Week{
		{Set: "s", Series: "a", Days: 7, Recorded: 1.5, Notified: 1, Shown: 2, Pages: []Alarm{{After: 30, Peak: 3, Grade: omen.Established, Why: "cpu 1, expected 0"}}},
		{Set: "s", Series: "a", Seed: 1, Days: 7, Recorded: 1.5},
	}
	var out strings.Builder
	must.OK(t, WriteWeeks(&out, weeks))
	for _, want := range []string{"s     a       2", "0.50", "notified: s/a week 1, after 30.0 h: peak 3.0, established model: cpu 1, expected 0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
