package incident

import (
	"math"
	"slices"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/forecast"
)

const (
	// emptied is for how long what was full has to be full neither now nor soon
	// before that is over: who frees a little space is not done.
	emptied = 10 * time.Minute
	// moved is by how much the time to full has to change for the incident to say
	// so: half as much again, or less by as much.
	moved = 1.5
	// acceptedRoom is how much further, as a share of the limit, what somebody
	// called no problem has to rise before people are notified of it again.
	acceptedRoom = .05
	// acceptedFor is how long that holds of a resource that gives no reason to
	// think of it.
	acceptedFor = 90 * 24 * time.Hour
)

// outlook is what the tracker remembers of a resource that is, or was of late,
// likely to become full.
type outlook struct {
	condition
	id         omen.Resource
	at         time.Time // of the last forecast
	last       omen.Outlook
	alarm      forecast.Alarm
	full       bool      // it is full, or was since its incident opened
	calm       time.Time // since when it is full neither now nor soon; zero: it is
	due        time.Time // when it is full, as people know
	accepted   float64   // share of the limit that somebody called no problem; 0: nobody did
	acceptedAt time.Time
}

// Outcome is how a forecast of a kind of resource ended: "true", "false",
// "averted" (somebody acted on it), or that there was none, "missed".
type Outcome struct{ Resource, Outcome string }

func (t *Tracker) outlook(id omen.Resource) *outlook {
	o := t.outlooks[id]
	if o == nil {
		o = &outlook{id: id}
		t.outlooks[id] = o
	}
	return o
}

// Foresee takes a round of forecasts and returns what changed, in order.
func (t *Tracker) Foresee(round omen.Outlooks) []omen.Change {
	for i := range round.Of {
		f := &round.Of[i]
		o := t.outlooks[f.Resource]
		switch {
		case o == nil && f.Dated():
			if !f.Due() {
				continue
			}
			o = t.outlook(f.Resource)
		case o == nil && f.Exhausted && f.Sudden:
			t.outcomes[Outcome{f.Name, "missed"}]++
			continue
		case o == nil && (f.Exhausted || f.P[omen.Within24h] < worthwhile):
			continue
		case o == nil:
			o = t.outlook(f.Resource)
		}
		if f.At.After(o.at) {
			t.foresee(o, f)
		}
	}
	for _, o := range t.outlooksOf(func(o *outlook) bool {
		return o.id.Host.Source == round.Source && o.id.Host.Profile == round.Profile && !slices.Contains(round.Unread, o.id.Name)
	}) {
		t.review(o, round.At)
	}
	return t.take()
}

// worthwhile is the probability within a day below which a resource is not
// remembered.
const worthwhile = .2

// outlooksOf are the resources that are chosen, in order.
func (t *Tracker) outlooksOf(chosen func(*outlook) bool) (found []*outlook) {
	for _, o := range t.outlooks {
		if chosen(o) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b *outlook) int {
		return strings.Compare(a.id.Host.ID()+"\x00"+a.id.Name+"\x00"+a.id.Where, b.id.Host.ID()+"\x00"+b.id.Name+"\x00"+b.id.Where)
	})
	return found
}

// foresee takes the next forecast of a resource.
func (t *Tracker) foresee(o *outlook, f *omen.Outlook) {
	if f.Dated() && o.last.Dated() && !f.Expires.Equal(o.last.Expires) {
		o.accepted = 0 // renewed
	}
	o.at, o.last = f.At, *f
	o.alarm.Evaluate(f.Forecast)
	if f.Exhausted || o.alarm.Level != forecast.None {
		o.calm = time.Time{}
	} else if o.calm.IsZero() {
		o.calm = f.At
	}
	switch {
	case f.Exhausted && o.in != nil:
		t.cameTrue(o)
	case f.Exhausted && f.Dated() && !o.held:
		t.openForecast(o)
	case f.Exhausted && f.Sudden && !o.held:
		t.outcomes[Outcome{o.id.Name, "missed"}]++
	case o.alarm.Level != forecast.None && o.in == nil && !o.held:
		t.openForecast(o)
	case o.alarm.Level == forecast.Critical && o.in != nil && o.in.Severity == omen.Warning:
		o.in.Severity, o.checked = omen.Critical, time.Time{} // what is critical is in no budget: ask again
		t.tell(o, omen.ChangeEscalated, omen.ReasonSeverity)
	case o.alarm.Level != forecast.None && o.in != nil && !o.full && o.shifted(t.h.Update):
		t.tell(o, omen.ChangeUpdated, omen.ReasonOutlook)
	}
}

