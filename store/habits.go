package store

import (
	"slices"
	"time"

	omen "github.com/omenhq/omen"
)

const (
	habitDays  = 3                // on so many days at the same time makes a habit
	habitSlack = 45 * time.Minute // how far apart onsets may be and still be at the same time of day
	habitMost  = 12 * time.Hour   // what lasts longer has no time of day
	habitSigns = 3                // the leading causes that two of a habit share
)

// habits are the incidents, by ID, that are one of a daily habit: on at least
// three days, at the same time of day, with the same leading cause. A nightly
// backup is one: after three nights it may be learned. None of a habit of which
// an operator confirmed any is.
func habits(found []omen.Incident) map[string]bool {
	daily := map[string]bool{}
	for i := range found {
		if !mayRecur(&found[i]) || found[i].State != omen.Closed {
			continue
		}
		days := map[int]bool{}
		confirmed := false
		for j := range found {
			day, same := sameHour(found[i].Since, found[j].Since)
			if same && mayRecur(&found[j]) && alike(&found[i], &found[j]) {
				days[day] = true
				confirmed = confirmed || found[j].Verdict == omen.Real
			}
		}
		if len(days) >= habitDays && !confirmed {
			daily[found[i].ID] = true
		}
	}
	return daily
}

func mayRecur(in *omen.Incident) bool {
	return (in.Kind == omen.HostIncident || in.Kind == omen.FleetIncident) &&
		(in.State != omen.Closed || in.ClosedAt.Sub(in.Since) < habitMost)
}

// sameHour reports whether two instants are at the same time of day, and how
// many days apart.
func sameHour(a, b time.Time) (days int, same bool) {
	d := b.Sub(a)
	whole := d.Round(24 * time.Hour)
	return int(whole / (24 * time.Hour)), (d - whole).Abs() <= habitSlack
}

// alike reports whether the leading cause of one incident is among the first of
// the other, in the same direction.
func alike(a, b *omen.Incident) bool {
	first, second := leadingSigns(a), leadingSigns(b)
	if len(first) == 0 || len(second) == 0 {
		return false
	}
	return slices.Contains(second, first[0]) || slices.Contains(first, second[0])
}

func leadingSigns(in *omen.Incident) (all []omen.CauseSign) {
	for _, c := range in.Causes {
		if !c.Trivial && len(all) < habitSigns {
			all = append(all, omen.CauseSign{Feature: c.Feature, Up: c.Actual > c.Expected})
		}
	}
	return all
}
