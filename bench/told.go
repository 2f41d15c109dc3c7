package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/incident"
)

// Told is an incident of which people would have been told.
type Told struct {
	omen.Incident
	From, To  int          // first and last anomalous test sample
	At        int          // the test sample at which people were told
	Causes    []omen.Cause // as they were told first
	True      bool         // it touches a labelled segment or the five samples after
	Confirmed bool         // an operator judged it: real
	Rejected  bool         // an operator judged it: not a problem
}

// Teller runs one series as `omen serve` would live through it, with the
// incident rules and an operator: detection, retraining, incidents, and a
// verdict on the first incidents that people are told of, as the labels say,
// given when each closes. A confirmed span is never learned and lowers the
// limit for its like; a rejected one is learned and its like is not told of.
type Teller struct {
	Detect   detect.Options
	Verdicts int // how many incidents the operator judges; the others get no verdict
}

// Life is what [Teller.Run] saw.
type Life struct {
	Told   []Told
	Judged int       // verdicts given
	Since  int       // the test sample from which all verdicts were in force
	Scores []float64 // per test sample
}

// Run lives through one series. The labels are used for the verdicts only.
func (t Teller) Run(ctx context.Context, s *Series) (*Life, error) {
	schema, err := columnSchema(s)
	if err != nil {
		return nil, err
	}
	l := &living{s: s, verdicts: t.Verdicts, tracker: incident.NewTracker(incident.Hysteresis{}, nil), open: map[string]*Told{}}
	l.life.Scores = make([]float64, len(s.Test))
	l.run = liveRun{schema: schema, step: s.Step, options: t.Detect, due: schedule(s)}
	l.run.each = l.each
	if err := l.run.do(ctx, s.Train, s.Test); err != nil {
		return nil, err
	}
	if l.run.fits == 0 {
		return nil, l.run.tooFew
	}
	if l.broken != nil {
		return nil, l.broken
	}
	for _, in := range l.open {
		l.keep(in)
	}
	slices.SortFunc(l.life.Told, func(a, b Told) int { return a.At - b.At })
	return &l.life, nil
}

// schedule is when serve fits a host that was born with the series: as a young
// one grows, then daily.
func schedule(s *Series) func(i int, now, last time.Time) bool {
	grow := growing(s.Train[0].At)
	return func(i int, now, last time.Time) bool { return last.IsZero() || grow(i, now, last) }
}

type living struct {
	s        *Series
	run      liveRun
	tracker  *incident.Tracker
	rules    incident.Rules
	verdicts int
	open     map[string]*Told
	past     []omen.Incident // of the last days, told of or not
	life     Life
	broken   error
}

func (l *living) each(i int, score omen.Score) {
	l.life.Scores[i] = score.Value
	silent := feature.Silent(l.s.Test[i])
	tick := omen.Tick{Source: score.Host.Source, At: score.At}
	if silent {
		tick.Silent = []omen.Host{score.Host}
	} else {
		tick.Scores = []omen.Score{score}
	}
	for _, c := range l.tracker.Tick(tick) {
		l.follow(i, c)
	}
	if score.Anomalous() {
		for _, in := range l.open {
			in.To = i
		}
	}
}

// follow takes one change of an incident.
func (l *living) follow(i int, c omen.Change) {
	in := c.Incident
	if in.Kind != omen.HostIncident {
		return
	}
	t := l.open[in.ID]
	if t == nil && in.State != omen.Closed {
		from, _ := slices.BinarySearchFunc(l.s.Test, in.Since, func(v omen.Vector, at time.Time) int { return v.At.Compare(at) })
		t = &Told{From: from, To: i, At: -1}
		l.open[in.ID] = t
	}
	if t == nil {
		return
	}
	if in.Suppressed == "" && t.At < 0 {
		t.At, t.Causes = i, slices.Clone(in.Causes)
	}
	t.Incident = in.Clone()
	if in.State != omen.Closed {
		return
	}
	delete(l.open, in.ID)
	l.past = append(l.past, t.Incident)
	if told := l.keep(t); told != nil && l.life.Judged < l.verdicts {
		l.judge(i, told)
	}
	if in.Reason != omen.ReasonRecovered {
		return
	}
	if p, ok := incident.Recurring(t.Incident, l.past, l.rules.Patterns, time.UTC, c.At); ok {
		l.remember(p)
	}
}

// remember puts a pattern in force.
func (l *living) remember(p omen.Pattern) {
	l.rules.Patterns = append(slices.Clone(l.rules.Patterns), p)
	for _, err := range l.tracker.SetRules(l.rules) {
		l.broken = fmt.Errorf("pattern of %s: %w", p.Incident, err)
	}
}

// keep files an incident, if people were told of it; one that came back is the
// same one still.
func (l *living) keep(t *Told) *Told {
	if t.At < 0 {
		return nil
	}
	for k := range l.life.Told {
		if old := &l.life.Told[k]; old.ID == t.ID {
			old.To = t.To
			old.True = old.True || l.touches(old.From, old.To)
			return nil
		}
	}
	t.True = l.touches(t.From, t.To)
	l.life.Told = append(l.life.Told, *t)
	return &l.life.Told[len(l.life.Told)-1]
}

func (l *living) touches(from, to int) bool {
	return slices.ContainsFunc(l.s.Segments, func(g Segment) bool { return from <= g.End+lateBy && g.Start <= to })
}

// judge is the operator's word on an incident that has just closed.
func (l *living) judge(i int, t *Told) {
	l.life.Judged++
	l.life.Since = i + 1
	verdict := omen.NotAProblem
	span := detect.Span{From: l.s.Test[t.From].At, To: l.s.Test[t.To].At}
	if t.True {
		verdict, t.Confirmed = omen.Real, true
		l.run.options.Excluded = append(slices.Clone(l.run.options.Excluded), span)
	} else {
		t.Rejected = true
		l.run.options.Benign = append(slices.Clone(l.run.options.Benign), span)
	}
	for k := range l.past {
		if l.past[k].ID == t.ID {
			l.past[k].Verdict = verdict
		}
	}
	t.Verdict = verdict
	l.remember(incident.PatternOf(t.Incident, verdict, time.UTC, "", "bench", l.s.Test[i].At))
}
