package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

// Scored is what a detector says of a series' test part.
type Scored struct {
	Scores []float64 // per test sample; above 1 is an alert
	// Parts are the features' parts in each score, one row of len(Features) per
	// sample. nil: the method does not name causes.
	Parts     []float32
	TrainTime time.Duration // all fits together
	ScoreTime time.Duration // scoring the test part

	features int
}

func newScored(s *Series, parts bool) *Scored {
	r := &Scored{Scores: make([]float64, len(s.Test)), features: len(s.Features)}
	if parts {
		r.Parts = make([]float32, len(s.Test)*len(s.Features))
	}
	return r
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

// Detector is one method. Its function gets a series without labels, must be
// causal (a score uses samples up to its own) and deterministic, and divides
// its scores by the method's own limit.
type Detector struct {
	Name string
	Help string
	// Run scores s.Test; progress may be called with the share that is done.
	Run func(ctx context.Context, s *Series, progress func(float64)) (*Scored, error)
}

// Detectors are the built-in methods. o is what the detector of `omen serve`
// is fitted with.
func Detectors(o detect.Options) []Detector {
	return []Detector{
		{"ran", "Omen's detector as serve runs it: ridge forecast, masked autoencoder, breadth; retrained daily", Ran(o, true)},
		{"ran-once", "the same, fitted once and never retrained", Ran(o, false)},
		{"original", "the original system's autoencoder on change rates, rolling means and ratios, limit p95", Original(0.95)},
		{"original-p99", "the same with its limit at p99", Original(0.99)},
		{"netdata", "Netdata's 18 k-means models per metric in consensus, host anomaly rate, limit p99", runNetdata},
		{"grafana", "Grafana's adaptive bands (26 h average and deviation) per metric, worst metric", runGrafana},
		{"zscore", "robust z per metric (median, MAD), worst metric, limit p99", runZScore},
		{"random", "uniform noise, limit p99", runRandom},
	}
}

// Named picks detectors by name, in the order given; "all" is all of them.
func Named(names []string, o detect.Options) ([]Detector, error) {
	all := Detectors(o)
	if slices.Contains(names, "all") {
		return all, nil
	}
	var out []Detector
	for _, n := range names {
		i := slices.IndexFunc(all, func(d Detector) bool { return d.Name == n })
		if i < 0 {
			known := make([]string, len(all))
			for i, d := range all {
				known[i] = d.Name
			}
			return nil, omen.WithHint(fmt.Errorf("detector %q: %w: no such method", n, omen.ErrInvalid), "known: "+strings.Join(known, ", ")+", all")
		}
		out = append(out, all[i])
	}
	return out, nil
}

// Variant is a named setting of Omen's detector, for ablations.
type Variant struct {
	Name   string
	Change func(*detect.Options)
}

// Variants are the built-in ablations: what each part is worth.
func Variants() []Variant {
	return []Variant{
		{"no-forecast", func(o *detect.Options) { o.Without.Forecast = true }},
		{"no-autoencoder", func(o *detect.Options) { o.Without.Autoencoder = true }},
		{"no-breadth", func(o *detect.Options) { o.Without.Breadth = true }},
		{"forecast-only", func(o *detect.Options) { o.Without.Autoencoder, o.Without.Breadth = true, true }},
		{"autoencoder-only", func(o *detect.Options) { o.Without.Forecast, o.Without.Breadth = true, true }},
		{"breadth-only", func(o *detect.Options) { o.Without.Forecast, o.Without.Autoencoder = true, true }},
		{"no-second-look", func(o *detect.Options) { o.Without.SecondLook = true }},
		{"no-smoothing", func(o *detect.Options) { o.Without.Smoothing = true }},
		{"no-recentring", func(o *detect.Options) { o.Without.Recentring = true }},
		{"no-time-of-day", func(o *detect.Options) { o.Without.TimeOfDay = true }},
	}
}

// Ablations are Omen's detector once per variant, each named "ran/<variant>".
func Ablations(base detect.Options, variants []Variant) []Detector {
	out := make([]Detector, len(variants))
	for i, v := range variants {
		o := base
		v.Change(&o)
		out[i] = Detector{Name: "ran/" + v.Name, Help: "Omen's detector, " + v.Name, Run: Ran(o, true)}
	}
	return out
}
