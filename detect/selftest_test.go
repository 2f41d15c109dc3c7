package detect

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// A fault is tried where the history has no alert of its own, so that none of
// those counts as the fault found.
func TestSelfTestTriesWhereNothingAlerts(t *testing.T) {
	const rows, length = 3000, trialLength + trialGrace
	all := synthetic(31, rows, 6, time.Minute)
	m := fitted(t, columns(t, 6), all, Options{})
	for at := rows * 3 / 4; at < rows; at += 150 {
		all[at].Values[1] += 5
	}
	f := &fit{m: m, h: must.Get(newHistory(6, all, nil, nil))(t)}
	alerts := f.ownAlerts()
	if n := alerts[rows] - alerts[rows*3/4]; n < 5 {
		t.Fatalf("%d samples of the history alert, want one per spike at least", n)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		if start := f.quietStart(rows*3/4, length, alerts, rng); alerts[start+length] != alerts[start] {
			t.Fatalf("begins at %d, with %d alerts in the next %d samples", start, alerts[start+length]-alerts[start], length)
		}
	}
}
