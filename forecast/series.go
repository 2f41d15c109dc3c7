// Package forecast says when a resource that has a limit will be full: a file
// system, memory, file handles. Rules on a slope assume that it persists; a
// [Series] asks instead whether this resource ever rose that far, at this time
// of day or at all, and how fast it rises now.
//
// Two experts answer. The daily one counts how many of the last days' windows
// from this hour on rose by as much as is free. The rising one takes the current
// rise and asks, of those that got as far, how many went on until full: the
// survival of rise heights. Of what is collected at a level, as a heap is, the same
// is asked of its floors: what is left after each collection. Beyond a day the drift of
// daily maxima is added. What was said of a resource and did not come makes what is said
// of it later less sure.
//
// It is arithmetic: no clock, no I/O, no randomness; the same samples give the
// same bits in any process. It notifies nobody: an
// [Alarm] only says when a forecast is worth it. What has not begun yet it does
// not foresee.
package forecast

import (
	"math"
	"time"

	"github.com/omenhq/omen"
)

// Full is the share of the limit at which a resource counts as full unless a
// profile says otherwise: file systems keep a little for root, and nobody
// writes the last block.
const Full = .995

// staleAfter is the age at which the last sample says nothing about now.
const staleAfter = 30 * time.Minute

// Series is one resource's past, about 290 bytes while it hardly moves and
// 5 KB when it does. It is not safe for concurrent use.
type Series struct {
	history
	zigzag zigzag
	full   float64
	limit  float64 // the last one
	used   float64
	last   uint16 // level of the last sample
}

// New makes an empty series that is full at a share of its limit; [Full] for
// most.
func New(full float64) *Series {
	if !(full > 0 && full <= 1) {
		panic("forecast: full is a share of the limit")
	}
	return &Series{full: full, zigzag: zigzag{eps: levelOf(.004)}}
}

// Observe takes a sample: how much is used of which limit, in the same unit. It
// reports whether the sample was taken: one without a number, with a negative
// value or without a limit is a gap, and so is one that is no later than the
// last, or of January 1970.
func (s *Series) Observe(at time.Time, used, limit float64) bool {
	secs := at.Unix()
	if !(used >= 0) || !(limit > 0) || math.IsInf(used, 0) || math.IsInf(limit, 0) || secs <= s.now || secs < earliest {
		return false
	}
	before := s.now
	s.resize(secs, used, limit)
	l := levelOf(used / limit)
	if before > 0 && secs-before > daySecs {
		s.restart(secs, l)
	}
	s.used, s.limit, s.last = used, limit, l
	s.add(secs, l)
	s.addQuarter(before, secs, l)
	s.turn(s.zigzag.add(secs, l))
	if secs/hourSecs != before/hourSecs {
		s.zigzag.eps = levelOf(s.reversal())
	}
	if secs/daySecs != before/daySecs {
		s.zigzag.forget(secs)
		if s.quarters != nil {
			s.quarters.floors.zigzag.forget(secs)
		}
		if s.still() {
			s.quarters = nil
		}
	}
	if s.quarters == nil && !s.still() {
		s.wake()
	}
	s.keepRecord(before, secs)
	return true
}

// keepRecord judges each hour what was said of a resource that moves, and notes what is
// said of it now, unless it is full. After a gap nobody knows what came.
func (s *Series) keepRecord(before, at int64) {
	if s.quarters == nil {
		return
	}
	r := s.quarters.record
	if at-before > int64(staleAfter/time.Second) {
		r.drop()
	}
	full := share(s.last) >= s.full
	if full {
		r.full = at
	}
	hour := at / hourSecs
	if hour == before/hourSecs {
		return
	}
	r.judge(hour)
	if !full {
		e := s.experts(s.full)
		r.note(hour, e.horizons())
	}
}

// resize follows a limit that changed by more than half a percent: the past is
// read as shares of the new limit, and the current rise begins here.
func (s *Series) resize(at int64, used, limit float64) {
	if s.empty() || math.Abs(limit/s.limit-1) <= .005 {
		return
	}
	factor := min(s.limit/limit, math.MaxFloat64) // nothing times it stays nothing
	s.rescale(factor)
	s.zigzag.rescale(factor)
	if s.quarters != nil {
		s.quarters.record.drop()
	}
	s.restart(at, levelOf(used/limit))
}

// restart begins a new rise.
func (s *Series) restart(at int64, l uint16) {
	s.zigzag.restart(at, l)
	if s.quarters != nil {
		s.quarters.floors.restart()
	}
}

// turn has the floors of a resource that moves see a rise that began, or ended.
func (s *Series) turn(began bool, ended rise) {
	switch {
	case s.quarters == nil:
	case began:
		s.quarters.floors.begin(s.zigzag.Onset, s.zigzag.Low)
	case ended.Top > 0:
		s.quarters.floors.end(ended)
	}
}

// still reports whether the resource is dormant: within two weeks it moved by
// less than 2 %, and more than ten times that is free.
func (s *Series) still() bool {
	moved := share(s.all.Max) - share(s.all.Min)
	return moved < .02 && s.full-share(s.last) > 10*moved
}

