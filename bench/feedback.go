package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen/detect"
)

// Lesson is what an operator's first verdicts are worth on one data set: what
// people are told of after the last of the verdicts, with and without them.
type Lesson struct {
	Set         string  `json:"set"`
	Verdicts    int     `json:"verdicts"`     // asked for, per series
	Given       int     `json:"given"`        // in all series
	Before      Service `json:"before"`       // incidents shown on the remaining part, without any verdict
	After       Service `json:"after"`        // on the same part, with them
	PagesBefore Service `json:"pages_before"` // of these, what people were told of
	PagesAfter  Service `json:"pages_after"`
}

// Service is what people saw or were told: incidents, not samples.
type Service struct {
	Incidents int     `json:"incidents"`
	False     int     `json:"false"` // of them not touching a segment
	Segments  int     `json:"segments"`
	Found     int     `json:"found"` // segments that an incident touches
	Days      float64 `json:"days"`
	Precision Number  `json:"precision"`
	Recall    Number  `json:"recall"`
	F1        Number  `json:"f1"`
	FAPerDay  Number  `json:"false_alarms_per_day"`
}

func (v *Service) add(s *Series, l *Life, since int, pages bool) {
	told := make([]Told, 0, len(l.Told))
	for _, t := range l.Told {
		if t.From >= since && (!pages || t.At >= 0) {
			told = append(told, t)
			v.Incidents++
			v.False += btoi(!t.True)
		}
	}
	for _, g := range s.Segments {
		if g.Start < since {
			continue
		}
		v.Segments++
		v.Found += btoi(slices.ContainsFunc(told, func(t Told) bool { return t.From <= g.End+lateBy && g.Start <= t.To }))
	}
	v.Days += float64(len(s.Test)-since) * s.Step.Hours() / 24
}

func (v *Service) rate() {
	v.Precision = ratio(float64(v.Incidents-v.False), float64(v.Incidents))
	v.Recall = ratio(float64(v.Found), float64(v.Segments))
	v.F1 = f1(v.Recall, v.Precision)
	v.FAPerDay = ratio(float64(v.False), v.Days)
}

// Feedback measures what the first 1, 3, … verdicts per series change. Each
// number of verdicts is compared with none on the same remaining part of the
// same series: what begins after the last verdict was given. Rows come by data
// set, then by number of verdicts.
func Feedback(ctx context.Context, series []*Series, o detect.Options, verdicts []int, progress func(float64)) ([]Lesson, error) {
	counts := append([]int{0}, verdicts...)
	lives, err := live(ctx, series, len(counts), func(i int) Teller { return Teller{Detect: o, Verdicts: counts[i]} }, progress)
	if err != nil {
		return nil, err
	}
	var out []Lesson
	for _, set := range setsOf(series) {
		for i, n := range verdicts {
			l := Lesson{Set: set, Verdicts: n}
			for j, s := range series {
				if s.Set != set {
					continue
				}
				taught := lives[i+1][j]
				l.Given += taught.Judged
				l.After.add(s, taught, taught.Since, false)
				l.Before.add(s, lives[0][j], taught.Since, false)
				l.PagesAfter.add(s, taught, taught.Since, true)
				l.PagesBefore.add(s, lives[0][j], taught.Since, true)
			}
			for _, v := range []*Service{&l.Before, &l.After, &l.PagesBefore, &l.PagesAfter} {
				v.rate()
			}
			out = append(out, l)
		}
	}
	return out, nil
}

// live runs every series with n tellers: the result is per teller, per series.
func live(ctx context.Context, series []*Series, n int, teller func(int) Teller, progress func(float64)) ([][]*Life, error) {
	lives := make([][]*Life, n)
	for i := range lives {
		lives[i] = make([]*Life, len(series))
	}
	done := make(chan struct{})
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		k := 0
		for range done {
			k++
			if progress != nil {
				progress(float64(k) / float64(n*len(series)))
			}
		}
	}()
	for i := range n {
		for j, s := range series {
			g.Go(func() (err error) {
				if lives[i][j], err = teller(i).Run(ctx, s); err != nil {
					return fmt.Errorf("live through %s/%s: %w", s.Set, s.Name, err)
				}
				done <- struct{}{}
				return nil
			})
		}
	}
	err := g.Wait()
	close(done)
	<-reported
	return lives, err
}

func setsOf(series []*Series) (sets []string) {
	for _, s := range series {
		if !slices.Contains(sets, s.Set) {
			sets = append(sets, s.Set)
		}
	}
	return sets
}

// WriteFeedback writes the curve as a table: "without > with" verdicts.
func WriteFeedback(w io.Writer, lessons []Lesson) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "set\tverdicts per series\tgiven\tof\tincidents\tprecision\trecall\tF1\tFA/day")
	for _, l := range lessons {
		row := func(of string, a, b Service) {
			fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%d > %d", l.Set, l.Verdicts, l.Given, of, a.Incidents, b.Incidents)
			for _, n := range [][2]Number{{a.Precision, b.Precision}, {a.Recall, b.Recall}, {a.F1, b.F1}, {a.FAPerDay, b.FAPerDay}} {
				fmt.Fprintf(t, "\t%s > %s", format(n[0], 3), format(n[1], 3))
			}
			fmt.Fprintln(t)
		}
		row("shown", l.Before, l.After)
		row("told", l.PagesBefore, l.PagesAfter)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write feedback: %w", err)
	}
	return nil
}
