package detect

import (
	"encoding/binary"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// hostile are values that a broken exporter sends.
var hostile = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, math.MaxFloat64, 5e-324, 0, -1, 1e18}

func checkFinite(t *testing.T, sc omen.Score, active map[int]bool) {
	t.Helper()
	for name, v := range map[string]float64{"score": sc.Value, "unsmoothed": sc.Unsmoothed, "error": sc.ReconstructionError} {
		if !finite(v) || v < 0 {
			t.Fatalf("%s is %v", name, v)
		}
	}
	for _, c := range sc.Causes {
		if !finite(c.Share) || !finite(c.Actual) || !finite(c.Expected) || !finite(c.Lower) || !finite(c.Upper) {
			t.Fatalf("cause %+v", c)
		}
	}
	for i := range sc.Expected {
		if active[i] && (!finite(sc.Expected[i]) || !finite(sc.Lower[i]) || !finite(sc.Upper[i])) {
			t.Fatalf("feature %d expected %v in %v to %v", i, sc.Expected[i], sc.Lower[i], sc.Upper[i])
		}
	}
}

func activeOf(m *Model) map[int]bool {
	out := map[int]bool{}
	for _, i := range m.active {
		out[int(i)] = true
	}
	return out
}

// Hostile values in any place, in training and while scoring, never give a
// score that is not finite, and the host recovers when they end.
func TestHostileValues(t *testing.T) {
	s := columns(t, 8)
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 2))
		all := synthetic(20+seed, 1500, 8, time.Minute)
		for k := range all[:1000] {
			if seed > 0 && rng.IntN(20) == 0 { // seed 0 trains on clean values
				all[k].Values[rng.IntN(8)] = hostile[rng.IntN(len(hostile))]
			}
			if seed == 3 {
				all[k].Values[5] = math.NaN()
				all[k].Values[6] = 7
			}
			if seed == 4 { // a counter that starts again
				all[k].Values[2] = float64(k % 100)
			}
		}
		for k := 1000; k < 1200; k++ {
			for range rng.IntN(8) {
				all[k].Values[rng.IntN(8)] = hostile[rng.IntN(len(hostile))]
			}
		}
		m := fitted(t, s, all[:1000], Options{SelfTest: seed == 1})
		active := activeOf(m)
		st := m.Stream(all[900:1000])
		for _, v := range all[1000:] {
			sc := must.Get(st.Score(v))(t)
			checkFinite(t, sc, active)
		}
		if seed == 0 {
			sc, _ := st.Score(all[len(all)-1]) // the same instant again: a restart
			if sc.Value != 0 {
				t.Errorf("a restarted stream scores %v", sc.Value)
			}
		}
	}
}

func FuzzScore(f *testing.F) {
	s := columns(f, 4)
	m := fitted(f, s, synthetic(30, 600, 4, time.Minute), Options{})
	active := activeOf(m)
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	f.Add(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1e300)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		st := m.Stream(nil)
		at := epoch
		raw = raw[:min(len(raw), 4000)]
		for len(raw) >= 4 {
			v := make([]float64, 4)
			for j := range v {
				v[j] = hostile[int(raw[j])%len(hostile)]
				if raw[j] > 100 {
					v[j] = float64(raw[j])
				}
			}
			at = at.Add(time.Duration(raw[0]) * time.Second)
			sc := must.Get(st.Score(omen.Vector{At: at, Values: v}))(t)
			checkFinite(t, sc, active)
			raw = raw[4:]
		}
	})
}

func FuzzLoad(f *testing.F) {
	s := columns(f, 4)
	data := must.Get(fitted(f, s, synthetic(31, 300, 4, time.Minute), Options{}).MarshalBinary())(f)
	f.Add(data)
	f.Add(data[:100])
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := Load(raw, s); err == nil {
			m.Stream(synthetic(32, 3, 4, time.Minute))
		}
	})
}

// What is marked clears the alert, and no smaller part of it does.
func TestClearing(t *testing.T) {
	s := columns(t, 10)
	all := synthetic(40, 3000, 10, time.Minute)
	m := fitted(t, s, all[:2900], Options{})
	v := all[2900]
	v.Values = slices.Clone(v.Values)
	v.Values[2] += 1
	v.Values[7] -= 1
	score := must.Get(m.Stream(all[2800:2900]).Score(v))(t)
	marked := map[string]float64{} // and what was expected
	for _, c := range score.Causes {
		if c.Clears {
			marked[c.Feature] = c.Expected
		}
	}
	for _, f := range []int{2, 7} {
		if _, ok := marked[s.Features()[f].Name]; !ok {
			t.Errorf("feature %d is not marked: %v", f, marked)
		}
	}
	// Put right, the features that are marked clear it, and without one of them
	// it stays.
	for _, but := range append(slices.Sorted(maps.Keys(marked)), "") {
		again, put := m.Stream(all[2800:2900]), v
		put.Values = slices.Clone(v.Values)
		for f, expected := range marked {
			if f != but {
				put.Values[s.Index(f)] = expected
			}
		}
		if sc, _ := again.Score(put); sc.Unsmoothed > 1.2 != (but != "") {
			t.Errorf("without %q put right it scores %.2f", but, sc.Unsmoothed)
		}
	}
	quiet := must.Get(m.Stream(all[2800:2900]).Score(all[2900]))(t)
	for _, c := range quiet.Causes {
		if c.Clears {
			t.Errorf("nothing to clear, yet %s is marked", c.Feature)
		}
	}
}

// Two hosts of one kind: one drifts, one does not.
func TestDrift(t *testing.T) {
	s := columns(t, 5)
	all := synthetic(41, 5000, 5, time.Minute)
	m := fitted(t, s, all[:3000], Options{})
	shifted := func() []string {
		s := m.Stream(all[2900:3000])
		play(t, s, all[3000:])
		return s.Shifted()
	}
	still := shifted()
	for k := 3000; k < 5000; k++ {
		all[k].Values = slices.Clone(all[k].Values)
		all[k].Values[1] += 0.8
	}
	if moved := shifted(); len(still) != 0 || !slices.Contains(moved, s.Names()[1]) {
		t.Errorf("shifted are %v of the still one, %v of the other", still, moved)
	}
}
