package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen/detect"
)

// Kept is how a promise of pages was kept on one data set.
type Kept struct {
	Set       string  `json:"set"`
	Promised  float64 `json:"promised"` // false pages per host and week
	HostWeeks float64 `json:"host_weeks"`
	Pages     int     `json:"pages"`
	False     int     `json:"false"` // outside labelled segments
	PerWeek   Number  `json:"pages_per_host_week"`
	FalsePer  Number  `json:"false_pages_per_host_week"` // over the time outside of labelled segments

	// The same of the test parts alone, whose labels say which pages are false.
	Labelled      float64 `json:"labelled_host_weeks"`
	LabelledFalse int     `json:"labelled_false"`
	LabelledPer   Number  `json:"labelled_false_pages_per_host_week"`
}

// settled is how much of each host's history is only learned from when budgets
// are measured: a limit is a promise of an established model.
const settled = 3 * 24 * time.Hour

// Budgets measures pages sent against pages promised: each series is
// replayed once per budget, its training part included, from its fourth day on.
// The training part has no labels; what is paged there counts as false, so the
// labelled part is given by itself, too.
func Budgets(ctx context.Context, given []*Series, o detect.Options, budgets []float64, progress func(float64)) ([]Kept, error) {
	series := fromEarlyOn(given)
	options := slices.Repeat([]detect.Options{o}, len(budgets))
	for i, b := range budgets {
		options[i].PagesPerWeek = b
	}
	all, err := replayAll(ctx, series, options, make([]int, len(budgets)), progress)
	if err != nil {
		return nil, err
	}
	var out []Kept
	for _, set := range setsOf(series) {
		for i, b := range budgets {
			k := Kept{Set: set, Promised: b}
			var normal, normalLabelled float64
			for j, s := range series {
				if s.Set != set {
					continue
				}
				week := s.Step.Hours() / (7 * 24)
				moved := len(s.Test) - len(given[j].Test) // unlabelled
				k.HostWeeks += float64(len(s.Test)) * week
				k.Labelled += float64(len(given[j].Test)) * week
				for at, l := range s.Labels {
					normal += float64(btoi(!l)) * week
					normalLabelled += float64(btoi(!l && at >= moved)) * week
				}
				for _, in := range all[i][j].Incidents {
					if in.Notified >= 0 {
						isFalse := !all[i][j].isTrue(in)
						k.Pages++
						k.False += btoi(isFalse)
						k.LabelledFalse += btoi(isFalse && in.Notified >= moved)
					}
				}
			}
			k.PerWeek = ratio(float64(k.Pages), k.HostWeeks)
			k.FalsePer = ratio(float64(k.False), normal)
			k.LabelledPer = ratio(float64(k.LabelledFalse), normalLabelled)
			out = append(out, k)
		}
	}
	return out, nil
}

// WriteBudgets writes promised against actual pages.
func WriteBudgets(w io.Writer, kept []Kept) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "set\tpromised\thost-weeks\tpages\tfalse\tpages/host-week\tfalse/host-week\tlabelled weeks\tfalse\tfalse/host-week")
	for _, k := range kept {
		fmt.Fprintf(t, "%s\t%g\t%.1f\t%d\t%d\t%s\t%s\t%.1f\t%d\t%s\n",
			k.Set, k.Promised, k.HostWeeks, k.Pages, k.False, format(k.PerWeek, 2), format(k.FalsePer, 2), k.Labelled, k.LabelledFalse, format(k.LabelledPer, 2))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write budgets: %w", err)
	}
	return nil
}

// fromEarlyOn moves all but the first days of each training part into the test
// part, unlabelled. Series with less stay as they are.
func fromEarlyOn(series []*Series) []*Series {
	out := make([]*Series, len(series))
	for i, s := range series {
		c := *s
		n := 0
		for n < len(s.Train) && s.Train[n].At.Sub(s.Train[0].At) < settled {
			n++
		}
		moved := len(s.Train) - n
		c.Train, c.Test = s.Train[:n:n], slices.Concat(s.Train[n:], s.Test)
		c.Labels = append(make([]bool, moved), s.Labels...)
		c.Segments = slices.Clone(s.Segments)
		for k := range c.Segments {
			c.Segments[k].Start += moved
			c.Segments[k].End += moved
		}
		out[i] = &c
	}
	return out
}
