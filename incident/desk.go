package incident

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// Options of a [Desk]. Store is required.
type Options struct {
	Store      *store.DB
	Log        *slog.Logger   // nil: discard
	Labels     Labels         // nil: hosts have none
	Hysteresis Hysteresis     // zero: DefaultHysteresis
	Zone       *time.Location // of "expected at this time"; nil: UTC
	Role       string         // the label that names a host's role; empty: "job"
	Keep       time.Duration  // how long a closed incident's timeline is kept; 0: 90 days

	// Retrain asks for a host's next model soon: its incidents recur and are
	// learned as normal (see [feedback.Past.Recurs]). It must not wait. May be nil.
	Retrain func(omen.Host)
}

// Desk is the one place where incidents change: by scores, by time and by
// operators. A change is durable before anybody can hear of it.
type Desk struct {
	o       Options
	tracker *Tracker  // owned by Run
	tidied  time.Time // likewise: when old timelines were last removed
	noted   time.Time // likewise: when the last ticks were noted

	// ticks has room for queueLength rounds of scoring. Run drains it; when it
	// is full, which takes a store that fails for minutes, Offer drops the tick
	// and counts it, so that scoring never waits for a disk. To the tracker
	// that is a gap: it neither opens nor closes anything.
	ticks chan omen.Tick

	// asks are operators' requests. It has no room: an operator waits for Run,
	// or gives up with the context.
	asks chan ask

	mu     sync.Mutex
	health Health
}

// queueLength is some four minutes of ticks at a 1 s step.
const queueLength = 256

// ask is a request and where its answer goes; done has room for one.
type ask struct {
	carryOut func(context.Context) error
	done     chan error
}

// Health says how the desk does, for metrics and readiness.
type Health struct {
	Queued  int       // ticks that wait
	Dropped uint64    // ticks dropped since the queue was full
	Errors  uint64    // failed attempts to store changes
	Err     string    // why storing fails now; empty: it does not
	Since   time.Time // since when it fails
	Ticks   uint64    // ticks dealt with
	Changes uint64    // changes stored
	Open    map[omen.Severity]int
}

// NewDesk is a desk that does nothing until [Desk.Run].
func NewDesk(o Options) *Desk {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Role == "" {
		o.Role = "job"
	}
	if o.Keep == 0 {
		o.Keep = 90 * 24 * time.Hour
	}
	return &Desk{
		o: o, tracker: NewTracker(o.Hysteresis, o.Labels),
		ticks: make(chan omen.Tick, queueLength), asks: make(chan ask),
	}
}

// Offer hands over a round of scores. It never waits: where the queue is full
// it drops the tick and says [omen.ErrUnavailable]. Ticks of one source are
// dealt with in the order in which they come.
func (d *Desk) Offer(_ context.Context, k omen.Tick) error {
	select {
	case d.ticks <- k:
		return nil
	default:
	}
	d.mu.Lock()
	d.health.Dropped++
	d.mu.Unlock()
	return fmt.Errorf("hand tick of source %s to incident desk: queue of %d is full: %w", k.Source, queueLength, omen.ErrUnavailable)
}

// Health is how the desk does right now.
func (d *Desk) Health() Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.health
	h.Queued = len(d.ticks)
	return h
}

// idle is how often the desk looks whether ticks still come, and for silences
// that were stored by somebody else.
const idle = 15 * time.Second

// Run restores what the journal holds and then deals with ticks and operators
// until ctx ends. What happened until then is stored before it returns.
func (d *Desk) Run(ctx context.Context) error {
	if err := d.restore(ctx); err != nil {
		return fmt.Errorf("restore incidents: %w", err)
	}
	timer := time.NewTicker(idle)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			d.noteLast(ctx)
			return nil
		case k := <-d.ticks:
			changes := d.tracker.Tick(k)
			d.store(ctx, changes)
			d.recur(ctx, changes)
			d.mu.Lock()
			d.health.Ticks++
			d.mu.Unlock()
		case a := <-d.asks:
			a.done <- a.carryOut(ctx)
		case now := <-timer.C:
			if len(d.ticks) == 0 {
				d.store(ctx, d.tracker.Idle(now))
			}
			d.tidy(ctx, now)
		}
	}
}

// Where the store keeps Tracker.Seen and Tracker.Memory.
const (
	settingSeen   = "incident.seen"
	settingMemory = "incident.memory"
)

// tidy reads the rules anew, keeps in mind until when Omen ran, and, once an
// hour, lets go of old timelines.
func (d *Desk) tidy(ctx context.Context, now time.Time) {
	if seen := d.tracker.Seen(); now.Sub(d.noted) >= time.Minute && len(seen) > 0 {
		d.noted = now
		if err := d.note(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.Warn("last tick cannot be noted", "err", err)
		}
	}
	if err := d.reload(ctx); err != nil && ctx.Err() == nil {
		d.o.Log.Error("rules cannot be read", "err", err)
	}
	if now.Sub(d.tidied) < time.Hour {
		return
	}
	d.tidied = now
	if _, err := d.o.Store.Retain(ctx, now.Add(-d.o.Keep)); err != nil && ctx.Err() == nil {
		d.o.Log.Error("old timelines cannot be removed", "err", err)
	}
}

