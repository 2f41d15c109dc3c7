package notify

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// queue is what one worker has to deliver: which incidents its receiver was
// notified of, and of what it has yet to be. It is pure: changes and instants go
// in, batches come out, and the worker says what became of each. One goroutine
// owns it.
type queue struct {
	rules   rules
	entries map[string]*entry // by incident
	groups  map[string]*group
	pending map[int64]struct{} // changes taken that are not done with
	order   []int64            // the same in order, with some that are
	seen    int64              // the newest change taken
	sent    []time.Time        // messages of the last minute
	stormy  time.Time          // until then new incidents join the storm
}

// entry is one incident as the receiver knows it.
type entry struct {
	in       omen.Incident // as the newest change left it
	notified notifiedState
	upTo     int           // the newest change number that was delivered or given up
	blamed   bool          // people are, or are about to be, notified of a pod that is to blame
	due      []omen.Change // worth a notification and not delivered, by number
	group    *group
}

// notifiedState is what the receiver believes.
type notifiedState int

const (
	notNotified notifiedState = iota
	notifiedOpen
	notifiedClosed
	givenUp // given up: not tried again until a new Relay or a new change
)

// group is a set of incidents that share messages: Alertmanager's aggregation
// group.
type group struct {
	key      string
	labels   model.LabelSet
	opts     dispatch.RouteOpts
	storm    bool
	members  map[string]*entry
	flushAt  time.Time // zero: nothing is due
	nextTry  time.Time // after a failure
	failures message.Backoff
	failing  time.Time // since when; zero: not
	attempts int
	notified time.Time // the last message that arrived
	mutedBy  string    // the interval that has kept something back
}

// batch is what one message is about.
type batch struct {
	groups  []*group
	entries []*entry // those with something due; all firing ones for a repeat
	storm   bool
	repeat  bool
}

// changes is every step that the batch notifies of.
func (out *batch) changes() []omen.Change {
	var all []omen.Change
	for _, e := range out.entries {
		all = append(all, e.due...)
	}
	return all
}

func newQueue(r rules) *queue {
	return &queue{rules: r, entries: map[string]*entry{}, groups: map[string]*group{}, pending: map[int64]struct{}{}}
}

// knows reports whether the queue has an entry of the incident.
func (q *queue) knows(incident string) bool { return q.entries[incident] != nil }

// recall enters what is on record of an incident: what its receiver was
// notified of, up to which change, when, and whether in a storm's message.
func (q *queue) recall(in omen.Incident, notified notifiedState, upTo int, at time.Time, storm bool) {
	e := &entry{in: in, notified: notified, upTo: upTo}
	q.entries[in.ID] = e
	if notified != notifiedOpen {
		return
	}
	var g *group
	switch {
	case storm:
		g = q.stormGroup()
	default:
		if g = q.groupOf(in); g == nil {
			g = q.ownGroup(in)
		}
	}
	q.join(e, g)
	if at.After(g.notified) {
		g.notified = at
	}
}

// owe makes an open incident due that its receiver does not know of: one that
// was open before the receiver was configured.
func (q *queue) owe(id string, now time.Time) {
	e := q.entries[id]
	if e == nil || e.notified == notifiedOpen || !message.Notifiable(e.in) || q.rules.itself(e.in) {
		return
	}
	q.add(e, omen.Change{Kind: omen.ChangeOpened, At: e.in.UpdatedAt, Incident: e.in, Reason: e.in.Reason}, now)
}

// take enters a change of the journal. Changes come in order.
func (q *queue) take(c omen.Change, now time.Time) {
	q.seen = max(q.seen, c.Seq)
	id := c.Incident.ID
	e := q.entries[id]
	if e == nil {
		e = &entry{}
		q.entries[id] = e
	}
	if c.Incident.ChangeNumber >= e.in.ChangeNumber {
		e.in = c.Incident
	}
	if c.Incident.ChangeNumber > e.upTo && q.worth(e, c) {
		q.add(e, c, now)
	}
	if b := c.Incident.Blame; b != nil && b.Pod != "" {
		e.blamed = true
	}
	if e.in.State == omen.Closed && len(e.due) == 0 {
		q.drop(e)
	}
}

// notifiedActions are the states of an action that people are notified of: what waits for
// them, and what was done or could not be. What a guard refused they are notified of
// if one of them had approved it. That nobody can tell, and what a playbook
// is switched off for, are incidents of Omen's own.
var notifiedActions = []omen.ActionState{omen.ActionWaiting, omen.ActionDone, omen.ActionFailed}

