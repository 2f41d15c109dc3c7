package detect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// However little a model of few features has seen, and whatever moment of trouble was
// in it, it finds what is as far out as it can be, for as long as opens an incident:
// caution does not put the limit beyond the highest score.
func TestAYoungModelCanFindSomething(t *testing.T) {
	odd := map[string]func(rng *rand.Rand, i, n int) float64{
		"still":        func(_ *rand.Rand, _, _ int) float64 { return 0 },
		"noise":        func(rng *rand.Rand, _, _ int) float64 { return rng.NormFloat64() },
		"one moment":   func(_ *rand.Rand, i, n int) float64 { return float64(i/(n/2)*(n/2)/max(i, 1)) * 1e5 },
		"some percent": func(rng *rand.Rand, _, _ int) float64 { return float64(int(rng.Float64() * 1.03)) },
		"every tenth":  func(rng *rand.Rand, _, _ int) float64 { return float64(int(rng.Float64() * 1.1)) },
		"heavy tails": func(rng *rand.Rand, _, _ int) float64 {
			return rng.NormFloat64() / max(1e-3, rng.Float64()) / max(1e-3, rng.Float64())
		},
		"another level": func(_ *rand.Rand, i, n int) float64 { return float64(2 * i / n) },
		"a short trouble": func(_ *rand.Rand, i, n int) float64 {
			if i >= n/2 && i < n/2+n/75 {
				return 1e5
			}
			return 0
		},
		"trouble at last": func(_ *rand.Rand, i, n int) float64 { return float64(i / (n - 5)) },
		"short and noisy": func(rng *rand.Rand, i, n int) float64 {
			if i >= n/3 && i < n/3+n/150 {
				return 1e5 * rng.Float64()
			}
			return 0
		},
	}
	for name, value := range odd {
		for _, rows := range []int{60, 150, 300, 600} {
			for width := range 3 {
				t.Run(fmt.Sprint(name, ", ", rows, " samples, ", width+1, " features"), func(t *testing.T) {
					rng := rand.New(rand.NewPCG(uint64(rows), 1))
					history := synthetic(1, rows, width+1, time.Second)
					for i := range history {
						for j := range history[i].Values {
							history[i].Values[j] = value(rng, i, rows)
						}
					}
					m := fitted(t, columns(t, width+1), history, Options{})
					far := slices.Clone(history[rows-20:])
					for i := range far {
						far[i].At = far[i].At.Add(20 * time.Second)
						far[i].Values = slices.Repeat([]float64{1e9}, width+1)
					}
					alerts := 0
					for _, s := range play(t, m.Stream(history), far) {
						if s.Anomalous() {
							alerts++
						}
					}
					if alerts < 5 {
						t.Errorf("%d alerts in 20 samples, limit %.3g", alerts, m.limit)
					}
				})
			}
		}
	}
}
