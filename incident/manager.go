package incident

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// Options of a [Manager]. Store is required.
type Options struct {
	Store      *store.DB
	Log        *slog.Logger   // nil: discard
	Hosts      Hosts          // nil: hosts have no labels, and are not retrained
	Sources    []string       // that are watched: what is open of any other is closed as gone; nil: not known
	Kept       []string       // those of them whose samples Omen stores itself: where it cannot, that is why they send nothing
	Hysteresis Hysteresis     // zero: DefaultHysteresis
	Zone       *time.Location // of "expected at this time"; nil: UTC
	Role       string         // the label that names a host's role; empty: the first of role, job that the host has
	Keep       time.Duration  // how long a closed incident's timeline is kept; 0: 90 days
}

// Hosts is what a manager needs of those who watch hosts. No method waits.
type Hosts interface {
	Labels
	// Retrain has a host's model trained soon: somebody has judged an incident of
	// it, or its incidents are acted on by nobody, recur and are learned as normal
	// (see [feedback.Past.Recurs]).
	Retrain(omen.Host)
	// Judged says that somebody has said of an incident of the host whether it is
	// real, by a verdict or by taking it, or takes that back.
	Judged(omen.Incident)
}

// Manager is the one place where incidents change: by scores, by time and by
// operators. A change is durable before anybody can hear of it.
type Manager struct {
	o       Options
	tracker *Tracker  // owned by Run
	tidied  time.Time // owned by Run: when old timelines were last removed
	noted   time.Time // owned by Run: when the last ticks were stored

	// ticks has room for QueueLength rounds of scoring. Run drains it; when it
	// is full, which takes a store that fails for minutes, Offer drops the tick
	// and counts it, so that scoring never waits for a disk. To the tracker
	// that is a gap: it neither opens nor closes anything.
	ticks chan omen.Tick

	// outlooks are rounds of forecasts, one a minute for each profile of a source.
	// It has room for roundsLength; Run drains it, and Foresee drops a round that
	// finds it full: the next one says what is expected then.
	outlooks chan omen.Outlooks

	// requests are operators'. It has no room: an operator waits for Run, and
	// gives up with the context, after patience or when Run ends.
	requests chan request
	ended    chan struct{} // closed when Run returns

	mu     sync.Mutex
	health Health
}

// QueueLength bounds the ticks that wait for a manager: some four minutes of ticks at a 1 s step.
const QueueLength = 256

// roundsLength bounds the rounds of forecasts that wait.
const roundsLength = 64

// Health says how the manager does, for metrics and readiness.
type Health struct {
	Queued  int       // ticks that wait
	Dropped uint64    // ticks dropped since the queue was full
	Errors  uint64    // failed attempts to store changes
	Err     string    // why storing fails now; empty: it does not
	Since   time.Time // since when it fails
	Ticks   uint64    // ticks dealt with
	Changes uint64    // changes stored
	Open    map[omen.Severity]int

	Outcomes map[Outcome]uint64 // of forecasts, since the start
	Silences map[string]Silence // by source: most of its hosts send nothing
}

// NewManager is a manager that does nothing until [Manager.Run].
func NewManager(o Options) *Manager {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Keep == 0 {
		o.Keep = 90 * 24 * time.Hour
	}
	if o.Hosts == nil {
		o.Hosts = nobody{}
	}
	return &Manager{
		o: o, tracker: newTracker(o),
		ticks: make(chan omen.Tick, QueueLength), outlooks: make(chan omen.Outlooks, roundsLength), requests: make(chan request), ended: make(chan struct{}),
	}
}

func newTracker(o Options) *Tracker {
	t := NewTracker(o.Hysteresis, o.Hosts)
	t.zone = o.Zone
	t.keeps(o.Kept)
	return t
}

// Offer hands over a round of scores. It never waits: where the queue is full
// it drops the tick and says [omen.ErrUnavailable]. Ticks of one source are
// dealt with in the order in which they come.
func (m *Manager) Offer(_ context.Context, k omen.Tick) error {
	select {
	case m.ticks <- k:
		return nil
	default:
	}
	m.mu.Lock()
	m.health.Dropped++
	m.mu.Unlock()
	return fmt.Errorf("hand tick of source %s to incident manager: queue of %d is full: %w", k.Source, QueueLength, omen.ErrUnavailable)
}

// Foresee hands over a round of forecasts. It never waits, as [Manager.Offer].
func (m *Manager) Foresee(_ context.Context, round omen.Outlooks) error {
	select {
	case m.outlooks <- round:
		return nil
	default:
	}
	m.mu.Lock()
	m.health.Dropped++
	m.mu.Unlock()
	return fmt.Errorf("hand forecasts of source %s to incident manager: queue of %d is full: %w", round.Source, roundsLength, omen.ErrUnavailable)
}

