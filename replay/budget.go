package replay

import (
	"context"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// Budgeted is what would have become of a host with one page budget.
type Budgeted struct {
	PagesPerWeek float64
	Notified     int      // incidents that people would have been notified of
	Real         []string // of the incidents that people judged real then, by ID, those that they would have been notified of
	Rejected     []string // the same of those that they judged not a problem, or expected
}

// Budgets is [Run] once for each page budget, over the same samples, with people
// who say of an incident again what they said of the one that it overlaps:
// judged are those of the host that have a verdict. What o says of operator,
// budget and progress is replaced; progress is over all budgets.
func Budgets(ctx context.Context, past, samples []omen.Vector, o Options, budgets []float64, judged []omen.Incident) ([]Budgeted, error) {
	again := repeats{judged, sameWithin * o.Detect.Step}
	progress := o.Progress
	o.Operator = again
	all := make([]Budgeted, len(budgets))
	for i, perWeek := range budgets {
		o.Detect.PagesPerWeek = perWeek
		if progress != nil {
			o.Progress = func(done float64) { progress((float64(i) + done) / float64(len(budgets))) }
		}
		t, err := Run(ctx, past, samples, o)
		if err != nil {
			return nil, err
		}
		all[i] = again.count(t)
		all[i].PagesPerWeek = perWeek
	}
	return all, nil
}

// sameWithin is by how many samples an onset may differ from that of the same
// incident then: about what the evidence for one asks for.
const sameWithin = 10

// repeats is an operator who says again what people said.
type repeats struct {
	judged []omen.Incident
	slack  time.Duration
}

// Judge implements [Operator].
func (r repeats) Judge(in *Incident, _ int) omen.Verdict {
	for _, j := range r.judged {
		if r.same(in.Incident, j) {
			return j.Verdict
		}
	}
	return omen.NoVerdict
}

// same reports whether two incidents overlap; one that has not closed lasts.
func (r repeats) same(a, b omen.Incident) bool {
	before := func(x, y omen.Incident) bool {
		return x.State == omen.Closed && x.ClosedAt.Add(r.slack).Before(y.Since)
	}
	return !before(a, b) && !before(b, a)
}

// count is what people would have been notified of.
func (r repeats) count(t *Timeline) (b Budgeted) {
	for _, in := range t.Incidents {
		if in.Notified >= 0 {
			b.Notified++
		}
	}
	for _, j := range r.judged {
		if !slices.ContainsFunc(t.Incidents, func(in *Incident) bool { return in.Notified >= 0 && r.same(in.Incident, j) }) {
			continue
		}
		if j.Verdict == omen.Real {
			b.Real = append(b.Real, j.ID)
		} else if j.Verdict != omen.NoVerdict {
			b.Rejected = append(b.Rejected, j.ID)
		}
	}
	return b
}
