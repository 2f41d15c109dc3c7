package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/replay"
)

// Lesson is what an operator's first verdicts are worth on one data set: what
// people see after the last of the verdicts, with and without them.
type Lesson struct {
	Set         string  `json:"set"`
	Verdicts    int     `json:"verdicts"`     // asked for, per series
	Given       int     `json:"given"`        // in all series
	Before      Service `json:"before"`       // incidents shown on the remaining part, without any verdict
	After       Service `json:"after"`        // on the same part, with them
	PagesBefore Service `json:"pages_before"` // of these, what people were notified of
	PagesAfter  Service `json:"pages_after"`
}

// Service is what people saw or were notified of: incidents, not samples.
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

func (v *Service) add(s *Series, t *replay.Timeline, since int, pages bool) {
	var counted []*replay.Incident
	for _, in := range shown(t) {
		if in.From >= since && (!pages || in.Notified >= 0) {
			counted = append(counted, in)
			v.Incidents++
			v.False += btoi(!s.isTrue(in))
		}
	}
	for _, g := range s.Segments {
		if g.Start < since {
			continue
		}
		v.Segments++
		v.Found += btoi(slices.ContainsFunc(counted, func(in *replay.Incident) bool { return g.near(in.From, in.To) }))
	}
	v.Days += float64(len(s.Test)-since) * s.Step.Hours() / 24
}

func (v *Service) rate() {
	v.Precision = ratio(float64(v.Incidents-v.False), float64(v.Incidents))
	v.Recall = ratio(float64(v.Found), float64(v.Segments))
	v.F1 = f1(v.Recall, v.Precision)
	v.FAPerDay = ratio(float64(v.False), v.Days)
}

// judged is a series as it was with an operator.
type judged struct {
	*replay.Timeline
	verdicts verdictsOn
}

// verdictsOn is an operator who judges the first incidents of a series that are
// shown, when they close and as the labels say. The labels are used for nothing
// else.
type verdictsOn struct {
	s     *Series
	asked int // verdicts to give
	given int
	since int // the test sample from which all verdicts were in force
}

// Judge implements [replay.Operator].
func (v *verdictsOn) Judge(in *replay.Incident, at int) omen.Verdict {
	if v.given >= v.asked {
		return omen.NoVerdict
	}
	v.given++
	v.since = at + 1
	if v.s.isTrue(in) {
		return omen.Real
	}
	return omen.NotAProblem
}

// Feedback measures what the first 1, 3, … verdicts per series change. Each
// number of verdicts is compared with none on the same remaining part of the
// same series: what begins after the last verdict was given. Rows come by data
// set, then by number of verdicts.
func Feedback(ctx context.Context, series []*Series, o detect.Options, verdicts []int, progress func(float64)) ([]Lesson, error) {
	counts := append([]int{0}, verdicts...)
	all := make([]judged, len(counts)*len(series))
	err := each(ctx, len(all), 0, progress, func(ctx context.Context, job int, report func(float64)) (err error) {
		s, of := series[job%len(series)], &all[job]
		of.verdicts = verdictsOn{s: s, asked: counts[job/len(series)]}
		of.Timeline, err = replaySeries(ctx, s, o, replay.Options{Operator: &of.verdicts, Progress: report})
		if err != nil {
			return fmt.Errorf("replay %s/%s: %w", s.Set, s.Name, err)
		}
		return nil
	})
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
				taught, since := all[(i+1)*len(series)+j], all[(i+1)*len(series)+j].verdicts.since
				l.Given += taught.verdicts.given
				l.After.add(s, taught.Timeline, since, false)
				l.Before.add(s, all[j].Timeline, since, false)
				l.PagesAfter.add(s, taught.Timeline, since, true)
				l.PagesBefore.add(s, all[j].Timeline, since, true)
			}
			for _, v := range []*Service{&l.Before, &l.After, &l.PagesBefore, &l.PagesAfter} {
				v.rate()
			}
			out = append(out, l)
		}
	}
	return out, nil
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
		row("notified", l.PagesBefore, l.PagesAfter)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write feedback: %w", err)
	}
	return nil
}