// Health is how the manager does right now.
func (m *Manager) Health() Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.health
	h.Queued = len(m.ticks)
	return h
}

// idle is how often the manager looks whether ticks still come, and for silences
// that were stored by somebody else.
const idle = 15 * time.Second

// Run restores what the journal holds and then deals with ticks and operators
// until ctx ends. What happened until then is stored before it returns. It runs
// once.
func (m *Manager) Run(ctx context.Context) error {
	defer close(m.ended)
	if err := m.Restore(ctx); err != nil {
		return err
	}
	if m.o.Sources != nil {
		m.store(ctx, m.tracker.Watch(m.o.Sources, time.Now()))
	}
	timer := time.NewTicker(idle)
	defer timer.Stop()
	for before := time.Now(); ; {
		select {
		case <-ctx.Done():
			m.noteLast(ctx)
			return nil
		case k := <-m.ticks:
			before = m.follow(ctx, before)
			changes := m.tracker.Tick(k)
			m.store(ctx, changes)
			m.recur(ctx, changes)
			silences := m.tracker.Silences()
			m.mu.Lock()
			m.health.Ticks++
			m.health.Silences = silences
			m.mu.Unlock()
		case round := <-m.outlooks:
			before = m.follow(ctx, before)
			m.store(ctx, m.tracker.Foresee(round))
			m.mu.Lock()
			m.health.Outcomes = maps.Clone(m.tracker.outcomes)
			m.mu.Unlock()
		case carryOut := <-m.requests:
			carryOut(ctx, nil)
		case now := <-timer.C:
			before = m.follow(ctx, before)
			if len(m.ticks) == 0 {
				m.store(ctx, m.tracker.Idle(now))
			}
			m.tidy(ctx, now)
		}
	}
}

// follow has the tracker take up that the wall clock was set since it was last
// read, and is the clock now.
func (m *Manager) follow(ctx context.Context, before time.Time) (now time.Time) {
	now = time.Now()
	if by := omen.ClockStep(before, now); by.Abs() >= omen.ClockSet {
		m.tracker.ClockSet(by)
		if by < 0 {
			m.rememberUsed(ctx, now)
		}
		m.noted, m.tidied = time.Time{}, time.Time{} // they may lie ahead now
	}
	return now
}

// rememberUsed has the tracker know again which incidents' IDs are used, back to an
// instant that comes again: what lay long behind was forgotten.
func (m *Manager) rememberUsed(ctx context.Context, from time.Time) {
	over, err := m.o.Store.RecentlyClosed(ctx, from)
	if err != nil {
		m.o.Log.Error("incidents of a time that comes again cannot be read: one of the same host and instant would be taken for them", "err", err)
	}
	for i := range over {
		m.tracker.used[over[i].ID] = over[i].Since
	}
}

// Where the store keeps Tracker.Seen and Tracker.Memory.
const (
	settingSeen   = "incident.seen"
	settingMemory = "incident.memory"
)

// tidy reads the rules again, keeps in mind until when Omen ran, and, once an
// hour, lets go of old timelines.
func (m *Manager) tidy(ctx context.Context, now time.Time) {
	if seen := m.tracker.Seen(); now.Sub(m.noted) >= time.Minute && len(seen) > 0 {
		m.noted = now
		if err := m.note(ctx); err != nil && ctx.Err() == nil {
			m.o.Log.Warn("last tick cannot be stored", "err", err)
		}
	}
	if err := m.reload(ctx); err != nil && ctx.Err() == nil {
		m.o.Log.Error("rules cannot be read", "err", err)
	}
	if now.Sub(m.tidied) < time.Hour {
		return
	}
	m.tidied = now
	if _, err := m.o.Store.Retain(ctx, now.Add(-m.o.Keep)); err != nil && ctx.Err() == nil {
		m.o.Log.Error("old timelines cannot be removed", "err", err)
	}
}

// note keeps what the journal does not hold, and a restart must not forget.
func (m *Manager) note(ctx context.Context) error {
	return errors.Join(m.o.Store.PutSetting(ctx, settingSeen, m.tracker.Seen()),
		m.o.Store.PutSetting(ctx, settingMemory, m.tracker.Memory()))
}

// noteLast notes once more as the manager stops.
func (m *Manager) noteLast(ctx context.Context) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := m.note(last); err != nil {
		m.o.Log.Warn("last tick cannot be stored", "err", err)
	}
}

// Restore reads what the journal holds, as Run does first. Before Run it shows
// whether all can be read while another manager still runs.
func (m *Manager) Restore(ctx context.Context) error {
	if err := m.restore(ctx); err != nil {
		return fmt.Errorf("restore incidents: %w", err)
	}
	return nil
}

