package api

import (
	"math"
	"sync"
	"time"

	"github.com/omenhq/omen"
)

// recentScores is how many of a host's last scores are kept: two minutes at a
// 1 s step, half an hour at 15 s; 5 kB a host.
const recentScores = 120

// recent keeps the last scores of every host and wakes those who follow them.
type recent struct {
	mu    sync.Mutex
	hosts map[omen.Host]*ring
	ticks chan struct{} // closed, and replaced, at each tick
	sweep time.Time     // when hosts that are gone were last dropped, by the ticks' time
}

type ring struct {
	points [recentScores]omen.ScorePoint
	next   int
	full   bool
	last   omen.Score // without slices
	below  time.Time  // since when it is at or below the limit; zero: it is not, or silent
	whole  bool       // and below is when it fell, not when it was first seen
}

func newRecent() *recent {
	return &recent{hosts: map[omen.Host]*ring{}, ticks: make(chan struct{})}
}

func (c *recent) observe(k omen.Tick) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range k.Scores {
		c.add(s.Host, omen.ScorePoint{At: s.At, Value: s.Value, Level: s.Level})
		s.Causes, s.Expected, s.Lower, s.Upper, s.Shares = nil, nil, nil, nil, nil
		c.hosts[s.Host].last = s
	}
	for _, h := range k.Silent {
		c.add(h, omen.ScorePoint{At: k.At, Value: math.NaN()})
	}
	if k.At.Sub(c.sweep).Abs() > time.Hour { // Abs: the clock may have been set back
		c.sweep = k.At
		for h, r := range c.hosts {
			if newest := r.points[(r.next+recentScores-1)%recentScores]; k.At.Sub(newest.At).Abs() > time.Hour {
				delete(c.hosts, h)
			}
		}
	}
	close(c.ticks)
	c.ticks = make(chan struct{})
}

func (c *recent) add(h omen.Host, p omen.ScorePoint) {
	r := c.hosts[h]
	if r == nil {
		r = &ring{}
		c.hosts[h] = r
	}
	switch {
	case !(p.Value <= 1): // NaN too
		r.below, r.whole = time.Time{}, true
	case r.below.IsZero():
		r.below = p.At
	}
	r.points[r.next] = p
	r.next = (r.next + 1) % recentScores
	r.full = r.full || r.next == 0
}

// of is a host's last scores, oldest first.
func (c *recent) of(h omen.Host) []omen.ScorePoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.hosts[h]
	if r == nil {
		return nil
	}
	if !r.full {
		return append([]omen.ScorePoint(nil), r.points[:r.next]...)
	}
	return append(append([]omen.ScorePoint(nil), r.points[r.next:]...), r.points[:r.next]...)
}

// below is since when a host has been at or below the limit, zero if it is not now;
// whole: and that is when it fell, not when this process first saw it.
func (c *recent) below(h omen.Host) (since time.Time, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.hosts[h]; r != nil {
		return r.below, r.whole
	}
	return time.Time{}, true
}

// fell notes since when a host has been below the limit, if it still is.
func (c *recent) fell(h omen.Host, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.hosts[h]; r != nil && !r.below.IsZero() && !r.whole {
		r.below, r.whole = since, true
	}
}

// values is the last n scores of a host, oldest first.
func (c *recent) values(h omen.Host, n int) []float64 {
	points := c.of(h)
	points = points[max(0, len(points)-n):]
	out := make([]float64, len(points))
	for i, p := range points {
		out[i] = p.Value
	}
	return out
}

// newest is the latest score of a host.
func (c *recent) newest(h omen.Host) (omen.Score, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.hosts[h]
	if r == nil {
		return omen.Score{}, false
	}
	return r.last, !r.last.At.IsZero()
}

// wake is a channel that is closed at the next tick.
func (c *recent) wake() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ticks
}
