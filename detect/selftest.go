package detect

import (
	"math/rand/v2"
	"slices"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
)

// Trial is what the self-test says of one kind of fault.
type Trial struct {
	Kind     string    `json:"kind"`
	Samples  int       `json:"samples,omitempty"` // that a fault lasts; a leak or drift has its size at their end
	Sizes    []float64 `json:"sizes"`             // in the feature's standard deviations in training; none for kinds without a size
	Recall   []float64 `json:"recall"`            // share found, per size: by an alert, a slow drift also by its mark
	Marked   []float64 `json:"marked,omitempty"`  // of slow drifts the share that is marked as such, per size
	Delay    float64   `json:"delay"`             // median samples from start to first alert or mark, over all found
	Smallest float64   `json:"smallest"`          // smallest size of which at least half are found; 0: none, or the kind has no size
}

// fault is a kind of synthetic fault. apply changes a value at sample k of n
// since its start; frozen is the feature's value before, other the same
// feature's value at another time, by is size times the feature's deviation.
type fault struct {
	kind  string
	sizes []float64
	apply func(v, frozen, other, by float64, k, n int) float64
}

// The kinds: what Omen is for, in the shapes that the literature on injected
// faults uses (Blázquez-García et al. 2021, section 2).
var faults = []fault{
	{"spike", []float64{3, 6, 12, 24}, func(v, _, _, by float64, k, _ int) float64 {
		if k < 3 {
			return v + by
		}
		return v
	}},
	{"level_shift", []float64{2, 4, 8, 16}, func(v, _, _, by float64, _, _ int) float64 { return v + by }},
	{"leak", []float64{2, 4, 8, 16}, func(v, _, _, by float64, k, n int) float64 { return v + by*float64(k+1)/float64(n) }},
	{"stuck", nil, func(_, frozen, _, _ float64, _, _ int) float64 { return frozen }},
	{"lost_correlation", nil, func(_, _, other, _ float64, _, _ int) float64 { return other }},
	{slowDrift, []float64{2, 4, 8, 16}, func(v, _, _, by float64, k, n int) float64 {
		return v + by*float64(k+1)/float64(n)
	}},
}

const (
	slowDrift     = "slow_drift"
	trialsPerSize = 8
	trialWarmUp   = 100 // samples that a stream is rebuilt from
	trialLength   = 60  // samples of a fault
	driftLength   = 240 // of a slow drift
	trialGrace    = 5   // samples after it in which an alert still counts
	trialFeatures = 2   // features that a fault hits, at most
)

// selfTest injects faults into the last quarter of the history and reports
// which of them the model finds. They begin where the history itself has no alert
// for as long, so that what is found is the fault.
func (f *fit) selfTest() {
	m, n := f.m, f.h.len()
	rng := rand.New(rand.NewPCG(f.o.Seed, 0x73656c66))
	alerts := f.ownAlerts()
	for _, kind := range faults {
		length := trialLength
		switch kind.kind {
		case slowDrift:
			length = driftLength
		case "stuck": // at fine steps it takes that long
			length = max(trialLength, int(2*stuckLeast/m.step))
		}
		first := max(trialWarmUp, n*3/4)
		if n-first < length+trialGrace+1 {
			first = n - length - trialGrace - 1
		}
		if first < trialWarmUp {
			continue // too little history for this kind
		}
		sizes := kind.sizes
		if sizes == nil {
			sizes = []float64{0}
		}
		t := Trial{Kind: kind.kind, Samples: length, Sizes: kind.sizes}
		var delays []int
		for _, size := range sizes {
			found, marked := 0, 0
			for range trialsPerSize {
				start := f.quietStart(first, length+trialGrace, alerts, rng)
				alert, mark := f.inject(kind, size, start, length, rng)
				if mark >= 0 {
					marked++
				}
				if d := earlier(alert, mark); d >= 0 {
					found++
					delays = append(delays, d)
				}
			}
			recall := float64(found) / trialsPerSize
			t.Recall = append(t.Recall, recall)
			if kind.kind == slowDrift {
				t.Marked = append(t.Marked, float64(marked)/trialsPerSize)
			}
			if recall >= 0.5 && t.Smallest == 0 {
				t.Smallest = size
			}
		}
		if len(delays) > 0 {
			slices.Sort(delays)
			t.Delay = float64(delays[len(delays)/2])
		}
		m.card.SelfTest = append(m.card.SelfTest, t)
	}
}

// ownAlerts counts the alerts in the history without any fault: element k is how
// many samples before k are one.
func (f *fit) ownAlerts() []int {
	n := f.h.len()
	before := make([]int, n+1)
	s := f.m.Stream(nil)
	for t := range n {
		before[t+1] = before[t]
		if score, err := s.Score(f.vector(t)); t >= trialWarmUp && err == nil && score.Anomalous() {
			before[t+1]++
		}
	}
	return before
}

// quietDraws is how often a place without an alert is looked for.
const quietDraws = 50

// quietStart draws a sample from first on after which the history has room for
// length samples, and no alert in them if such a place is found.
func (f *fit) quietStart(first, length int, alerts []int, rng *rand.Rand) (start int) {
	for range quietDraws {
		start = first + rng.IntN(f.h.len()-first-length)
		if alerts[start+length] == alerts[start] {
			break
		}
	}
	return start
}

// earlier is the earlier of two samples, of which -1 is none.
func earlier(a, b int) int {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

// inject plays one fault and returns after how many samples there is an alert, and if
// it is a slow drift a mark of a feature that it hits; -1 where there is none.
func (f *fit) inject(kind fault, size float64, start, length int, rng *rand.Rand) (alert, mark int) {
	m := f.m
	hit := make([]int, 1+rng.IntN(trialFeatures))
	for i := range hit {
		hit[i] = rng.IntN(len(m.active))
	}
	flip := rng.IntN(2) == 0
	shift := rng.IntN(f.h.len())
	recent := make([]omen.Vector, 0, trialWarmUp)
	for t := start - trialWarmUp; t < start; t++ {
		recent = append(recent, f.vector(t))
	}
	s := m.Stream(recent)
	alert, mark = -1, -1
	row := make([]float64, len(m.specs))
	for k := range length + trialGrace {
		v := f.vector(start + k)
		copy(row, v.Values)
		if k < length {
			for _, j := range hit {
				i := m.active[j]
				frozen := f.h.values[start-1][i]
				other := f.h.values[(start+k+shift)%f.h.len()][i]
				by := sign(m.specs[i].direction, flip) * size * (m.scales[j].ZWidth)
				row[i] = kind.apply(row[i], frozen, other, by, k, length)
			}
		}
		v.Values = row
		score, err := s.Score(v)
		if alert < 0 && err == nil && score.Anomalous() {
			alert = k
		}
		if mark < 0 && kind.kind == slowDrift && slices.ContainsFunc(hit, func(j int) bool { return s.driftingFor(j) > 0 }) {
			mark = k
		}
		if alert >= 0 && (mark >= 0 || kind.kind != slowDrift) {
			break
		}
	}
	return alert, mark
}

// sign is the direction in which a fault goes: the one that matters.
func sign(d feature.Direction, flip bool) float64 {
	if d == feature.Down || d != feature.Up && flip {
		return -1
	}
	return 1
}
