package exhaustion

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/omenhq/omen/forecast"
)

// Those that fill do so in every track, after the first two weeks and after what
// fills them began; the others never do. Few samples are missing.
func TestKindsWithGapsFillOrNever(t *testing.T) {
	for _, k := range slices.Concat(Fourth(), Fifth(), Sixth()) {
		fills := strings.HasPrefix(k.Name, "fills: ")
		missing, samples := 0, 0
		for _, seed := range []uint64{11, 12, 13} {
			for n := range 40 {
				track := draw(k, seed, n)
				full := slices.IndexFunc(track.Used, func(x float64) bool { return x >= forecast.Full })
				if fills != (full >= 0) || fills && full < warmup {
					t.Errorf("%s, seed %d, %d: full at step %d", k.Name, seed, n, full)
				}
				if fills != (len(track.Begins) == 1) || fills && (track.Begins[0] < warmup || track.Begins[0] > full) {
					t.Errorf("%s, seed %d, %d: begins at %v, full at step %d", k.Name, seed, n, track.Begins, full)
				}
				samples += len(track.Used)
				for _, x := range track.Used {
					if math.IsNaN(x) {
						missing++
					}
				}
			}
		}
		if share := float64(missing) / float64(samples); share < .001 || share > .03 {
			t.Errorf("%s: %.4f of the samples are missing", k.Name, share)
		}
	}
}
