package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

const (
	// maxCatchUp bounds the instants that one read scores after a slow one;
	// what is older stays a gap.
	maxCatchUp = 60
	// forgetAfter is how long a host may be silent before it is gone.
	forgetAfter = time.Hour
)

// scoreLoop scores every step, at instants that are multiples of it.
func (w *Watch) scoreLoop(ctx context.Context) error {
	for before := time.Now(); ; {
		now := time.Now()
		next := now.Truncate(w.o.Step).Add(w.o.Step)
		if !omen.Sleep(ctx, next.Sub(now)) {
			return nil
		}
		now = time.Now()
		by := omen.ClockStep(before, now)
		before = now
		if by.Abs() >= omen.ClockSet {
			w.clockSet(ctx, now, by) // and next is an instant of the old time
			continue
		}
		w.round(ctx, next)
	}
}

// round reads and scores what is new up to the instant at.
func (w *Watch) round(ctx context.Context, at time.Time) {
	w.readRange(ctx, at)
	w.mu.Lock()
	last := w.last
	w.mu.Unlock()
	from := last.Add(w.o.Step)
	if oldest := at.Add(-(maxCatchUp - 1) * w.o.Step); last.IsZero() || last.After(at) {
		from = at // the first round, or the clock was set back: streams start again
	} else if from.Before(oldest) {
		w.metrics.skipped.Add(float64(oldest.Sub(from) / w.o.Step))
		from = oldest
	}
	if w.relives(at) {
		w.offer(ctx, omen.Tick{Source: w.o.Name, Profile: w.o.Schema.Profile(), At: at, Relived: true})
		return
	}
	w.readShifts(ctx, at)
	began := time.Now()
	frame, err := w.o.Source.Read(ctx, w.past().Query(from.Add(-w.lookback()), at, w.o.Step))
	took := time.Since(began)
	if ctx.Err() != nil {
		return
	}
	w.metrics.read.Observe(took.Seconds())
	if err != nil {
		w.down(ctx, at, err)
		return
	}
	w.up(at, took, frame)
	for ; !from.After(at); from = from.Add(w.o.Step) {
		w.tick(ctx, frame, from)
	}
}

// down records that the source does not answer, and tells the manager.
func (w *Watch) down(ctx context.Context, at time.Time, err error) {
	w.mu.Lock()
	if w.status.State != omen.SourceDown {
		w.log.Error("source does not answer", "err", err)
		w.status.State, w.status.Since = omen.SourceDown, at
	}
	w.status.Err = err.Error()
	if hint := omen.Hint(err); hint != "" {
		w.status.Err += " (" + hint + ")"
	}
	w.mu.Unlock()
	w.offer(ctx, omen.Tick{Source: w.o.Name, Profile: w.o.Schema.Profile(), At: at, Err: err.Error()})
}

// up records what the source answered.
func (w *Watch) up(at time.Time, took time.Duration, f *series.Frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	state, failed := omen.SourceUp, map[string]string{}
	for name, err := range f.Failed {
		state, failed[name] = omen.SourcePartial, err.Error()
	}
	for name, why := range w.limits.failing() {
		state, failed[name] = omen.SourcePartial, why
	}
	text := ""
	switch {
	case w.blind(at):
		state, text = omen.SourceDown, fmt.Sprintf("it answers, and %s since %s", w.nothing(), w.spoke.UTC().Format(time.DateTime))
	case len(w.hosts) == 0 && len(f.Hosts) == 0:
		state, text = omen.SourcePartial, "no host has a sample of any feature of profile "+w.o.Schema.Profile()
	}
	if w.left > 0 && state == omen.SourceUp {
		state = omen.SourcePartial // until an instant had room for all
	}
	if w.status.RefusedHosts > 0 && state == omen.SourceUp {
		one := slices.Min(slices.Collect(maps.Keys(w.status.Refused)))
		state, text = omen.SourcePartial, fmt.Sprintf("%s not judged, such as %s: %s", omen.Plural(w.status.RefusedHosts, "host is", "hosts are"), one, w.status.Refused[one])
	}
	if late := w.lateness(f.Late); late != "" && text == "" {
		state, text = omen.SourcePartial, late
	}
	if w.status.State != omen.SourceUp && w.status.State != omen.SourcePartial {
		w.upSince = at
	}
	if len(f.LeftOut) > 0 && len(w.status.LeftOut) == 0 {
		one := slices.Min(slices.Collect(maps.Keys(f.LeftOut)))
		w.log.Warn("series that name no host are left out", "count", len(f.LeftOut), "err", one+": "+f.LeftOut[one])
	}
	w.status.LeftOut = f.LeftOut
	if w.status.State != state {
		if state == omen.SourceDown {
			w.log.Error("no host of source sends anything", "count", len(w.hosts), "dur", at.Sub(w.spoke))
		} else {
			w.log.Info("source answers", "state", string(state), "count", len(f.Hosts), "why", strings.Join(slices.Sorted(maps.Keys(failed)), ","))
		}
		w.status.State, w.status.Since = state, at
	}
	w.status.Err, w.status.FailedFeatures = text, failed
	w.status.LastRead, w.status.ReadSeconds = at, took.Seconds()
	w.ranges(f, at)
	w.repeated(f)
}

