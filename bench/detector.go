package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/replay"
)

// Scored is what a detector says of a series' test part.
type Scored struct {
	Scores []float64 // per test sample, relative to the limit
	Raw    []float64 // the same in the detector's own unit, for ranking; nil: Scores
	Alerts []bool    // per test sample, whether that is an alert; nil: where the score is above 1
	// Parts are the features' parts in each score, one row of len(Features) per
	// sample. nil: the method does not name causes.
	Parts     []float32
	Severe    []bool        // per test sample, whether it was at the page level; nil: the method has none
	TrainTime time.Duration // all fits together
	ScoreTime time.Duration // scoring the test part
	// Timeline has the incidents and the messages; nil: the method has none.
	Timeline *replay.Timeline
	Promised float64 // false messages per host and week that the limit is to keep

	features int
}

// NewScored is room for a series' scores and, if asked for, the features' parts
// in them.
func NewScored(s *Series, parts bool) *Scored {
	r := &Scored{Scores: make([]float64, len(s.Test)), features: len(s.Features)}
	if parts {
		r.Parts = make([]float32, len(s.Test)*len(s.Features))
	}
	return r
}

// alert reports whether sample i is one.
func (r *Scored) alert(i int) bool {
	if r.Alerts != nil {
		return r.Alerts[i]
	}
	return r.Scores[i] > 1
}

// ranked is the scores to rank samples by: without the limit, which may move.
func (r *Scored) ranked() []float64 {
	if r.Raw != nil {
		return r.Raw
	}
	return r.Scores
}

// row is one sample's parts.
func (r *Scored) row(i int) []float64 {
	out := make([]float64, r.features)
	for j := range out {
		out[j] = float64(r.Parts[i*r.features+j])
	}
	return out
}

// meanParts is the mean of the parts over a segment.
func (r *Scored) meanParts(g Segment) []float64 {
	sum := make([]float64, r.features)
	for i := g.Start; i <= g.End; i++ {
		for j := range sum {
			sum[j] += float64(r.Parts[i*r.features+j])
		}
	}
	for j := range sum {
		sum[j] /= float64(g.End - g.Start + 1)
	}
	return sum
}

// DivideBy makes raw scores relative to a limit; a limit of nothing (a method
// that was silent on all of train) becomes the smallest positive number, so
// that any score is an alert.
func (r *Scored) DivideBy(limit float64) {
	if !(limit > 0) {
		limit = 1e-12
	}
	for i := range r.Scores {
		r.Scores[i] /= limit
	}
}

// Detector scores a series' test part. It gets a series without labels, must be
// causal (a score uses samples up to its own) and deterministic, and divides its
// scores by its own limit. It may call progress with the share that is done.
type Detector interface {
	Run(ctx context.Context, s *Series, progress func(float64)) (*Scored, error)
}

// Method is a detector with its name.
type Method struct {
	Name, Help string
	Detector
}

// Omen is the detector of `omen serve`, retrained daily and not; package
// baseline has what it is compared with.
func Omen(o detect.Options) []Method {
	return []Method{
		{"ran", "Omen's detector as serve runs it: ridge forecast, masked autoencoder, breadth; retrained daily", ran{o, false}},
		{"ran-once", "the same, fitted once and never retrained", ran{o, true}},
	}
}

// Named picks methods by name, in the order given; "all" is all of them.
func Named(names []string, all []Method) ([]Method, error) {
	if slices.Contains(names, "all") {
		return all, nil
	}
	var out []Method
	for _, n := range names {
		i := slices.IndexFunc(all, func(m Method) bool { return m.Name == n })
		if i < 0 {
			known := make([]string, len(all))
			for i, m := range all {
				known[i] = m.Name
			}
			return nil, omen.WithHint(fmt.Errorf("detector %q: %w: no such method", n, omen.ErrInvalid), "known: "+strings.Join(known, ", ")+", all")
		}
		out = append(out, all[i])
	}
	return out, nil
}

// Promising is Omen's detector with other budgets of false pages per host and
// week.
func Promising(pages []float64) []Method {
	var all []Method
	for _, p := range pages {
		name := fmt.Sprintf("ran/%g-a-week", p)
		all = append(all, Method{name, "Omen's detector, " + name, ran{options: detect.Options{PagesPerWeek: p}}})
	}
	return all
}

// Ablations are Omen's detector without each of its parts, to see what that is
// worth, each named "ran/no-<part>" or "ran/<part>-only".
func Ablations() []Method {
	var all []Method
	for _, v := range []struct {
		name    string
		without detect.Parts
	}{
		{"no-forecast", detect.Parts{Forecast: true}},
		{"no-autoencoder", detect.Parts{Autoencoder: true}},
		{"no-breadth", detect.Parts{Breadth: true}},
		{"forecast-only", detect.Parts{Autoencoder: true, Breadth: true}},
		{"autoencoder-only", detect.Parts{Forecast: true, Breadth: true}},
		{"breadth-only", detect.Parts{Forecast: true, Autoencoder: true}},
		{"no-second-look", detect.Parts{SecondLook: true}},
		{"no-smoothing", detect.Parts{Smoothing: true}},
		{"no-recentring", detect.Parts{Recentring: true}},
		{"no-time-of-day", detect.Parts{TimeOfDay: true}},
		{"no-level", detect.Parts{Level: true}},
	} {
		all = append(all, Method{"ran/" + v.name, "Omen's detector, " + v.name, ran{detect.Options{Without: v.without}, false}})
	}
	return all
}
