package detect

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
)

// One feature that is always still leaves its usual place: by less than is
// worth waking somebody it is no alert, by more it is one, and it is named,
// though all the others are as ever.
func TestLift(t *testing.T) {
	const width, still, deviation = 12, 7, 0.1
	p := feature.Profile{Name: "test"}
	for j := range width {
		f := feature.Feature{Name: string(rune('a' + j)), Expr: "x", Scale: 0.5, Deviation: 0.01, Max: 10}
		if j == still {
			f.Deviation = deviation
		}
		p.Features = append(p.Features, f)
	}
	s := must.Get(feature.NewSchema(p))(t)
	all := synthetic(3, 2*1440+400, width, time.Minute)
	rng := rand.New(rand.NewPCG(4, 4)) // of its own: the others cannot be told from it
	for i := range all {
		all[i].Values[still] = 0.3 + 0.004*rng.NormFloat64()
	}
	train, test := all[:2*1440], all[2*1440:]
	m := fitted(t, s, train, Options{Step: time.Minute})
	for _, c := range []struct {
		by    float64 // in smallest deviations worth waking somebody for
		alert bool
	}{{0.5, false}, {1.3, true}} {
		moved := make([]omen.Vector, len(test))
		for i, v := range test {
			moved[i] = v
			moved[i].Values = append([]float64(nil), v.Values...)
			if i >= 200 {
				moved[i].Values[still] += c.by * deviation
			}
		}
		alerts, first := 0, ""
		for _, score := range play(t, m.Stream(train[len(train)-600:]), moved)[200:260] {
			if score.Anomalous() {
				if alerts++; first == "" {
					first = score.Causes[0].Feature
				}
			}
		}
		if got := alerts > 10; got != c.alert {
			t.Errorf("%v deviations away: %d samples of 60 above the limit, want an alert: %v", c.by, alerts, c.alert)
		}
		if want := string(rune('a' + still)); c.alert && first != want {
			t.Errorf("%v deviations away: first cause %q, want %q", c.by, first, want)
		}
	}
}
