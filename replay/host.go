package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/training"
)

// warmSpan is the recent history that a new model's stream starts from.
const warmSpan = 24 * time.Hour

// Host is the live state of one host: the samples so far, the model that
// serves, and what it cost. Nothing later than the sample that is scored is
// ever looked at.
type Host struct {
	Keep      time.Duration // how much of the history a training learns from, up to now; 0: all
	Trained   time.Time     // when the latest training gave a model; zero: never
	Trainings int           // that gave a model, promoted or not
	TooFew    error         // why the latest training gave none, if it was for lack of history
	TrainTime time.Duration // by the clock on the wall, for reports
	ScoreTime time.Duration

	schema  *feature.Schema
	options detect.Options
	history []omen.Vector // so far, without silence
	model   *detect.Model
	stream  *detect.Stream
	level   detect.Level // goes on when another model serves
	limit   float64      // the model's

	newLevels []omen.NewLevel  // the stream's, of so many of its turns
	drifts    []omen.SlowDrift // as newLevels
	turns     int
}

// NewHost is a host with a past, and room for as many samples as are to come.
func NewHost(schema *feature.Schema, o detect.Options, past []omen.Vector, room int) *Host {
	history := slices.DeleteFunc(append(make([]omen.Vector, 0, len(past)+room), past...), feature.Silent)
	return &Host{schema: schema, options: o, history: history}
}

// Span is the time that a training now learns from; false: there is none yet.
func (h *Host) Span() (omen.Span, bool) {
	all := h.learnable()
	if len(all) == 0 {
		return omen.Span{}, false
	}
	return omen.Span{From: all[0].At, To: all[len(all)-1].At}, true
}

func (h *Host) learnable() []omen.Vector {
	all := h.history[max(0, len(h.history)-training.HistoryRows):]
	if h.Keep > 0 && len(all) > 0 {
		all = all[since(all, all[len(all)-1].At.Add(-h.Keep)):]
	}
	return all
}

// since is the index of the first sample at or after an instant.
func since(all []omen.Vector, at time.Time) int {
	i, _ := slices.BinarySearchFunc(all, at, func(v omen.Vector, t time.Time) int { return v.At.Compare(t) })
	return i
}

// Info is what is known of the model that serves; the zero value without one.
func (h *Host) Info() omen.ModelInfo {
	if h.model == nil {
		return omen.ModelInfo{}
	}
	return h.model.Info()
}

// Limit is that of the model that serves, in its own unit; 0 without a model. A
// score's value times it is the raw score.
func (h *Host) Limit() float64 { return h.limit }

// Train learns from the history so far but for the excluded spans, with the
// benign ones although the model before alerted in them. The new model serves
// if it proves itself. Too little history is no error: see TooFew.
func (h *Host) Train(ctx context.Context, now time.Time, excluded, benign []omen.Span) error {
	o := h.options
	o.Excluded, o.Benign = excluded, benign
	began := time.Now()
	next, err := training.Run(ctx, training.Task{Schema: h.schema, Vectors: h.learnable(), Champion: h.model, Options: o})
	h.TrainTime += time.Since(began)
	switch {
	case errors.Is(err, omen.ErrTooFew):
		h.TooFew = err // the old model, if any, goes on
		return nil
	case err != nil:
		return fmt.Errorf("train at %s: %w", now.Format(time.DateTime), err)
	}
	h.Trained = now
	h.Trainings++
	if next.Promoted {
		recent := since(h.history, now.Add(-warmSpan))
		var before detect.Centres
		if h.stream != nil {
			before = h.stream.Centres()
		}
		h.model, h.stream = next.Model, h.level.Warm(next.Model, h.history[recent:], before, h.options.PagesPerWeek)
		h.turned()
		h.limit = next.Model.Card().Limit.Chosen
	}
	return nil
}

// turned takes up which features are at new levels, and which drift slowly.
func (h *Host) turned() {
	h.newLevels, h.drifts, h.turns = h.stream.NewLevels(), h.stream.SlowDrifts(), h.stream.Turns()
}

// SlowDrifts are the features that drift slowly, and those that no longer do for less
// than a day. Never changed, only replaced.
func (h *Host) SlowDrifts() []omen.SlowDrift { return h.drifts }

// Judge takes up what an operator says of an incident of the host.
func (h *Host) Judge(in omen.Incident) {
	h.level.Judge(in, h.options.Step, h.options.PagesPerWeek)
}

// Score is what the model that serves says of the host's next sample: nothing
// without a model, and nothing of a silent host, which is missing and not odd.
// The score's slices are valid until the next call.
func (h *Host) Score(v omen.Vector) (omen.Score, error) {
	score := omen.Score{Host: v.Host, At: v.At}
	if feature.Silent(v) {
		return score, nil
	}
	if h.stream != nil {
		began := time.Now()
		var err error
		score, err = h.stream.Score(v)
		h.ScoreTime += time.Since(began)
		if err != nil {
			return score, fmt.Errorf("score %s: %w", v.At.Format(time.DateTime), err)
		}
		if h.stream.Turns() != h.turns {
			h.turned()
		}
		score.NewLevels = h.newLevels
		if !h.options.Without.Level {
			score.Level = h.level.Next(v.At, score.Value, h.options.Step, h.options.PagesPerWeek)
		}
	}
	h.history = append(h.history, v)
	return score, nil
}
