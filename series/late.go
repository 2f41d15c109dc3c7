package series

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/omenhq/omen"
)

const (
	aboutNow    = time.Minute     // a query that ends so near to now asks for what is there now
	maxDelay    = 5 * time.Minute // samples that come later are taken as missing
	marginDelay = 5 * time.Second
	lookAgain   = 30 * time.Second // between two looks for samples of a source that gives none
	lookMost    = 5 * time.Minute  // the same of a source that never had any
	before      = 10 * time.Minute // what was there so long ago should be there now
	sameDelay   = 90 * time.Second // a delay that is about the same for so long is one: samples that have ended get older meanwhile
	lostAfter   = 55 * time.Minute // a source that has given nothing for so long, and did before, has lost its hosts
	fewExprs    = 8                // expressions that are asked to find out
)

// delays are how late samples may come; and ages how old the last ones may be
// of a source that has none in these.
var (
	delays = []time.Duration{0, 15, 30, 45, 60, 90, 120, 150, 180, 210, 240, 270, 300} // seconds
	ages   = []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
)

// late is what is known of a server's newest samples.
type late struct {
	mu     sync.Mutex
	delay  time.Duration // samples are there so long after their time
	given  time.Time     // when a query for now last had samples; zero: never
	looked time.Time     // when they were last looked for
	wait   time.Duration // until the next look
	lost   error         // why there are none, as far as the last look showed; nil: nothing is known to be missing

	none  bool             // the last answer had no samples
	looks map[string]*look // by the first expression of a query: profiles differ in how late their samples come
	whose string           // that of the query by which the delay was measured

	hosts map[string]*lateHosts // by the same: those that come later than the rest
}

// look is what one query has shown of late. What comes in batches is late by more
// at one moment than at another.
type look struct {
	compared time.Time     // when its answer was last compared with earlier ones
	since    time.Time     // when another delay was first found; zero: none was
	until    time.Time     // up to when samples were there then
	most     time.Duration // the largest since then
	looks    int           // since then…
	later    int           // …that found more than the delay
}

// of is what a query has shown. The caller holds mu.
func (l *late) of(q Query) *look {
	whose := q.Exprs[0].PromQL
	if l.looks == nil {
		l.looks = map[string]*look{}
	}
	if l.looks[whose] == nil {
		l.looks[whose] = &look{}
	}
	return l.looks[whose]
}

// Delay is how long after an instant it is read: as configured, or as measured
// where that finds no samples.
func (r *Remote) Delay() time.Duration {
	r.late.mu.Lock()
	defer r.late.mu.Unlock()
	return r.late.delay
}

// Suspected is the largest delay that the last answers suggest, and that is taken
// if it stays the same; 0: none.
func (r *Remote) Suspected() (most time.Duration) {
	r.late.mu.Lock()
	defer r.late.mu.Unlock()
	for _, k := range r.late.looks {
		if !k.since.IsZero() {
			most = max(most, k.most)
		}
	}
	return most
}

// present looks into an answer for what is there now. If there is nothing, or
// less than there was, it finds out whether samples come late, and then reads as
// late as they come: gauges that are late stand still and rates are gaps, or only
// some hosts are missing. A source that had samples and gives none is one that
// cannot be read: the error wraps [omen.ErrUnavailable].
func (r *Remote) present(ctx context.Context, q Query, f *Frame, now time.Time) (*Frame, error) {
	l := &r.late
	l.mu.Lock()
	k := l.of(q)
	if values(f) > 0 {
		if l.lost != nil {
			r.opts.Log.Info("source has samples again")
		}
		if l.none {
			k.since = time.Time{}
		}
		l.given, l.lost, l.none = now, nil, false
		wait := lookMost
		if !k.since.IsZero() {
			wait = lookAgain
		}
		due := now.Sub(k.compared) >= wait
		if due {
			k.compared = now
		}
		l.mu.Unlock()
		if !due {
			return f, nil
		}
		return r.compare(ctx, q, f, now)
	}
	l.none = true
	if now.Sub(l.given) < lookAgain { // what is asked for is not there, other things are
		l.mu.Unlock()
		return f, nil
	}
	due := now.Sub(l.looked) >= l.wait
	if due {
		l.looked, l.wait = now, lookAgain
	}
	lost := l.lost
	l.mu.Unlock()
	if !due {
		return f, lost
	}
	found, some, err := r.measure(ctx, q, now)
	if err != nil {
		return nil, err
	}
	if some && r.adopt(found, q, now) {
		return r.reader.Read(ctx, q)
	}
	return f, r.judge(ctx, q, now)
}

