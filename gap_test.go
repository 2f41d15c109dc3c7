package omen_test

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// A gap can last for days, so its text has the day and the zone; it claims no more of
// its reason than is known.
func TestGapText(t *testing.T) {
	since := time.Date(2026, 11, 28, 21, 5, 0, 0, time.FixedZone("CET", 3600))
	for _, c := range []struct {
		gap  omen.Gap
		want string
	}{
		{omen.Gap{Feature: "latency", Since: since}, "latency has had no value since 28 Nov 21:05 CET: its series are gone, or it is undefined, as a share of nothing is"},
		{omen.Gap{Feature: "net", Since: since.UTC(), Stepping: true}, "net has had no value since 28 Nov 20:05 UTC: one of its counters steps back or begins again so often that it has no rate"},
	} {
		if got := c.gap.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
