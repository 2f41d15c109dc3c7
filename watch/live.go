package watch

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

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

// Brief is [Watch.Hosts] without their features.
func (w *Watch) Brief() []omen.HostStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]omen.HostStatus, 0, len(w.hosts))
	for _, name := range slices.Sorted(maps.Keys(w.hosts)) {
		out = append(out, w.brief(w.hosts[name]))
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

func (w *Watch) brief(h *host) omen.HostStatus {
	s := omen.HostStatus{
		Host: h.id, Labels: h.labels, State: omen.HostLearning, Score: h.score,
		LastSeen: h.seen, Model: h.info, Training: h.training,
		First: h.first, Stale: w.stale(h, w.last), Drift: h.drift.status(h.stream), SelfTest: h.selfTest, NewLevels: h.newLevels, SlowDrifts: h.drifts, Gaps: h.gaps.shown,
	}
	s.Training.NextDue = h.expected()
	switch {
	case h.seen.Before(w.last):
		s.State = omen.HostSilent
	case h.model == nil:
	case h.score.Anomalous():
		s.State = omen.HostAnomalous
	default:
		s.State = omen.HostNormal
	}
	return s
}

func (w *Watch) hostStatus(h *host) omen.HostStatus {
	s := w.brief(h)
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
	s.FailedFeatures, s.LeftOut, s.Refused, s.Late = maps.Clone(s.FailedFeatures), maps.Clone(s.LeftOut), maps.Clone(s.Refused), maps.Clone(s.Late)
	return s
}

// FirstModelDue is when the first model of a host without one is expected; the
// zero time if every host of which that is known has one.
func (w *Watch) FirstModelDue() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	var due time.Time
	for _, h := range w.hosts {
		if at := h.expected(); h.model == nil && !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	return due
}

// expected is when a host's next model is; the zero time where that is not known:
// until its history was looked up, which may be long, and while it is refused.
func (h *host) expected() time.Time {
	if !h.known || h.refused != "" {
		return time.Time{}
	}
	return h.due
}
