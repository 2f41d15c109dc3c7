package omen

import (
	"slices"
	"time"
)

// Untaught are the times within from…to that a host's model must not learn as
// normal, of those incidents of the host that were found: open ones (until
// to), those that an operator confirmed, and closed ones that nobody has
// judged. Rejected and expected incidents, trivial ones, those of a model too
// young to page, those that expired as the new normal and those of a habit (see
// [Habit], also for back) are learnable again. Spans may overlap.
func Untaught(found []Incident, back []Pattern, from, to time.Time) []Span {
	habit := habits(found, back)
	var spans []Span
	for _, in := range found {
		if excludes(in) && (in.Verdict == Real || !habit[in.ID]) {
			spans = append(spans, spanOf(in, from, to))
		}
	}
	return spans
}

// Harmless are the times within from…to of those incidents of which an operator
// said that nothing was wrong, that expired as the new normal, or that are a
// habit: a model is to learn them although the one before it alerted. A
// confirmed incident's time is never among them alone: [Untaught] has it too.
func Harmless(found []Incident, back []Pattern, from, to time.Time) []Span {
	habit := habits(found, back)
	var spans []Span
	for _, in := range found {
		if benign(in) || habit[in.ID] {
			spans = append(spans, spanOf(in, from, to))
		}
	}
	return spans
}

// benign reports whether an incident's time is normal by somebody's word: a
// verdict on it, a verdict on its like before, or a day without anybody's care.
func benign(in Incident) bool {
	if in.Kind == SourceIncident || in.Kind == OwnIncident || in.Verdict == Real {
		return false
	}
	return in.Verdict == NotAProblem || in.Verdict == Expected ||
		in.Suppressed == ReasonFeedback || in.Reason == ReasonExpired
}

// spanOf is an incident's time within from…to.
func spanOf(in Incident, from, to time.Time) Span {
	end := in.ClosedAt
	if in.State != Closed || end.After(to) {
		end = to
	}
	begin := in.Since
	if begin.Before(from) {
		begin = from
	}
	return Span{From: begin, To: end, Why: "incident " + in.ID, Confirmed: in.Verdict == Real}
}

// excludes reports whether an incident's time is kept out of training.
func excludes(in Incident) bool {
	switch {
	case in.Kind == SourceIncident || in.Kind == OwnIncident:
		return false // there are no samples to learn from
	case in.Verdict == NotAProblem || in.Verdict == Expected:
		return false
	case in.Verdict == Real:
		return true
	case in.Suppressed == ReasonTrivial || in.Suppressed == ReasonColdStart:
		return false // or a young model would never grow up
	case in.State != Closed:
		return true
	}
	return in.Suppressed == "" && in.Reason != ReasonExpired
}

const (
	habitDays  = 3                // on so many days at the same time makes a habit
	habitTimes = 3                // so often at any time does, if nobody cares…
	youngTimes = 2                // …and so often by a model that does not know the day yet, if not critical
	habitSlack = 45 * time.Minute // how far apart onsets may be and still be at the same time of day
	habitMost  = 12 * time.Hour   // what lasts longer has no time of day
	habitPeak  = 2                // how far apart the peaks of a frequent one may be
	habitSigns = 3                // the leading causes that two of a habit share
)

// Habit reports whether an incident, one of those of its host that were found,
// is one of a habit, which is to be learned. A daily one began on at least three
// days at the same time of day with the same leading cause: a nightly backup. A
// frequent one was told three times (by a model that does not know the day yet
// twice, unless it was critical) with the same leading causes and about the same
// peak, at any time, and nobody did anything about it: downloads. Nothing is a
// habit of which an operator confirmed any, or which is like a rejection that
// somebody took back (see [TakenBack]).
func Habit(found []Incident, back []Pattern, id string) bool {
	i := slices.IndexFunc(found, func(in Incident) bool { return in.ID == id })
	return i >= 0 && habitual(&found[i], found, back)
}

// TakenBack are the patterns that kept quiet what a host does, until somebody
// wanted to be told of it again.
func TakenBack(known []Pattern, host Host) (back []Pattern) {
	for _, p := range known {
		if p.Host == host && p.Verdict != Real && !p.InForce() {
			back = append(back, p)
		}
	}
	return back
}

// habits are the incidents, by ID, that are one of a habit.
func habits(found []Incident, back []Pattern) map[string]bool {
	habit := map[string]bool{}
	for i := range found {
		if habitual(&found[i], found, back) {
			habit[found[i].ID] = true
		}
	}
	return habit
}

func habitual(in *Incident, found []Incident, back []Pattern) bool {
	if !mayRecur(in) || in.State != Closed || slices.ContainsFunc(back, func(p Pattern) bool { return leads(in, p.Causes) }) {
		return false
	}
	days, ignored := map[int]bool{}, 0
	confirmed, minded := false, false
	for i := range found {
		other := &found[i]
		if !mayRecur(other) || !alike(in, other) {
			continue
		}
		if day, same := sameHour(in.Since, other.Since); same {
			days[day] = true
			confirmed = confirmed || other.Verdict == Real
		}
		minded = minded || minds(other)
		if other.State == Closed && other.Suppressed == "" && equal(in, other) {
			ignored++
		}
	}
	often := habitTimes
	if (in.Grade == Provisional || in.Grade == Learning) && in.Severity != Critical {
		often = youngTimes
	}
	return len(days) >= habitDays && !confirmed || ignored >= often && !minded
}

// minds reports whether somebody did something about an incident but to judge it
// harmless.
func minds(in *Incident) bool {
	return in.Verdict == Real || in.AckedBy != "" || in.Assignee != "" || len(in.Links) > 0 || in.Reason == ReasonByOperator
}

func mayRecur(in *Incident) bool {
	return (in.Kind == HostIncident || in.Kind == FleetIncident) &&
		(in.State != Closed || in.ClosedAt.Sub(in.Since) < habitMost)
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
func alike(a, b *Incident) bool {
	return leads(a, leadingSigns(b)) || leads(b, leadingSigns(a))
}

// leads reports whether an incident's leading cause is among some.
func leads(in *Incident, among []CauseSign) bool {
	first := leadingSigns(in)
	return len(first) > 0 && slices.Contains(among, first[0])
}

// equal reports whether what leads in either of two incidents is among the first
// of the other, and they are about as far out. Which of two features that one
// thing moves leads is chance.
func equal(a, b *Incident) bool {
	return leads(a, leadingSigns(b)) && leads(b, leadingSigns(a)) &&
		a.Peak <= habitPeak*b.Peak && b.Peak <= habitPeak*a.Peak
}

func leadingSigns(in *Incident) (all []CauseSign) {
	for _, c := range in.Causes {
		if !c.Trivial && len(all) < habitSigns {
			all = append(all, CauseSign{Feature: c.Feature, Up: c.Actual > c.Expected})
		}
	}
	return all
}
