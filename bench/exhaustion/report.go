package exhaustion

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"
)

// Method is what one method did over some tracks.
type Method struct {
	Name         string
	Found        int // of the exhaustions of which half an hour's warning was possible
	Right, False int // notifications
	Leads        []time.Duration
}

func (m *Method) count(right bool) {
	if right {
		m.Right++
	} else {
		m.False++
	}
}

func (m *Method) found(lead time.Duration, possible bool) {
	if possible {
		m.Found++
		m.Leads = append(m.Leads, lead)
	}
}

// precision is NaN for a method that never notified.
func (m *Method) precision() float64 { return float64(m.Right) / float64(m.Right+m.False) }

// lead is a quantile of the leads in hours; NaN without any.
func (m *Method) lead(q float64) float64 {
	if len(m.Leads) == 0 {
		return math.NaN()
	}
	slices.Sort(m.Leads)
	return m.Leads[int(q*float64(len(m.Leads)-1))].Hours()
}

// Tally is what happened on some tracks.
type Tally struct {
	Name      string
	Days      int
	Exhausted int
	Possible  int // exhaustions that began at least half an hour before
	Methods   []Method
}

// falsePer100Days are a method's wrong notifications per 100 days of a series.
func (t *Tally) falsePer100Days(method int) float64 {
	return 100 * float64(t.Methods[method].False) / float64(t.Days)
}

// Recall is the share of the possible exhaustions that a method found.
func (t *Tally) Recall(method int) float64 {
	return float64(t.Methods[method].Found) / float64(t.Possible)
}

// cases are what was said within one bin, and what came.
type cases struct {
	n, came int
	said    float64
}

// Reliability compares what was said with what came, hourly.
type Reliability struct {
	bins   [10]cases
	square float64
}

func (r *Reliability) add(said float64, came bool) {
	b := &r.bins[min(int(said*10), 9)]
	b.n++
	b.said += said
	actual := 0.0
	if came {
		b.came++
		actual = 1
	}
	r.square += (said - actual) * (said - actual)
}

// brier is the mean squared error, and the share by which it is below that of
// always saying the base rate.
func (r *Reliability) brier() (score, skill float64) {
	n, came := 0, 0
	for _, b := range r.bins {
		n, came = n+b.n, came+b.came
	}
	rate := float64(came) / float64(n)
	score = r.square / float64(n)
	return score, 1 - score/(rate*(1-rate))
}

// worst is the largest distance of what was said from what came over the bins
// with at least 50 cases.
func (r *Reliability) worst() float64 {
	worst := 0.0
	for _, b := range r.bins {
		if b.n >= 50 {
			worst = max(worst, math.Abs(b.said-float64(b.came))/float64(b.n))
		}
	}
	return worst
}

// Report is what [Run] measured.
type Report struct {
	All   Tally
	Kinds []Tally
	Said  [measured]Reliability
	// TimeError is the median of |ln(said/real)| of the times to full at the
	// notifications that came true.
	TimeError float64

	errors []float64
}

func newReport(kinds []string) Report {
	tally := func(name string) Tally {
		t := Tally{Name: name, Methods: []Method{{Name: omenName}}}
		for _, r := range rules() {
			t.Methods = append(t.Methods, Method{Name: r.name})
		}
		return t
	}
	r := Report{All: tally("all")}
	for _, name := range kinds {
		r.Kinds = append(r.Kinds, tally(name))
	}
	return r
}

func (r *Report) finish() {
	r.TimeError = math.NaN()
	if len(r.errors) > 0 {
		slices.Sort(r.errors)
		r.TimeError = r.errors[len(r.errors)/2]
	}
}

// WriteTables writes the report for people.
func (r *Report) WriteTables(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%d series-days, %d exhaustions, %d with half an hour of warning possible\n\n", r.All.Days, r.All.Exhausted, r.All.Possible)
	fmt.Fprintln(t, "method\trecall\tprecision\tfalse per 100 series-days\tlead p50 h\tlead p10 h\t")
	for i := range r.All.Methods {
		m := &r.All.Methods[i]
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.1f\t%.1f\t%.1f\t\n", m.Name, r.All.Recall(i), m.precision(), r.All.falsePer100Days(i), m.lead(.5), m.lead(.1))
	}
	fmt.Fprintln(t, "\nkind\tpossible\tfound\tfalse\tkube-prometheus found\tfalse\tnode mixin found\tfalse\t")
	for i := range r.Kinds {
		k := &r.Kinds[i]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", k.Name, k.Possible, k.Methods[0].Found, k.Methods[0].False,
			k.Methods[1].Found, k.Methods[1].False, k.Methods[3].Found, k.Methods[3].False)
	}
	fmt.Fprintln(t, "\nwithin\tBrier\tskill\tworst bin\t")
	for h, name := range [measured]string{"1 h", "4 h", "24 h"} {
		score, skill := r.Said[h].brier()
		fmt.Fprintf(t, "%s\t%.4f\t%.2f\t%.2f\t\n", name, score, skill, r.Said[h].worst())
	}
	fmt.Fprintln(t, "\nwithin 24 h\tcases\tsaid\tcame\t")
	for i, b := range r.Said[measured-1].bins {
		fmt.Fprintf(t, "%d-%d %%\t%d\t%.2f\t%.2f\t\n", 10*i, 10*i+10, b.n, b.said/float64(b.n), float64(b.came)/float64(b.n))
	}
	fmt.Fprintf(t, "\nmedian |ln(said/real time to full)|: %.2f\n", r.TimeError)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	return nil
}
