package incident

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// material reports whether a deviation is worth waking somebody for: a cause
// that is not trivial is the largest or has a tenth of the score, or what is
// not trivial adds up to more than the limit by itself. It does not where the sample
// would be within the limit without some trivial causes: shares of a score say how much
// each feature adds to it, and not what it is without the others. A score that names no
// cause is material.
func material(s *omen.Score) bool {
	if len(s.Causes) == 0 {
		return true
	}
	share, clears, trivially := 0.0, false, true
	for i, c := range s.Causes {
		clears, trivially = clears || c.Clears, trivially && (c.Trivial || !c.Clears)
		if c.Trivial {
			continue
		}
		if i == 0 || c.Share >= feedback.MajorShare {
			return true
		}
		share += c.Share
	}
	return share*s.Unsmoothed > 1 && !(clears && trivially)
}

// violent reports whether a cause that is worth waking somebody for, and that has a
// tenth of what the largest has, is so many of its smallest deviations outside of
// what is expected: far out by any model. It is measured by the largest, not by the
// score: where much is far out at once, each has a small share of that.
func violent(s *omen.Score, times float64) bool {
	for _, c := range s.Causes {
		if c.Trivial || !(c.Smallest > 0) || c.Share < feedback.MajorShare*s.Causes[0].Share {
			continue
		}
		if max(c.Actual-c.Upper, c.Lower-c.Actual) >= times*c.Smallest {
			return true
		}
	}
	return false
}

// expected reports whether the leading cause has a value that is expected: it
// leads by how it moves with others, or as the score's tail. Of an incident that
// becomes critical just then, people would not see what is wrong.
func expected(causes []omen.Cause) bool {
	return len(causes) > 0 && causes[0].Stuck == 0 && causes[0].Lower <= causes[0].Actual && causes[0].Actual <= causes[0].Upper
}

// keep is a copy of causes that the journal can hold: those whose numbers are
// finite, the largest first.
func keep(causes []omen.Cause) []omen.Cause {
	kept := make([]omen.Cause, 0, len(causes))
	for _, c := range causes {
		if finite(c.Share) && finite(c.Actual) && finite(c.Expected) && finite(c.Lower) && finite(c.Upper) {
			kept = append(kept, c)
		}
	}
	slices.SortStableFunc(kept, func(a, b omen.Cause) int {
		switch {
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return strings.Compare(a.Feature, b.Feature)
	})
	return kept
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Summary names the two largest causes that are not trivial, or the largest.
func Summary(causes []omen.Cause) string {
	var said []string
	for _, c := range causes {
		if !c.Trivial && len(said) < 2 && (len(said) == 0 || c.Share >= feedback.MajorShare) {
			said = append(said, c.String())
		}
	}
	if len(said) == 0 && len(causes) > 0 {
		said = []string{causes[0].String()}
	}
	return strings.Join(said, "; ")
}

// newID names an incident from whom it is of and its onset, so that the
// same incident, found again after a crash, gets the same name. IDs
// sort by onset.
//
// Where the clock was set back, the same onset comes again: what is found there is
// another incident, and its changes must not be taken for those that the journal has.
func (t *Tracker) newID(kind omen.IncidentKind, subject string, onset time.Time) string {
	id := omen.StableID(string(kind), subject, onset)
	for n := 2; t.isUsed(id); n++ {
		id = omen.StableID(string(kind), fmt.Sprintf("%s/%d", subject, n), onset)
	}
	return id
}

func (t *Tracker) isUsed(id string) bool {
	_, used := t.used[id]
	return used || t.open[id] != nil || t.fleets[id] != nil
}

// usedFor is how long an ID is known to be used after its incident's onset, as the
// clock is now: what was opened ahead of it stays known for as long as it lies ahead.
const usedFor = 24 * time.Hour