func (m *Manager) restore(ctx context.Context) error {
	m.tracker = newTracker(m.o)
	open, err := m.o.Store.OpenIncidents(ctx)
	if err != nil {
		return err
	}
	h := m.tracker.h
	closed, err := m.o.Store.RecentlyClosed(ctx, time.Now().Add(-h.Reopen-h.CloseMost))
	if err != nil {
		return err
	}
	m.tracker.Restore(append(closed, open...))
	seen := map[string]Seen{}
	if _, err := m.o.Store.Kept(ctx, settingSeen, &seen); err != nil {
		return err
	}
	m.tracker.RestoreSeen(seen)
	var memory Memory
	if _, err := m.o.Store.Kept(ctx, settingMemory, &memory); err != nil {
		return err
	}
	m.tracker.Recall(memory)
	m.count()
	return m.reload(ctx)
}

// What is over matters to what began in it, and what comes is known early.
const (
	remembered = 24 * time.Hour
	foreseen   = time.Hour
)

// reload reads silences, windows, events and feedback again.
func (m *Manager) reload(ctx context.Context) (err error) {
	now := time.Now()
	r := Rules{Role: m.o.Role}
	if r.Silences, err = m.o.Store.Silences(ctx, now.Add(-remembered)); err != nil {
		return err
	}
	if r.Windows, err = m.o.Store.Windows(ctx); err != nil {
		return err
	}
	if r.Events, err = m.o.Store.Events(ctx, now.Add(-remembered), now.Add(foreseen)); err != nil {
		return err
	}
	if r.Patterns, err = m.o.Store.Patterns(ctx); err != nil {
		return err
	}
	for _, err := range m.tracker.SetRules(r) {
		m.o.Log.Warn("rule is invalid and ignored", "err", err)
	}
	return nil
}

// store makes changes durable. It tries until it can: the tracker has already
// moved on, and nothing may be lost. Operators who ask meanwhile get the error.
// When ctx ends it tries once more.
func (m *Manager) store(ctx context.Context, changes []omen.Change) {
	if len(changes) == 0 {
		return
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := m.o.Store.Append(ctx, changes...)
		if errors.Is(err, omen.ErrInvalid) {
			changes, err = m.storeValid(ctx, changes)
		}
		if err == nil {
			m.stored(changes...)
			return
		}
		if ctx.Err() != nil {
			m.storeLast(ctx, changes)
			return
		}
		m.failing(err)
		if !m.pause(ctx, wait, err) {
			m.storeLast(ctx, changes)
			return
		}
	}
}

// storeValid appends changes one by one and returns them without those that the
// journal can never hold. On another error some are not stored yet; to append one
// twice is to append it once.
func (m *Manager) storeValid(ctx context.Context, changes []omen.Change) (valid []omen.Change, err error) {
	for i, c := range changes {
		err := m.o.Store.Append(ctx, c)
		switch {
		case errors.Is(err, omen.ErrInvalid):
			m.o.Log.Error("change cannot be stored and is dropped", "incident", c.Incident.ID, "err", err)
			continue
		case err != nil:
			return append(valid, changes[i:]...), err
		}
		valid = append(valid, c)
	}
	return valid, nil
}

// storeLast is the last attempt before the manager stops.
func (m *Manager) storeLast(ctx context.Context, changes []omen.Change) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := m.o.Store.Append(last, changes...); err != nil {
		m.o.Log.Error("changes are not stored at the end", "count", len(changes), "err", err)
		return
	}
	m.stored(changes...)
}

// pause waits before the next attempt; false: ctx ended.
func (m *Manager) pause(ctx context.Context, wait time.Duration, why error) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		case refuse := <-m.requests:
			refuse(ctx, why)
		}
	}
}

func (m *Manager) failing(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.health.Errors++
	if m.health.Err == "" {
		m.health.Since = time.Now()
		m.o.Log.Error("incidents cannot be stored, trying again", "err", err)
	}
	m.health.Err = err.Error()
}

func (m *Manager) stored(changes ...omen.Change) {
	m.mu.Lock()
	if m.health.Err != "" {
		m.o.Log.Info("incidents are stored again", "dur", time.Since(m.health.Since))
	}
	m.health.Err, m.health.Since = "", time.Time{}
	m.health.Changes += uint64(len(changes))
	m.mu.Unlock()
	m.logged(changes)
	m.count()
}

// count counts the open incidents that people see, by severity.
func (m *Manager) count() {
	open := map[omen.Severity]int{}
	for _, in := range m.tracker.open {
		if in.Fleet == "" {
			open[in.Severity]++
		}
	}
	m.mu.Lock()
	m.health.Open = open
	m.mu.Unlock()
}
