package replay_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/replay"
)

// The same history with several budgets: each is what a replay with that budget
// gives, and of what people said of incidents then it counts those that they would
// have been notified of.
func TestBudgets(t *testing.T) {
	all, schema := recorded()
	past, lived := all[:2*perDay], all[2*perDay:]
	fault := all[3*perDay+30].At
	of := func(id string, from time.Time, verdict omen.Verdict) omen.Incident {
		return omen.Incident{ID: id, Since: from, ClosedAt: from.Add(time.Hour), State: omen.Closed, Verdict: verdict}
	}
	judged := []omen.Incident{
		of("real", fault.Add(5*time.Minute), omen.Real), of("quiet", lived[0].At.Add(3*time.Hour), omen.Real), of("none", fault, omen.NoVerdict),
	}
	o := replay.Options{Schema: schema, Detect: detect.Options{Step: step}, History: 2 * 24 * time.Hour}
	var done []float64
	o.Progress = func(d float64) { done = append(done, d) }
	budgets := []float64{.5, 1, 4}
	got := must.Get(replay.Budgets(t.Context(), past, lived, o, budgets, judged))(t)
	o.Progress = nil
	for i, b := range got {
		o.Detect.PagesPerWeek = budgets[i]
		o.Operator = people{fault: omen.Real}
		alone := must.Get(replay.Run(t.Context(), past, lived, o))(t)
		notified := 0
		for _, in := range alone.Incidents {
			if in.Notified >= 0 {
				notified++
			}
		}
		if b.PagesPerWeek != budgets[i] || b.Notified != notified || notified == 0 || !slices.Equal(b.Real, []string{"real"}) || len(b.Rejected) != 0 {
			t.Errorf("%+v, want %d notified as by a replay alone, and the fault real", b, notified)
		}
	}
	if !slices.IsSorted(done) || done[len(done)-1] != 1 {
		t.Errorf("progress %v", done)
	}
	judged[0].Verdict, judged[2].State, judged[2].Verdict = omen.NotAProblem, omen.Open, omen.Expected // one that still lasts overlaps all after its begin
	if got := must.Get(replay.Budgets(t.Context(), past, lived, o, budgets[1:2], judged))(t); !slices.Equal(got[0].Rejected, []string{"real", "none"}) || len(got[0].Real) != 0 {
		t.Errorf("rejected: %+v", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := replay.Budgets(ended, past, lived, o, budgets, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// people say something of what overlaps the fault.
type people map[time.Time]omen.Verdict

func (p people) Judge(in *replay.Incident, _ int) omen.Verdict {
	for at, verdict := range p {
		if !in.Since.After(at.Add(time.Hour+55*time.Minute)) && !in.ClosedAt.Before(at.Add(-45*time.Minute)) {
			return verdict
		}
	}
	return omen.NoVerdict
}

// A training learns from the last of the history that is kept, and from all of it
// by default.
func TestKeptHistory(t *testing.T) {
	all, schema := recorded()
	h := replay.NewHost(schema, detect.Options{Step: step}, all, 0)
	last := all[len(all)-1].At
	if span, ok := h.Span(); !ok || !span.From.Equal(all[0].At) || !span.To.Equal(last) {
		t.Errorf("by default %v", span)
	}
	h.Keep = 24 * time.Hour
	if span, ok := h.Span(); !ok || !span.From.Equal(last.Add(-24*time.Hour)) || !span.To.Equal(last) {
		t.Errorf("of a day %v, want the last day", span)
	}
}