// wake makes the quarters out of the days, which moved by less than a tenth of
// what is free, out of a straight line for the current rise, and out of the
// last hour's minutes.
func (s *Series) wake() {
	w := &quarters{floors: new(floors), record: new(record)}
	s.quarters = w
	n, now := int64(len(w.max)), s.now/quarterSecs
	low, onset := s.zigzag.Low, s.zigzag.Onset
	for i := now - n + 1; i <= now; i++ {
		end := (i + 1) * quarterSecs
		l := uint16(gapLevel)
		if d := s.days[i*quarterSecs/daySecs%int64(len(s.days))]; d != noSpan {
			l = d.Max
		}
		if end > onset && s.now > onset {
			part := min(float64(end-onset)/float64(s.now-onset), 1)
			l = levelOf(share(low) + part*(share(s.last)-share(low)))
		}
		w.set(i%n, l, l)
	}
	for m := s.now/minuteSecs - int64(len(s.minutes)) + 1; m <= s.now/minuteSecs; m++ {
		if l := s.minutes[m%int64(len(s.minutes))]; l != gapLevel {
			i := m / 15 % n
			w.set(i, max(w.max[i], l), l)
		}
	}
}

// Forecast says what is expected, by the samples up to now. It is false without
// a sample in the last half hour.
func (s *Series) Forecast(at time.Time) (omen.Forecast, bool) {
	last := time.Unix(s.now, 0).UTC()
	if s.empty() || at.Sub(last) > staleAfter || at.Before(last.Add(-staleAfter)) {
		return omen.Forecast{}, false
	}
	f := omen.Forecast{At: last, Used: s.used, Limit: s.limit, Days: s.known()}
	if share(s.last) >= s.full {
		f.Exhausted, f.P = true, [5]float64{1, 1, 1, 1, 1}
		return f, true
	}
	if s.quarters == nil {
		return f, true
	}
	e := s.experts(s.full)
	f.P = s.quarters.record.doubted(e.horizons())
	lead := e.rising
	if e.floors.within(maxSecs) > lead.within(maxSecs) {
		lead = e.floors
	}
	f.Rises, f.Longer = lead.rises, lead.longer
	if lead.speed > 0 {
		f.Rate, f.Since = lead.speed*s.limit, time.Unix(lead.onset, 0).UTC()
	}
	if c := e.ceiling.level; c > share(s.last) && c < s.full {
		f.Ceiling = c * s.limit
	}
	if total := e.within(maxSecs); f.P[omen.Within7d] >= .05 {
		f.Early, f.Full, f.Late = e.quantile(.1*total), e.quantile(.5*total), e.quantile(.9*total)
	}
	return f, true
}

// Past is how much was used since an instant, as far as it is remembered: by the
// quarter of an hour, in the last hour by the minute. Of a series that hardly
// moves that is the last hour.
func (s *Series) Past(from time.Time) (points []omen.UsedPoint) {
	if s.empty() {
		return nil
	}
	add := func(secs int64, l uint16) {
		if l != gapLevel && secs >= from.Unix() {
			points = append(points, omen.UsedPoint{At: time.Unix(min(secs, s.now), 0).UTC(), Share: share(l)})
		}
	}
	hour := s.now/minuteSecs - 60
	if q := s.quarters; q != nil {
		n := int64(len(q.max))
		for i := s.now/quarterSecs - n + 1; (i+1)*quarterSecs <= hour*minuteSecs; i++ {
			if q.max[i%n] != gapLevel {
				add((i+1)*quarterSecs, q.last(i%n))
			}
		}
	}
	for m := hour; m <= s.now/minuteSecs; m++ {
		add((m+1)*minuteSecs-1, s.minutes[m%int64(len(s.minutes))])
	}
	return points
}

// maxSecs is the longest horizon.
const maxSecs = 7 * daySecs

// experts are what is asked at one instant about one level.
type experts struct {
	daily   daily
	rising  rising
	floors  rising
	drift   drift
	level   float64
	ceiling ceiling
	capped  float64 // the most of what the daily and the rising one say
}

func (s *Series) experts(level float64) experts {
	x, c := share(s.last), s.zigzag.ceiling()
	return experts{s.daily(level), s.rising(level), s.quarters.floors.rising(s.now, x, level), s.drift(), level, c, c.capped(x, level)}
}

// within joins the experts: those that see the same day err together, so that
// the highest counts, but no more than a firm ceiling leaves, beneath which floors
// rise all the same; the drift of days is apart from them.
func (e *experts) within(secs float64) float64 {
	day := max(min(max(e.daily.within(secs), e.rising.within(secs)), e.capped), e.floors.within(secs))
	return 1 - (1-day)*(1-e.drift.within(secs, e.level))
}

// timid is the exponent by which the experts' probability becomes the one that people
// read: the highest of several says too much in the middle. It has the best Brier score
// over the three horizons on the own kinds, seeds 5 to 7.
const timid = 1.3

// horizons are the probabilities for [omen.Horizons].
func (e *experts) horizons() (p [5]float64) {
	for i, h := range omen.Horizons() {
		p[i] = math.Pow(e.within(h.Seconds()), timid)
	}
	return p
}

// quantile is the time by which the probability reaches p, on a grid that grows
// by an eighth from a minute to seven days.
func (e *experts) quantile(p float64) time.Duration {
	before, reached := 0.0, 0.0
	for secs := 60.0; ; secs *= 1.125 {
		secs = min(secs, maxSecs)
		now := max(e.within(secs), reached)
		if now >= p || secs == maxSecs {
			part := 1.0
			if now > reached {
				part = min((p-reached)/(now-reached), 1)
			}
			return time.Duration((before + part*(secs-before)) * float64(time.Second)).Round(time.Second)
		}
		before, reached = secs, now
	}
}
