package incident

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
)

// A trouble is something that keeps Omen itself from seeing, judging, storing
// or notifying. The part that has it reports it under a key, such as
// "receiver/oncall/telegram", and resolves the key when it is over; between the
// two there is one incident of Omen's own. A part may report as often as it
// likes and need not know what it said before a restart.
type trouble struct {
	condition
	over time.Time // when it was resolved, while its incident waits to see whether it comes back; zero: it lasts
}

func (t *Tracker) trouble(key string) *trouble {
	o := t.troubles[key]
	if o == nil {
		o = &trouble{}
		t.troubles[key] = o
	}
	return o
}

// TroubleStorage is the key of what Omen stores not lasting, such as on a full disk.
const TroubleStorage = "storage"

// unstored reports whether people are notified, by the trouble [TroubleStorage], of why
// a source sends nothing: Omen keeps its samples itself, and cannot. It does so a little
// longer than the trouble lasts: samples of since then have to be stored and read first,
// and a source that sends none is down, as any other, after as long as that takes.
func (t *Tracker) unstored(name string, at time.Time) bool {
	o := t.troubles[TroubleStorage]
	switch {
	case o == nil || !t.kept[name]:
		return false
	case o.in != nil:
		return o.in.Suppressed == ""
	case o.held: // somebody closed it while it lasts
		return true
	}
	again := t.h.SourceDown.For + time.Duration(t.h.SourceDown.Samples+t.h.SourceUp.Samples)*t.source(name).step
	return o.past != nil && o.past.Suppressed == "" && at.Sub(o.past.ClosedAt) < again
}

var severities = []omen.Severity{omen.Info, omen.Warning, omen.Critical}

// Report says that Omen itself has a trouble. It opens the key's incident, or
// goes on with the one that closed a moment ago. Of one that is open, the
// severity rises, and the summary follows at most once in Hysteresis.Update.
// Once an operator has closed it there is none until the key was resolved.
func (t *Tracker) Report(key string, severity omen.Severity, summary string, at time.Time) []omen.Change {
	o := t.trouble(key)
	o.over = time.Time{}
	switch in := o.in; {
	case in == nil && o.held:
	case in == nil:
		o.open(t, omen.Incident{
			ID: t.newID(omen.OwnIncident, key, at), Kind: omen.OwnIncident, Trouble: key, State: omen.Open, Severity: severity,
			Since: at.UTC(), OpenedAt: at.UTC(), Summary: summary,
		}, at, omen.ReasonTrouble)
	case slices.Index(severities, severity) > slices.Index(severities, in.Severity):
		in.Severity, in.Summary = severity, summary
		t.emit(in, omen.ChangeEscalated, at, omen.ReasonSeverity)
	case in.Summary != summary && at.Sub(in.UpdatedAt) >= t.h.Update:
		in.Summary = summary
		t.emit(in, omen.ChangeUpdated, at, omen.ReasonTrouble)
	}
	return t.take()
}

// facts are troubles that are there or not, such as a file that somebody put back: a key,
// or the beginning of keys that ends in a slash. What is measured may come back by itself;
// these are over once they are resolved, however often they were there.
var facts = []string{"remedy/audit_key", "remedy/disabled/", "remedy/stuck/"}

func isFact(key string) bool {
	return slices.ContainsFunc(facts, func(f string) bool { return key == f || strings.HasSuffix(f, "/") && strings.HasPrefix(key, f) })
}

// Resolve says that a trouble is over, or that there is none: its incident
// closes, at once if it is a fact or the first time, and later each time it came back.
func (t *Tracker) Resolve(key string, at time.Time) []omen.Change {
	if o := t.troubles[key]; o != nil {
		o.held = false
		if o.over.IsZero() {
			o.over = at
		}
		t.reviewTrouble(key, o, at)
	}
	return t.take()
}

// reviewTroubles closes what has been over for long enough, and looks what is
// suppressed.
func (t *Tracker) reviewTroubles(at time.Time) {
	for _, key := range slices.Sorted(maps.Keys(t.troubles)) {
		o := t.troubles[key]
		o.review(t, at)
		t.reviewTrouble(key, o, at)
	}
}

func (t *Tracker) reviewTrouble(key string, o *trouble, at time.Time) {
	if o.in != nil && !o.over.IsZero() && (isFact(key) || at.Sub(o.over) >= o.closing(t.h, Evidence{}).For) {
		o.close(t, at, omen.ReasonRecovered)
	}
	if o.in == nil && !o.held && (o.past == nil || at.Sub(o.past.ClosedAt) > t.h.Reopen+t.h.CloseMost) {
		delete(t.troubles, key)
	}
}

// conditionOf is the condition that an incident of a source, a resource or Omen's own
// belongs to.
func (t *Tracker) conditionOf(in omen.Incident) *condition {
	switch {
	case in.Kind == omen.ForecastIncident && in.Forecast != nil:
		return &t.outlook(in.Forecast.Resource).condition
	case in.Trouble != "":
		return &t.trouble(in.Trouble).condition
	case in.Kind == omen.OwnIncident:
		return &t.source(in.Host.Source).own
	}
	return &t.source(in.Host.Source).down
}

// conditions are all there are.
func (t *Tracker) conditions() (all []*condition) {
	for _, s := range t.sources {
		all = append(all, &s.down, &s.own)
	}
	for _, o := range t.troubles {
		all = append(all, &o.condition)
	}
	for _, o := range t.outlooks {
		all = append(all, &o.condition)
	}
	return all
}

// Report says that Omen itself has a trouble; see [Tracker.Report]. It is the
// one way to say so, for every part of Omen, and returns when it is durable.
func (m *Manager) Report(ctx context.Context, key string, severity omen.Severity, summary string) error {
	if key == "" || summary == "" || !slices.Contains(severities, severity) {
		return fmt.Errorf("report trouble %q of severity %q: %q: %w", key, severity, summary, omen.ErrInvalid)
	}
	return m.own(ctx, func() []omen.Change { return m.tracker.Report(key, severity, summary, time.Now()) })
}

// Resolve says that a trouble is over, or that there is none; see
// [Tracker.Resolve].
func (m *Manager) Resolve(ctx context.Context, key string) error {
	return m.own(ctx, func() []omen.Change { return m.tracker.Resolve(key, time.Now()) })
}

// own has Run make a change of Omen's own incidents durable.
func (m *Manager) own(ctx context.Context, change func() []omen.Change) error {
	_, err := call(ctx, m, func(run context.Context) (none struct{}, err error) {
		m.store(run, change())
		return none, nil
	})
	return err
}
