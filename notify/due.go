package notify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/alert"
	amnotify "github.com/prometheus/alertmanager/notify"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// together is how far apart what is due may be and still count as one storm:
// a worker takes in what came at one instant one after the other, and must not
// notify of the first alone because it was a moment earlier.
const together = 2 * time.Second

// next is the batch to send now, or nil and when to ask again; the zero time:
// not before the next change. Skipped changes were kept back by a muted route
// until their incident was over; they are done with.
func (q *queue) next(now time.Time) (out *batch, wake time.Time, skipped []omen.Change) {
	due, skipped := q.dueGroups(now, 0, &wake)
	if len(due) == 0 {
		return q.repeat(now, &wake), wake, skipped
	}
	q.sent = slices.DeleteFunc(q.sent, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(q.ready(now, together, &wake))+len(q.sent) <= q.rules.storm && !due[0].storm {
		return &batch{groups: due[:1], entries: due[0].due()}, wake, skipped
	}
	if n := len(q.sent); n > 0 {
		// A storm: one message a minute.
		sooner(&wake, q.sent[n-1].Add(time.Minute))
		return nil, wake, skipped
	}
	// What would be due within the next minute goes with it.
	due, more := q.dueGroups(now, time.Minute, &wake)
	skipped = append(skipped, more...)
	out = &batch{groups: due, storm: len(due) > 1 || due[0].storm}
	for _, g := range due {
		out.entries = append(out.entries, g.due()...)
	}
	return out, wake, skipped
}

// dueGroups are the groups that are ready and have something left once what a
// mute kept back until it was over is taken out.
func (q *queue) dueGroups(now time.Time, within time.Duration, wake *time.Time) (due []*group, skipped []omen.Change) {
	for _, g := range q.ready(now, within, wake) {
		if g.mutedBy != "" {
			skipped = append(skipped, q.dropMuted(g)...)
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
func (q *queue) ready(now time.Time, within time.Duration, wake *time.Time) []*group {
	var due []*group
	for _, g := range q.groups {
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
		if by, muted := q.muted(g, now); muted {
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

// due are the members of which something is due.
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

// dropMuted forgets incidents that came and went while the group was muted.
func (q *queue) dropMuted(g *group) (skipped []omen.Change) {
	g.mutedBy = ""
	for _, e := range g.due() {
		if e.notified != notifiedOpen && e.in.State == omen.Closed {
			skipped = append(skipped, e.due...)
			q.settle(e, notNotified)
		}
	}
	return skipped
}

// repeat is the batch that reminds of a group nobody has acknowledged.
func (q *queue) repeat(now time.Time, wake *time.Time) *batch {
	for _, g := range q.groups {
		if g.opts.RepeatInterval <= 0 || g.storm || g.notified.IsZero() || !g.flushAt.IsZero() {
			continue
		}
		var open []*entry
		for _, e := range g.members {
			if e.notified == notifiedOpen && e.in.State == omen.Open && message.Notifiable(e.in) {
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
		if _, muted := q.muted(g, now); muted {
			sooner(wake, now.Add(muteCheck))
			continue
		}
		slices.SortFunc(open, byUrgency)
		return &batch{groups: []*group{g}, entries: open, repeat: true}
	}
	return nil
}

// message writes a batch out.
func (q *queue) message(out *batch, now time.Time) message.Message {
	m := message.Message{At: now, Reason: amnotify.ReasonFirstNotification}
	g := out.groups[0]
	m.GroupKey, m.Group = g.key, g.labels
	if out.storm {
		storm := q.stormGroup()
		m.GroupKey, m.Group = storm.key, storm.labels
		if len(storm.members) == 0 {
			delete(q.groups, storm.key) // made when the message has arrived
		}
	}
	shown := slices.Clone(out.entries)
	if !out.storm && !out.repeat {
		// As Alertmanager does, the group's other open incidents are repeated.
		for _, e := range g.members {
			if len(e.due) == 0 && e.notified == notifiedOpen {
				shown = append(shown, e)
			}
		}
		slices.SortFunc(shown, byUrgency)
	}
	if out.storm && !q.rules.machine {
		m.Alerts = []*alert.Alert{q.stormAlert(out, now)}
	} else {
		for _, e := range shown {
			m.Alerts = append(m.Alerts, q.rules.view.Alert(e.in, e.due, now))
		}
	}
	if len(shown) == 1 && !out.storm {
		in := shown[0].in.Clone()
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

// messageKey names a message by the newest of its changes, and how many there
// are.
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
func (q *queue) delivered(out *batch, now time.Time) {
	q.sent = append(q.sent, now)
	if out.storm {
		q.stormy = now.Add(stormMemory)
	}
	for _, g := range out.groups {
		q.finish(g, now)
	}
	for _, e := range out.entries {
		if out.repeat {
			continue
		}
		if out.storm {
			storm := q.stormGroup()
			storm.notified = now
			q.join(e, storm)
		}
		state := notifiedOpen
		if e.in.State == omen.Closed {
			state = notifiedClosed
		}
		q.settle(e, state)
	}
}

// refused enters that a batch was given up.
func (q *queue) refused(out *batch, now time.Time) {
	for _, g := range out.groups {
		notified := g.notified
		q.finish(g, now)
		if !out.repeat {
			g.notified = notified
		}
	}
	for _, e := range out.entries {
		if !out.repeat {
			q.settle(e, givenUp)
		}
	}
}

func (q *queue) finish(g *group, now time.Time) {
	g.flushAt, g.nextTry, g.failing, g.notified, g.attempts = time.Time{}, time.Time{}, time.Time{}, now, 0
	g.failures = message.Backoff{}
}

// failed enters that a batch's message did not arrive. Its groups are tried
// again together, after a backoff or after wait if that is longer.
func (q *queue) failed(out *batch, now time.Time, wait time.Duration) {
	for _, g := range out.groups {
		wait = max(wait, g.failures.Next())
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
