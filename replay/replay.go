// Package replay takes a host's recorded history again through the rules of `omen
// serve`, in virtual time: scores, trainings, incidents, forecasts, who would have
// been notified of them, what recurs, and an operator's verdicts. Start at [Run],
// which gives a [Timeline]; [Foresee] makes the forecasts that it takes; [Host] is
// the part of it without incidents. [Compare] sets timelines beside what alerting
// rules would have said.
//
// It notifies nobody, stores nothing, and never looks at a sample before its
// turn.
package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/training"
)

// Options say how [Run] replays. Schema and Detect.Step are required.
type Options struct {
	Schema *feature.Schema
	Detect detect.Options // how models are fitted
	// History is how much of the time before it a training learns from, as
	// learn.history says it of serve; 0: all.
	History time.Duration
	// Once is whether the host's first model serves for ever.
	Once bool
	// Operator judges incidents; nil: nobody does.
	Operator Operator
	// Observer is shown every score; nil: nobody is.
	Observer Observer
	// Outlooks are the rounds of forecasts of the host that hold something, in time
	// order, at multiples of RoundEvery ([Foresee] makes them). With a RoundEvery of
	// 0 nothing is forecast.
	Outlooks   []omen.Outlooks
	RoundEvery time.Duration
	// Labels are those that tell the resources apart; for [Compare].
	Labels map[omen.Resource]map[string]string
	// Progress gets the share done, 0…1; it may be nil.
	Progress func(done float64)
}

// Operator judges incidents.
type Operator interface {
	// Judge is asked of an incident that people saw, whenever it closes without
	// a verdict; at is the index of the scored sample then. With
	// [omen.NoVerdict] nothing is said of it.
	Judge(in *Incident, at int) omen.Verdict
}

// Observer is shown scores.
type Observer interface {
	// Observe is given the score of a sample, by its index among the scored ones,
	// as soon as it is made. The score's slices are valid during the call.
	Observe(i int, score omen.Score)
}

// Run replays one host's samples, in time order and schema order, after a past
// that is learned from and not scored. Without a past the host grows up from its
// first sample. The timeline of a host that has no samples, or too few for any
// model, says so. It ends early with ctx's error.
func Run(ctx context.Context, past, samples []omen.Vector, o Options) (*Timeline, error) {
	t := newTimeline(samples, o)
	if len(past) > 0 {
		t.Host, t.born = past[0].Host, past[0].At
	} else if len(samples) > 0 {
		t.Host, t.born = samples[0].Host, samples[0].At
	}
	if len(samples) == 0 {
		t.Err = fmt.Errorf("no samples to score: %w", omen.ErrTooFew)
		return t, nil
	}
	h := NewHost(o.Schema, o.Detect, past, len(samples))
	h.Keep = o.History
	if err := t.play(ctx, h, o); err != nil {
		return nil, fmt.Errorf("replay %s: %w", t.Host, err)
	}
	t.TrainTime, t.ScoreTime = h.TrainTime, h.ScoreTime
	if t.Trainings = h.Trainings; t.Trainings == 0 {
		t.Err = h.TooFew
	}
	return t, nil
}

// play takes the host through its samples: trained when due, each scored before
// the next is read.
func (t *Timeline) play(ctx context.Context, h *Host, o Options) error {
	schedule := training.Schedule{Step: o.Detect.Step, Retrain: 24 * time.Hour}
	for i, v := range t.Samples {
		if err := ctx.Err(); err != nil {
			return err
		}
		due, _ := schedule.Next(v.Host, schedule.Begin(t.born, h.Info()), h.Trained, t.recurred)
		if span, some := h.Span(); some && !v.At.Before(due) && !(o.Once && h.Trainings > 0) {
			excluded, benign := t.past().Spans(span.From, span.To)
			if err := h.Train(ctx, v.At, excluded, benign); err != nil {
				return err
			}
		}
		score, err := h.Score(v)
		if err != nil {
			return err
		}
		if o.Observer != nil {
			o.Observer.Observe(i, score)
		}
		t.drifted(i, h.SlowDrifts())
		if err := t.take(i, score, h.Limit()); err != nil {
			return err
		}
		for _, in := range t.judged {
			h.Judge(in)
		}
		t.judged = t.judged[:0]
		if o.Progress != nil && i%512 == 0 {
			o.Progress(float64(i) / float64(len(t.Samples)))
		}
	}
	if o.Progress != nil {
		o.Progress(1)
	}
	return nil
}