// compare measures how late samples come although there are some for now.
func (r *Remote) compare(ctx context.Context, q Query, f *Frame, now time.Time) (*Frame, error) {
	found, some, err := r.measure(ctx, q, now)
	switch {
	case err != nil:
		return f, nil // the next time: what was asked for was answered
	case some && r.adopt(found, q, now):
		return r.reader.Read(ctx, q)
	case !some: // some have ended
		r.late.mu.Lock()
		r.late.of(q).since = time.Time{}
		r.late.mu.Unlock()
	}
	return f, nil
}

// measure is the least delay with which a query gives nearly as much as it gave
// before; false if none does.
func (r *Remote) measure(ctx context.Context, q Query, now time.Time) (time.Duration, bool, error) {
	all, err := r.ago(ctx, q, now.Add(-before))
	if all == 0 && err == nil {
		all, err = r.ago(ctx, q, now.Add(-maxDelay))
	}
	if all == 0 || err != nil {
		return 0, false, err
	}
	for _, seconds := range delays {
		d := seconds * time.Second
		n, err := r.ago(ctx, q, now.Add(-d))
		if err != nil {
			return 0, false, err
		}
		if 10*n >= 9*all {
			return d, true, nil
		}
	}
	return 0, false, nil
}

// ago is how many values some of the expressions have at an instant, whatever
// the delay.
func (r *Remote) ago(ctx context.Context, q Query, at time.Time) (int, error) {
	at = at.Add(r.Delay()) // which is taken off again
	q.Start, q.End = at.Add(-q.Step), at
	q.Exprs = q.Exprs[:min(len(q.Exprs), fewExprs)]
	f, err := r.reader.Read(ctx, q)
	if err != nil {
		return 0, err
	}
	return values(f), nil
}

// values is how many values a frame has at its last instant.
func values(f *Frame) int {
	n := 0
	for h := range f.Hosts {
		for _, v := range f.Row(h, f.Instants-1) {
			if !math.IsNaN(v) {
				n++
			}
		}
	}
	return n
}

// adopt takes a measured delay: at once the first that finds anything, and a
// smaller one where there is nothing; otherwise the largest of a while in which
// most are another than before, and new samples come: those of hosts that are gone
// only get older. What is smaller than another query needs, or than is configured,
// is none.
func (r *Remote) adopt(found time.Duration, q Query, now time.Time) bool {
	l := &r.late
	l.mu.Lock()
	defer l.mu.Unlock()
	if found > 0 {
		found = min(found+marginDelay, maxDelay) // it was measured at one moment
	}
	k, whose := l.of(q), q.Exprs[0].PromQL
	taken := func(d time.Duration) bool {
		return d == l.delay || d < l.delay && !l.none && (whose != l.whose || d < r.opts.Delay)
	}
	if k.since.IsZero() {
		if taken(found) {
			return false
		}
		*k = look{compared: k.compared, since: now, until: now.Add(-found)}
	}
	if k.most = max(k.most, found); !l.given.IsZero() && (found > l.delay || !l.none) {
		k.looks++
		if found > l.delay {
			k.later++
		}
		passed := now.Sub(k.since)
		if passed < sameDelay {
			return false
		}
		k.since = time.Time{}
		goesOn := 2*now.Add(-found).Sub(k.until) >= passed
		if found = k.most; !goesOn || taken(found) || found > l.delay && 2*k.later <= k.looks {
			return false
		}
	}
	if found == 0 {
		r.opts.Log.Info("samples of the source come in time again")
	} else {
		r.opts.Log.Warn("samples of the source come late: read so much later from now on", "dur", found)
	}
	l.delay, l.whose, l.lost, k.since = found, whose, nil, time.Time{}
	return true
}

// judge says why there are no samples: nil if there never were any, or if they
// ended lately and it is for others to miss the hosts.
func (r *Remote) judge(ctx context.Context, q Query, now time.Time) error {
	l := &r.late
	l.mu.Lock()
	given := l.given
	l.mu.Unlock()
	var lost error
	switch {
	case given.IsZero():
		age, err := r.age(ctx, q, now)
		if err != nil {
			return err
		}
		if age > 0 {
			lost = fmt.Errorf("no samples for now, but %s ago there were some: %w", omen.Soon(age), omen.ErrUnavailable)
		}
	case now.Sub(given) >= lostAfter:
		lost = fmt.Errorf("no samples of any host since %s: %w", given.UTC().Format(time.RFC3339), omen.ErrUnavailable)
	}
	lost = omen.WithHint(lost, "does the server still scrape, or get, what it had? Samples that come more than five minutes late are not read")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = lost
	if lost == nil && given.IsZero() {
		l.wait = lookMost
	}
	return lost
}

// age is how old a source's last samples are, roughly; 0 if it has none of a
// week.
func (r *Remote) age(ctx context.Context, q Query, now time.Time) (time.Duration, error) {
	for _, age := range ages {
		if n, err := r.ago(ctx, q, now.Add(-age)); n > 0 || err != nil {
			return age, err
		}
	}
	return 0, nil
}
