package feedback

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// LookBack is how long before an incident's end its like are looked for.
const LookBack = 8 * 24 * time.Hour

const (
	daysAtOneTime = 3 // on so many days at the same time makes a daily one
	// notifiedAtOneTime is on how many of these days people were notified, if it was
	// weak on the others. With one, labelled daily jobs of SMD are hidden, too.
	notifiedAtOneTime = 2
	timesAtAll        = 3 // so often at any time makes a frequent one…
	timesYoung        = 2 // …and so often by a model that does not know the day yet, if not critical
	timesUnlearned    = 6 // so often is one that models do not learn, as was promised
	// unlearnedFor is how long it has to have come: people had a day to act on what may be
	// a loop of crashes in one night, and the daily training its turn.
	unlearnedFor  = 24 * time.Hour
	peakRange     = 2 // how many times as high as another a frequent one may be
	leadingCauses = 3 // among so many of another's causes is what leads in a frequent one
)

// ByOmen is the author of a pattern that nobody asked for.
const ByOmen = "omen"

// Past is what is known of one host.
type Past struct {
	Incidents []omen.Incident // its own, and the fleet incidents that they were part of
	Patterns  []Pattern       // every pattern that there is or was, those of other hosts included
	Zone      *time.Location  // in which a time of day is meant; nil: UTC
}

// Recurrence says how an incident recurs, on which nobody acted, and which comes
// again.
type Recurrence struct {
	Daily    bool     // at the same time of three of the last eight days: a nightly backup
	Frequent bool     // three times at any time, alike in causes and height: downloads
	Times    int      // how often people were notified of one like it, alike in causes and height
	Expected *Pattern // what is expected of a daily one from now on, also of one that was weak on some of the days, or at any time of a frequent one; nil: it is not, or Omen has said so before
	like     []*omen.Incident
}

// Recurs says how a host's incident that has just closed by itself, and that
// nobody acted on or judged, recurs: what is to be promised then. People were
// notified of it, or it is weak. It is among the past ones, as is its fleet
// incident.
func (p Past) Recurs(in omen.Incident) Recurrence {
	fleet := fleetsOf(p.Incidents)[in.Fleet]
	if !Notified(in, fleet) && !Weak(in) || ActedOn(in, fleet) || in.Reason != omen.ReasonRecovered && in.Reason != omen.ReasonSettled ||
		in.Verdict != omen.NoVerdict || fleet != nil && fleet.Verdict != omen.NoVerdict {
		return Recurrence{}
	}
	return p.recurs(in)
}

// recurs says how an incident recurs, be people notified of it or not. What is
// like it came within the last eight days, and what leads in one of the two
// matters in the other. A daily one began on three days at the time of this one,
// half an hour before its onset to half an hour after its end, and closed by
// itself unjudged. A frequent one came three times (by a model of less than a day
// twice, unless it was critical) with the leading cause of each among the first
// three of the other and no more than twice as high.
//
// A daily one is expected, too, if people were notified of it on two of the days
// and it was weak on the third: that is about notifying people, and nothing
// is learned by it.
//
// A frequent one that came six times and was over by itself is expected at any time: it
// was to be learned since the third, and in a day the models that learned it were not good
// enough to serve, or have not learned it.
//
// Nothing recurs whose like somebody acted on (a daily one: at its time) or
// confirmed, then or since, or that is like a pattern that was taken back.
func (p Past) recurs(in omen.Incident) (r Recurrence) {
	zone := cmp.Or(p.Zone, time.UTC)
	pattern := func() Pattern {
		p := PatternOf(in, omen.Expected, zone, "", ByOmen, in.ClosedAt)
		p.ID = "p-" + in.ID + "-recurring"
		return p
	}
	expected := pattern()
	known, ruledOut := p.patternsOn(in, zone)
	if in.Kind != omen.HostIncident || in.State != omen.Closed || tooLong(&in) || ruledOut {
		return r
	}
	fleets := fleetsOf(p.Incidents)
	days, weakly, times := map[string]bool{}, map[string]bool{}, 0
	var atItsTime, equal []*omen.Incident
	acted, actedThen := false, false
	var over []time.Time // when those alike were, by themselves
	for i := range p.Incidents {
		one := &p.Incidents[i]
		if one.Host != in.Host || one.Kind != omen.HostIncident || in.ClosedAt.Sub(one.Since) > LookBack || !related(&in, one) {
			continue
		}
		fleet, local := fleets[one.Fleet], one.Since.In(zone)
		then, same := expected.holdsAt(local), alike(&in, one)
		if ActedOn(*one, fleet) {
			acted, actedThen = true, actedThen || then
			if one.Verdict == omen.Real || fleet != nil && fleet.Verdict == omen.Real {
				return Recurrence{}
			}
		}
		if one.State != omen.Closed || tooLong(one) || one.Since.After(in.Since) {
			continue
		}
		if then {
			atItsTime = append(atItsTime, one)
		}
		if same {
			equal = append(equal, one)
		}
		notified := Notified(*one, fleet) || cameBack(*one)
		if !notified && !Weak(*one) {
			continue
		}
		byItself := one.Reason == omen.ReasonRecovered || one.Reason == omen.ReasonSettled
		if notified && same {
			times++
		}
		if notified && same && byItself {
			over = append(over, one.ClosedAt)
		}
		if then && byItself && one.Verdict == omen.NoVerdict {
			day := expected.dayOf(local)
			days[day], weakly[day] = days[day] || notified, true
			expected.include(one)
		}
	}
	maps.DeleteFunc(days, func(_ string, notified bool) bool { return !notified })
	if r.Daily = len(days) >= daysAtOneTime && !actedThen; r.Daily {
		r.like = atItsTime
	}
	if len(days) >= notifiedAtOneTime && len(weakly) >= daysAtOneTime && !actedThen && !known {
		r.Expected = &expected
	}
	r.Times = times
	slices.SortFunc(over, time.Time.Compare)
	if r.Expected == nil && len(over) >= timesUnlearned && in.ClosedAt.Sub(over[0]) >= unlearnedFor && !acted && !known {
		unlearned := pattern() // expected is as wide as what came at its time
		unlearned.FromTime, unlearned.ToTime = 0, 0
		for _, one := range equal {
			unlearned.widen(one.Peak, Signs(one.Causes)) // what hardly moved would suppress what it leads
		}
		r.Expected = &unlearned
	}
	if r.Frequent = times >= enough(&in) && !acted; r.Frequent {
		r.like = append(r.like, slices.DeleteFunc(equal, func(one *omen.Incident) bool { return times < enough(one) })...)
	}
	return r
}

