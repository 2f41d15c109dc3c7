package incident

import (
	"slices"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/forecast"
)

// A forecast and a host's incident may be of one trouble: a file system that
// fills. People are notified of whichever comes first; the other is recorded, and
// the host's incident carries the forecast.

// shows reports whether what leads among causes is a sign of a resource that
// becomes full, or that is: what is full stands still.
func shows(causes []omen.Cause, f *omen.Outlook) bool {
	lead, ok := leads(causes)
	return ok && slices.ContainsFunc(f.Features, func(name string) bool {
		return lead == feedback.CauseSign{Feature: name, Up: true} || f.Exhausted && lead == feedback.StuckSign(name)
	})
}

// known is why nobody is notified of a forecast beside what people know already.
// What they were notified of stays so.
func (t *Tracker) known(in *omen.Incident) string {
	o := t.outlooks[in.Forecast.Resource]
	if o == nil {
		return ""
	}
	if o.accepted > 0 && share(o.last) < o.accepted+acceptedRoom && (o.last.Dated() || !o.last.Exhausted) {
		return omen.ReasonFeedback
	}
	if in.ChangeNumber > 0 && in.Suppressed == "" {
		return ""
	}
	if k := t.hosts[o.id.Host]; k != nil && k.in != nil && (shows(k.in.Causes, &o.last) || k.saidOf(&o.last)) && t.notified(k.in) {
		return omen.ReasonSameCause
	}
	if in.Severity == omen.Warning && !in.Forecast.Dated() && t.overspent(o.id.Name, o.at) {
		return omen.ReasonBudget
	}
	for _, other := range t.outlooks {
		if other.in != nil && other.in.Suppressed == "" && samePool(o.last, other.last) {
			return omen.ReasonSamePool
		}
	}
	return ""
}

// saidOf reports whether people were notified, by the open incident, of a sign of a
// resource that becomes full, and the sign is not over: another cause may lead now.
func (k *track) saidOf(f *omen.Outlook) bool {
	return slices.ContainsFunc(k.state.Said, func(s feedback.CauseSign) bool { return s.Up && slices.Contains(f.Features, s.Feature) })
}

const (
	// falseWithin is over what false forecasts are counted.
	falseWithin = 7 * 24 * time.Hour
	// falseLeast is how many of a kind are always acceptable: one says nothing of
	// the kind.
	falseLeast = 3
)

// overspent reports whether forecasts of a kind of resource were false so often of
// late that people are notified of critical ones only.
func (t *Tracker) overspent(kind string, at time.Time) bool {
	t.falsely[kind] = slices.DeleteFunc(t.falsely[kind], func(end time.Time) bool { return at.Sub(end) > falseWithin })
	most := max(falseLeast, t.h.FalseForecasts*float64(len(t.hosts)))
	return float64(len(t.falsely[kind])) >= most
}

// sameCause is the host with an open incident of the same trouble; nil: there is
// none.
func (t *Tracker) sameCause(o *outlook) *track {
	if k := t.hosts[o.id.Host]; k != nil && k.in != nil && shows(k.in.Causes, &o.last) {
		return k
	}
	return nil
}

// notified reports whether people are notified of a host's incident, by itself or
// by its fleet's.
func (t *Tracker) notified(in *omen.Incident) bool {
	var whole *omen.Incident
	if f := t.fleets[in.Fleet]; f != nil {
		whole = f.in
	}
	return feedback.Notified(*in, whole)
}

// annotate puts a forecast on the host's open incident of the same trouble, once.
func (t *Tracker) annotate(o *outlook) {
	k := t.sameCause(o)
	if k == nil || o.in == nil || k.in.Forecast != nil {
		return
	}
	f := o.last
	k.in.Forecast = &f
	t.emit(k.in, omen.ChangeUpdated, o.at, omen.ReasonOutlook)
	t.changes[len(t.changes)-1].Comment = o.in.Summary
}

// foretold reports whether people are notified of a forecast that a host's
// incident shows, and puts the forecast on the incident.
func (t *Tracker) foretold(k *track) bool {
	found := t.outlooksOf(func(o *outlook) bool {
		return o.id.Host == k.host && o.in != nil && o.in.Suppressed == "" && shows(k.in.Causes, &o.last)
	})
	if len(found) == 0 {
		return false
	}
	f := found[0].last
	k.in.Forecast = &f
	return true
}

// averted is the outcome of a forecast that did not come true.
func averted(in omen.Incident) string {
	if feedback.ActedOn(in, nil) || in.Forecast.Dated() { // a date moves only if somebody renews it
		return "averted"
	}
	return "false"
}

// accept takes a verdict on a forecast: of what is no problem people are notified
// again when it has risen further.
func (t *Tracker) accept(in omen.Incident, at time.Time) {
	o := t.outlook(in.Forecast.Resource)
	o.accepted, o.acceptedAt = 0, at
	if in.Verdict != omen.NotAProblem && in.Verdict != omen.Expected {
		return
	}
	if o.accepted = share(*in.Forecast); !o.at.IsZero() {
		o.accepted = share(o.last)
	}
	if o.in != nil {
		o.checked = time.Time{} // ask again
	}
}

// levels are an incident's severity as that of the alarm that it is of.
var levels = map[omen.Severity]forecast.Level{omen.Warning: forecast.Warning, omen.Critical: forecast.Critical}

// restoreOutlook puts in an incident as the journal left it.
func (t *Tracker) restoreOutlook(in *omen.Incident) {
	if in.Forecast == nil {
		return
	}
	o := t.outlook(in.Forecast.Resource)
	o.restore(in)
	if o.in != in {
		return
	}
	o.at, o.last, o.due = in.UpdatedAt, *in.Forecast, in.Forecast.At.Add(in.Forecast.Full)
	o.full = in.Forecast.Exhausted
	o.alarm.Level = levels[in.Severity]
	if o.full {
		o.alarm.Level = forecast.None
	}
}
