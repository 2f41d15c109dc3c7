package replay

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/incident"
)

// Incident is one incident of a timeline. Samples are indexes into
// [Timeline.Samples].
type Incident struct {
	omen.Incident              // as it was last
	From, To      int          // first and last anomalous sample
	Shown         int          // the sample from which it was in the list, notified or below the page level; below 0: never
	Notified      int          // the sample at which people were notified first; below 0: never
	First         []omen.Cause // the causes then, or when it was shown, the largest first
	Pages         []Page       // every message that a receiver would have had of it, in time order
}

// Page is one message that notifies people of an incident: that it opened, came
// back, or goes on with another cause.
type Page struct {
	At     int          // sample
	Causes []omen.Cause // that it names, the largest first
}

// Drift is a mark of a slow drift.
type Drift struct {
	omen.SlowDrift     // as it was when it was found, but for its end
	From, Found    int // the first sample of it, and the one at which it was found
}

// Foreseen is an incident of kind forecast: a resource of the host that was to be
// full.
type Foreseen struct {
	omen.Incident              // as it was last
	NotifiedAt    time.Time    // zero: never
	First         omen.Outlook // what was forecast when it opened
	Beside        bool         // people had been notified of the same trouble by then, as the host's incident or of its pool
	FullAt        time.Time    // when it was full; zero: it never was
}

// Timeline is what became of one host, by the rules of serve.
type Timeline struct {
	Host      omen.Host
	Samples   []omen.Vector // the scored ones
	Scores    []float64     // of each sample; 0 without a model, or where the host was silent
	Raw       []float64     // of each sample its score in the model's own unit, whatever the limit
	Alerts    []bool        // of each sample whether its score was above the limit in force
	Tops      []string      // of each sample the feature with the largest share; empty without a score
	Blame     []float64     // per feature in schema order, its shares summed over the samples in alert
	Incidents []*Incident   // in the order in which they opened
	Forecasts []*Foreseen   // in the order in which they opened
	Drifts    []Drift       // marks of slow drifts, in time order
	// Labels are those that tell resources apart, of each that has a limit.
	Labels    map[omen.Resource]map[string]string
	Trainings int           // that gave a model, promoted or not
	TrainTime time.Duration // by the clock on the wall, for reports
	ScoreTime time.Duration
	Err       error // why there never was a model; nil: there was

	tracker  *incident.Tracker
	rules    incident.Rules
	operator Operator
	judged   []omen.Incident // at the latest sample
	born     time.Time       // its first sample, scored or not
	rounds   rounds          // of forecasts, still to come
	recurred time.Time       // when an incident closed that people were notified of and that recurs
}

func newTimeline(samples []omen.Vector, o Options) *Timeline {
	return &Timeline{
		Samples: samples, Scores: make([]float64, 0, len(samples)), Raw: make([]float64, 0, len(samples)),
		Alerts: make([]bool, 0, len(samples)), Tops: make([]string, 0, len(samples)),
		Blame: make([]float64, o.Schema.Len()), tracker: incident.NewTracker(incident.Hysteresis{}, nil), operator: o.Operator,
		rounds: rounds{left: o.Outlooks, every: o.RoundEvery}, Labels: o.Labels,
	}
}

// take is sample i with its score, and the limit of the model that made it.
func (t *Timeline) take(i int, score omen.Score, limit float64) error {
	v := t.Samples[i]
	top := ""
	if len(score.Causes) > 0 {
		top = score.Causes[0].Feature
	}
	t.Scores, t.Tops = append(t.Scores, score.Value), append(t.Tops, top)
	t.Raw, t.Alerts = append(t.Raw, score.Value*limit), append(t.Alerts, score.Anomalous())
	tick := omen.Tick{Source: v.Host.Source, Profile: v.Host.Profile, At: v.At}
	if feature.Silent(v) {
		tick.Silent = []omen.Host{v.Host}
	} else {
		tick.Scores = []omen.Score{score}
	}
	if score.Anomalous() {
		for j, x := range score.Shares {
			t.Blame[j] += x
		}
		for _, in := range t.Incidents[max(0, len(t.Incidents)-3):] {
			if in.State != omen.Closed {
				in.To = i
			}
		}
	}
	changes := t.tracker.Tick(tick)
	for round := range t.rounds.until(v.Host, v.At) {
		changes = append(changes, t.tracker.Foresee(round)...)
	}
	for _, c := range changes {
		switch c.Incident.Kind {
		case omen.HostIncident:
			if err := t.follow(i, c); err != nil {
				return err
			}
		case omen.ForecastIncident:
			t.foresaw(c)
		}
	}
	return nil
}

// drifted takes up what the host says at sample i of slow drifts: each is marked once,
// and ends.
func (t *Timeline) drifted(i int, all []omen.SlowDrift) {
	for _, d := range all {
		k := slices.IndexFunc(t.Drifts, func(o Drift) bool { return o.Is(d) })
		if k < 0 {
			k = len(t.Drifts)
			t.Drifts = append(t.Drifts, Drift{d, t.back(i, d.Since), i})
		}
		t.Drifts[k].Back, t.Drifts[k].Learned = d.Back, d.Learned
	}
}

