package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
)

// closeAfter is how many quiet samples end an incident.
const closeAfter = 10

// Ran is Omen's own detector as `omen serve` runs it: fitted on the history,
// and, if daily, fitted again after each day on everything seen so far from a
// warm start, which serves if it proves itself. As in serve a span that is still
// in alert when a fit begins is not learned, if an established model opened it;
// a closed one without a verdict is.
func Ran(o detect.Options, daily bool) func(context.Context, *Series, func(float64)) (*Scored, error) {
	return func(ctx context.Context, s *Series, progress func(float64)) (*Scored, error) {
		schema, err := columnSchema(s)
		if err != nil {
			return nil, err
		}
		r := newScored(s, true)
		m := len(s.Features)
		perDay := s.PerDay()
		run := liveRun{schema: schema, step: s.Step, options: o}
		run.due = func(i int, _, last time.Time) bool { return last.IsZero() || daily && i%perDay == 0 }
		run.each = func(i int, score omen.Score) {
			r.Scores[i] = score.Value
			for j, x := range score.Shares {
				r.Parts[i*m+j] = float32(x * score.Unsmoothed)
			}
			if i%512 == 0 {
				progress(float64(i) / float64(len(s.Test)))
			}
		}
		if err := run.do(ctx, s.Train, s.Test); err != nil {
			return nil, err
		}
		if run.fits == 0 {
			return nil, run.tooFew
		}
		r.TrainTime, r.ScoreTime = run.training, run.scoring
		return r, nil
	}
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

// liveRun is a host's life in time order: fit when due on what was seen so
// far, promote what proves itself, score each sample before the next is read. No
// sample is looked at before its turn.
type liveRun struct {
	schema  *feature.Schema
	step    time.Duration
	options detect.Options
	due     func(i int, now, last time.Time) bool // before future sample i: is a fit due? last is zero before the first
	each    func(i int, score omen.Score)         // the score's slices are valid until the next call; zero without a model

	// verdicts are the spans that must not be learned and those that are to be,
	// from what became of the incidents so far; nil: there are no incidents, and
	// only the episode that is under way is not learned.
	verdicts func(from, to time.Time) (excluded, benign []omen.Span)

	fits              int
	tooFew            error // why the latest fit gave no model, if it was for lack of history
	training, scoring time.Duration
}

func (l *liveRun) do(ctx context.Context, past, future []omen.Vector) error {
	var model *detect.Model
	var stream *detect.Stream
	var fitted, opened time.Time // the latest fit; the newest episode's first alert
	last := -closeAfter - 1      // index of the newest alert
	grade := omen.Provisional    // of the model that opened the newest episode
	history := slices.DeleteFunc(append(make([]omen.Vector, 0, len(past)+len(future)), past...), feature.Silent)
	for i, v := range future {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.due(i, v.At, fitted) && len(history) > 0 {
			o := l.options
			o.Step = l.step
			all := history[max(0, len(history)-detect.HistoryRows):]
			var excluded, benign []omen.Span
			switch {
			case l.verdicts != nil:
				excluded, benign = l.verdicts(all[0].At, all[len(all)-1].At)
			case i-last <= closeAfter && grade == omen.Established:
				// A young model does not know the day yet. What it finds odd has to be
				// learned, or it stays odd for ever.
				excluded = []omen.Span{{From: opened, To: all[len(all)-1].At}}
			}
			began := time.Now()
			next, err := detect.Renew(ctx, l.schema, all, model, excluded, benign, o)
			l.training += time.Since(began)
			switch {
			case errors.Is(err, omen.ErrTooFew):
				l.tooFew = err // the old model, if any, goes on
			case err != nil:
				return fmt.Errorf("fit at %s: %w", v.At.Format(time.DateTime), err)
			default:
				fitted = v.At
				l.fits++
				if next.Promoted {
					model = next.Model
					stream = model.Stream(recent(history, v.At))
				}
			}
		}
		score := omen.Score{Host: v.Host, At: v.At}
		if stream != nil && !feature.Silent(v) { // a silent host is missing, not odd
			began := time.Now()
			var err error
			score, err = stream.Score(v)
			l.scoring += time.Since(began)
			if err != nil {
				return fmt.Errorf("score %s: %w", v.At.Format(time.DateTime), err)
			}
		}
		if score.Anomalous() {
			if i-last > closeAfter {
				opened, grade = v.At, score.Grade
			}
			last = i
		}
		l.each(i, score)
		if !feature.Silent(v) {
			history = append(history, v)
		}
	}
	return nil
}

// recent is the last day of a history: what a stream is rebuilt from.
func recent(history []omen.Vector, now time.Time) []omen.Vector {
	from := len(history)
	for from > 0 && now.Sub(history[from-1].At) <= 24*time.Hour {
		from--
	}
	return history[from:]
}
