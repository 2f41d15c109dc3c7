package series

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	lookHosts = time.Minute     // between two looks while nothing is in doubt: a look is few, cheap questions
	freshest  = 3               // selectors whose newest sample counts as a host's
	sameLooks = 3               // looks in a row, over [sameDelay], that must agree on a host
	fullSteps = 5 * time.Second // in which is said how late a host's samples come
	lookLasts = 2 * time.Second // at most: the hosts that were read wait to be scored meanwhile
)

// lateHosts is what is known of the hosts of one query whose samples come later
// than the source is read, although those of nearly all others do not: the
// source's delay is measured on all values together, and does not follow them.
type lateHosts struct {
	mu     sync.Mutex
	looked time.Time
	of     map[string]*laggard // those that come late, and those that may
}

// laggard is one such host. One look proves nothing: a connection hangs, a sender
// restarts. A host comes late, or does no more, when looks in a row say so.
type laggard struct {
	late   bool          // it is known to come late
	by     time.Duration // how late; of one that is known to, at the last look that found it so
	since  time.Time     // of the looks in a row that say otherwise than is known; zero: there are none
	newest time.Time     // its newest sample at since
	looks  int           // since then
}

// sighting is what one look finds of a host whose samples come late.
type sighting struct {
	newest time.Time
	age    time.Duration // of its newest sample
}

// hostsOf is what is known of a query's hosts.
func (r *Remote) hostsOf(q Query) *lateHosts {
	r.late.mu.Lock()
	defer r.late.mu.Unlock()
	whose := q.Exprs[0].PromQL
	if r.late.hosts == nil {
		r.late.hosts = map[string]*lateHosts{}
	}
	if r.late.hosts[whose] == nil {
		r.late.hosts[whose] = &lateHosts{of: map[string]*laggard{}}
	}
	return r.late.hosts[whose]
}

// noteLate fills in which of a frame's hosts come later than the source is read. It
// looks every minute, and more often while it is not sure.
func (r *Remote) noteLate(ctx context.Context, q Query, f *Frame, now time.Time) {
	b := r.hostsOf(q)
	b.mu.Lock()
	wait := lookHosts
	for _, g := range b.of {
		if !g.since.IsZero() {
			wait = lookAgain
		}
	}
	due := now.Sub(b.looked) >= wait
	if due {
		b.looked = now
	}
	b.mu.Unlock()
	if due {
		looking, cancel := context.WithTimeout(ctx, lookLasts)
		found, err := r.sightings(looking, q, f.Window, now)
		cancel()
		if err != nil { // the next time: what was asked for was answered
			r.opts.Log.Debug("how late samples of single hosts come was not measured", "err", err)
		} else {
			b.judge(found, r.Suspected() > 0, now)
		}
	}
	f.Late = b.known()
}

// sightings are the hosts whose newest sample is missing in what is read, by more
// than half a window: rates then lack one of their two samples. Samples of a host
// that is scraped more rarely than others are not late: its distance between two
// is taken off.
func (r *Remote) sightings(ctx context.Context, q Query, window time.Duration, now time.Time) (map[string]sighting, error) {
	q, err := q.check()
	if err != nil {
		return nil, err
	}
	selectors := Selectors(q.Exprs, q.By, freshest)
	newest, err := r.highest(ctx, q, selectors, "timestamp(%s)", now)
	if err != nil {
		return nil, err
	}
	limit := r.Delay() + window/2
	found := map[string]sighting{}
	for host, seconds := range newest {
		at := time.UnixMilli(int64(seconds * 1000))
		if age := now.Sub(at); age > limit && age <= maxDelay {
			found[host] = sighting{at, age}
		}
	}
	if len(found) == 0 {
		return found, nil
	}
	counts, err := r.highest(ctx, q, selectors, fmt.Sprintf("count_over_time(%%s[%ds])", int(maxDelay.Seconds())), now)
	if err != nil {
		return nil, err
	}
	for host, s := range found {
		n := counts[host]
		if n < 2 || s.age-time.Duration(float64(maxDelay-s.age)/(n-1)) <= limit {
			delete(found, host)
		}
	}
	return found, nil
}

// highest is the highest value of a question about some selectors for each host, as
// of an instant, whatever the delay.
func (r *Remote) highest(ctx context.Context, q Query, selectors []string, question string, at time.Time) (map[string]float64, error) {
	at = at.Add(r.Delay()).Truncate(time.Millisecond) // the delay is taken off again
	q.Start, q.End, q.Step = at, at, time.Second
	highest := map[string]float64{}
	for _, s := range selectors {
		a := newAnswer(q, nil)
		promQL := fmt.Sprintf("max by (%s) (%s)", strings.Join(q.By, ", "), fmt.Sprintf(question, s))
		if err := r.Evaluate(ctx, promQL, Range{Start: at, End: at, Lookback: maxDelay}, a); err != nil {
			return nil, err
		}
		for host, v := range a.hosts {
			if n := v.values[0]; n > highest[host] { // NaN is not
				highest[host] = n
			}
		}
	}
	return highest, nil
}

// judge takes up a look. While the source as a whole is suspected to come late,
// that is waited for.
func (b *lateHosts) judge(found map[string]sighting, suspected bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for host := range found {
		if b.of[host] == nil {
			b.of[host] = &laggard{}
		}
	}
	for host, g := range b.of {
		s, late := found[host]
		g.see(s, late, suspected, now)
		if !g.late && g.since.IsZero() {
			delete(b.of, host)
		}
	}
}

// see takes up what one look finds of the host.
func (g *laggard) see(s sighting, late, suspected bool, now time.Time) {
	begin := func() {
		if g.since, g.newest, g.looks = now, s.newest, 1; late {
			g.by = s.age
		}
	}
	switch passed := now.Sub(g.since); {
	case late == g.late:
		if g.since = (time.Time{}); late {
			g.by = s.age
		}
	case g.since.IsZero():
		begin()
	default:
		g.looks, g.by = g.looks+1, max(g.by, s.age)
		switch {
		case passed < sameDelay, g.looks < sameLooks, suspected && passed < 3*sameDelay:
		case late && 2*s.newest.Sub(g.newest) < passed:
			begin() // its samples have ended: they only get older
		default:
			g.late, g.since = late, time.Time{}
		}
	}
}

// known is how late the samples of which hosts come; nil: of none.
func (b *lateHosts) known() map[string]time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	var late map[string]time.Duration
	for host, g := range b.of {
		if !g.late {
			continue
		}
		if late == nil {
			late = map[string]time.Duration{}
		}
		late[host] = (g.by + fullSteps - 1).Truncate(fullSteps)
	}
	return late
}
