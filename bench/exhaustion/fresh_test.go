package exhaustion

import (
	"slices"
	"strings"
	"testing"

	"github.com/omenhq/omen/forecast"
)

// Those that fill do so in every track, after the first two weeks; the others
// never do.
func TestKindsFreshFillOrNever(t *testing.T) {
	for _, k := range Fresh() {
		fills := strings.HasPrefix(k.Name, "fills: ")
		for _, seed := range []uint64{11, 12, 13} {
			for n := range 10 {
				track := draw(k, seed, n)
				full := slices.IndexFunc(track.Used, func(x float64) bool { return x >= forecast.Full })
				if fills != (full >= 0) || fills && full < warmup {
					t.Errorf("%s, seed %d, %d: full at step %d", k.Name, seed, n, full)
				}
			}
		}
	}
}