// openForecast opens a resource's incident, or goes on with the one that closed
// a moment ago. It is named after when it opened: a rise that pauses goes on from
// the same onset.
func (t *Tracker) openForecast(o *outlook) {
	f, since := o.last, o.last.Since
	if since.IsZero() {
		since = f.At
	}
	severity := omen.Warning
	if o.alarm.Level == forecast.Critical || f.Exhausted {
		severity = omen.Critical
	}
	o.full = f.Exhausted
	o.due = f.At.Add(f.Full)
	o.open(t, omen.Incident{
		ID:   t.newID(omen.ForecastIncident, f.Host.ID()+"\x00"+f.Name+"\x00"+f.Where, f.At),
		Kind: omen.ForecastIncident, Host: f.Host, State: omen.Open, Severity: severity, Since: since.UTC(), OpenedAt: f.At.UTC(),
		Summary: f.Sentence(t.zone), Forecast: &f,
	}, f.At, omen.ReasonForecast)
	t.annotate(o)
}

// cameTrue notes that a resource with an incident is full: that is no recovery,
// and no trouble of its own.
func (t *Tracker) cameTrue(o *outlook) {
	if o.full {
		return
	}
	o.full = true
	o.in.Severity, o.checked = omen.Critical, time.Time{}
	t.outcomes[Outcome{o.id.Name, "true"}]++
	t.tell(o, omen.ChangeEscalated, omen.ReasonCameTrue)
}

// tell journals what is expected now.
func (t *Tracker) tell(o *outlook, kind omen.ChangeKind, reason string) {
	f := o.last
	o.in.Forecast, o.in.Summary, o.due = &f, f.Sentence(t.zone), f.At.Add(f.Full)
	t.emit(o.in, kind, f.At, reason)
}

// shifted reports whether the resource is full much sooner or later than people
// know, and that was not said within a time.
func (o *outlook) shifted(update time.Duration) bool {
	left := o.due.Sub(o.at)
	if o.last.Full <= 0 || o.at.Sub(o.in.UpdatedAt) < update {
		return false
	}
	ratio := o.last.Full.Seconds() / max(left.Seconds(), 60)
	return ratio > moved || ratio < 1/moved
}

// review closes what is over or gone, looks what is suppressed, and forgets what
// gives no reason to be remembered.
func (t *Tracker) review(o *outlook, at time.Time) {
	gone := at.Sub(o.at) >= t.h.HostGone
	over := !o.calm.IsZero() && (!o.full || at.Sub(o.calm) >= emptied)
	if over || gone {
		o.held = false
	}
	switch {
	case o.in == nil:
	case over && o.full:
		o.close(t, at, omen.ReasonWasFull)
	case over:
		outcome := averted(*o.in)
		t.outcomes[Outcome{o.id.Name, outcome}]++
		if outcome == "false" && o.in.Suppressed == "" {
			t.falsely[o.id.Name] = append(t.falsely[o.id.Name], at)
		}
		o.close(t, at, omen.ReasonRecovered)
	case gone:
		o.close(t, at, omen.ReasonHostGone)
	case o.in.Suppressed != "" && o.alarm.Fading(): // it is ending: nobody needs to hear of it now
		return
	default:
		o.condition.review(t, at)
		t.annotate(o)
		return
	}
	if o.past != nil && at.Sub(o.past.ClosedAt) > t.h.Reopen+t.h.CloseMost {
		o.past = nil
	}
	if o.accepted > 0 && at.Sub(o.acceptedAt) > acceptedFor {
		o.accepted = 0
	}
	quiet := !o.calm.IsZero() && o.last.P[omen.Within24h] < worthwhile
	if o.past == nil && o.accepted == 0 && !o.held && (gone || quiet) {
		delete(t.outlooks, o.id)
	}
}

// share is how much of the limit is used; of a known date whether it has passed.
func share(f omen.Outlook) float64 {
	switch {
	case !f.Dated():
		return f.Used / f.Limit
	case f.Exhausted:
		return 2
	}
	return 1
}

// samePool reports whether two resources of a kind have the same space left, to
// within a hundredth: file systems of one pool, or one file system on many hosts;
// or end at the same instant: one certificate on many hosts.
func samePool(a, b omen.Outlook) bool {
	if a.Dated() || b.Dated() {
		return a.Name == b.Name && a.Resource != b.Resource && a.Expires.Equal(b.Expires)
	}
	left, other := a.Limit-a.Used, b.Limit-b.Used
	return a.Name == b.Name && a.Resource != b.Resource && math.Abs(left-other) <= .01*max(math.Abs(left), math.Abs(other))
}