// note keeps what the journal does not hold, and a restart must not forget.
func (d *Desk) note(ctx context.Context) error {
	return errors.Join(d.o.Store.PutSetting(ctx, settingSeen, d.tracker.Seen()),
		d.o.Store.PutSetting(ctx, settingMemory, d.tracker.Memory()))
}

// noteLast notes once more as the desk stops.
func (d *Desk) noteLast(ctx context.Context) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := d.note(last); err != nil {
		d.o.Log.Warn("last tick cannot be noted", "err", err)
	}
}

func (d *Desk) restore(ctx context.Context) error {
	open, err := d.o.Store.OpenIncidents(ctx)
	if err != nil {
		return err
	}
	h := d.tracker.h
	closed, err := d.o.Store.RecentlyClosed(ctx, time.Now().Add(-h.Reopen-h.CloseMost))
	if err != nil {
		return err
	}
	d.tracker.Restore(append(closed, open...))
	seen := map[string]Seen{}
	if _, err := d.o.Store.Setting(ctx, settingSeen, &seen); err != nil {
		return err
	}
	d.tracker.RestoreSeen(seen)
	var memory Memory
	if _, err := d.o.Store.Setting(ctx, settingMemory, &memory); err != nil {
		return err
	}
	d.tracker.Recall(memory)
	d.count()
	return d.reload(ctx)
}

// What is over matters to what began in it, and what comes is known early.
const (
	remembered = 24 * time.Hour
	foreseen   = time.Hour
)

// reload reads silences, windows, events and feedback anew.
func (d *Desk) reload(ctx context.Context) (err error) {
	now := time.Now()
	r := Rules{Role: d.o.Role}
	if r.Silences, err = d.o.Store.Silences(ctx, now.Add(-remembered)); err != nil {
		return err
	}
	if r.Windows, err = d.o.Store.Windows(ctx); err != nil {
		return err
	}
	if r.Events, err = d.o.Store.Events(ctx, now.Add(-remembered), now.Add(foreseen)); err != nil {
		return err
	}
	if r.Patterns, err = d.o.Store.Patterns(ctx); err != nil {
		return err
	}
	for _, err := range d.tracker.SetRules(r) {
		d.o.Log.Warn("rule is left out", "err", err)
	}
	return nil
}

// store makes changes durable. It tries until it can: the tracker has already
// moved on, and nothing may be lost. Operators who ask meanwhile get the error.
// When ctx ends it tries once more.
func (d *Desk) store(ctx context.Context, changes []omen.Change) {
	if len(changes) == 0 {
		return
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := d.o.Store.Append(ctx, changes...)
		if errors.Is(err, omen.ErrInvalid) {
			changes, err = d.storeValid(ctx, changes)
		}
		if err == nil {
			d.stored(len(changes))
			return
		}
		if ctx.Err() != nil {
			d.storeLast(ctx, changes)
			return
		}
		d.failing(err)
		if !d.pause(ctx, wait, err) {
			d.storeLast(ctx, changes)
			return
		}
	}
}

// storeValid appends changes one by one and returns them without those that the
// journal can never hold. On another error some are not stored yet; to append one
// twice is to append it once.
func (d *Desk) storeValid(ctx context.Context, changes []omen.Change) (valid []omen.Change, err error) {
	for i, c := range changes {
		err := d.o.Store.Append(ctx, c)
		switch {
		case errors.Is(err, omen.ErrInvalid):
			d.o.Log.Error("change cannot be stored and is dropped", "incident", c.Incident.ID, "err", err)
			continue
		case err != nil:
			return append(valid, changes[i:]...), err
		}
		valid = append(valid, c)
	}
	return valid, nil
}

// storeLast is the last attempt before the desk stops.
func (d *Desk) storeLast(ctx context.Context, changes []omen.Change) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := d.o.Store.Append(last, changes...); err != nil {
		d.o.Log.Error("changes are not stored at the end", "count", len(changes), "err", err)
		return
	}
	d.stored(len(changes))
}

// pause waits before the next attempt; false: ctx ended.
func (d *Desk) pause(ctx context.Context, wait time.Duration, why error) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		case a := <-d.asks:
			a.done <- why
		}
	}
}

func (d *Desk) failing(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.health.Errors++
	if d.health.Err == "" {
		d.health.Since = time.Now()
		d.o.Log.Error("incidents cannot be stored, trying again", "err", err)
	}
	d.health.Err = err.Error()
}

func (d *Desk) stored(n int) {
	d.mu.Lock()
	if d.health.Err != "" {
		d.o.Log.Info("incidents are stored again", "dur", time.Since(d.health.Since))
	}
	d.health.Err, d.health.Since = "", time.Time{}
	d.health.Changes += uint64(n)
	d.mu.Unlock()
	d.count()
}

// count counts the open incidents that people see, by severity.
func (d *Desk) count() {
	open := map[omen.Severity]int{}
	for _, in := range d.tracker.open {
		if in.Fleet == "" {
			open[in.Severity]++
		}
	}
	d.mu.Lock()
	d.health.Open = open
	d.mu.Unlock()
}
