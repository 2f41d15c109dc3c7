package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
)

// closeAfter is how many quiet samples end an incident.
const closeAfter = 10

// Ran is Omen's own detector as `omen serve` runs it: fitted on the history,
// and, if daily, fitted again after each day on everything seen so far from a
// warm start. As in serve a span that is still in alert when a fit begins is
// not learned; a closed one without a verdict is.
func Ran(o detect.Options, daily bool) func(context.Context, *Series, func(float64)) (*Scored, error) {
	return func(ctx context.Context, s *Series, progress func(float64)) (*Scored, error) {
		schema, err := columnSchema(s)
		if err != nil {
			return nil, err
		}
		every := 0
		if daily {
			every = s.PerDay()
		}
		r := newScored(s, true)
		m := len(s.Features)
		err = live(ctx, schema, s.Train, s.Test, s.Step, every, o, &r.TrainTime, &r.ScoreTime, func(i int, score omen.Score, shares []float64) {
			r.Scores[i] = score.Value
			for j, x := range shares {
				r.Parts[i*m+j] = float32(x * score.Unsmoothed)
			}
			if i%512 == 0 {
				progress(float64(i) / float64(len(s.Test)))
			}
		})
		if err != nil {
			return nil, fmt.Errorf("run detector on %s/%s: %w", s.Set, s.Name, err)
		}
		return r, nil
	}
}

// columnSchema is the features of a data set that comes without units: any
// number is allowed, and columns are taken to move over about [0,1].
func columnSchema(s *Series) (*feature.Schema, error) {
	schema, err := feature.FromColumns("bench", s.Features, feature.Feature{Scale: 1})
	if err != nil {
		return nil, fmt.Errorf("columns of %s/%s: %w", s.Set, s.Name, err)
	}
	return schema, nil
}

// live runs fit, score, and after every so many samples (0: never) fit again,
// in time order, and hands each score over before the next sample is read.
func live(ctx context.Context, schema *feature.Schema, past, future []omen.Vector, step time.Duration, every int, o detect.Options,
	training, scoring *time.Duration, each func(int, omen.Score, []float64)) error {
	o.Step = step
	began := time.Now()
	model, err := detect.Fit(ctx, schema, past, nil, o)
	if err != nil {
		return err
	}
	*training += time.Since(began)
	warmth := max(1, int(24*time.Hour/step)) // samples that a stream is rebuilt from
	stream := model.Stream(past[max(0, len(past)-warmth):])
	history := append(make([]omen.Vector, 0, len(past)+len(future)), past...)
	opened, last := time.Time{}, -closeAfter-1 // the newest episode: its first alert, its last one's index
	for i, v := range future {
		if every > 0 && i > 0 && i%every == 0 {
			again := o
			again.Warm = model
			if i-last <= closeAfter {
				again.Excluded = append(again.Excluded, detect.Span{From: opened, To: future[i-1].At})
			}
			began := time.Now()
			if model, err = detect.Fit(ctx, schema, history, nil, again); err != nil {
				return err
			}
			*training += time.Since(began)
			stream = model.Stream(history[max(0, len(history)-warmth):])
		}
		began := time.Now()
		score, err := stream.Score(v)
		*scoring += time.Since(began)
		if err != nil {
			return err
		}
		if score.Value > 1 {
			if i-last > closeAfter {
				opened = v.At
			}
			last = i
		}
		each(i, score, stream.Shares())
		history = append(history, v)
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
