package remedy

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// Switch lets a person who may act change a switch.
func (l *Loop) Switch(ctx context.Context, who Person, f func(by string) error) error {
	if err := l.entitled(ctx, who, "switch", "remedy"); err != nil {
		return err
	}
	return f(who.String())
}

// Ceiling is how far any playbook may go, and why nothing is started; empty: it may be.
func (l *Loop) Ceiling(ctx context.Context) (mode omen.ActionMode, paused string, err error) {
	c, err := l.Controls(ctx)
	paused, _, _ = c.facts()
	return modes[reach(l.o.Policy.Mode)], paused, err
}

// Names are those of all playbooks.
func (l *Loop) Names() (names []string) {
	for _, p := range l.o.Policy.Playbooks {
		names = append(names, p.Name)
	}
	return names
}

// Plan is what every playbook would do about an incident now, with what each guard
// says. Nothing is changed.
func (l *Loop) Plan(ctx context.Context, incident string) ([]Decision, error) {
	if _, err := l.o.Store.Incident(ctx, incident); err != nil {
		return nil, err
	}
	f, err := l.facts(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	all := l.o.Policy.Plan(f)
	return slices.DeleteFunc(all, func(d Decision) bool { return d.Action.Incident != incident }), nil
}

// Standing is a playbook as it stands now.
type Standing struct {
	Playbook Playbook
	Mode     omen.ActionMode // what it may do, under the ceiling of all
	Disabled string          // why it is off; empty: it is on
	GivenUp  []string        // the targets that it has given up, by name
	Today    int             // how many of its actions were started within a day
	PerDay   int
	Effect   Effect
}

// standings are what [Loop.Standings] last gave.
type standings struct {
	sync.Mutex
	position int64 // of the ledger
	at       time.Time
	all      []Standing
}

// Standings are all playbooks as they stand now. What they were good for is worked
// out from 90 days: once while the ledger is the same, and at least once in
// [judgeEvery], since incidents go on without it.
func (l *Loop) Standings(ctx context.Context) ([]Standing, error) {
	s := &l.stood
	s.Lock()
	defer s.Unlock()
	position, err := l.o.Store.LedgerPosition(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if s.all != nil && s.position == position && now.Sub(s.at).Abs() < judgeEvery {
		return slices.Clone(s.all), nil
	}
	all, err := l.stand(ctx, now)
	if err != nil {
		return nil, err
	}
	s.position, s.at, s.all = position, now, all
	return slices.Clone(all), nil
}

// stand works out how playbooks stand.
func (l *Loop) stand(ctx context.Context, now time.Time) ([]Standing, error) {
	c, err := l.Controls(ctx)
	if err != nil {
		return nil, err
	}
	_, disabled, enabled := c.facts()
	rows, past, err := l.past(ctx, now)
	if err != nil {
		return nil, err
	}
	spent, err := l.givenUp(ctx, now, enabled)
	if err != nil {
		return nil, err
	}
	all := []Standing{}
	for _, p := range l.o.Policy.Playbooks {
		s := Standing{Playbook: p, Mode: l.o.Policy.Effective(p.Name), Disabled: disabled[p.Name], PerDay: cmp.Or(p.Limits.PerDay, perDay)}
		for _, a := range rows {
			if a.Playbook == p.Name && !a.Started.IsZero() && now.Sub(a.Started) < 24*time.Hour {
				s.Today++
			}
		}
		for _, g := range spent {
			if g.Playbook == p.Name {
				s.GivenUp = append(s.GivenUp, g.Target)
			}
		}
		s.Effect = p.Effect(rows, past, enabled[p.Name], now)
		all = append(all, s)
	}
	return all, nil
}

// Tried is what a playbook would be done to on one host, and whether it could be.
type Tried struct {
	Playbook string
	Host     omen.Host
	Target   omen.Target
	Text     string // what would be done
	Err      string // why it could not be, such as a missing right; empty: it could
	Hint     string
}

// Try looks for the target of every playbook on every host that its matchers name,
// and has the other side check what would be done. Nothing is changed.
func (l *Loop) Try(ctx context.Context) ([]Tried, error) {
	f, err := l.facts(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	var all []Tried
	for _, p := range l.o.Policy.Playbooks {
		for _, host := range p.hosts(f) {
			all = append(all, l.try(ctx, p, host, f.At))
		}
	}
	return all, nil
}

func (l *Loop) try(ctx context.Context, p Playbook, host omen.Host, at time.Time) Tried {
	a := omen.Action{
		ID: omen.ActionID("check", p.Name, 1), Incident: "check", Playbook: p.Name, Attempt: 1, Host: host,
		Does: p.Does.Name, Mode: omen.ModeSuggest, State: omen.ActionSuggested, At: at,
	}
	t := Tried{Playbook: p.Name, Host: host}
	target, err := l.resolve(ctx, a)
	if err == nil {
		a.Target, t.Target = target, target
		within, cancel := context.WithTimeout(ctx, callWithin)
		defer cancel()
		t.Text, err = l.o.Hands[p.Name].DryRun(within, a)
	}
	if err != nil {
		t.Err, t.Hint = err.Error(), omen.Hint(err)
	}
	return t
}

// hosts are those whose incidents a playbook may answer, as far as its matchers are
// about hosts.
func (b Playbook) hosts(f Facts) (all []omen.Host) {
	holds, err := mute.Compile(slices.DeleteFunc(slices.Clone(b.Match), func(m mute.Matcher) bool { return !m.OfHost() }))
	if err != nil {
		return nil
	}
	for h, live := range f.Hosts {
		if holds(mute.HostValue(h, live.Labels)) {
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(x, y omen.Host) int { return strings.Compare(x.ID(), y.ID()) })
	return all
}
