// Package baseline holds the methods that Omen's detector is compared with in
// `omen bench`, each a [bench.Detector]: the system that Omen replaces, and what
// other tools do. Start at [Methods].
//
// They are for measurements only; nothing of them is in `omen serve`.
package baseline

import (
	"math"
	"slices"

	"github.com/omenhq/omen/bench"
)

// Methods are the baselines by name.
func Methods() []bench.Method {
	return []bench.Method{
		{Name: "original", Help: "the original system's autoencoder on change rates, rolling means and ratios, limit p95", Detector: original{0.95}},
		{Name: "original-p99", Help: "the same with its limit at p99", Detector: original{0.99}},
		{Name: "netdata", Help: "Netdata's 18 k-means models per metric in consensus, host anomaly rate, limit p99", Detector: netdata{}},
		{Name: "grafana", Help: "Grafana's adaptive bands (26 h average and deviation) per metric, worst metric", Detector: grafana{}},
		{Name: "zscore", Help: "robust z per metric (median, MAD), worst metric, limit p99", Detector: zscore{}},
		{Name: "random", Help: "uniform noise, limit p99", Detector: random{}},
	}
}

// quantile is the q-quantile of the numbers that are not NaN, by linear
// interpolation; it sorts a copy. NaN without any.
func quantile(x []float64, q float64) float64 {
	s := make([]float64, 0, len(x))
	for _, v := range x {
		if !math.IsNaN(v) {
			s = append(s, v)
		}
	}
	if len(s) == 0 {
		return math.NaN()
	}
	slices.Sort(s)
	at := q * float64(len(s)-1)
	lo := int(at)
	hi := min(lo+1, len(s)-1)
	return s[lo] + (s[hi]-s[lo])*(at-float64(lo))
}
