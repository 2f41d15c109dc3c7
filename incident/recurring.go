package incident

import (
	"context"
	"fmt"
	"slices"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// Numbers of what comes back every day; docs/incidents.md explains them.
const (
	recurringDays = 3                  // the same trouble at the same time of so many days…
	recurringBack = 8 * 24 * time.Hour // …out of the last eight is expected from then on
)

// byOmen is the author of what nobody asked for.
const byOmen = "omen"

// Recurring is the pattern for an incident that has just recovered, if the same
// came at the same time of three days and nobody took any of them up: a backup
// that no operator has to judge. past are the host's incidents of the last
// days and the fleets' that they were part of, known every pattern there is or
// was. What somebody acknowledged, was assigned, linked, judged or closed by
// hand does not count; what somebody confirmed, or a pattern that was taken
// back, rules it out.
func Recurring(in omen.Incident, past []omen.Incident, known []omen.Pattern, zone *time.Location, at time.Time) (omen.Pattern, bool) {
	p := PatternOf(in, omen.Expected, zone, "", byOmen, at)
	p.ID = "p-" + in.ID + "-recurring"
	if len(p.Causes) == 0 || p.FromTime == p.ToTime {
		return p, false // nothing to recognise it by, or as long as half a day
	}
	for _, k := range known {
		if k.Host == in.Host && (k.By == byOmen || k.Verdict == omen.Real && k.InForce()) && resembles(k.Causes, in.Causes) {
			return p, false
		}
	}
	fleets := map[string]omen.Incident{}
	for _, one := range past {
		if one.Kind == omen.FleetIncident {
			fleets[one.ID] = one
		}
	}
	days, all := map[string]bool{}, slices.Clone(p.Causes)
	for _, one := range past {
		if one.Host != in.Host || one.Kind != omen.HostIncident || !related(in.Causes, one.Causes) || at.Sub(one.Since) > recurringBack {
			continue
		}
		fleet, member := fleets[one.Fleet]
		if one.Verdict == omen.Real || fleet.Verdict == omen.Real {
			return p, false
		}
		if atItsTime(&p, one.Since) && (ignored(one) || member && ignored(fleet) && untouched(one)) {
			days[one.Since.In(zone).Format(time.DateOnly)] = true
			p.MaxPeak = max(p.MaxPeak, peakRoom*one.Peak)
			all = also(all, one.Causes)
		}
	}
	p.Causes = all // a model that has learned half of it blames what led less before
	return p, len(days) >= recurringDays
}

// related reports whether what leads in one incident matters in the other,
// however little: which of a job's many traces leads changes from night to
// night, and as the model learns some of them.
func related(a, b []omen.Cause) bool { return leads(a, b) || leads(b, a) }

func leads(a, b []omen.Cause) bool {
	main := signs(a)
	return len(main) > 0 && slices.Contains(also(nil, b), main[0])
}

// also adds the causes that matter, however small, to signs.
func also(signs []omen.CauseSign, causes []omen.Cause) []omen.CauseSign {
	for _, c := range causes {
		if s := (omen.CauseSign{Feature: c.Feature, Up: c.Actual > c.Expected}); !c.Trivial && !slices.Contains(signs, s) {
			signs = append(signs, s)
		}
	}
	return signs
}

// ignored reports whether people were told of an incident that went by itself,
// and left it alone.
func ignored(in omen.Incident) bool { return in.Suppressed == "" && untouched(in) }

func untouched(in omen.Incident) bool {
	return in.State == omen.Closed && in.Reason == omen.ReasonRecovered &&
		in.Verdict == omen.NoVerdict && in.AckedBy == "" && in.Assignee == "" && len(in.Links) == 0
}

// recur looks whether incidents that have just closed came at this time of
// three days, or are a habit. What follows is said on the incident's timeline; a
// pattern is listed with the others, audited, and can be taken back.
func (d *Desk) recur(ctx context.Context, changes []omen.Change) {
	for _, c := range changes {
		in := c.Incident
		if c.Kind != omen.ChangeClosed || !ignored(in) || in.Kind != omen.HostIncident && in.Kind != omen.FleetIncident || isStorm(&in) {
			continue
		}
		if err := d.expect(ctx, in, c.At); err != nil && ctx.Err() == nil {
			d.o.Log.Warn("incident cannot be compared with those before", "incident", in.ID, "err", err)
		}
	}
}

// expect makes the patterns, one for each host, of an incident that recurs, and
// has the hosts learned of which it is a habit.
func (d *Desk) expect(ctx context.Context, in omen.Incident, at time.Time) error {
	of := []omen.Incident{in}
	known, err := d.o.Store.Patterns(ctx)
	if err == nil && in.Kind == omen.FleetIncident {
		of, err = d.o.Store.Incidents(ctx, store.Filter{Fleet: in.ID})
	}
	if err != nil {
		return err
	}
	var patterns []omen.Pattern
	var learned []omen.Host
	for _, one := range of {
		past, err := d.o.Store.Incidents(ctx, store.Filter{Host: one.Host, From: at.Add(-recurringBack)})
		if err != nil {
			return err
		}
		if p, ok := Recurring(one, past, known, d.o.Zone, at); ok {
			p.Incident = in.ID
			patterns = append(patterns, p)
		} else if omen.Habit(past, omen.TakenBack(known, one.Host), in.ID) {
			learned = append(learned, one.Host)
		}
	}
	switch {
	case len(patterns) > 0:
		err = d.keepQuiet(ctx, in, at, patterns)
	case len(learned) > 0:
		text := fmt.Sprintf("The same was told before, and nobody took it up: the next model learns it as normal (%s). Confirm it as real if that is wrong.", count(len(learned), "host"))
		err = d.remark(in, at, text, func(said omen.Change) error { return d.o.Store.Append(ctx, said) })
	}
	if err != nil {
		return err
	}
	for _, h := range learned {
		d.o.Hosts.Retrain(h)
	}
	return nil
}

// keepQuiet puts patterns in force that nobody asked for, and says so.
func (d *Desk) keepQuiet(ctx context.Context, in omen.Incident, at time.Time, patterns []omen.Pattern) error {
	p := patterns[0]
	text := fmt.Sprintf("The same came at this time of %d days, and nobody took it up: from %02d:%02d to %02d:%02d %s it is recorded and not told from now on (%s). Take the pattern back if that is wrong.",
		recurringDays, p.FromTime/60, p.FromTime%60, p.ToTime/60, p.ToTime%60, p.Zone, count(len(patterns), "host"))
	audit := omen.Audit{At: at, By: byOmen, Action: "pattern.create", Subject: in.ID, Detail: fmt.Sprintf("%s, seen on %d days", count(len(patterns), "pattern"), recurringDays)}
	err := d.remark(in, at, text, func(said omen.Change) error { return d.o.Store.AppendFeedback(ctx, patterns, audit, said) })
	if err != nil {
		return err
	}
	return d.reload(ctx)
}

// remark stores a comment of Omen's own on an incident that has just changed.
func (d *Desk) remark(in omen.Incident, at time.Time, text string, keep func(omen.Change) error) error {
	in = in.Clone()
	in.ChangeNumber++
	in.UpdatedAt = at.UTC()
	said := omen.Change{Kind: omen.ChangeCommented, At: at.UTC(), Incident: in, By: byOmen, Comment: text}
	if err := keep(said); err != nil {
		return err
	}
	d.tracker.Commit([]omen.Change{said})
	d.stored(1)
	return nil
}
