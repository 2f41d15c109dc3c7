package feedback

import (
	"time"

	"github.com/omenhq/omen"
)

// settledFor is how long what settled is kept out of training from its onset: as
// long as if it had stayed open until it expired; a job that recurs ends before.
const settledFor = 24 * time.Hour

// Spans are the times within from…to that the host's model must not learn as
// normal, and those that it is to learn although the model before it alerted.
//
// Excluded are open incidents (until to), those that an operator confirmed, and
// closed ones of which people were notified, unless they were judged harmless,
// expired as the new normal, or recur. Benign are those, and what is like a
// rejected incident. To know what recurs the past has to reach back [LookBack]
// before from. Spans may overlap.
func (p Past) Spans(from, to time.Time) (excluded, benign []omen.Span) {
	recurs := map[string]bool{}
	for _, in := range p.Incidents {
		for _, one := range p.recurs(in).like {
			recurs[one.ID], recurs[one.Fleet] = true, true
		}
	}
	for _, in := range p.Incidents {
		s := omen.Span{From: in.Since, To: in.ClosedAt, Why: "incident " + in.ID, Confirmed: in.Verdict == omen.Real}
		if in.Reason == omen.ReasonSettled && !recurs[in.ID] {
			s.To = omen.Later(s.To, in.Since.Add(settledFor))
		}
		if in.State != omen.Closed || s.To.After(to) {
			s.To = to
		}
		if s.From.Before(from) {
			s.From = from
		}
		if !s.From.Before(s.To) {
			continue
		}
		keepOut, harmless := weigh(in)
		if keepOut && (s.Confirmed || !recurs[in.ID]) {
			excluded = append(excluded, s)
		}
		if harmless || recurs[in.ID] {
			benign = append(benign, s)
		}
	}
	return excluded, benign
}

// weigh says of an incident by itself whether its time is kept out of training,
// and whether it is normal by somebody's word: a verdict on it, a verdict on its
// like before, or a day in which nobody acted on it.
func weigh(in omen.Incident) (excluded, benign bool) {
	benign = in.Suppressed == omen.ReasonFeedback || in.Reason == omen.ReasonExpired
	switch {
	case in.Kind == omen.ForecastIncident:
		return in.Verdict == omen.Real, false // what rises is normal until it is full
	case in.Kind == omen.SourceIncident || in.Kind == omen.OwnIncident:
		return false, false // there are no samples to learn from
	case in.Verdict == omen.NotAProblem || in.Verdict == omen.Expected:
		return false, true
	case in.Verdict == omen.Real:
		return true, false
	case in.Suppressed == omen.ReasonTrivial || in.Suppressed == omen.ReasonColdStart:
		return false, benign // or a young model would never grow up
	case in.State != omen.Closed:
		return true, benign
	}
	if in.Suppressed == omen.ReasonSameCause {
		return !benign, benign // people are notified by the forecast
	}
	return Notified(in, nil) && !benign, benign // of a fleet's member by the fleet incident
}
