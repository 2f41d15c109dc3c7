package mute

import (
	"fmt"
	"time"

	"github.com/omenhq/omen"
)

// Rules are what operators have asked for: every silence, window and event
// that may still matter.
type Rules struct {
	Silences []Silence
	Windows  []Window
	Events   []Event
}

// Subject is a host that rules are asked about.
type Subject struct {
	Host   omen.Host
	Labels map[string]string
}

// Subjects are the hosts of an incident: every member of a fleet incident, else
// the incident's host. labels may be nil: hosts then have none.
func Subjects(in *omen.Incident, labels func(omen.Host) map[string]string) []Subject {
	hosts := in.Members
	if in.Kind != omen.FleetIncident {
		hosts = []omen.Host{in.Host}
	}
	all := make([]Subject, len(hosts))
	for i, h := range hosts {
		all[i].Host = h
		if labels != nil {
			all[i].Labels = labels(h)
		}
	}
	return all
}

// Set is Rules made quick to ask. It remembers occurrences between questions
// and so serves one goroutine; its zero value suppresses nothing.
type Set struct {
	silences, windows, graces []timed
}

// timed is a condition that holds at times.
type timed struct {
	holds  Condition
	active func(at time.Time) bool
}

// Compile makes a Set. What cannot be understood is left out and returned as
// errors, one for each rule: a broken silence must not break the others.
func (r Rules) Compile() (*Set, []error) {
	set, broken := &Set{}, []error(nil)
	add := func(what string, list *[]timed, match []Matcher, active func(time.Time) bool) {
		holds, err := Compile(match)
		if err != nil {
			broken = append(broken, fmt.Errorf("%s: %w", what, err))
			return
		}
		*list = append(*list, timed{holds, active})
	}
	for _, s := range r.Silences {
		add("silence "+s.ID, &set.silences, s.Match, s.Active)
	}
	for _, w := range r.Windows {
		if err := w.Validate(); err != nil {
			broken = append(broken, err)
			continue
		}
		add("window "+w.Name, &set.windows, w.Match, (&Occurrences{Window: w}).Active)
	}
	for _, e := range r.Events {
		add("event "+e.ID, &set.graces, e.Match, func(at time.Time) bool {
			return !at.Before(e.At) && at.Before(e.Until())
		})
	}
	return set, broken
}

// Reason is the reason of the first rule that suppresses an incident of hosts
// at an instant: a silence, a maintenance window or the grace after an event;
// empty if there is none. What a playbook has acted on is no event's consequence:
// the grace after its own restart must not hide how it ends.
func (s *Set) Reason(in *omen.Incident, who []Subject, at time.Time) string {
	if s == nil {
		return ""
	}
	switch {
	case anyHolds(s.silences, in, who, at):
		return omen.ReasonSilenced
	case anyHolds(s.windows, in, who, at):
		return omen.ReasonMaintenance
	case in.Kind != omen.SourceIncident && in.Kind != omen.OwnIncident && in.Actions == 0 && anyHolds(s.graces, in, who, at):
		return omen.ReasonGrace
	}
	return ""
}

func anyHolds(list []timed, in *omen.Incident, who []Subject, at time.Time) bool {
	for _, one := range list {
		if one.active(at) && one.holds.HoldsForAll(in, who) {
			return true
		}
	}
	return false
}

// HoldsForAll reports whether a condition holds for an incident and each of
// its hosts: a silence of one member does not silence a fleet.
func (c Condition) HoldsForAll(in *omen.Incident, who []Subject) bool {
	for _, s := range who {
		of := HostValue(s.Host, s.Labels)
		if !c(func(name string) string {
			switch name {
			case MatchKind:
				return string(in.Kind)
			case MatchSeverity:
				return string(in.Severity)
			case MatchCause:
				if in.Kind == omen.ForecastIncident && in.Forecast != nil {
					return in.Forecast.Name
				}
				return leading(in.Causes)
			}
			return of(name)
		}) {
			return false
		}
	}
	return len(who) > 0
}

// leading is the feature of the largest cause that is not trivial; causes are
// the largest first.
func leading(causes []omen.Cause) string {
	for _, c := range causes {
		if !c.Trivial {
			return c.Feature
		}
	}
	return ""
}

// Spans are the times within from…to that the rules ask to be left out of a
// host's training, and those in which other values are to be expected of it.
// Rules that ask what an incident is say nothing of a host's training.
func (r Rules) Spans(who Subject, from, to time.Time) (excluded, shifted []omen.Span) {
	concerns := func(match []Matcher) bool {
		holds, err := Compile(match)
		return err == nil && ofHosts(match) && holds(HostValue(who.Host, who.Labels))
	}
	for _, s := range r.Silences {
		if s.Effect == EffectExclude && s.From.Before(to) && concerns(s.Match) {
			excluded = append(excluded, omen.Span{From: s.From, To: s.Until, Why: "silence " + s.ID})
		}
	}
	for _, w := range r.Windows {
		switch {
		case !concerns(w.Match):
		case w.Effect == EffectExclude:
			excluded = append(excluded, w.Between(from, to)...)
		case w.Effect == EffectShift:
			shifted = append(shifted, w.Between(from, to)...)
		}
	}
	return excluded, shifted
}