// worth reports whether a change is worth a message.
func (q *queue) worth(e *entry, c omen.Change) bool {
	in := c.Incident
	switch {
	case q.rules.itself(in):
		return false
	case in.State == omen.Closed:
		return c.Kind == omen.ChangeClosed && (len(e.due) > 0 || e.notified == notifiedOpen && q.rules.resolved)
	case !message.Notifiable(in):
		return false
	}
	switch c.Kind {
	case omen.ChangeOpened, omen.ChangeEscalated, omen.ChangeReopened:
		return true
	case omen.ChangeActed:
		return c.Action != nil && (slices.Contains(notifiedActions, c.Action.State) || c.Action.State == omen.ActionRefused && c.Action.ByPerson())
	case omen.ChangeAcknowledged:
		return q.rules.acknowledged && e.notified == notifiedOpen
	}
	if b := in.Blame; c.Reason == omen.ReasonBlame && e.notified == notifiedOpen {
		return !e.blamed && b != nil && b.Pod != ""
	}
	// No longer suppressed: people are notified now.
	return len(e.due) == 0 && (e.notified == notNotified || e.notified == notifiedClosed)
}

// add makes a change due, if the routes lead here.
func (q *queue) add(e *entry, c omen.Change, now time.Time) {
	g := e.group
	if g == nil || e.notified != notifiedOpen && len(e.due) == 0 {
		g = q.groupOf(e.in)
		if g == nil && e.notified == notifiedOpen {
			g = q.ownGroup(e.in)
		}
		if g == nil {
			return
		}
		if now.Before(q.stormy) {
			q.discard(g)
			g = q.stormGroup()
		}
	}
	q.join(e, g)
	at, found := slices.BinarySearchFunc(e.due, c, func(a, b omen.Change) int {
		return cmp.Compare(a.Incident.ChangeNumber, b.Incident.ChangeNumber)
	})
	if found {
		e.due[at] = c
	} else {
		e.due = slices.Insert(e.due, at, c)
	}
	if c.Seq > 0 {
		q.pending[c.Seq] = struct{}{}
		q.order = append(q.order, c.Seq)
	}
	q.schedule(g, c, now)
}

// schedule says when a group's next message is due.
func (q *queue) schedule(g *group, c omen.Change, now time.Time) {
	wait := g.opts.GroupInterval
	if g.storm && c.Kind == omen.ChangeClosed && g.open() {
		wait = stormClosedInterval
	}
	at := now.Add(g.opts.GroupWait)
	if !g.notified.IsZero() {
		at = g.notified.Add(wait)
	}
	if g.flushAt.IsZero() || at.Before(g.flushAt) {
		g.flushAt = at
	}
}

// open reports whether a member has not ended.
func (g *group) open() bool {
	for _, e := range g.members {
		if e.in.State != omen.Closed {
			return true
		}
	}
	return false
}

// failing reports whether a message waits that the channel did not take.
func (q *queue) failing() bool {
	for _, g := range q.groups {
		if !g.failing.IsZero() {
			return true
		}
	}
	return false
}

func (q *queue) join(e *entry, g *group) {
	if e.group == g {
		return
	}
	q.leave(e)
	e.group = g
	g.members[e.in.ID] = e
}

func (q *queue) leave(e *entry) {
	g := e.group
	if g == nil {
		return
	}
	delete(g.members, e.in.ID)
	e.group = nil
	q.discard(g)
}

// discard forgets a group without members.
func (q *queue) discard(g *group) {
	if len(g.members) == 0 {
		delete(q.groups, g.key)
	}
}

func (q *queue) drop(e *entry) {
	q.leave(e)
	delete(q.entries, e.in.ID)
}

// lowWater is the newest change such that it and all before it are done with:
// where the worker's cursor may be.
func (q *queue) lowWater() int64 {
	for len(q.order) > 0 {
		if _, waits := q.pending[q.order[0]]; waits {
			return q.order[0] - 1
		}
		q.order = q.order[1:]
	}
	return q.seen
}

// full reports whether the queue holds so much that the worker must not read on;
// the journal keeps the rest.
func (q *queue) full() bool { return len(q.pending) >= maxPending }

// maxPending bounds a queue's memory: some two kilobytes a change.
const maxPending = 20000

// settle clears what is due of an entry after its message arrived or was given
// up.
func (q *queue) settle(e *entry, state notifiedState) {
	for _, c := range e.due {
		delete(q.pending, c.Seq)
		e.upTo = max(e.upTo, c.Incident.ChangeNumber)
	}
	e.due, e.notified = nil, state
	if e.in.State == omen.Closed {
		q.drop(e)
	}
}