// tick scores one instant of all hosts.
func (w *Watch) tick(ctx context.Context, f *series.Frame, at time.Time) {
	vectors := w.o.Schema.AppendVectors(nil, f, w.o.Name, at)
	tick := omen.Tick{Source: w.o.Name, Profile: w.o.Schema.Profile(), At: at}
	w.mu.Lock()
	if w.last.IsZero() {
		nudge(w.found)
	}
	w.last = at
	spoke, left, due := map[string]bool{}, 0, 0
	var failed []bool
	if len(f.Failed) > 0 {
		failed = w.o.Schema.Failed(nil, f)
	}
	for _, v := range vectors {
		if feature.Silent(v) {
			continue
		}
		h := w.meet(v.Host, at)
		if h == nil {
			left++
			continue
		}
		spoke[v.Host.Name] = true
		if i := f.Host(v.Host.Name); h.identity == nil && i >= 0 {
			w.named(h, f.Labels[i])
		}
		if w.events.Boot(h.event(), f, f.Host(v.Host.Name), at) {
			nudge(w.news)
			if h.stream != nil {
				h.stream.Restarted(at)
			}
		}
		h.gaps.see(v.Values, failed, at, at.Sub(h.seen) >= w.longGap())
		h.seen, h.values, h.apart = at, v.Values, false
		h.training.Samples++
		if h.model != nil {
			due++
		}
		if h.stream == nil || at.Before(w.judged) {
			tick.Young++
			continue
		}
		v.Shift = w.shifted(h, at)
		w.batch.add(h, v)
	}
	if len(spoke)+left > 0 { // a host that there is no room for is heard, too
		w.heard(at)
	}
	blind := w.blind(at)
	tick.Scores = w.score(&w.batch, w.o.Step)
	w.batch.clear()
	for name, h := range w.hosts {
		switch {
		case spoke[name]:
		case len(spoke)+left > 0 && at.Sub(omen.Later(h.seen, h.awaited)) > forgetAfter:
			delete(w.hosts, name)
			w.changed = true
			nudge(w.found)
		case h.model != nil:
			h.part()
			tick.Silent = append(tick.Silent, h.id)
		case blind: // of a source of which nobody is heard those without a model count, too
			tick.Silent = append(tick.Silent, h.id)
		}
	}
	w.reviewGaps(f, at)
	slices.SortFunc(tick.Silent, func(a, b omen.Host) int { return strings.Compare(a.Name, b.Name) })
	w.leaveOut(left)
	w.beat(due, len(tick.Scores))
	w.mu.Unlock()
	w.metrics.ticks.Inc()
	w.metrics.scores.Add(float64(len(tick.Scores)))
	w.offer(ctx, tick)
	if len(tick.Scores) > 0 {
		err := w.o.Sink.Record(ctx, tick.Scores)
		if ctx.Err() == nil {
			switch begin, end := w.outcome(&w.unrecorded, w.metrics.unrecorded, err); {
			case begin:
				w.log.Warn("scores not kept", "err", err)
			case end:
				w.log.Info("scores are kept again")
			}
		}
	}
}

// outcome counts an error, and reports whether errors begin or end with it.
func (w *Watch) outcome(failing *bool, count prometheus.Counter, err error) (begin, end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := *failing
	*failing = err != nil
	if err != nil {
		count.Inc()
	}
	return !was && err != nil, was && err == nil
}

// nothing says that no host sent anything. The caller holds mu.
func (w *Watch) nothing() string {
	if len(w.hosts) == 1 {
		return "its only host has sent nothing"
	}
	return fmt.Sprintf("none of its %d hosts has sent anything", len(w.hosts))
}

// leaveOut notes how many hosts there are, and for how many there is no room.
// The caller holds mu.
func (w *Watch) leaveOut(n int) {
	w.status.Hosts = len(w.hosts)
	w.metrics.leftOut.Set(float64(n))
	if n > 0 {
		w.status.State = omen.SourcePartial
		w.status.Err = fmt.Sprintf("%s not watched: the source has more than max_hosts %d; raise it, or let the source give fewer", omen.Plural(n, "host is", "hosts are"), w.o.MaxHosts)
	}
	if n > 0 && w.left == 0 {
		w.log.Error("source has more hosts than are watched", "count", n, "limit", w.o.MaxHosts)
	}
	w.left = n
}

// meet is the host's place, made at its first sample; nil: there is no room for
// it. The caller holds mu.
func (w *Watch) meet(id omen.Host, at time.Time) *host {
	h := w.hosts[id.Name]
	if h == nil {
		if len(w.hosts) >= w.o.MaxHosts {
			return nil
		}
		h = &host{id: id, first: at, seen: at}
		w.hosts[id.Name] = h
		w.plan(h, at)
		w.changed = true
		nudge(w.found) // its history and its model are looked up
	}
	return h
}

// nudge makes the owner of a channel look again.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (w *Watch) offer(ctx context.Context, k omen.Tick) {
	err := w.o.Sink.Offer(ctx, k)
	if ctx.Err() == nil {
		switch begin, end := w.outcome(&w.unoffered, w.metrics.unoffered, err); {
		case begin:
			w.log.Warn("scores not judged", "err", err)
		case end:
			w.log.Info("scores are judged again")
		}
	}
}
