package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
)

// part is what the tracker remembers of one profile of a source: each has ticks
// of its own, and may be blind while another is not.
type part struct {
	at      time.Time // of the last tick
	upSince time.Time // the first good tick after the last trouble; zero: none came yet
	swept   time.Time // when its hosts were last looked through

	bad      int // ticks in trouble in a row
	badSince time.Time
	good     int // ticks without trouble in a row
	goodFrom time.Time
	back     bool // since then a host was scored that had been silent

	silent, known int // how many of its hosts send nothing, where those are most and long enough are; else 0

	most, mostBefore int // most hosts that sent samples at one instant since mostFrom, and in the hour before
	mostFrom         time.Time
}

// memberFor is how long a host that is silent counts as one of its source: package
// watch forgets it then.
const memberFor = time.Hour

// speak notes how many hosts send samples, while the profile is not in trouble. At
// the first tick it is as many as the process before this one knew; where it knew
// nothing, those that are silent spoke before.
func (p *part) speak(k omen.Tick, known int) {
	n := len(k.Scores) + k.Young
	switch {
	case k.Err != "":
	case p.mostFrom.IsZero() && known > 0:
		p.mostFrom, p.most = k.At, max(known, n)
	case p.mostFrom.IsZero():
		p.mostFrom, p.most = k.At, n+len(k.Silent)
	case p.bad > 0:
	case k.At.Sub(p.mostFrom) >= memberFor:
		p.mostFrom, p.mostBefore, p.most = k.At, p.most, n
	default:
		p.most = max(p.most, n)
	}
}

// fell reports whether more than half of the hosts fell silent, and no others came in
// their place, as they do where a fleet scales: less than half as many as lately send
// samples.
func (p *part) fell(k omen.Tick) bool {
	n := len(k.Scores) + k.Young
	return len(k.Silent) >= fewHosts && len(k.Silent) > n && 2*n < max(p.most, p.mostBefore)
}

func (s *source) part(profile string) *part {
	p := s.parts[profile]
	if p == nil {
		p = &part{}
		s.parts[profile] = p
	}
	return p
}

// of reports whether a host is one of those that a tick is about.
func of(k omen.Tick, h omen.Host) bool {
	return h.Source == k.Source && (k.Profile == "" || h.Profile == k.Profile)
}

// fewHosts is the size of a source below which silent hosts are single cases, unless
// they are all.
const fewHosts = 5

// tick follows the source's own condition, and reports whether the tick's
// hosts may be judged. A tick that is not newer says nothing new of the source.
func (s *source) tick(t *Tracker, k omen.Tick) bool {
	p := s.part(k.Profile)
	if back := p.at.Sub(k.At); !p.at.IsZero() && back >= 0 && back < t.h.Clock {
		return k.Err == "" && !k.Relived
	}
	s.pass(t, k.At)
	p.at = k.At
	p.silent, p.known = 0, 0
	if k.Relived {
		p.upSince, p.bad, p.good = time.Time{}, 0, 0
		return false
	}
	p.speak(k, s.before.Most[k.Profile])
	reason, enough := s.wrong(t.h, p, k)
	if reason == "" {
		s.fine(t, p, k)
		return true
	}
	if p.bad == 0 {
		p.badSince = k.At
	}
	p.bad++
	p.good, p.back = 0, false
	if enough.Met(p.bad, k.At.Sub(p.badSince)) {
		if n := len(k.Scores) + k.Young; reason == omen.ReasonPartition && n > 0 { // of none at all package watch says that it is down
			p.silent, p.known = len(k.Silent), len(k.Silent)+n
		}
		if !s.down.held {
			s.blind(t, p, k, reason)
		}
	}
	s.down.review(t, k.At)
	return reason != omen.ReasonSourceDown
}

// pass notes that a tick came, of whichever profile.
func (s *source) pass(t *Tracker, at time.Time) {
	if back := s.at.Sub(at); !s.at.IsZero() && back >= 0 && back < t.h.Clock {
		return
	}
	if gap := s.resume(t, at); !gap && !s.at.IsZero() {
		d := at.Sub(s.at)
		s.step, s.lastly = max(d, s.lastly), d
	}
	s.at = at
}

