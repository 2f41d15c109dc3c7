package app

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// scoreMetric is the series under which scores are kept in the embedded store,
// with the same name as on /metrics.
const scoreMetric = "anomaly_score"

// levelMetric is that of the score above which a host alerts. It is kept while
// that is more than the limit.
const levelMetric = "omen_alert_level"

// Record keeps a round of scores in the embedded store.
func (g *generation) Record(ctx context.Context, scores []omen.Score) error {
	samples := make([]series.Sample, 0, len(scores))
	for _, s := range scores {
		labels := scoreLabels(s.Host)
		samples = append(samples, series.Sample{Name: scoreMetric, Labels: labels, At: s.At, Value: s.Value})
		if s.Level > 1 {
			samples = append(samples, series.Sample{Name: levelMetric, Labels: labels, At: s.At, Value: s.Level})
		}
	}
	if len(samples) == 0 {
		return nil
	}
	return g.p.tsdb.Append(ctx, samples)
}

func scoreLabels(h omen.Host) map[string]string {
	return map[string]string{"instance": h.Name, "profile": h.Profile, "source": h.Source}
}

// maxPoints bounds a history; a point is the highest score of its step.
const maxPoints = 2000

// Scores is a host's stored history.
func (g *generation) Scores(ctx context.Context, h omen.Host, from, to time.Time) ([]omen.ScorePoint, error) {
	step := time.Second
	if w := g.of(h); w != nil {
		step = max(step, w.step)
	}
	if span := to.Sub(from) / maxPoints; span > step {
		step = span.Truncate(step) + step
	}
	return g.stored(ctx, h, from, to, step)
}

// stored are the scores and levels of a host in the embedded store; a point has the
// highest of its step.
func (g *generation) stored(ctx context.Context, h omen.Host, from, to time.Time, step time.Duration) ([]omen.ScorePoint, error) {
	start := from.Truncate(step).Add(step)
	end := to.Truncate(step)
	if to.After(end) {
		end = end.Add(step) // the newest scores belong to the step that is not over
	}
	highest := func(metric string) series.Expr {
		return series.Expr{Feature: metric, PromQL: fmt.Sprintf(`max by ($by) (max_over_time(%s{instance=%s,profile=%s,source=%s}[$window]))`,
			metric, strconv.Quote(h.Name), strconv.Quote(h.Profile), strconv.Quote(h.Source))}
	}
	f, err := g.p.tsdb.Read(ctx, series.Query{
		Exprs: []series.Expr{highest(scoreMetric), highest(levelMetric)},
		By:    []string{"instance"}, Start: start, End: end, Step: step, Window: step,
	})
	if err != nil {
		return nil, fmt.Errorf("read scores of %s: %w", h, err)
	}
	for _, err := range f.Failed {
		return nil, fmt.Errorf("read scores of %s: %w", h, err)
	}
	return points(f), nil
}

// points is a frame of scores and levels without the gaps at its ends.
func points(f *series.Frame) []omen.ScorePoint {
	if len(f.Hosts) == 0 {
		return nil
	}
	var out []omen.ScorePoint
	last := 0
	for i := range f.Instants {
		v := f.At(0, i, 0)
		if math.IsNaN(v) && len(out) == 0 {
			continue
		}
		p := omen.ScorePoint{At: f.Time(i), Value: v}
		if level := f.At(0, i, 1); !math.IsNaN(level) {
			p.Level = level
		}
		out = append(out, p)
		if !math.IsNaN(v) {
			last = len(out)
		}
	}
	return out[:last]
}
