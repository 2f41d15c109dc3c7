package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/replay"
)

// closeAfter is how many samples below the limit end an incident.
const closeAfter = 10

// ran is Omen's own detector as `omen serve` runs it: fitted on the history,
// and, if daily, fitted again after each day on everything seen so far from a
// warm start, which serves if it proves itself. As in serve a span that is still
// in alert when a training begins is not learned, if an established model opened
// it; a closed one without a verdict is.
type ran struct {
	options detect.Options
	daily   bool
}

// Run implements [Detector].
func (d ran) Run(ctx context.Context, s *Series, progress func(float64)) (*Scored, error) {
	schema, err := columnSchema(s)
	if err != nil {
		return nil, err
	}
	d.options.Step = s.Step
	h := replay.NewHost(schema, d.options, s.Train, len(s.Test))
	r := NewScored(s, true)
	m, perDay := len(s.Features), s.PerDay()
	episode := alert{last: -closeAfter - 1, grade: omen.Provisional}
	for i, v := range s.Test {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if span, some := h.Span(); some && (h.Trained.IsZero() || d.daily && i%perDay == 0) {
			if err := h.Train(ctx, v.At, episode.excluded(i, span), nil); err != nil {
				return nil, err
			}
		}
		score, err := h.Score(v)
		if err != nil {
			return nil, err
		}
		episode.add(i, score)
		r.Scores[i] = score.Value
		for j, x := range score.Shares {
			r.Parts[i*m+j] = float32(x * score.Unsmoothed)
		}
		if i%512 == 0 {
			progress(float64(i) / float64(len(s.Test)))
		}
	}
	if h.Trainings == 0 {
		return nil, h.TooFew
	}
	r.TrainTime, r.ScoreTime = h.TrainTime, h.ScoreTime
	return r, nil
}

// alert is the newest episode of scores above the limit.
type alert struct {
	last   int        // index of its newest sample
	opened time.Time  // the instant of its first
	grade  omen.Grade // of the model that opened it
}

func (a *alert) add(i int, score omen.Score) {
	if !score.Anomalous() {
		return
	}
	if i-a.last > closeAfter {
		a.opened, a.grade = score.At, score.Grade
	}
	a.last = i
}

// excluded is what a training before sample i must not learn of the history:
// the episode, if it goes on. A young model does not know the day yet: what it
// finds odd has to be learned, or it stays odd for ever.
func (a *alert) excluded(i int, history omen.Span) []omen.Span {
	if i-a.last > closeAfter || a.grade != omen.Established {
		return nil
	}
	return []omen.Span{{From: a.opened, To: history.To}}
}

// columnSchema is the features of a data set. Columns that are all features of
// the built-in profile are that; others come without units: any number is
// allowed, and they are taken to move over about [0,1].
func columnSchema(s *Series) (*feature.Schema, error) {
	node := feature.Node()
	known := map[string]feature.Feature{}
	for _, f := range node.Features {
		known[f.Name] = f
	}
	node.Features = nil
	for _, name := range s.Features {
		if f, ok := known[name]; ok {
			node.Features = append(node.Features, f)
		}
	}
	if len(node.Features) == len(s.Features) {
		return feature.NewSchema(node)
	}
	schema, err := feature.FromColumns("bench", s.Features, feature.Feature{Scale: 1})
	if err != nil {
		return nil, fmt.Errorf("columns of %s/%s: %w", s.Set, s.Name, err)
	}
	return schema, nil
}
