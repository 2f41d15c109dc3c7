package notify

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
)

// book is what one lane knows: which incidents its receiver was told of and
// what it has yet to hear. It is pure: changes and instants go in, batches
// come out, and the lane says what became of each. One goroutine owns it.
type book struct {
	rules   rules
	entries map[string]*entry // by incident
	groups  map[string]*group
	pending map[int64]struct{} // changes taken that are not done with
	order   []int64            // the same in order, with some that are
	seen    int64              // the newest change taken
	sent    []time.Time        // messages of the last minute
	stormy  time.Time          // until then new incidents join the storm
}

// entry is one incident as the lane's receiver knows it.
type entry struct {
	in    omen.Incident // as the newest change left it
	told  toldState
	upTo  int           // the newest change number that was told or given up
	due   []omen.Change // worth telling and not told, by number
	group *group
}

// toldState is what the receiver believes.
type toldState int

const (
	toldNothing toldState = iota
	toldFiring
	toldOver
	toldRefused // given up: not tried again until a new Relay or a new change
)

// group is a set of incidents that share messages: Alertmanager's aggregation
// group.
type group struct {
	key      string
	labels   model.LabelSet
	opts     dispatch.RouteOpts
	storm    bool
	members  map[string]*entry
	flushAt  time.Time // zero: nothing to tell
	nextTry  time.Time // after a failure
	failures backoff
	failing  time.Time // since when; zero: not
	attempts int
	notified time.Time // the last message that arrived
	mutedBy  string    // the interval that has kept something back
}

// batch is what one message tells.
type batch struct {
	groups  []*group
	entries []*entry // those with something due; all firing ones for a repeat
	storm   bool
	repeat  bool
}

// changes is every step that the batch tells.
func (out *batch) changes() []omen.Change {
	var all []omen.Change
	for _, e := range out.entries {
		all = append(all, e.due...)
	}
	return all
}

func newBook(r rules) *book {
	return &book{rules: r, entries: map[string]*entry{}, groups: map[string]*group{}, pending: map[int64]struct{}{}}
}

// knows reports whether the book has an entry of the incident.
func (b *book) knows(incident string) bool { return b.entries[incident] != nil }

// recall enters what is on record of an incident: what its receiver was told,
// up to which change, when, and whether in a storm's message.
func (b *book) recall(in omen.Incident, told toldState, upTo int, at time.Time, storm bool) {
	e := &entry{in: in, told: told, upTo: upTo}
	b.entries[in.ID] = e
	if told != toldFiring {
		return
	}
	var g *group
	switch {
	case storm:
		g = b.stormGroup()
	default:
		if g = b.groupOf(in); g == nil {
			g = b.ownGroup(in)
		}
	}
	b.join(e, g)
	if at.After(g.notified) {
		g.notified = at
	}
}

// owe makes the book tell an open incident that its receiver does not know of:
// one that was open before the receiver was configured.
func (b *book) owe(id string, now time.Time) {
	e := b.entries[id]
	if e == nil || e.told == toldFiring || !tellable(e.in) {
		return
	}
	b.add(e, omen.Change{Kind: omen.ChangeOpened, At: e.in.UpdatedAt, Incident: e.in, Reason: e.in.Reason}, now)
}

// take enters a change of the journal. Changes come in order.
func (b *book) take(c omen.Change, now time.Time) {
	b.seen = max(b.seen, c.Seq)
	id := c.Incident.ID
	e := b.entries[id]
	if e == nil {
		e = &entry{}
		b.entries[id] = e
	}
	if c.Incident.ChangeNumber >= e.in.ChangeNumber {
		e.in = c.Incident
	}
	if c.Incident.ChangeNumber > e.upTo && b.worth(e, c) {
		b.add(e, c, now)
	}
	if e.in.State == omen.Closed && len(e.due) == 0 {
		b.drop(e)
	}
}

// tellable reports whether people should know that the incident is open.
func tellable(in omen.Incident) bool {
	return in.State != omen.Closed && in.Suppressed == "" && (in.Severity == omen.Warning || in.Severity == omen.Critical)
}

// worth reports whether a change is worth a message.
func (b *book) worth(e *entry, c omen.Change) bool {
	in := c.Incident
	switch {
	case in.State == omen.Closed:
		return c.Kind == omen.ChangeClosed && (len(e.due) > 0 || e.told == toldFiring && b.rules.resolved)
	case !tellable(in):
		return false
	}
	switch c.Kind {
	case omen.ChangeOpened, omen.ChangeEscalated, omen.ChangeReopened:
		return true
	case omen.ChangeAcknowledged:
		return b.rules.acknowledged && e.told == toldFiring
	}
	// No longer suppressed: people hear of it now.
	return len(e.due) == 0 && (e.told == toldNothing || e.told == toldOver)
}

// add makes a change due, if the routes lead here.
func (b *book) add(e *entry, c omen.Change, now time.Time) {
	g := e.group
	if g == nil || e.told != toldFiring && len(e.due) == 0 {
		g = b.groupOf(e.in)
		if g == nil && e.told == toldFiring {
			g = b.ownGroup(e.in)
		}
		if g == nil {
			return
		}
		if now.Before(b.stormy) {
			b.discard(g)
			g = b.stormGroup()
		}
	}
	b.join(e, g)
	at, found := slices.BinarySearchFunc(e.due, c, func(a, b omen.Change) int {
		return cmp.Compare(a.Incident.ChangeNumber, b.Incident.ChangeNumber)
	})
	if found {
		e.due[at] = c
	} else {
		e.due = slices.Insert(e.due, at, c)
	}
	if c.Seq > 0 {
		b.pending[c.Seq] = struct{}{}
		b.order = append(b.order, c.Seq)
	}
	b.schedule(g, c, now)
}

// schedule says when a group's next message is due.
func (b *book) schedule(g *group, c omen.Change, now time.Time) {
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

func (b *book) join(e *entry, g *group) {
	if e.group == g {
		return
	}
	b.leave(e)
	e.group = g
	g.members[e.in.ID] = e
}

func (b *book) leave(e *entry) {
	g := e.group
	if g == nil {
		return
	}
	delete(g.members, e.in.ID)
	e.group = nil
	b.discard(g)
}

// discard forgets a group without members.
func (b *book) discard(g *group) {
	if len(g.members) == 0 {
		delete(b.groups, g.key)
	}
}

func (b *book) drop(e *entry) {
	b.leave(e)
	delete(b.entries, e.in.ID)
}

// lowWater is the newest change such that it and all before it are done with:
// where the lane's cursor may be.
func (b *book) lowWater() int64 {
	for len(b.order) > 0 {
		if _, waits := b.pending[b.order[0]]; waits {
			return b.order[0] - 1
		}
		b.order = b.order[1:]
	}
	return b.seen
}

// full reports whether the book holds so much that the lane must not read on;
// the journal keeps the rest.
func (b *book) full() bool { return len(b.pending) >= maxPending }

// maxPending bounds a lane's memory: some two kilobytes a change.
const maxPending = 20000

// settle clears what is due of an entry after its message arrived or was given
// up.
func (b *book) settle(e *entry, state toldState) {
	for _, c := range e.due {
		delete(b.pending, c.Seq)
		e.upTo = max(e.upTo, c.Incident.ChangeNumber)
	}
	e.due, e.told = nil, state
	if e.in.State == omen.Closed {
		b.drop(e)
	}
}
