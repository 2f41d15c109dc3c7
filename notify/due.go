package notify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/alert"
	amnotify "github.com/prometheus/alertmanager/notify"

	omen "github.com/omenhq/omen"
)

// together is how far apart what is due may be and still count as one storm:
// a lane takes in what came at one instant one after the other, and must not
// tell of the first alone because it was a moment earlier.
const together = 2 * time.Second

// next is the batch to send now, or nil and when to ask again; the zero time:
// not before the next change. Skipped changes were kept back by a muted route
// until their incident was over; they are done with.
func (b *book) next(now time.Time) (out *batch, wake time.Time, skipped []omen.Change) {
	due, skipped := b.dueGroups(now, 0, &wake)
	if len(due) == 0 {
		return b.repeat(now, &wake), wake, skipped
	}
	b.sent = slices.DeleteFunc(b.sent, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(b.ready(now, together, &wake))+len(b.sent) <= b.rules.storm && !due[0].storm {
		return &batch{groups: due[:1], entries: due[0].due()}, wake, skipped
	}
	if n := len(b.sent); n > 0 {
		// A storm: one message a minute.
		sooner(&wake, b.sent[n-1].Add(time.Minute))
		return nil, wake, skipped
	}
	// What would be due within the next minute goes with it.
	due, more := b.dueGroups(now, time.Minute, &wake)
	skipped = append(skipped, more...)
	out = &batch{groups: due, storm: len(due) > 1 || due[0].storm}
	for _, g := range due {
		out.entries = append(out.entries, g.due()...)
	}
	return out, wake, skipped
}

// dueGroups are the groups that are ready and have something left to tell once
// what a mute kept back until it was over is taken out.
func (b *book) dueGroups(now time.Time, within time.Duration, wake *time.Time) (due []*group, skipped []omen.Change) {
	for _, g := range b.ready(now, within, wake) {
		if g.mutedBy != "" {
			skipped = append(skipped, b.dropMuted(g)...)
		}
		if len(g.due()) > 0 {
			due = append(due, g)
		} else {
			g.flushAt = time.Time{}
		}
	}
	return due, skipped
}

// ready are the groups whose message is due within a while, the longest
// waiting first.
func (b *book) ready(now time.Time, within time.Duration, wake *time.Time) []*group {
	var due []*group
	for _, g := range b.groups {
		if g.flushAt.IsZero() {
			continue
		}
		at := g.flushAt.Add(-within)
		if g.nextTry.After(at) {
			at = g.nextTry
		}
		if at.After(now) {
			sooner(wake, at)
			continue
		}
		if by, muted := b.muted(g, now); muted {
			g.mutedBy = by
			sooner(wake, now.Add(muteCheck))
			continue
		}
		due = append(due, g)
	}
	slices.SortFunc(due, func(a, b *group) int {
		return cmp.Or(a.flushAt.Compare(b.flushAt), cmp.Compare(a.key, b.key))
	})
	return due
}

func sooner(wake *time.Time, at time.Time) {
	if wake.IsZero() || at.Before(*wake) {
		*wake = at
	}
}

// due are the members with something to tell.
func (g *group) due() []*entry {
	var due []*entry
	for _, e := range g.members {
		if len(e.due) > 0 {
			due = append(due, e)
		}
	}
	slices.SortFunc(due, byUrgency)
	return due
}

// byUrgency puts open before closed, critical before warning, old before new.
func byUrgency(a, b *entry) int {
	rank := func(e *entry) int {
		switch {
		case e.in.State == omen.Closed:
			return 2
		case e.in.Severity == omen.Critical:
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.in.Since.Compare(b.in.Since), cmp.Compare(a.in.ID, b.in.ID))
}

// dropMuted forgets incidents that came and went while the group was quiet.
func (b *book) dropMuted(g *group) (skipped []omen.Change) {
	g.mutedBy = ""
	for _, e := range g.due() {
		if e.told != toldFiring && e.in.State == omen.Closed {
			skipped = append(skipped, e.due...)
			b.settle(e, toldNothing)
		}
	}
	return skipped
}

// repeat is the batch that reminds of a group nobody has acknowledged.
func (b *book) repeat(now time.Time, wake *time.Time) *batch {
	for _, g := range b.groups {
		if g.opts.RepeatInterval <= 0 || g.storm || g.notified.IsZero() || !g.flushAt.IsZero() {
			continue
		}
		var open []*entry
		for _, e := range g.members {
			if e.told == toldFiring && e.in.State == omen.Open && tellable(e.in) {
				open = append(open, e)
			}
		}
		if len(open) == 0 {
			continue
		}
		at := g.notified.Add(g.opts.RepeatInterval)
		if g.nextTry.After(at) {
			at = g.nextTry
		}
		if at.After(now) {
			sooner(wake, at)
			continue
		}
		if _, muted := b.muted(g, now); muted {
			sooner(wake, now.Add(muteCheck))
			continue
		}
		slices.SortFunc(open, byUrgency)
		return &batch{groups: []*group{g}, entries: open, repeat: true}
	}
	return nil
}

// message writes a batch out.
func (b *book) message(out *batch, now time.Time) Message {
	m := Message{At: now, Reason: amnotify.ReasonFirstNotification}
	g := out.groups[0]
	m.GroupKey, m.Group = g.key, g.labels
	if out.storm {
		storm := b.stormGroup()
		m.GroupKey, m.Group = storm.key, storm.labels
		if len(storm.members) == 0 {
			delete(b.groups, storm.key) // made when the message has arrived
		}
	}
	told := slices.Clone(out.entries)
	if !out.storm && !out.repeat {
		// As Alertmanager does, the group's other open incidents are said again.
		for _, e := range g.members {
			if len(e.due) == 0 && e.told == toldFiring {
				told = append(told, e)
			}
		}
		slices.SortFunc(told, byUrgency)
	}
	if out.storm && !b.rules.machine {
		m.Alerts = []*alert.Alert{b.stormAlert(out, now)}
	} else {
		for _, e := range told {
			m.Alerts = append(m.Alerts, b.rules.view.alert(e.in, e.due, now))
		}
	}
	if len(told) == 1 && !out.storm {
		in := told[0].in.Clone()
		m.Incident = &in
	}
	m.Key = messageKey(out, now)
	switch {
	case out.repeat:
		m.Reason = amnotify.ReasonRepeatIntervalElapsed
	case !g.open():
		m.Reason = amnotify.ReasonAllAlertsResolved
	case !g.notified.IsZero():
		m.Reason = amnotify.ReasonNewAlertsInGroup
	}
	return m
}

// messageKey names a message by the newest change that it tells, and how many.
func messageKey(out *batch, now time.Time) string {
	newest := ""
	for _, e := range out.entries {
		newest = max(newest, fmt.Sprintf("%s.%d", e.in.ID, e.in.ChangeNumber))
	}
	switch n := len(out.changes()); {
	case out.repeat:
		return fmt.Sprintf("%s.repeat.%d", newest, now.Unix()/60)
	case n > 1:
		return fmt.Sprintf("%s+%d", newest, n-1)
	}
	return newest
}

// delivered enters that a batch's message arrived.
func (b *book) delivered(out *batch, now time.Time) {
	b.sent = append(b.sent, now)
	if out.storm {
		b.stormy = now.Add(stormMemory)
	}
	for _, g := range out.groups {
		b.finish(g, now)
	}
	for _, e := range out.entries {
		if out.repeat {
			continue
		}
		if out.storm {
			storm := b.stormGroup()
			storm.notified = now
			b.join(e, storm)
		}
		state := toldFiring
		if e.in.State == omen.Closed {
			state = toldOver
		}
		b.settle(e, state)
	}
}

// refused enters that a batch was given up.
func (b *book) refused(out *batch, now time.Time) {
	for _, g := range out.groups {
		notified := g.notified
		b.finish(g, now)
		if !out.repeat {
			g.notified = notified
		}
	}
	for _, e := range out.entries {
		if !out.repeat {
			b.settle(e, toldRefused)
		}
	}
}

func (b *book) finish(g *group, now time.Time) {
	g.flushAt, g.nextTry, g.failing, g.notified, g.attempts = time.Time{}, time.Time{}, time.Time{}, now, 0
	g.failures.reset()
}

// failed enters that a batch's message did not arrive. Its groups are tried
// again together, after a backoff or after wait if that is longer.
func (b *book) failed(out *batch, now time.Time, wait time.Duration) {
	for _, g := range out.groups {
		wait = max(wait, g.failures.next())
	}
	for _, g := range out.groups {
		if g.failing.IsZero() {
			g.failing = now
		}
		g.attempts++
		g.nextTry = now.Add(wait)
	}
}

// failing is since when and how often the batch has been tried in vain.
func (out *batch) failing() (since time.Time, attempts int) {
	for _, g := range out.groups {
		if !g.failing.IsZero() && (since.IsZero() || g.failing.Before(since)) {
			since = g.failing
		}
		attempts = max(attempts, g.attempts)
	}
	return since, attempts
}
