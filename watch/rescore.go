package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/training"
)

// MaxRescored bounds the instants of one [Watch.Rescore]: their vectors are in
// memory, some 350 bytes each.
const MaxRescored = 25_000

// Rescore reads a host's samples of from…to again and hands each to visit, in order
// of time, with what the model that judged it then says of it. score is nil where
// that model is not stored any more, or none judged; it is valid until visit
// returns. What was silent is left out.
//
// A stream starts from the samples before from, as after a restart: a score
// differs from the one of then by what its slowest averages remembered.
func (w *Watch) Rescore(ctx context.Context, id omen.Host, from, to time.Time, visit func(v omen.Vector, score *omen.Score)) error {
	if from = from.Truncate(w.o.Step); to.Sub(from)/w.o.Step > MaxRescored {
		return omen.WithHint(fmt.Errorf("%s to %s is more than %d samples: %w", from.Format(time.RFC3339), to.Format(time.RFC3339), MaxRescored, omen.ErrInvalid), "ask for a shorter time")
	}
	served, err := w.o.Store.Models(ctx, id)
	if err != nil {
		return err
	}
	read, err := w.read(ctx, []string{id.Name}, from.Add(-training.WarmSteps*w.o.Step), to)
	if err != nil {
		return err
	}
	all, judges := read[id.Name], judges{w: w, infos: served, models: map[string]*detect.Model{}}
	var stream *detect.Stream
	for i, v := range all {
		if v.At.Before(from) {
			continue
		}
		if i%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		m, err := judges.at(ctx, v.At)
		switch {
		case err != nil:
			return err
		case m == nil:
			stream = nil
			visit(v, nil)
			continue
		case stream == nil || stream.Model() != m:
			stream = m.Stream(all[max(0, i-training.WarmSteps):i])
		}
		score, err := stream.Score(v)
		if err != nil {
			return fmt.Errorf("score %s again: %w", id.Name, err)
		}
		visit(v, &score)
	}
	return nil
}

// judges are the models that a host had, loaded as they are needed.
type judges struct {
	w      *Watch
	infos  []omen.ModelInfo
	models map[string]*detect.Model // nil: of another schema or step, or not to be read
	last   int                      // index of the one asked for last
}

// at is the model that judged at an instant; nil: it is not known, or not stored.
func (j *judges) at(ctx context.Context, at time.Time) (*detect.Model, error) {
	if j.last >= len(j.infos) || !j.infos[j.last].Judged(at) {
		j.last = slices.IndexFunc(j.infos, func(m omen.ModelInfo) bool { return m.Judged(at) })
		if j.last < 0 {
			j.last = len(j.infos)
			return nil, nil
		}
	}
	id := j.infos[j.last].ID
	m, known := j.models[id]
	if known {
		return m, nil
	}
	_, blob, err := j.w.o.Store.Model(ctx, id)
	if err == nil {
		m, err = detect.Load(blob, j.w.o.Schema)
	}
	switch {
	case errors.Is(err, omen.ErrSchema), errors.Is(err, omen.ErrNotFound), errors.Is(err, omen.ErrCorrupt):
		m = nil // a damaged one is reported where it serves
	case err != nil:
		return nil, err
	case m.Step() != j.w.o.Step:
		m = nil
	}
	j.models[id] = m
	return m, nil
}
