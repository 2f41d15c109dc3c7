package bench

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) != math.IsNaN(want) || math.Abs(got-want) > tolerance {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestAUCPR(t *testing.T) {
	for _, c := range []struct {
		name   string
		scores []float64
		labels []bool
		want   float64
	}{
		{"perfect", []float64{.1, .9, .8, .2}, []bool{false, true, true, false}, 1},
		// .9 hit: recall 1/2, precision 1; .8 miss; .7 hit: precision 2/3.
		{"one miss between", []float64{.9, .8, .7, .1}, []bool{true, false, true, false}, .5 + .5*2/3},
		// All tied: one threshold, precision is the share of labels.
		{"ties", []float64{1, 1, 1, 1}, []bool{true, false, false, false}, .25},
		{"no label", []float64{1, 2}, []bool{false, false}, math.NaN()},
	} {
		near(t, c.name, aucPR(c.scores, c.labels), c.want, 1e-12)
	}
}

// With 250 samples every score is a threshold, so the sums can be done by hand.
func TestVUSPRByHand(t *testing.T) {
	const n = 250
	scores, labels := make([]float64, n), make([]bool, n)
	for i := range scores {
		scores[i] = -float64(i) / n // descending: the sample at i is the i-th threshold
	}
	labels[0] = true
	// Buffer 0 and 1 (half = 0): the first threshold finds the label: area 1.
	near(t, "label first, window 0", vusPR(scores, labels, 0), 1, 1e-12)
	near(t, "label first, window 1", vusPR(scores, labels, 1), 1, 1e-12)
	// Buffer 2 (half = 1): sample 1 has weight √½. Threshold 0: tp 1, positives
	// 1, recall 1, precision 1: area 1; more recall is not to be had.
	near(t, "label first, window 2", vusPR(scores, labels, 2), 1, 1e-12)

	labels[0], labels[2] = false, true
	// Buffer 0: the label is third: recall 0, 0, 1; precision 1/3 there.
	near(t, "label third, window 0", vusPR(scores, labels, 0), 1.0/3, 1e-12)
	// Buffer 2: weights √½ at 1 and 3, so the widened segment exists from
	// threshold 1. Recall r1 = √½/(1+√½/2) at precision √½/2; at threshold 2
	// tp = 1+√½ > positives, recall 1 at precision (1+√½)/3.
	h := math.Sqrt(.5)
	r1 := h / (1 + h/2)
	second := r1*h/2 + (1-r1)*(1+h)/3
	near(t, "label third, window 2", vusPR(scores, labels, 2), (1.0/3+1.0/3+second)/3, 1e-12)

	near(t, "no label", vusPR(scores, make([]bool, n), 10), math.NaN(), 0)
}

// Two segments of which one is never ranked high: recall is halved until the
// second is hit.
func TestVUSPRExistence(t *testing.T) {
	const n = 250
	scores, labels := make([]float64, n), make([]bool, n)
	for i := range scores {
		scores[i] = -float64(i) / n
	}
	labels[0], labels[249] = true, true
	// Threshold 0: recall 1/2 · existence 1/2 at precision 1. Threshold 249:
	// recall 1 at precision 2/250.
	near(t, "far segments", vusPR(scores, labels, 0), .25+.75*2/250, 1e-12)
}

func TestWindow(t *testing.T) {
	sine := func(period float64) []float64 {
		x := make([]float64, 5000)
		for i := range x {
			x[i] = math.Sin(2 * math.Pi * float64(i) / period)
		}
		return x
	}
	for _, c := range []struct {
		name string
		x    []float64
		want int
	}{
		{"period 50", sine(50), 50},
		{"constant", make([]float64, 1000), windowDefault},
		{"longer than 300", sine(390), windowDefault},
		{"gaps", append(sine(50), math.NaN(), math.NaN()), 50},
	} {
		if got := window(c.x); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
