package remedy

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/store"
)

// Options of a [Loop]. All but Hands, Log and Mark are required.
type Options struct {
	Policy Policy
	Hands  map[string]Hand // by playbook; one without a hand only suggests
	Store  *store.DB
	World  World
	Log    *slog.Logger // nil: discard

	// Mark is called with a name at the moments between which a crash must not do
	// harm; tests end the process there. Nil: nothing.
	Mark func(moment string)
}

// World is what a loop needs of those who watch hosts, and of the one who owns the
// incidents.
type World interface {
	// Look adds to facts that have the open incidents and the actions what is live:
	// hosts, sources, what mutes, what people said, Omen itself. An error means that
	// nothing is planned.
	Look(context.Context, *Facts) error
	// Scores is a host's scores within from…to, oldest first.
	Scores(ctx context.Context, host omen.Host, from, to time.Time) ([]omen.ScorePoint, error)
	// Act makes a step of an action durable, with the change of its incident.
	Act(ctx context.Context, from omen.ActionState, a omen.Action, by string) error
	// Note stores that something happened to hosts, and opens its grace.
	Note(context.Context, mute.Event) error
	// Report and Resolve say what keeps Omen from acting, or what people have to know
	// of a playbook.
	Report(ctx context.Context, key string, severity omen.Severity, summary string) error
	Resolve(ctx context.Context, key string) error
}

// Loop answers incidents: it plans, carries out and measures. It has no place in
// the journal: a change only wakes it, and what it does follows from what is open
// and from the action rows.
type Loop struct {
	o Options

	calling   sync.WaitGroup // calls under way; Run waits for them
	switching sync.Mutex     // one change of the switches at a time
	undoing   chan struct{}  // one undo at a time; full: one is under way

	stood standings

	trying sync.Mutex
	tried  map[[3]string]attempt // by who, what and subject: attempts of people who may not act

	// What was reported, when playbooks were last judged, and the audit's key when it was
	// last looked at; Run's goroutine owns it.
	said   map[string]string
	judged time.Time
	key    [sha256.Size]byte // see store.DB.AuditKeyMark

	mu     sync.Mutex
	health Health
	calls  map[string]*result // by action: what became of a call that is not stored yet; nil: it is under way
	final  map[string]bool    // by action: its hand said that it cannot be taken back
}

// result is what became of a call.
type result struct {
	from omen.ActionState
	a    omen.Action
}

// Health says how a loop does, for metrics and people.
type Health struct {
	Planned time.Time // when it last planned
	Err     string    // why it cannot; empty: it can
	Since   time.Time // since when
	Broken  string    // why the audit's chain proves nothing; empty: it is whole
	NoKey   bool      // that is because its key is not there, or another is in its place
	Checked time.Time // when that was looked at
	Rows    int       // of the chain when it was last found whole; 0: none, or it was not since the start

	Effects map[string]Effect // by playbook that has acted; as last worked out
	GivenUp map[string]int    // by playbook: how many targets it has given up
}

const (
	// every is how often a loop plans when nothing wakes it, and rest how long it
	// waits at least: a storm of changes is looked at together.
	every = 5 * time.Second
	rest  = time.Second
	// callWithin bounds a call of a hand that looks or takes back.
	callWithin = 30 * time.Second
	// doWithin bounds the one that acts: a hand has bounds of its own, below this one.
	doWithin = 10 * time.Minute
	// endWithin is how long a call that is under way may take while the loop ends, such
	// as for a reload: one that is cut off is in doubt.
	endWithin = 3 * time.Second
	// observeAfter is when an observation that nothing happened is believed: until
	// then a request that was lost on the way may still arrive.
	observeAfter = time.Minute
	// observeWithin is how long an action in doubt is observed before people are asked.
	observeWithin = 10 * time.Minute
	// lookBack is how far back actions matter to a plan.
	lookBack = 30 * 24 * time.Hour
	// verifyEvery is how often the audit's chain is walked.
	verifyEvery = time.Hour
)

// NewLoop is a loop that does nothing until [Loop.Run].
func NewLoop(o Options) *Loop {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Mark == nil {
		o.Mark = func(string) {}
	}
	return &Loop{
		o: o, calls: map[string]*result{}, final: map[string]bool{}, said: map[string]string{},
		undoing: make(chan struct{}, 1), tried: map[[3]string]attempt{},
	}
}

