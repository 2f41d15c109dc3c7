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

// Told is an incident that people would have seen, and perhaps been told of.
type Told struct {
	omen.Incident              // as it was last
	From, To      int          // first and last anomalous test sample
	Shown         int          // the test sample from which it was in the list, told or below the page level; below 0: never
	At            int          // the test sample at which people were told first; below 0: never
	First         []omen.Cause // the causes then, or when it was shown
	True          bool         // it touches a labelled segment or the five samples after
}

// Teller runs one series as `omen serve` would live through it, with the
// incident rules and an operator: detection, retraining, incidents, and a
// verdict on the first incidents that are shown, as the labels say, given when
// each closes. A confirmed span is never learned and lowers the
// limit for its like; a rejected one is learned and its like is not told of.
type Teller struct {
	Detect   detect.Options
	Verdicts int // how many incidents the operator judges; the others get no verdict
}

// Life is what [Teller.Run] saw.
type Life struct {
	Told   []Told    // every incident that was shown
	Judged int       // verdicts given
	Since  int       // the test sample from which all verdicts were in force
	Scores []float64 // per test sample
	Tops   []string  // per test sample, the feature with the largest share; empty without a score
}

// Run lives through one series. The labels are used for the verdicts only.
func (t Teller) Run(ctx context.Context, s *Series) (*Life, error) {
	schema, err := columnSchema(s)
	if err != nil {
		return nil, err
	}
	l := &living{s: s, verdicts: t.Verdicts}
	l.story = newStory(func(i int) omen.Vector { return s.Test[i] }, l.closed)
	l.life.Scores, l.life.Tops = make([]float64, len(s.Test)), make([]string, len(s.Test))
	l.run = liveRun{schema: schema, step: s.Step, options: t.Detect, due: schedule(s, l.story), each: l.each, verdicts: l.story.verdicts}
	if err := l.run.do(ctx, s.Train, s.Test); err != nil {
		return nil, err
	}
	if l.run.fits == 0 {
		return nil, l.run.tooFew
	}
	for _, in := range l.story.all {
		if in.Shown >= 0 {
			l.closed(len(s.Test)-1, in)
			l.life.Told = append(l.life.Told, *in)
		}
	}
	slices.SortStableFunc(l.life.Told, func(a, b Told) int { return a.Shown - b.Shown })
	return &l.life, l.story.broken
}

// schedule is when serve fits a host that was born with the series: as a young
// one grows, then daily, and when the story has a new habit.
func schedule(s *Series, y *story) func(i int, now, last time.Time) bool {
	grow := growing(s.Train[0].At, s.Step, y)
	return func(i int, now, last time.Time) bool { return last.IsZero() || grow(i, now, last) }
}

// living is a series on its way through a Teller.
type living struct {
	s        *Series
	run      liveRun
	story    *story
	verdicts int
	life     Life
}

func (l *living) each(i int, score omen.Score) {
	l.life.Scores[i] = score.Value
	if len(score.Causes) > 0 {
		l.life.Tops[i] = score.Causes[0].Feature
	}
	l.story.take(i, l.s.Test[i], score)
}

// closed is told of each incident that ends.
func (l *living) closed(i int, t *Told) {
	if t.Shown < 0 {
		return
	}
	t.True = slices.ContainsFunc(l.s.Segments, func(g Segment) bool { return t.From <= g.End+lateBy && g.Start <= t.To })
	if l.life.Judged < l.verdicts && t.Verdict == omen.NoVerdict && t.State == omen.Closed {
		l.judge(i, t)
	}
}

// judge is the operator's word on an incident that has just closed.
func (l *living) judge(i int, t *Told) {
	l.life.Judged++
	l.life.Since = i + 1
	if t.Verdict = omen.NotAProblem; t.True {
		t.Verdict = omen.Real
	}
	l.story.remember(incident.PatternOf(t.Incident, t.Verdict, time.UTC, "", "bench", l.s.Test[i].At))
}

// story is one host's incidents by the rules of serve, in the order of its
// samples: what opens, whether people are told, and what is expected of it in
// time because it comes every day.
type story struct {
	tracker *incident.Tracker
	rules   incident.Rules
	vectors func(i int) omen.Vector
	closed  func(i int, t *Told) // told of each incident that ends, and ends again; may be nil
	all     []*Told              // in the order in which they opened; those of which nobody was told have At < 0
	habit   time.Time            // when the latest incident closed that people were told of and that is one of a habit
	broken  error
}

func newStory(vectors func(i int) omen.Vector, closed func(int, *Told)) *story {
	return &story{tracker: incident.NewTracker(incident.Hysteresis{}, nil), vectors: vectors, closed: closed}
}

// take is sample i with its score.
func (y *story) take(i int, v omen.Vector, score omen.Score) {
	tick := omen.Tick{Source: v.Host.Source, At: v.At}
	if feature.Silent(v) {
		tick.Silent = []omen.Host{v.Host}
	} else {
		tick.Scores = []omen.Score{score}
	}
	if score.Anomalous() {
		for k := len(y.all) - 1; k >= 0 && k > len(y.all)-4; k-- {
			if y.all[k].State != omen.Closed {
				y.all[k].To = i
			}
		}
	}
	for _, c := range y.tracker.Tick(tick) {
		if c.Incident.Kind == omen.HostIncident {
			y.follow(i, c)
		}
	}
}

func (y *story) follow(i int, c omen.Change) {
	k := slices.IndexFunc(y.all, func(t *Told) bool { return t.ID == c.Incident.ID })
	if k < 0 {
		from := i
		for from > 0 && !y.vectors(from-1).At.Before(c.Incident.Since) {
			from--
		}
		k = len(y.all)
		y.all = append(y.all, &Told{From: from, To: i, Shown: -1, At: -1})
	}
	t := y.all[k]
	verdict := t.Verdict
	t.Incident = c.Incident.Clone()
	t.Verdict = verdict // of our operator, whom the tracker does not know
	if (t.Suppressed == "" || t.Suppressed == omen.ReasonMinor) && t.Shown < 0 {
		t.Shown, t.First = i, slices.Clone(c.Incident.Causes)
	}
	if t.Suppressed == "" && t.At < 0 {
		t.At, t.First = i, slices.Clone(c.Incident.Causes)
	}
	if t.State != omen.Closed {
		return
	}
	if y.closed != nil {
		y.closed(i, t)
	}
	if t.Reason != omen.ReasonRecovered {
		return
	}
	past := make([]omen.Incident, len(y.all))
	for k, one := range y.all {
		past[k] = one.Incident
	}
	if t.Suppressed == "" && omen.Habit(past, nil, t.ID) {
		y.habit = c.At
	}
	if p, ok := incident.Recurring(t.Incident, past, y.rules.Patterns, time.UTC, c.At); ok {
		y.remember(p)
	}
}

// verdicts are the spans that the incidents so far keep out of training, and
// those that they say are harmless, by the rules of serve.
func (y *story) verdicts(from, to time.Time) (excluded, benign []omen.Span) {
	found := make([]omen.Incident, 0, len(y.all))
	for _, t := range y.all {
		if t.State != omen.Closed || t.ClosedAt.After(from) {
			found = append(found, t.Incident)
		}
	}
	return omen.Untaught(found, nil, from, to), omen.Harmless(found, nil, from, to)
}

// remember puts a pattern in force.
func (y *story) remember(p omen.Pattern) {
	y.rules.Patterns = append(slices.Clone(y.rules.Patterns), p)
	for _, err := range y.tracker.SetRules(y.rules) {
		y.broken = fmt.Errorf("pattern of %s: %w", p.Incident, err)
	}
}
