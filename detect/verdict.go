package detect

import (
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// judgement is what people say of an episode that is open.
type judgement int8

const (
	unjudged    judgement = iota
	judgedReal            // it raises nothing
	judgedFalse           // it raises the level, however strong it is
)

// rise is what an episode adds to the logarithm of the level, or what is left of that.
type rise struct {
	From int64   `json:"from"` // of the episode, in nanoseconds since 1970…
	To   int64   `json:"to"`   // …up to when it counted
	Left float64 `json:"left"`
}

// rises are those of a level, the oldest first, which is forgotten first.
type rises struct {
	all [levelRises]rise
	n   int
}

// kept are those that are not forgotten.
func (r *rises) kept() []rise { return r.all[:r.n] }

func (r *rises) sum() (sum float64) {
	for _, one := range r.kept() {
		sum += one.Left
	}
	return sum
}

// add puts one last; where there is no room the oldest two become one.
func (r *rises) add(one rise) {
	if r.n == levelRises {
		r.all[1] = rise{r.all[0].From, r.all[1].To, r.all[0].Left + r.all[1].Left}
		copy(r.all[:], r.all[1:])
		r.n--
	}
	r.all[r.n] = one
	r.n++
}

func (r *rises) forget(part float64) {
	gone := 0
	for i := range r.kept() {
		one := &r.all[i]
		if one.Left > part {
			one.Left -= part
			break
		}
		part -= one.Left
		gone++
	}
	r.n = copy(r.all[:], r.all[gone:r.n])
}

// Judge takes up what people say of an incident of the level's host: whether they
// confirmed, acknowledged or rejected it, or take that back, or whether a playbook
// acted on it. A real one raises no level, and what it has raised is taken back; a
// false one raises it however strong it was; of those that nobody judges only weak
// ones do. What would have been forgotten by now is not raised any more. step and
// pages are those of [Level.Next].
func (l *Level) Judge(in omen.Incident, step time.Duration, pages float64) {
	from, to := in.Since, in.ClosedAt
	if in.State != omen.Closed {
		to = l.last
	}
	verdict := unjudged
	switch {
	case in.Verdict == omen.Real || in.Verdict == omen.NoVerdict && (in.AckedBy != "" || in.Actions > 0):
		verdict = judgedReal
	case in.Verdict != omen.NoVerdict:
		verdict = judgedFalse
	}
	open := !l.counted.IsZero() && !l.counted.After(to)
	if open {
		l.judged = verdict
	}
	within := func(r rise) bool { return r.From <= to.UnixNano() && r.To >= from.UnixNano() }
	switch {
	case verdict == judgedReal || verdict == unjudged && in.Peak >= levelStrong:
		l.rises.n = len(slices.DeleteFunc(l.rises.kept(), within))
	case open || slices.ContainsFunc(l.rises.kept(), within):
	default:
		if left := levelStep - forgotten(max(0, l.last.Sub(to)), step, pages); left > 0 {
			l.rises.add(rise{from.UnixNano(), to.UnixNano(), left})
		}
	}
}
