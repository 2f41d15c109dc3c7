package bench

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
)

// recorded is hourly at a step of five seconds, with a cause to blame.
func recorded() *Series {
	s := hourly()
	s.Step = 5 * time.Second
	at := s.Train[0].At
	for _, part := range [][]omen.Vector{s.Train, s.Test} {
		for i := range part {
			part[i].At = at
			at = at.Add(s.Step)
		}
	}
	s.Segments[0].Blamed, s.Segments[0].Kind = []int{0}, "spike"
	return s
}

// A first hour is the recording's normal load in order, one step apart, and with a
// fault that fault's samples, labelled; a seed always gives the same one.
func TestFirstHourOf(t *testing.T) {
	s := recorded()
	known := map[*float64]int{}
	for i, v := range append(append([]omen.Vector{}, s.Train...), s.Test...) {
		known[&v.Values[0]] = i
	}
	of := recording{s, nil, nil}
	for _, run := range calmRuns(s) {
		of.calm = append(of.calm, run...)
	}
	normal, fault := of.normal(3), of.fault(3)
	if len(normal.Test) != 720 || len(normal.Segments) != 0 || len(fault.Test) != 720 || len(fault.Segments) != 1 {
		t.Fatalf("%d samples with %d faults, %d with %d; want 720 with 0, 720 with 1", len(normal.Test), len(normal.Segments), len(fault.Test), len(fault.Segments))
	}
	seams := 0
	for i, v := range normal.Test {
		at, ok := known[&v.Values[0]]
		if !ok || at >= 240+100-1 && at <= 240+120+12 {
			t.Fatalf("sample %d of the hour is sample %d of the recording: a fault, or near one", i, at)
		}
		if i > 0 {
			if d := v.At.Sub(normal.Test[i-1].At); d != s.Step {
				t.Fatalf("sample %d is %s after the one before", i, d)
			}
			if at != known[&normal.Test[i-1].Values[0]]+1 {
				seams++
			}
		}
	}
	if seams > 4 { // past the fault and past the end, twice each at most
		t.Errorf("%d seams", seams)
	}
	g := fault.Segments[0]
	if g.End-g.Start != 20 || g.Start < 60 || g.Kind != "spike" {
		t.Errorf("fault %+v, want 21 samples from the fifth minute on", g)
	}
	for i, v := range fault.Test {
		within := i >= g.Start && i <= g.End
		if fault.Labels[i] != within || (v.Values[0] == 50) != within {
			t.Fatalf("sample %d of a fault from %d to %d: %v, labelled %t", i, g.Start, g.End, v.Values, fault.Labels[i])
		}
	}
	if diff := cmp.Diff(fault.Test, of.fault(3).Test); diff != "" {
		t.Errorf("the same seed gives another hour: %s", diff)
	}
}

func TestFirstHours(t *testing.T) {
	short := recorded()
	short.Train, short.Test, short.Labels, short.Segments = short.Train[:60], short.Test[:60], short.Labels[:60], nil
	if _, err := FirstHours(t.Context(), []*Series{short}, detect.Options{}, 1, nil); !errors.Is(err, omen.ErrTooFew) {
		t.Errorf("first hours of ten minutes: %v, want ErrTooFew", err)
	}
	hours := must.Get(FirstHours(t.Context(), []*Series{recorded(), short}, detect.Options{}, 1, nil))(t)
	if len(hours) != 3 || hours[0].Kind != "normal" || hours[1].Kind != "world" || hours[2].Kind != "fault" {
		t.Fatalf("%+v, want an hour as it is, one with a change and one with a fault", hours)
	}
	if f := hours[2]; f.What != "spike" || f.Times < 49 || f.Times > 50 || !f.violent() || !f.Notified || !f.Shown || !f.Right || f.After < 0 || f.After > 120 {
		t.Errorf("%+v: want fifty usual moves (of 1) notified by its own cause within two minutes", f)
	}
	hours = append(hours, FirstHour{Set: "small", Series: "b", Kind: "normal", Seed: 4, False: []Alarm{{After: .5, Peak: 2, Grade: omen.Provisional, Why: "cpu 1, expected 0"}}},
		FirstHour{Set: "small", Series: "b", Kind: "fault", What: "leak", Times: 7, Shown: true})
	var text strings.Builder
	must.OK(t, WriteFirstHours(&text, hours))
	out := strings.Join(strings.Fields(text.String()), " ")
	for _, want := range []string{
		"normal all 2 1 10.00",
		"false: small/b normal 4 , after 30.0 min: peak 2.00, provisional model: cpu 1, expected 0",
		"missed: small/b 0 leak, 7.0 times, shown: true",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
}
