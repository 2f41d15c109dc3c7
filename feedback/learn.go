package feedback

import (
	"time"

	"github.com/omenhq/omen"
)

// Excluded are the times within from…to that the host's model must not learn as
// normal: of open incidents (until to), of those that an operator confirmed, and
// of closed ones of which people were notified. Rejected and expected incidents,
// trivial ones, those of a model too young to page, those that expired as the new
// normal and those that recur are learnable. To know these the past reaches back
// [LookBack] before from. Spans may overlap.
func (p Past) Excluded(from, to time.Time) []omen.Span {
	recurs := p.recurring()
	return p.spans(from, to, func(in omen.Incident) bool { return excludes(in) && (in.Verdict == omen.Real || !recurs[in.ID]) })
}

// Benign are the times within from…to of those incidents that the host's model is
// to learn although the model before it alerted: of which an operator said that
// nothing was wrong, which expired as the new normal, or which recur. A confirmed
// incident's time is never among them alone: [Past.Excluded] has it too.
func (p Past) Benign(from, to time.Time) []omen.Span {
	recurs := p.recurring()
	return p.spans(from, to, func(in omen.Incident) bool { return benign(in) || recurs[in.ID] })
}

// recurring are the incidents, by ID, that recur, and the fleets' of which they
// are part.
func (p Past) recurring() map[string]bool {
	all := map[string]bool{}
	for _, in := range p.Incidents {
		for _, one := range p.recurs(in).like {
			all[one.ID], all[one.Fleet] = true, true
		}
	}
	return all
}

// spans are the times within from…to of the incidents that are chosen.
func (p Past) spans(from, to time.Time, chosen func(omen.Incident) bool) (spans []omen.Span) {
	for _, in := range p.Incidents {
		s := omen.Span{From: in.Since, To: in.ClosedAt, Why: "incident " + in.ID, Confirmed: in.Verdict == omen.Real}
		if in.State != omen.Closed || s.To.After(to) {
			s.To = to
		}
		if s.From.Before(from) {
			s.From = from
		}
		if s.From.Before(s.To) && chosen(in) {
			spans = append(spans, s)
		}
	}
	return spans
}

// excludes reports whether an incident's time is kept out of training.
func excludes(in omen.Incident) bool {
	switch {
	case in.Kind == omen.SourceIncident || in.Kind == omen.OwnIncident:
		return false // there are no samples to learn from
	case in.Verdict == omen.NotAProblem || in.Verdict == omen.Expected:
		return false
	case in.Verdict == omen.Real:
		return true
	case in.Suppressed == omen.ReasonTrivial || in.Suppressed == omen.ReasonColdStart:
		return false // or a young model would never grow up
	case in.State != omen.Closed:
		return true
	}
	return Notified(in, nil) && in.Reason != omen.ReasonExpired // of a fleet's member by the fleet incident
}

// benign reports whether an incident's time is normal by somebody's word: a
// verdict on it, a verdict on its like before, or a day without anybody's care.
func benign(in omen.Incident) bool {
	if in.Kind == omen.SourceIncident || in.Kind == omen.OwnIncident || in.Verdict == omen.Real {
		return false
	}
	return in.Verdict == omen.NotAProblem || in.Verdict == omen.Expected ||
		in.Suppressed == omen.ReasonFeedback || in.Reason == omen.ReasonExpired
}