// Run acts until ctx ends. What a process before it had started is in doubt from
// here on: it is observed, and never repeated. It runs once.
func (l *Loop) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	wake := make(chan struct{}, 1) // room for one: a wake that finds it full is the same wake
	group.Go(func() error { l.follow(ctx, wake); return nil })
	group.Go(func() error {
		timer := time.NewTicker(every)
		defer timer.Stop()
		for recovered := false; ctx.Err() == nil; {
			if !recovered {
				l.verify(ctx) // what keeps it from recovering may be the audit
				recovered = l.note(ctx, l.recover(ctx))
			}
			if recovered {
				l.note(ctx, l.pass(ctx))
			}
			select {
			case <-ctx.Done():
			case <-time.After(rest):
			}
			select {
			case <-ctx.Done():
			case <-wake:
			case <-timer.C:
			}
		}
		return nil
	})
	err := group.Wait()
	l.calling.Wait() // they end with the context
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if err := l.writeDenied(last, time.Now(), true); err != nil {
		l.o.Log.Warn("attempts of those who may not act are not all in the audit", "err", err)
	}
	return err
}

// follow wakes at each change of the journal from now on.
func (l *Loop) follow(ctx context.Context, wake chan<- struct{}) {
	head, err := l.o.Store.Head(ctx)
	if err != nil {
		return // the timer is enough, and planning says why
	}
	for _, err := range l.o.Store.FollowFrom(ctx, head) {
		if err != nil {
			continue // the store tries again after a second; meanwhile as above
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// recover puts in doubt what another process had started.
func (l *Loop) recover(ctx context.Context) error {
	all, err := l.o.Store.Actions(ctx, store.ActionFilter{States: []omen.ActionState{omen.ActionStarted}})
	if err != nil {
		return err
	}
	for _, a := range all {
		if err := l.step(ctx, a, omen.ActionUnknown, byOmen, "Omen ended while it was under way: it is observed, and not repeated"); err != nil {
			return err
		}
	}
	return nil
}

// note remembers and reports whether the loop can do its work.
func (l *Loop) note(ctx context.Context, err error) (ok bool) {
	now := time.Now()
	l.mu.Lock()
	before := l.health
	if errors.Is(err, omen.ErrCorrupt) && before.Err == "" {
		l.health.Checked = time.Time{} // an action is not what was written: is the audit?
	}
	if err == nil {
		l.health.Planned, l.health.Err, l.health.Since = now, "", time.Time{}
	} else if ctx.Err() == nil {
		if before.Err == "" {
			l.health.Since = now
		}
		l.health.Err = err.Error()
	}
	after := l.health
	l.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return false
	case err == nil && before.Err != "":
		l.o.Log.Info("actions are planned again", "dur", now.Sub(before.Since))
	case err != nil && before.Err == "":
		l.o.Log.Error("actions cannot be planned, nothing is acted on", "err", err)
	}
	switch {
	case err == nil:
		l.say(ctx, troubleLoop, "", "")
	case now.Sub(after.Since) >= observeAfter/2:
		l.say(ctx, troubleLoop, omen.Warning, "nothing is acted on: "+after.Err)
	}
	return err == nil
}

// Health is how the loop does right now.
func (l *Loop) Health() Health {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.health
}

// say reports a trouble, or that there is none, once; what could not be said is
// said at the next pass.
func (l *Loop) say(ctx context.Context, key string, severity omen.Severity, summary string) {
	before, known := l.said[key]
	if known && before == summary {
		return
	}
	var err error
	if summary == "" {
		err = l.o.World.Resolve(ctx, key)
	} else {
		err = l.o.World.Report(ctx, key, severity, summary)
	}
	if err == nil {
		l.said[key] = summary
	} else if ctx.Err() == nil {
		l.o.Log.Error("own trouble not reported", "kind", key, "err", err)
	}
}

// facts are read at one instant; an error in any of them means that there are none.
func (l *Loop) facts(ctx context.Context, at time.Time) (f Facts, err error) {
	f = Facts{At: at}
	if f.Incidents, err = l.o.Store.OpenIncidents(ctx); err != nil {
		return f, err
	}
	over, err := l.o.Store.RecentlyClosed(ctx, at.Add(-StormHold))
	if err != nil {
		return f, err
	}
	for _, in := range over {
		if in.Kind == omen.FleetIncident {
			f.Incidents = append(f.Incidents, in)
		}
	}
	if f.Actions, err = l.o.Store.Actions(ctx, store.ActionFilter{Since: at.Add(-lookBack), ToPlan: true}); err != nil {
		return f, err
	}
	c, err := l.Controls(ctx)
	if err != nil {
		return f, err
	}
	f.Paused, f.Disabled, f.Enabled = c.facts()
	if err := l.o.World.Look(ctx, &f); err != nil {
		return f, fmt.Errorf("look at hosts and sources: %w", err)
	}
	if why := l.Health().distrust(); why != "" && f.Own == "" {
		f.Own = why
	}
	return f, nil
}

// pass settles what is under way, plans, and carries out.
func (l *Loop) pass(ctx context.Context) error {
	l.verify(ctx)
	if l.Health().NoKey {
		return nil // no step can be recorded, and what Omen wrote would break the audit for good
	}
	denied := l.writeDenied(ctx, time.Now(), false)
	idle, err := l.idle(ctx)
	if err != nil || idle {
		return errors.Join(denied, err)
	}
	wrong := []error{denied, l.expire(ctx)}
	f, err := l.facts(ctx, time.Now())
	if err != nil {
		return errors.Join(append(wrong, err)...)
	}
	wrong = append(wrong, l.settle(ctx, f))
	if f, err = l.facts(ctx, time.Now()); err != nil { // with what has been settled
		return errors.Join(append(wrong, err)...)
	}
	for _, d := range l.o.Policy.Plan(f) {
		if d.New {
			wrong = append(wrong, l.draft(ctx, &f, d))
		}
	}
	approved, err := l.o.Store.Actions(ctx, store.ActionFilter{States: []omen.ActionState{omen.ActionApproved}})
	wrong = append(wrong, err)
	for _, a := range approved {
		if err := l.carryOut(ctx, a); !errors.Is(err, omen.ErrConflict) { // a person was quicker
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

// idle reports that there is nothing to settle and nothing to answer: then nobody
// has to look at every host.
func (l *Loop) idle(ctx context.Context) (bool, error) {
	unsettled, err := l.o.Store.Actions(ctx, store.ActionFilter{States: omen.UnsettledStates()})
	if err != nil || len(unsettled) > 0 {
		return false, err
	}
	open, err := l.o.Store.OpenIncidents(ctx)
	if err != nil || len(open) == 0 {
		return true, err
	}
	if reach(l.o.Policy.Mode) > 0 && len(l.o.Policy.Playbooks) > 0 {
		return false, nil
	}
	said := func(in omen.Incident) bool { return strings.HasPrefix(in.Trouble, troubleLoop+"/") }
	return !slices.ContainsFunc(open, said), nil
}

// verify walks the audit's chain from time to time, and whenever its key is another one,
// is gone or is back.
func (l *Loop) verify(ctx context.Context) {
	key, h := l.o.Store.AuditKeyMark(), l.Health()
	back := h.NoKey && l.o.Store.AuditKeyThere(ctx) == nil // it came while the chain was walked
	if key != l.key || back || time.Since(h.Checked).Abs() >= verifyEvery {
		_, _ = l.Verify(ctx) // what it finds is kept
	}
	l.key = key
	health, said := l.Health(), map[string]string{}
	if why := health.distrust(); why != "" {
		key := troubleAudit
		if health.NoKey {
			key = troubleKey
		}
		said[key] = "nothing is acted on, since " + why
	}
	for _, key := range []string{troubleAudit, troubleKey} {
		l.say(ctx, key, omen.Critical, said[key])
	}
}

// distrust is why the audit proves nothing; empty: it does.
func (h Health) distrust() string {
	switch {
	case h.Broken == "":
		return ""
	case h.NoKey:
		return h.Broken
	}
	return "the audit is not what was written: " + h.Broken
}

// Verify walks the audit's chain now. While it is not what was written nothing is acted
// on, by itself or by hand.
func (l *Loop) Verify(ctx context.Context) (store.Chain, error) {
	now := time.Now()
	chain, err := l.o.Store.Verify(ctx)
	why := chain.Why
	switch {
	case ctx.Err() != nil:
		return chain, err
	case err != nil: // that may be over soon: look again at the next pass
		why, now = "it cannot be checked: "+err.Error(), time.Time{}
	case chain.Broken > 0 && !chain.NoKey:
		why = fmt.Sprintf("row %d: %s", chain.Broken, chain.Why)
	}
	l.mu.Lock()
	before := l.health.Broken
	l.health.Broken, l.health.NoKey, l.health.Checked = why, chain.NoKey, now
	distrust := l.health.distrust()
	if why == "" {
		l.health.Rows = chain.Rows
	}
	l.mu.Unlock()
	if why != "" && why != before {
		l.o.Log.Error("nothing is acted on: the audit cannot be trusted", "why", distrust)
	}
	return chain, err
}

// step makes the next step of an action durable.
func (l *Loop) step(ctx context.Context, a omen.Action, to omen.ActionState, by, why string) error {
	from := a.State
	if err := a.Step(to, time.Now(), why); err != nil {
		return err
	}
	if err := l.act(ctx, from, a, by); err != nil {
		return fmt.Errorf("action %s becomes %s: %w", a.ID, to, err)
	}
	return nil
}
