package bench

import (
	"cmp"
	"math"
	"slices"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/replay"
)

// message is one page and what it stands for: the samples from the incident's
// first, or from the message itself if it is not the incident's first, to the
// incident's last or the next message.
type message struct {
	at, from, to int
	causes       []omen.Cause
	in           *replay.Incident
}

// messages are what a receiver would have had of a timeline, by time.
func messages(t *replay.Timeline) []message {
	var all []message
	for _, in := range t.Incidents {
		for k, p := range in.Pages {
			m := message{at: p.At, from: p.At, to: in.To, causes: p.Causes, in: in}
			if k == 0 {
				m.from = in.From
			}
			if k+1 < len(in.Pages) {
				m.to = min(m.to, in.Pages[k+1].At-1)
			}
			m.to = max(m.from, m.to)
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b message) int { return cmp.Compare(a.at, b.at) })
	return all
}

// touches reports whether the message is about a labelled segment.
func (m message) touches(s *Series) bool {
	return slices.ContainsFunc(s.Segments, func(g Segment) bool { return g.near(m.from, m.to) })
}

// names reports whether the message names a feature first that is to blame for a
// segment.
func (m message) names(s *Series, g Segment) bool {
	return len(m.causes) > 0 && slices.ContainsFunc(g.Blamed, func(j int) bool { return s.Features[j] == m.causes[0].Feature })
}

// Pages is what people were notified of, beside the labels. A message is right
// if what it stands for touches a labelled segment or the five samples after,
// and the segment is notified then.
type Pages struct {
	Segments  int     `json:"segments"`
	Found     int     `json:"found"`      // notified
	Own       int     `json:"own"`        // of them by a message of their own, sent since they began
	Delays    []int   `json:"delays"`     // seconds from a segment's start to its own message; 0 if an earlier one stands
	Blamed    int     `json:"blamed"`     // notified segments with known causes
	Right     int     `json:"right"`      // of them with a blamed feature first in the message
	Sent      int     `json:"sent"`       // messages
	False     int     `json:"false"`      // of them not right
	HostWeeks float64 `json:"host_weeks"` // without labels
	Missed    Missed  `json:"missed"`     // why the others are not notified
	Drifts    int     `json:"drifts"`     // marks of slow drifts, which nobody is notified of, that touch no segment

	Share        Number `json:"share"` // found of segments
	OwnShare     Number `json:"own_share"`
	DelaySecs    Number `json:"delay_seconds_median"`
	Top1         Number `json:"top1"`
	Precision    Number `json:"precision"`
	F1           Number `json:"f1"`
	FalsePerWeek Number `json:"false_per_host_week"`
	Promised     Number `json:"promised_per_host_week"`
	DriftsWeek   Number `json:"drifts_per_host_week"`
}

// countPages compares a timeline's messages, and its marks of slow drifts, with the labels.
func countPages(s *Series, t *replay.Timeline) Pages {
	p := countMessages(s, messages(t))
	for _, d := range t.Drifts {
		p.Drifts += btoi(!slices.ContainsFunc(s.Segments, func(g Segment) bool { return g.near(d.From, d.Found) }))
	}
	return p
}

func countMessages(s *Series, sent []message) Pages {
	p := Pages{Segments: len(s.Segments)}
	for _, l := range s.Labels {
		p.HostWeeks += float64(btoi(!l)) * s.Step.Hours() / aWeek.Hours()
	}
	for _, m := range sent {
		p.Sent++
		p.False += btoi(!m.touches(s))
	}
	for _, g := range s.Segments {
		m, own, found := g.message(sent)
		if !found {
			continue
		}
		p.Found++
		p.Own += btoi(own)
		delay := 0
		if own {
			delay = int(s.Test[m.at].At.Sub(s.Test[g.Start].At).Seconds())
		}
		p.Delays = append(p.Delays, delay)
		if len(g.Blamed) > 0 {
			p.Blamed++
			p.Right += btoi(m.names(s, g))
		}
	}
	return p
}

// message is the one that people know a segment by: the first that was sent
// since it began, or else the newest before that still stands.
func (g Segment) message(sent []message) (by message, own, found bool) {
	for _, m := range sent {
		if !g.near(m.from, m.to) {
			continue
		}
		if by, found = m, true; m.at >= g.Start {
			return by, true, true
		}
	}
	return by, false, found
}

func (p *Pages) add(o Pages) {
	p.Segments += o.Segments
	p.Found += o.Found
	p.Own += o.Own
	p.Delays = append(p.Delays, o.Delays...)
	p.Blamed += o.Blamed
	p.Right += o.Right
	p.Sent += o.Sent
	p.False += o.False
	p.HostWeeks += o.HostWeeks
	p.Missed.add(o.Missed)
	p.Drifts += o.Drifts
	p.Promised = o.Promised
}

// rate fills in the shares; of a method that notifies nobody there are none.
func (p *Pages) rate() {
	if p.HostWeeks == 0 {
		nan := Number(math.NaN())
		p.Share, p.OwnShare, p.DelaySecs, p.Top1, p.Precision, p.F1, p.FalsePerWeek, p.Promised, p.DriftsWeek = nan, nan, nan, nan, nan, nan, nan, nan, nan
		return
	}
	p.Share = ratio(float64(p.Found), float64(p.Segments))
	p.OwnShare = ratio(float64(p.Own), float64(p.Segments))
	p.DelaySecs = median(p.Delays)
	p.Top1 = ratio(float64(p.Right), float64(p.Blamed))
	p.Precision = ratio(float64(p.Sent-p.False), float64(p.Sent))
	p.F1 = f1(p.Share, p.Precision)
	p.FalsePerWeek = ratio(float64(p.False), p.HostWeeks)
	p.DriftsWeek = ratio(float64(p.Drifts), p.HostWeeks)
}
