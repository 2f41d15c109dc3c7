package watch

import (
	"context"
	"fmt"
	"maps"
	"math"
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
		if !sleep(ctx, next.Sub(now)) {
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
	if err := w.relived(at); err != nil {
		w.down(ctx, at, err)
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
	w.offer(ctx, omen.Tick{Source: w.o.Name, At: at, Err: err.Error()})
}

// up records what the source answered.
func (w *Watch) up(at time.Time, took time.Duration, f *series.Frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	state, failed := omen.SourceUp, map[string]string{}
	for name, err := range f.Failed {
		state, failed[name] = omen.SourcePartial, err.Error()
	}
	text := ""
	switch {
	case w.blind(at):
		state, text = omen.SourceDown, fmt.Sprintf("it answers, and none of its %d hosts has sent anything since %s", len(w.hosts), w.spoke.UTC().Format(time.DateTime))
	case len(w.hosts) == 0 && len(f.Hosts) == 0:
		state, text = omen.SourcePartial, "no host has a sample of any feature of profile "+w.o.Schema.Profile()
	}
	if w.left > 0 && state == omen.SourceUp {
		state = omen.SourcePartial // until an instant had room for all
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
	if w.window == 0 {
		w.window = f.Window
	}
}

// tick scores one instant of all hosts.
func (w *Watch) tick(ctx context.Context, f *series.Frame, at time.Time) {
	vectors := w.o.Schema.AppendVectors(nil, f, w.o.Name, at)
	tick := omen.Tick{Source: w.o.Name, At: at}
	w.mu.Lock()
	if w.last.IsZero() {
		nudge(w.found)
	}
	w.last = at
	spoke, left := map[string]bool{}, 0
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
		if i := f.Host(v.Host.Name); i >= 0 {
			h.labels = f.Labels[i]
		}
		if w.events.Boot(h.event(), f, f.Host(v.Host.Name), at) {
			nudge(w.news)
		}
		h.seen, h.values, h.apart = at, v.Values, false
		h.training.Samples++
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
		case len(spoke)+left > 0 && at.Sub(later(h.seen, h.awaited)) > forgetAfter:
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
	slices.SortFunc(tick.Silent, func(a, b omen.Host) int { return strings.Compare(a.Name, b.Name) })
	w.leaveOut(left)
	w.mu.Unlock()
	w.metrics.ticks.Inc()
	w.beat(len(tick.Scores))
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

// leaveOut notes how many hosts there are, and for how many there is no room.
// The caller holds mu.
func (w *Watch) leaveOut(n int) {
	w.status.Hosts = len(w.hosts)
	w.metrics.leftOut.Set(float64(n))
	if n > 0 {
		w.status.State = omen.SourcePartial
		w.status.Err = fmt.Sprintf("%d hosts are not watched: the source has more than max_hosts %d; raise it, or let the source give fewer", n, w.o.MaxHosts)
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

// Hosts is the live state of every host, by name.
func (w *Watch) Hosts() []omen.HostStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]omen.HostStatus, 0, len(w.hosts))
	for _, name := range slices.Sorted(maps.Keys(w.hosts)) {
		out = append(out, w.hostStatus(w.hosts[name]))
	}
	return out
}

// Host is one host's status; false for one that is not known.
func (w *Watch) Host(id omen.Host) (omen.HostStatus, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[id.Name]
	if h == nil || h.id != id {
		return omen.HostStatus{}, false
	}
	return w.hostStatus(h), true
}

// Labels are a host's labels as last read; nil for one that is not known.
func (w *Watch) Labels(id omen.Host) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[id.Name]; h != nil && h.id == id {
		return h.labels
	}
	return nil
}

func (w *Watch) hostStatus(h *host) omen.HostStatus {
	s := omen.HostStatus{
		Host: h.id, Labels: h.labels, State: omen.HostLearning, Score: h.score,
		LastSeen: h.seen, Model: h.info, Training: h.training,
		First: h.first, Stale: w.stale(h, w.last), Drift: h.drift.status(h.stream), SelfTest: h.selfTest,
	}
	s.Training.NextDue = h.due
	switch {
	case h.seen.Before(w.last):
		s.State = omen.HostSilent
	case h.model == nil:
	case h.score.Anomalous():
		s.State = omen.HostAnomalous
	default:
		s.State = omen.HostNormal
	}
	at := func(values []float64, i int) float64 {
		if i < len(values) {
			return values[i]
		}
		return math.NaN()
	}
	s.Features = make([]omen.FeatureValue, 0, w.o.Schema.Len())
	for i, f := range w.o.Schema.Features() {
		v := omen.FeatureValue{
			Name: f.Name, Unit: f.Unit, Help: f.Help, Actual: at(h.values, i),
			Expected: at(h.score.Expected, i), Lower: at(h.score.Lower, i), Upper: at(h.score.Upper, i),
		}
		if i < len(h.score.Shares) {
			v.Share = h.score.Shares[i]
		}
		s.Features = append(s.Features, v)
	}
	return s
}

// Status is the source's live state.
func (w *Watch) Status() omen.SourceStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	s.FailedFeatures, s.LeftOut = maps.Clone(s.FailedFeatures), maps.Clone(s.LeftOut)
	return s
}

// FirstModelDue is when the first model of a host without one is expected; the
// zero time if every known host has one.
func (w *Watch) FirstModelDue() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	var due time.Time
	for _, h := range w.hosts {
		if h.model == nil && (due.IsZero() || h.due.Before(due)) {
			due = h.due
		}
	}
	return due
}