// wrong is what is the matter with a profile of a source, empty if nothing is, and
// the evidence that opens an incident of it. What had hosts and has none is blind,
// be they silent or known no more.
func (s *source) wrong(h Hysteresis, p *part, k omen.Tick) (reason string, enough Evidence) {
	none := len(k.Scores)+k.Young == 0
	switch {
	case k.Err != "":
		return omen.ReasonSourceDown, h.SourceDown
	case p.fell(k):
		return omen.ReasonPartition, h.SourceDown
	case none && (len(k.Silent) > 0 || s.says(k)):
		return omen.ReasonPartition, h.SourceDown
	}
	return "", Evidence{}
}

// says reports whether the open incident names silent hosts of a tick's profile.
func (s *source) says(k omen.Tick) bool {
	return s.down.in != nil && slices.ContainsFunc(s.down.in.Members, func(h omen.Host) bool { return of(k, h) })
}

// blind opens the source's incident. One that is open because the hosts of another
// profile are silent takes in what has come since, and people are notified.
func (s *source) blind(t *Tracker, p *part, k omen.Tick, reason string) {
	in := s.down.in
	switch {
	case in == nil:
		s.down.open(t, s.trouble(t, p, k, reason), k.At, reason)
	case len(in.Members) == 0 || s.down.unread || reason == omen.ReasonPartition && s.says(k):
	default:
		more := s.trouble(t, p, k, reason)
		in.Members = append(in.Members, more.Members...)
		in.Summary += "; " + more.Summary
		s.down.unread = reason == omen.ReasonSourceDown
		t.emit(in, omen.ChangeEscalated, k.At, reason)
	}
}

// trouble is the source's incident, as it opens.
func (s *source) trouble(t *Tracker, p *part, k omen.Tick, reason string) omen.Incident {
	in := omen.Incident{
		ID: t.newID(omen.SourceIncident, s.name, p.badSince), Kind: omen.SourceIncident,
		Host: omen.Host{Source: s.name}, State: omen.Open, Severity: omen.Critical,
		Since: p.badSince.UTC(), OpenedAt: k.At.UTC(), Summary: "source " + s.name + " cannot be read: " + k.Err,
	}
	if reason == omen.ReasonPartition {
		in.Members = slices.Clone(k.Silent)
		of := "source " + s.name
		if len(s.parts) > 1 {
			of += ", profile " + k.Profile + ","
		}
		in.Summary = fmt.Sprintf("%d of %s of %s send nothing", len(k.Silent), omen.Plural(len(k.Silent)+len(k.Scores)+k.Young, "host", "hosts"), of)
		if len(k.Silent) == 1 {
			in.Summary = strings.TrimSuffix(in.Summary, "send nothing") + "sends nothing"
		}
	}
	return in
}

// fine counts a good tick, and closes the source's incident after enough of every
// profile.
func (s *source) fine(t *Tracker, p *part, k omen.Tick) {
	if p.good == 0 {
		p.goodFrom = k.At
	}
	if p.bad > 0 || p.upSince.IsZero() {
		p.upSince = k.At
	}
	p.good++
	p.bad = 0
	if in := s.down.in; in != nil && !p.back {
		p.back = slices.ContainsFunc(k.Scores, func(score omen.Score) bool { return slices.Contains(in.Members, score.Host) })
	}
	enough := s.down.closing(t.h, t.h.SourceUp)
	for _, p := range s.parts {
		if !enough.Met(p.good, p.at.Sub(p.goodFrom)) {
			return
		}
	}
	s.down.close(t, k.At, s.over())
	s.down.held, s.down.unread = false, false
}

// over is why a source's incident ends: it answers again, unless of the hosts that
// fell silent none is back.
func (s *source) over() string {
	if in := s.down.in; in == nil || len(in.Members) == 0 {
		return omen.ReasonRecovered
	}
	for _, p := range s.parts {
		if p.back {
			return omen.ReasonRecovered
		}
	}
	return omen.ReasonHostGone
}
