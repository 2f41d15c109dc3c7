package incident

import (
	"maps"
	"slices"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// Labels gives a host's labels; nil or an empty map where it has none. It is
// called when an incident opens and must be quick.
type Labels interface {
	Labels(omen.Host) map[string]string
}

// LabelMap are the labels of hosts that are known.
type LabelMap map[omen.Host]map[string]string

// Labels are a host's; nil where it is not known.
func (m LabelMap) Labels(h omen.Host) map[string]string { return m[h] }

// nobody knows no host.
type nobody struct{}

func (nobody) Labels(omen.Host) map[string]string { return nil }
func (nobody) Retrain(omen.Host)                  {}
func (nobody) Judged(omen.Incident)               {}

// Tracker turns scores into changes of incidents. It is pure: instants come in
// with the scores, and the same scores give the same changes with the same
// keys. It is not safe for concurrent use; a [Manager] owns one.
type Tracker struct {
	h      Hysteresis
	labels Labels
	rules  rules

	hosts    map[omen.Host]*track
	sources  map[string]*source
	kept     map[string]bool           // sources whose samples Omen stores itself
	troubles map[string]*trouble       // of Omen itself, by key
	open     map[string]*omen.Incident // by ID, of every kind
	fleets   map[string]*fleet         // by incident ID; open, or may come back
	used     map[string]time.Time      // IDs of incidents, with their onsets

	outlooks map[omen.Resource]*outlook // of resources that are likely to become full, or are
	outcomes map[Outcome]uint64         // of forecasts, since the start
	falsely  map[string][]time.Time     // when forecasts ended that people were notified of and that were false, by the limit's name; of a week
	zone     *time.Location             // of times of day in what is said of them

	ready    []*track      // hosts whose evidence suffices, waiting for the tick's end
	toNotify []*track      // hosts of whose incident people are to be notified, at the tick's end
	changes  []omen.Change // of the call that is under way
}

// NewTracker is a tracker that knows no host. The zero Hysteresis means
// [DefaultHysteresis]; labels may be nil.
func NewTracker(h Hysteresis, labels Labels) *Tracker {
	if h.Open.Samples == 0 {
		h = DefaultHysteresis()
	}
	if labels == nil {
		labels = nobody{}
	}
	return &Tracker{
		h: h, labels: labels,
		hosts:    map[omen.Host]*track{},
		sources:  map[string]*source{},
		troubles: map[string]*trouble{},
		open:     map[string]*omen.Incident{},
		fleets:   map[string]*fleet{},
		used:     map[string]time.Time{},
		outlooks: map[omen.Resource]*outlook{},
		outcomes: map[Outcome]uint64{},
		falsely:  map[string][]time.Time{},
		zone:     time.UTC,
	}
}

// keeps says which sources' samples Omen stores itself. It is for before the first tick.
func (t *Tracker) keeps(sources []string) {
	t.kept = map[string]bool{}
	for _, name := range sources {
		t.kept[name] = true
	}
}

// Restore puts in incidents as the journal left them: those that are open, and
// those that closed recently and may come back. It is for before the first tick.
func (t *Tracker) Restore(incidents []omen.Incident) {
	for _, in := range incidents {
		in = in.Clone()
		if in.NotifiedAt.IsZero() && in.Suppressed == "" && (in.Kind == omen.HostIncident || in.Kind == omen.FleetIncident) {
			in.NotifiedAt = in.OpenedAt // it is of before that was kept
		}
		t.used[in.ID] = in.Since
		if in.State != omen.Closed {
			t.open[in.ID] = &in
		}
		switch in.Kind {
		case omen.HostIncident:
			t.restoreHost(&in)
		case omen.FleetIncident:
			t.fleets[in.ID] = restoreFleet(&in)
		case omen.ForecastIncident:
			t.restoreOutlook(&in)
		case omen.SourceIncident:
			t.source(in.Host.Source).down.restore(&in)
		case omen.OwnIncident:
			if in.Trouble != "" {
				t.trouble(in.Trouble).restore(&in)
				continue
			}
			s := t.source(in.Host.Source)
			s.own.restore(&in)
			if in.ClosedAt.After(s.before.At) { // ticks came again then
				s.before.At = in.ClosedAt
			}
		}
	}
	for _, f := range t.fleets {
		for h := range f.members {
			if k := t.hosts[h]; k != nil && k.in != nil && (k.in.Fleet == f.in.ID || k.in.Fleet == "" && f.in.State != omen.Closed) {
				f.openHosts[h] = true
			}
		}
	}
}

func (t *Tracker) restoreHost(in *omen.Incident) {
	k := t.track(in.Host)
	if in.State == omen.Closed {
		if k.past == nil || k.past.ClosedAt.Before(in.ClosedAt) {
			k.past = in
		}
		return
	}
	if in.AtPeak == nil {
		in.AtPeak = &omen.Moment{Host: in.Host, Causes: in.Causes}
	}
	k.in, k.at, k.updated = in, in.UpdatedAt, in.UpdatedAt
	k.state = begins(in.UpdatedAt, &run{peak: in.Peak, height: in.Peak, causes: in.Causes})
	k.shown = in.Peak
}

// tracksOf are the hosts that are chosen, in order, so that the same rounds give
// the same changes in the same order.
func (t *Tracker) tracksOf(chosen func(*track) bool) (found []*track) {
	for _, k := range t.hosts {
		if chosen(k) {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b *track) int { return strings.Compare(a.host.ID(), b.host.ID()) })
	return found
}

func (t *Tracker) track(h omen.Host) *track {
	k := t.hosts[h]
	if k == nil {
		k = &track{host: h}
		t.hosts[h] = k
	}
	return k
}

// Observe takes one score and returns what changed; nil where nothing did,
// which costs no allocation.
func (t *Tracker) Observe(s omen.Score) []omen.Change {
	t.observe(&s)
	return t.settle(s.At)
}

// Tick takes one round of scores of one source and returns what changed, in
// order. Hosts that open an incident in the same round for the same reason
// make one incident together.
func (t *Tracker) Tick(k omen.Tick) []omen.Change {
	if !t.source(k.Source).tick(t, k) {
		return t.take()
	}
	for i := range k.Scores {
		s := &k.Scores[i]
		if d := s.At.Sub(k.At); d > t.h.Clock || d < -t.h.Clock {
			continue // one host's bad clock touches nobody, itself included
		}
		t.observe(s)
	}
	t.sweep(k)
	return t.settle(k.At)
}

func (t *Tracker) take() []omen.Change {
	taken := t.changes
	t.changes = nil
	return taken
}

// emit records a step: the only place where an incident's number grows.
func (t *Tracker) emit(in *omen.Incident, kind omen.ChangeKind, at time.Time, reason string) {
	in.ChangeNumber++
	in.UpdatedAt = at.UTC()
	switch kind {
	case omen.ChangeOpened, omen.ChangeReopened, omen.ChangeClosed:
		in.Reason = reason
	}
	if kind == omen.ChangeOpened {
		t.used[in.ID] = in.Since
	}
	if in.State == omen.Closed {
		delete(t.open, in.ID)
	} else {
		t.open[in.ID] = in
	}
	if in.NotifiedAt.IsZero() && feedback.Notifies(omen.Change{Kind: kind, Incident: *in, Reason: reason}) {
		in.NotifiedAt = at.UTC()
	}
	c := omen.Change{Kind: kind, At: at.UTC(), Incident: in.Clone(), Reason: reason, By: "omen"}
	if p := in.AtPeak; p != nil && p.Host == in.Host && slices.Equal(p.Causes, in.Causes) {
		c.Incident.AtPeak = nil
	}
	switch {
	case in.Kind != omen.HostIncident:
	case kind == omen.ChangeOpened:
		c.Comment = t.follows(in)
	case reason == omen.ReasonNewLevel:
		c.Comment = t.newLevels(in)
	case reason == omen.ReasonAnother:
		c.Comment = "Beside or after what was notified before: " + t.track(in.Host).beside
	}
	t.changes = append(t.changes, c)
}

// close ends a host's incident. It is remembered by its causes at the peak: the
// tail of one, or the jump back to normal, has others.
func (t *Tracker) close(k *track, at time.Time, reason string) {
	in := k.in
	if peak := in.PeakCauses(); len(peak) > 0 {
		in.Causes, in.Summary, in.AtPeak = peak, Summary(peak), nil
	}
	in.State, in.ClosedAt = omen.Closed, at.UTC()
	if in.ClosedAt.Before(in.Since) { // the clock was set back
		in.ClosedAt = in.Since
	}
	t.emit(in, omen.ChangeClosed, at, reason)
	k.in, k.past, k.quiet = nil, in, 0
	k.run.stop()
	k.forgetHeight()
	t.leave(k.host, reason)
}

// sweep, once a minute for each profile of a source, closes the incidents of hosts that are gone and
// forgets hosts that nobody has heard of for a day.
func (t *Tracker) sweep(tick omen.Tick) {
	p := t.source(tick.Source).part(tick.Profile)
	if at := tick.At; at.Sub(p.swept) < time.Minute && !at.Before(p.swept) {
		return
	}
	p.swept = tick.At
	for h, k := range t.hosts {
		if !of(tick, h) {
			continue
		}
		switch {
		case k.in == nil && tick.At.Sub(k.at) > 24*time.Hour:
			delete(t.hosts, h)
		case k.past != nil && tick.At.Sub(k.past.ClosedAt) > t.h.Reopen+t.h.CloseMost:
			k.past = nil
		}
	}
	if p.bad == 0 && tick.At.Sub(p.upSince) >= t.h.HostGone {
		for _, k := range t.tracksOf(func(k *track) bool {
			return of(tick, k.host) && k.in != nil && tick.At.Sub(k.at) >= t.h.HostGone
		}) {
			t.close(k, tick.At, omen.ReasonHostGone)
		}
	}
	for id, f := range t.fleets {
		if f.in.State == omen.Closed && tick.At.Sub(f.in.ClosedAt) > t.h.Reopen+t.h.CloseMost {
			delete(t.fleets, id)
		}
	}
	maps.DeleteFunc(t.used, func(_ string, onset time.Time) bool { return tick.At.Sub(onset) > usedFor })
}
