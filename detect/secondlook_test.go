package detect

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// One feature breaks among twelve that follow one load. Because the network is
// asked again without it, the others are expected about where they were before,
// and less of the score is blamed on them.
func TestSecondLookSparesTheInnocent(t *testing.T) {
	const width, broken = 12, 5
	s := columns(t, width)
	all := synthetic(9, 2*1440+120, width, time.Minute)
	train, test := all[:2*1440], all[2*1440:]
	moved := make([]omen.Vector, len(test))
	for i, v := range test {
		moved[i] = v
		moved[i].Values = append([]float64(nil), v.Values...)
		moved[i].Values[broken] += 20
	}
	bent := func(p Parts) (away, share float64) {
		m := fitted(t, s, train, Options{Step: time.Minute, Without: p})
		recent := train[len(train)-600:]
		well, ill := m.Stream(recent), m.Stream(recent)
		for i := range test {
			a, errA := well.Score(test[i])
			expected := append([]float64(nil), a.Expected...)
			b, errB := ill.Score(moved[i])
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			for j := range width {
				if j != broken {
					away += math.Abs(b.Expected[j]-expected[j]) / float64(len(test)*(width-1))
				}
			}
			share += b.Shares[broken] / float64(len(test))
		}
		return away, share
	}
	once, onceShare := bent(Parts{SecondLook: true})
	twice, twiceShare := bent(Parts{})
	t.Logf("others expected %.3f away with one look, %.3f with two; blame %.2f and %.2f", once, twice, onceShare, twiceShare)
	if twice > once/2 {
		t.Errorf("the others are expected %.3f away from where they were, with one look %.3f: want half of it at most", twice, once)
	}
	if twiceShare < onceShare {
		t.Errorf("%.2f of the score is blamed on what broke, with one look %.2f", twiceShare, onceShare)
	}
}