// String is the mark in a sentence, with its end.
func (d Drift) String() string {
	mark := d.SlowDrift
	mark.Back = time.Time{}
	switch text := mark.String(); {
	case d.Back.IsZero():
		return text
	case d.Learned:
		return text + "; a new model expects what it has become, since " + d.Back.Format("15:04")
	default:
		return text + "; back since " + d.Back.Format("15:04")
	}
}

// foresaw takes up a change of a forecast's incident.
func (t *Timeline) foresaw(c omen.Change) {
	k := slices.IndexFunc(t.Forecasts, func(f *Foreseen) bool { return f.ID == c.Incident.ID })
	if k < 0 {
		k = len(t.Forecasts)
		beside := c.Incident.Suppressed == omen.ReasonSameCause || c.Incident.Suppressed == omen.ReasonSamePool
		t.Forecasts = append(t.Forecasts, &Foreseen{First: *c.Incident.Forecast, Beside: beside})
	}
	f := t.Forecasts[k]
	f.Incident = c.Incident.Clone()
	if f.NotifiedAt.IsZero() && c.Incident.Suppressed == "" && (c.Kind == omen.ChangeOpened || c.Kind == omen.ChangeReopened || c.Kind == omen.ChangeEscalated) {
		f.NotifiedAt = c.At
	}
	if f.FullAt.IsZero() && c.Reason == omen.ReasonCameTrue {
		f.FullAt = c.At
	}
}

// rounds are those of forecasts, at the multiples of a time; those that hold
// nothing are made when their time comes.
type rounds struct {
	left  []omen.Outlooks
	every time.Duration // 0: there are none
	at    time.Time     // of the last one
}

// until gives the rounds up to an instant.
func (r *rounds) until(h omen.Host, at time.Time) iter.Seq[omen.Outlooks] {
	return func(yield func(omen.Outlooks) bool) {
		if r.every <= 0 {
			return
		}
		if r.at.IsZero() {
			r.at = at.Truncate(r.every)
		}
		for next := r.at.Add(r.every); !next.After(at); next = next.Add(r.every) {
			r.at = next
			round := omen.Outlooks{Source: h.Source, Profile: h.Profile, At: next}
			for len(r.left) > 0 && !r.left[0].At.After(next) {
				if r.left[0].At.Equal(next) {
					round = r.left[0]
				}
				r.left = r.left[1:]
			}
			if !yield(round) {
				return
			}
		}
	}
}

// back is the first sample at or after an instant, i at most.
func (t *Timeline) back(i int, at time.Time) int {
	for i > 0 && !t.Samples[i-1].At.Before(at) {
		i--
	}
	return i
}

// follow takes up a change of an incident.
func (t *Timeline) follow(i int, c omen.Change) error {
	k := slices.IndexFunc(t.Incidents, func(in *Incident) bool { return in.ID == c.Incident.ID })
	if k < 0 {
		k = len(t.Incidents)
		t.Incidents = append(t.Incidents, &Incident{From: t.back(i, c.Incident.Since), To: i, Shown: -1, Notified: -1})
	}
	in := t.Incidents[k]
	verdict := in.Verdict
	in.Incident = c.Incident.Clone()
	in.Verdict = verdict // of our operator, whom the tracker does not know
	if (in.Suppressed == "" || in.Suppressed == omen.ReasonMinor) && in.Shown < 0 {
		in.Shown, in.First = i, slices.Clone(c.Incident.Causes)
	}
	if feedback.Notifies(c) {
		in.Pages = append(in.Pages, Page{At: i, Causes: slices.Clone(c.Incident.Causes)})
		if in.Notified < 0 {
			in.Notified, in.First = i, in.Pages[0].Causes
		}
	}
	if in.State != omen.Closed {
		return nil
	}
	return t.closed(i, in)
}

// closed takes up that an incident has ended: what the operator says of it, and
// whether it recurs.
func (t *Timeline) closed(i int, in *Incident) error {
	at := t.Samples[i].At
	if t.operator != nil && in.Shown >= 0 && in.Verdict == omen.NoVerdict {
		if in.Verdict = t.operator.Judge(in, i); in.Verdict != omen.NoVerdict {
			t.judged = append(t.judged, in.Incident)
			if err := t.remember(feedback.PatternOf(in.Incident, in.Verdict, time.UTC, "", "replay", at)); err != nil {
				return err
			}
		}
	}
	switch r := t.past().Recurs(in.Incident); {
	case r.Expected != nil:
		return t.remember(*r.Expected)
	case r.Daily || r.Frequent:
		t.recurred = at
	}
	return nil
}

// past is what is known so far.
func (t *Timeline) past() feedback.Past {
	p := feedback.Past{Patterns: t.rules.Patterns, Incidents: make([]omen.Incident, len(t.Incidents))}
	for k, in := range t.Incidents {
		p.Incidents[k] = in.Incident
	}
	return p
}

// remember puts a pattern in force.
func (t *Timeline) remember(p feedback.Pattern) error {
	t.rules.Patterns = append(slices.Clone(t.rules.Patterns), p)
	for _, err := range t.tracker.SetRules(t.rules) {
		return fmt.Errorf("pattern of %s: %w", p.Incident, err)
	}
	return nil
}
