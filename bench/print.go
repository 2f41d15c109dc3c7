package bench

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// column is one number of a table.
type column struct {
	title  string
	digits int
	better int // +1 more, -1 less
	of     func(Metrics) Number
}

// notified are the columns of what people were notified of, in order.
var notified = []column{
	{"notified", 2, +1, func(m Metrics) Number { return m.Notified.Share }},
	{"own", 2, +1, func(m Metrics) Number { return m.Notified.OwnShare }},
	{"after s", 0, -1, func(m Metrics) Number { return m.Notified.DelaySecs }},
	{"right cause", 2, +1, func(m Metrics) Number { return m.Notified.Top1 }},
	{"precision", 2, +1, func(m Metrics) Number { return m.Notified.Precision }},
	{"F1", 3, +1, func(m Metrics) Number { return m.Notified.F1 }},
	{"false/week", 2, -1, func(m Metrics) Number { return m.Notified.FalsePerWeek }},
	{"promised", 1, -1, func(m Metrics) Number { return m.Notified.Promised }},
	{"drifts/week", 2, -1, func(m Metrics) Number { return m.Notified.DriftsWeek }},
}

// alerts are the columns of the scores and their limit.
var alerts = []column{
	{"VUS-PR", 3, +1, func(m Metrics) Number { return m.VUSPR }},
	{"AUC-PR", 3, +1, func(m Metrics) Number { return m.AUCPR }},
	{"recall", 2, +1, func(m Metrics) Number { return m.Recall }},
	{"precision", 2, +1, func(m Metrics) Number { return m.Precision }},
	{"F1", 3, +1, func(m Metrics) Number { return m.F1 }},
	{"FA/day", 2, -1, func(m Metrics) Number { return m.FAPerDay }},
	{"FAT %", 2, -1, func(m Metrics) Number { return 100 * m.FalseTime }},
	{"delay", 1, -1, func(m Metrics) Number { return m.DelayMedian }},
	{"delay s", 0, -1, func(m Metrics) Number { return m.DelaySecs }},
	{"hit@100", 3, +1, func(m Metrics) Number { return m.HitRate }},
	{"top-1", 2, +1, func(m Metrics) Number { return m.Top1 }},
}

// likely are the columns of the 95 % intervals.
var likely = []column{
	{"notified F1", 3, +1, func(m Metrics) Number { return m.Notified.F1 }},
	{"from", 2, +1, func(m Metrics) Number { return m.Likely.NotifiedF1[0] }},
	{"to", 2, +1, func(m Metrics) Number { return m.Likely.NotifiedF1[1] }},
	{"false/week", 2, -1, func(m Metrics) Number { return m.Notified.FalsePerWeek }},
	{"from", 2, -1, func(m Metrics) Number { return m.Likely.FalsePerWeek[0] }},
	{"to", 2, -1, func(m Metrics) Number { return m.Likely.FalsePerWeek[1] }},
	{"alerts F1", 3, +1, func(m Metrics) Number { return m.F1 }},
	{"from", 2, +1, func(m Metrics) Number { return m.Likely.F1[0] }},
	{"to", 2, +1, func(m Metrics) Number { return m.Likely.F1[1] }},
}

// WriteTables writes what people were notified of, what kept the rest, the alerts,
// and between what numbers the data sets' lie, each with a row per data set and
// detector, or all but the last per series; and the cost at the end.
func (r Result) WriteTables(w io.Writer, perSeries bool) error {
	if len(r.Outcomes) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	r.rows(t, "notified", notified, perSeries)
	r.rows(t, "not notified", missed, perSeries)
	r.rows(t, "alerts", alerts, perSeries)
	r.rows(t, "95 %", likely, false)
	fmt.Fprintf(t, "cost\ttraining s\tscoring µs/sample\t\n")
	for _, o := range r.Outcomes {
		fmt.Fprintf(t, "%s\t%s\t%s\t\n", o.Detector, format(o.TrainSeconds, 1), format(o.ScoreMicroseconds, 1))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	return nil
}

// rows writes one table. Detectors that have none of its numbers are left out.
func (r Result) rows(w io.Writer, title string, columns []column, perSeries bool) {
	fmt.Fprintf(w, "%s\t\t", title)
	for _, c := range columns {
		fmt.Fprintf(w, "%s\t", c.title)
	}
	fmt.Fprintln(w)
	of := func(o Outcome) map[string]Metrics {
		if perSeries {
			return o.Series
		}
		return o.Datasets
	}
	for _, name := range slices.Sorted(maps.Keys(of(r.Outcomes[0]))) {
		for _, o := range r.Outcomes {
			m := of(o)[name]
			if !slices.ContainsFunc(columns, func(c column) bool { return !math.IsNaN(float64(c.of(m))) }) {
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t", name, o.Detector)
			for _, c := range columns {
				fmt.Fprintf(w, "%s\t", format(c.of(m), c.digits))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintln(w)
}

func format(n Number, digits int) string {
	if math.IsNaN(float64(n)) {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, float64(n))
}

// Compare writes what changed from old to new: per detector that both have,
// every data set and series that both have. A change for the worse by more
// than half a shown digit is marked "!"; for the better, "+".
func Compare(w io.Writer, old, new Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	columns := slices.Concat(notified, alerts)
	for _, n := range new.Outcomes {
		i := slices.IndexFunc(old.Outcomes, func(o Outcome) bool { return o.Detector == n.Detector })
		if i < 0 {
			fmt.Fprintf(t, "%s\tnot in the earlier run\t\n", n.Detector)
			continue
		}
		fmt.Fprintf(t, "%s\t", n.Detector)
		for _, c := range columns {
			fmt.Fprintf(t, "%s\t", c.title)
		}
		fmt.Fprintln(t)
		for _, part := range [][2]map[string]Metrics{{old.Outcomes[i].Datasets, n.Datasets}, {old.Outcomes[i].Series, n.Series}} {
			for _, name := range slices.Sorted(maps.Keys(part[1])) {
				before, ok := part[0][name]
				if !ok {
					fmt.Fprintf(t, "%s\tnew\t\n", name)
					continue
				}
				fmt.Fprintf(t, "%s\t", name)
				for _, c := range columns {
					fmt.Fprintf(t, "%s\t", difference(float64(c.of(before)), float64(c.of(part[1][name])), c.digits, c.better))
				}
				fmt.Fprintln(t)
			}
		}
		fmt.Fprintf(t, "cost\ttraining %s → %s s\tscoring %s → %s µs\t\n",
			format(old.Outcomes[i].TrainSeconds, 1), format(n.TrainSeconds, 1),
			format(old.Outcomes[i].ScoreMicroseconds, 1), format(n.ScoreMicroseconds, 1))
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return nil
}

// difference is "0.612 +.013+": the new number, the change, and its mark.
func difference(old, new float64, digits, better int) string {
	switch {
	case math.IsNaN(old) && math.IsNaN(new):
		return "–"
	case math.IsNaN(old) || math.IsNaN(new):
		return format(Number(old), digits) + " → " + format(Number(new), digits)
	}
	d := new - old
	if math.Abs(d) < .5*math.Pow10(-digits) {
		return format(Number(new), digits) + " ="
	}
	mark := "!"
	if d*float64(better) > 0 {
		mark = "+"
	}
	sign := strings.TrimSuffix(fmt.Sprintf("%+.*f", digits, d), " ")
	return fmt.Sprintf("%s (%s%s)", format(Number(new), digits), sign, mark)
}
