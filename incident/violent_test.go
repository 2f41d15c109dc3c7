package incident

import (
	"testing"

	"github.com/omenhq/omen"
)

// What is far out in its own unit is so whatever else is out with it: where much is,
// each has a small share of the score. What has hardly any beside the largest is not.
func TestViolentWhereMuchIsOut(t *testing.T) {
	out := func(share, by float64) omen.Cause {
		return omen.Cause{Feature: "forks", Share: share, Actual: 10 + by, Expected: 5, Upper: 10, Smallest: 20}
	}
	for name, c := range map[string]struct {
		causes []omen.Cause
		want   bool
	}{
		"one of fifteen":         {[]omen.Cause{out(.2, 30), out(.06, 1100)}, true},
		"the largest":            {[]omen.Cause{out(.2, 1100)}, true},
		"far less than the rest": {[]omen.Cause{out(.5, 30), out(.04, 1100)}, false},
		"nothing far out":        {[]omen.Cause{out(.2, 119), out(.06, 100)}, false},
		"too small to matter":    {[]omen.Cause{out(.2, 30), {Feature: "forks", Share: .06, Actual: 1110, Upper: 10, Smallest: 20, Trivial: true}}, false},
		"nothing":                {nil, false},
	} {
		if got := violent(&omen.Score{Causes: c.causes}, 6); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
