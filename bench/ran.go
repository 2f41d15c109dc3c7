package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/replay"
)

// ran is what `omen serve` makes of a series: models trained when serve trains
// them and without what serve keeps out of training, incidents by serve's rules,
// and messages to people. The code is serve's own, by way of package replay.
type ran struct {
	options detect.Options
	once    bool // the first model serves for ever
}

// Run implements [Detector].
func (d ran) Run(ctx context.Context, s *Series, progress func(float64)) (*Scored, error) {
	r := NewScored(s, true)
	r.Severe = make([]bool, len(s.Test))
	t, err := replaySeries(ctx, s, d.options, replay.Options{Once: d.once, Observer: r, Progress: progress})
	if err != nil {
		return nil, err
	}
	r.Scores, r.Raw, r.Alerts, r.Timeline = t.Scores, t.Raw, t.Alerts, t
	r.Promised = cmp.Or(d.options.PagesPerWeek, 1)
	r.TrainTime, r.ScoreTime = t.TrainTime, t.ScoreTime
	return r, nil
}

// Observe implements [replay.Observer]: it keeps the features' parts, and whether
// a sample is at the page level.
func (r *Scored) Observe(i int, score omen.Score) {
	r.Severe[i] = score.Anomalous() && score.Value >= score.PageLevel
	for j, x := range score.Shares {
		r.Parts[i*r.features+j] = float32(x * score.Unsmoothed)
	}
}

// replaySeries replays a series; it fills in the schema and the detector's
// options. That there never was a model is an error.
func replaySeries(ctx context.Context, s *Series, d detect.Options, o replay.Options) (*replay.Timeline, error) {
	schema, err := SchemaOf(s)
	if err != nil {
		return nil, err
	}
	d.Step = s.Step
	o.Schema, o.Detect = schema, d
	t, err := replay.Run(ctx, s.Train, s.Test, o)
	if err == nil {
		err = t.Err
	}
	return t, err
}

// isTrue reports whether an incident touches a labelled segment, or the five
// samples after.
func (s *Series) isTrue(in *replay.Incident) bool {
	return slices.ContainsFunc(s.Segments, func(g Segment) bool { return g.near(in.From, in.To) })
}

// shown are the incidents that people saw, in that order.
func shown(t *replay.Timeline) []*replay.Incident {
	shown := slices.DeleteFunc(slices.Clone(t.Incidents), func(in *replay.Incident) bool { return in.Shown < 0 })
	slices.SortStableFunc(shown, func(a, b *replay.Incident) int { return a.Shown - b.Shown })
	return shown
}

// SchemaOf is the features of a data set. Columns that are all features of
// the built-in profile are that; others come without units: any number is
// allowed, and they are taken to move over about [0,1].
func SchemaOf(s *Series) (*feature.Schema, error) {
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
