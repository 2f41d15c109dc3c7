package incident

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/store"
)

// recur looks whether incidents that have just closed by themselves recur. What
// follows is said on the incident's timeline; a pattern is listed with the
// others, audited, and can be taken back. A storm is not asked about: its hosts
// have nothing in common, and are many.
func (m *Manager) recur(ctx context.Context, changes []omen.Change) {
	for _, c := range changes {
		in := c.Incident
		if c.Kind != omen.ChangeClosed || !feedback.Notified(in, nil) && !feedback.Weak(in) || in.Storm() {
			continue
		}
		if err := m.expect(ctx, in, c.At); err != nil && ctx.Err() == nil {
			m.o.Log.Warn("incident cannot be compared with earlier incidents", "incident", in.ID, "err", err)
		}
	}
}

// expect makes the patterns, one for each host, of an incident that recurs daily,
// or has the hosts retrained where it recurs otherwise.
func (m *Manager) expect(ctx context.Context, in omen.Incident, at time.Time) error {
	of := []omen.Incident{in}
	known, err := m.o.Store.Patterns(ctx)
	if err == nil && in.Kind == omen.FleetIncident {
		of, err = m.o.Store.Incidents(ctx, store.Filter{Fleet: in.ID})
	}
	if err != nil {
		return err
	}
	var patterns []feedback.Pattern
	var learned []omen.Host
	times := 0
	for _, one := range of {
		past, err := m.o.Store.Incidents(ctx, store.Filter{Host: one.Host, From: at.Add(-feedback.LookBack)})
		if err != nil {
			return err
		}
		switch r := (feedback.Past{Incidents: past, Patterns: known, Zone: m.o.Zone}).Recurs(one); {
		case r.Expected != nil:
			r.Expected.Incident = in.ID
			patterns, times = append(patterns, *r.Expected), max(times, r.Times)
		case r.Daily || r.Frequent:
			learned = append(learned, one.Host)
		}
	}
	if len(patterns) > 0 {
		if err := m.o.Store.AuditKeyThere(ctx); err != nil { // their row would break the audit for good
			m.o.Log.Warn("pattern of what recurs is not made before the key of the audit is back: it is when the incident comes again", "incident", in.ID, "err", err)
			patterns = nil
		}
	}
	if len(patterns)+len(learned) == 0 {
		return nil
	}
	if err := m.promise(ctx, in, at, patterns, times, len(learned)); err != nil {
		return err
	}
	for _, h := range learned {
		m.o.Hosts.Retrain(h)
	}
	return nil
}

// promise puts patterns in force that nobody asked for, and says on an incident's
// timeline what follows from its return: from the patterns, of what came so often, or
// that so many hosts learn it.
func (m *Manager) promise(ctx context.Context, in omen.Incident, at time.Time, patterns []feedback.Pattern, times, learned int) error {
	in = in.Clone()
	in.ChangeNumber++
	in.UpdatedAt = at.UTC()
	said := omen.Change{Kind: omen.ChangeCommented, At: at.UTC(), Incident: in, By: feedback.ByOmen}
	var err error
	if len(patterns) > 0 {
		p, hosts, seen := patterns[0], omen.Plural(len(patterns), "host", "hosts"), "on 3 days"
		said.Comment = fmt.Sprintf("Incidents like it came at this time %s, and nobody acted on it: from %02d:%02d to %02d:%02d %s it is expected, recorded and not notified from now on (%s). Take the pattern back if that is wrong.",
			seen, p.FromTime/60, p.FromTime%60, p.ToTime/60, p.ToTime%60, p.Zone, hosts)
		if p.AtAnyTime() {
			seen = omen.Plural(times, "time", "times")
			said.Comment = fmt.Sprintf("People were notified of incidents like it %s within 8 days, nobody acted on it, and no model has learned it: it is expected, recorded and not notified from now on (%s). Take the pattern back if that is wrong.", seen, hosts)
		}
		audit := omen.Audit{At: at, By: feedback.ByOmen, Action: "pattern.create", Subject: in.ID, Detail: omen.Plural(len(patterns), "pattern", "patterns") + ", seen " + seen}
		err = m.o.Store.AppendFeedback(ctx, patterns, audit, said)
	} else {
		said.Comment = fmt.Sprintf("People were notified of incidents like it before, and nobody acted on it: the next model learns it as normal (%s). Confirm it as real if that is wrong.", omen.Plural(learned, "host", "hosts"))
		err = m.o.Store.Append(ctx, said)
	}
	if err != nil {
		return err
	}
	m.tracker.Commit([]omen.Change{said})
	m.stored(said)
	return m.reload(ctx)
}
