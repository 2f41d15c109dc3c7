// Package training makes one training of one host a value: [Run] takes a
// [Task] (a host's history, or where to read it; what is kept out of it; the
// model that serves now) and gives a [Result]: a model, and whether it is to
// serve. When a host is due is a [Schedule]'s to say, and how its samples are
// read a [History]'s.
//
// It keeps no state, stores nothing and never reads the clock: a host's live
// state is its caller's (package watch in `omen serve`, package replay in
// virtual time).
package training

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

// Task is one training of one host: of Vectors, or, without them, of what Source
// has of Host over Span at Options.Step.
type Task struct {
	Schema *feature.Schema // required
	// Vectors are the host's samples, in time order and schema order; nil: they
	// are read from Source.
	Vectors []omen.Vector
	// Validation are later samples that the network's loss is watched on and
	// reported for. Empty: the last tenth of Vectors.
	Validation []omen.Vector

	Host   omen.Host
	Source series.Source
	Span   omen.Span     // of the history to read; at most [HistoryRows] steps of it, the latest
	Window time.Duration // what $window becomes in the profile's expressions; 0: the source chooses

	// Champion is the model that serves the host now; nil: none does.
	Champion *detect.Model
	// Options say how the model is fitted, what is kept out of it (Excluded),
	// what is not (Benign), and what gets the progress. Their Warm is
	// replaced by Champion, if that knows enough.
	Options detect.Options
}

// Result is a new model of a host, and whether it is to serve.
type Result struct {
	Model    *detect.Model
	Promoted bool   // false: the champion stays in force
	Why      string // for people
}

// Run fits a model to a host's history and validates it against the champion.
// Too little history is [omen.ErrTooFew], samples of another width are
// [omen.ErrSchema], and a source's errors are its own. It ends early with ctx's
// error.
func Run(ctx context.Context, t Task) (Result, error) {
	if t.Vectors == nil && t.Source != nil {
		if err := t.read(ctx); err != nil {
			return Result{}, err
		}
	}
	if len(t.Vectors) == 0 {
		return Result{}, fmt.Errorf("the source's history has no samples: %w", omen.ErrTooFew)
	}
	o := t.Options
	o.Warm = nil
	if t.Champion != nil && 2*t.Champion.Rows() >= len(t.Vectors) {
		o.Warm = t.Champion // a few epochs more do not teach the day to a network that knows an hour
	}
	m, err := detect.Fit(ctx, t.Schema, t.Vectors, t.Validation, o)
	if err != nil {
		return Result{}, err
	}
	r := Result{Model: m, Promoted: true, Why: "the first model of this host"}
	if t.Champion != nil {
		r.Promoted, r.Why = validate(t.Champion, m, t.Vectors, o.Excluded)
	}
	return r, nil
}

// read fills in the vectors from the source.
func (t *Task) read(ctx context.Context) error {
	h := History{Source: t.Source, Name: t.Host.Source, Schema: t.Schema, Step: t.Options.Step, Window: t.Window}
	from := t.Span.From
	if earliest := t.Span.To.Add(-HistoryRows * t.Options.Step); from.Before(earliest) {
		from = earliest
	}
	all, err := h.Read(ctx, []string{t.Host.Name}, from, t.Span.To)
	t.Vectors = all[t.Host.Name]
	return err
}

// Split divides history by time: earlier days to train on, later days to
// validate on, about a share of it. The border is midnight where there are
// enough days for that to be near the share.
func Split(all []omen.Vector, share float64) (train, validation []omen.Vector) {
	at := len(all) - int(float64(len(all))*share)
	if at <= 0 || at >= len(all) {
		return all, nil
	}
	border := all[at].At
	midnight := border.Truncate(day)
	near := all[len(all)-1].At.Sub(all[0].At) / 10
	for i, v := range all {
		if !v.At.Before(midnight) && i > 0 && border.Sub(midnight) <= near {
			return all[:i], all[i:]
		}
	}
	return all[:at], all[at:]
}