// patternsOn looks for patterns on an incident's host that it is like: one of
// Omen's own in force at its time, and any that rules out that it recurs.
func (p Past) patternsOn(in omen.Incident, zone *time.Location) (known, ruledOut bool) {
	for i := range p.Patterns {
		if k := &p.Patterns[i]; k.Host == in.Host && k.Resembles(in.Causes) {
			ruledOut = ruledOut || k.InForce() == (k.Verdict == omen.Real) // confirmed, or wanted back
			known = known || k.By == ByOmen && k.InForce() && k.holdsAt(in.Since.In(zone))
		}
	}
	return known, ruledOut
}

// dayOf names the day to which an instant in the pattern's time belongs: past
// midnight, in a time that began before, the day before.
func (p *Pattern) dayOf(local time.Time) string {
	if minute(local) < p.FromTime {
		local = local.AddDate(0, 0, -1)
	}
	return local.Format(time.DateOnly)
}

// include widens a pattern to another incident: a model that has learned half of
// what comes every night blames what led less before.
func (p *Pattern) include(in *omen.Incident) {
	var all []CauseSign
	for _, c := range in.Causes {
		if !c.Trivial {
			all = append(all, SignOf(c))
		}
	}
	p.widen(in.Peak, all)
}

func (p *Pattern) widen(peak float64, signs []CauseSign) {
	p.MaxPeak = max(p.MaxPeak, peakRoom*peak)
	for _, s := range signs {
		if !slices.Contains(p.Causes, s) {
			p.Causes = append(p.Causes, s)
		}
	}
}

// enough is how often one like an incident has to come at any time.
func enough(in *omen.Incident) int {
	if (in.Grade == omen.Provisional || in.Grade == omen.Learning) && in.Severity != omen.Critical {
		return timesYoung
	}
	return timesAtAll
}

func tooLong(in *omen.Incident) bool { return in.ClosedAt.Sub(in.Since) >= longest }

// related reports whether what leads in one incident matters in the other,
// however little: which of a job's many traces leads changes from night to
// night, and as the model learns some of them.
func related(a, b *omen.Incident) bool {
	return leads(a.Causes, b.Causes, omen.MaxCauses) || leads(b.Causes, a.Causes, omen.MaxCauses)
}

// alike reports whether what leads in either of two incidents is among the first
// of the other, and they are about as far out. Which of two features that one
// thing moves leads is chance.
func alike(a, b *omen.Incident) bool {
	return leads(a.Causes, b.Causes, leadingCauses) && leads(b.Causes, a.Causes, leadingCauses) &&
		a.Peak <= peakRange*b.Peak && b.Peak <= peakRange*a.Peak
}

// leads reports whether the first of some causes that matters is among the first
// most of others that do, in the same direction.
func leads(causes, others []omen.Cause, most int) bool {
	matters := func(c omen.Cause) bool { return !c.Trivial }
	first := slices.IndexFunc(causes, matters)
	for _, c := range others {
		if first < 0 || most == 0 {
			return false
		}
		if matters(c) {
			if SignOf(c) == SignOf(causes[first]) {
				return true
			}
			most--
		}
	}
	return false
}
