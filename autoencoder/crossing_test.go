package autoencoder

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/simd"
)

// crossed is a network, a grouping of its features and a row with gaps.
func crossed(t testing.TB, width int, hidden []int, gaps bool) (n *Network, group []uint8, row, present []float32) {
	t.Helper()
	n, _ = mustTrain(t, lowRank(300, width, 3, 0.1, 1), width, Options{Masked: true, Epochs: 2, Hidden: hidden})
	rng := rand.New(rand.NewPCG(5, uint64(width)))
	row, present, group = noise32(rng, width), make([]float32, width), make([]uint8, width)
	for j := range row {
		present[j], group[j] = 1, uint8(rng.IntN(Groups))
		if gaps && rng.IntN(4) == 0 {
			row[j], present[j] = 0, 0
		}
	}
	return n, group, row, present
}

// A crossing predicts what Reconstruct predicts of one copy of the row per
// group: sums of at most 2x130 terms of size 1 in another order differ by well
// under 1e-5.
func TestCrossingPredictsAsReconstruct(t *testing.T) {
	for _, width := range []int{1, 3, 8, 13, 40, 47, 130} {
		for _, hidden := range [][]int{{32, 8, 32}, {20, 5, 11}, {6}} {
			for _, gaps := range []bool{false, true} {
				n, group, row, present := crossed(t, width, hidden, gaps)
				var rows, masks []float32
				for g := range Groups {
					rows = append(rows, row...)
					for j := range row {
						m := present[j]
						if int(group[j]) == g {
							m = 0
						}
						masks = append(masks, m)
					}
				}
				full, got := make([]float32, Groups*width), make([]float32, width)
				n.Reconstruct(full, rows, masks, n.NewScratch(Groups))
				c, s := n.Crossing(group), n.NewCrossScratch()
				c.Predict(got, row, present, false, s)
				for j := range got {
					if want := full[int(group[j])*width+j]; !(math.Abs(float64(got[j]-want)) < 1e-5) {
						t.Fatalf("width %d hidden %v gaps %v: feature %d is %v, want %v", width, hidden, gaps, j, got[j], want)
					}
				}
				if !gaps { // the shortcut changes no bit
					short := make([]float32, width)
					c.Predict(short, row, nil, true, s)
					for j := range got {
						if short[j] != got[j] {
							t.Fatalf("width %d: feature %d is %v by the shortcut, %v without", width, j, short[j], got[j])
						}
					}
				}
			}
		}
	}
}

func TestCrossingRefuses(t *testing.T) {
	n, group, row, _ := crossed(t, 9, []int{6}, false)
	plain, _ := mustTrain(t, lowRank(300, 9, 3, 0.1, 1), 9, Options{Epochs: 1})
	wrong := append([]uint8(nil), group...)
	wrong[4] = Groups
	other := newNetwork(9, true, []int{20}).NewCrossScratch()
	for name, f := range map[string]func(){
		"a network without masks": func() { plain.Crossing(group) },
		"too few groups":          func() { n.Crossing(group[1:]) },
		"a group too many":        func() { n.Crossing(wrong) },
		"a scratch of another":    func() { n.Crossing(group).Predict(row, row, nil, true, other) },
		"no presence":             func() { n.Crossing(group).Predict(row, row, nil, false, n.NewCrossScratch()) },
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(r.(string), "autoencoder: ") {
					t.Errorf("%s: recovered %v", name, r)
				}
			}()
			f()
		}()
	}
}

func TestCrossingAllocatesNothing(t *testing.T) {
	n, group, row, present := crossed(t, 40, []int{32, 8, 32}, true)
	c, s, dst := n.Crossing(group), n.NewCrossScratch(), make([]float32, 40)
	if a := testing.AllocsPerRun(100, func() { c.Predict(dst, row, present, false, s) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkCrossing(b *testing.B) {
	n, group, row, present := crossed(b, benchWidth, []int{32, 8, 32}, false)
	c, s, dst := n.Crossing(group), n.NewCrossScratch(), make([]float32, benchWidth)
	b.ReportAllocs()
	for b.Loop() {
		c.Predict(dst, row, present, true, s)
	}
}

// TestCrossingEqualsPlain covers blocks of columns of every kind.
func TestCrossingEqualsPlain(t *testing.T) {
	if !simd.Plainly(func() {}) {
		t.Skip("this build or processor has only the plain kernels")
	}
	for _, width := range []int{1, 3, 8, 13, 40, 47, 130} {
		for _, hidden := range [][]int{{32, 8, 32}, {20, 5, 11}, {70}} {
			for _, gaps := range []bool{false, true} {
				n, group, row, present := crossed(t, width, hidden, gaps)
				got, want := make([]float32, width), make([]float32, width)
				n.Crossing(group).Predict(got, row, present, !gaps, n.NewCrossScratch())
				simd.Plainly(func() { n.Crossing(group).Predict(want, row, present, !gaps, n.NewCrossScratch()) })
				if !slices.Equal(got, want) {
					t.Fatalf("width %d, hidden %v: %v, plain %v", width, hidden, got, want)
				}
			}
		}
	}
}
