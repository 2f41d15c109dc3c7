package forecast

import "math"

// daily is what the same hours of earlier days say: how many of the windows
// that began at this time of day, give or take a quarter of an hour, rose by as
// much as is free now, and how many came to the level itself, by the quarters that
// they took for it.
type daily struct {
	rose   [perDay + 1]int // windows that had risen so far after k quarters
	came   [perDay + 1]int // windows that had come to the level after k quarters
	closed [perDay + 1]int // windows that are known for k quarters
	level  float64         // weight of those that came to the level
}

// daily compares with the last 13 days. Only what has ended is counted, and
// a gap of half an hour ends what is known of a window.
//
// Where the level is not bound to the hour, windows that began lower within their
// last day than it is now do not count: what goes up and down at any time, as a heap
// that is collected, rises from its lows, and not on top of its highs.
//
// The more it has shown that a level ends its rises, rather than their height, the more
// counts which windows came to the level, and not how far they rose: a climb from a
// lower floor says nothing about one from here.
//
// What rises a little further each day is taken to go on so: a window of i days
// ago is scaled as that day's span is by i times the growth, and its tops are raised
// by that.
func (s *Series) daily(level float64) daily {
	d := daily{level: s.quarters.floors.shownByLevel()}
	free, more := max(level-share(s.last), 0), s.trends().growth
	// What no window can have done needs no counting: coming to the level is rising, too.
	climbs := share(s.all.Max)+more*keptDays >= level
	rises := share(s.all.Max)-share(s.all.Min)+more*keptDays >= free
	now := s.now / quarterSecs
	here := -1.0
	if rises && !s.trends().bound {
		here = s.quarters.place(now, share(s.last))
	}
	for i := int64(1); i < keptDays; i++ {
		if at, ok := s.quarters.placeAt(now - i*perDay); ok && at < here-.1 {
			continue
		}
		need, reach := never, never
		if rises {
			need = free
			if d := s.days[max(s.now/daySecs-i, 0)%int64(len(s.days))]; d.Max > d.Min {
				need /= 1 + more*float64(i)/(share(d.Max)-share(d.Min))
			}
		}
		if climbs {
			reach = level - more*float64(i)
		}
		for o := int64(-1); o <= 1; o++ {
			s.window(&d, now-i*perDay+o, now, need, reach)
		}
	}
	for k := 1; k <= perDay; k++ {
		d.rose[k] += d.rose[k-1]
		d.came[k] += d.came[k-1]
	}
	for k := perDay - 1; k >= 0; k-- {
		d.closed[k] += d.closed[k+1]
	}
	return d
}

// bound reports whether levels are bound to the hour: whether on three of five
// days, in the mean of eight hours, they lay within .15 of their median place.
func (q *quarters) bound(today int64) bool {
	near, known := 0, 0
	for hour := int64(0); hour < perDay; hour += perDay / 8 {
		var buf, sorted [keptDays]float64
		places := buf[:0]
		for i := int64(1); i < keptDays-1; i++ { // the day before each is there until midnight
			if p, ok := q.placeAt((today-i)*perDay + hour); ok {
				places = append(places, p)
			}
		}
		middle := median(append(sorted[:0], places...))
		for _, p := range places {
			known++
			if math.Abs(p-middle) <= .15 {
				near++
			}
		}
	}
	return 5*near >= 3*known
}

// placeAt is [quarters.place] of the last level of a quarter; false of a gap.
func (q *quarters) placeAt(quarter int64) (float64, bool) {
	i := quarter % int64(len(q.max))
	if quarter < 0 || q.max[i] == gapLevel {
		return 0, false
	}
	return q.place(quarter, share(q.last(i))), true
}

// place is where a level lies within those of the day up to a quarter: from 0, its
// lowest, to 1; 0 if it did not move.
func (q *quarters) place(quarter int64, level float64) float64 {
	n := int64(len(q.max))
	least, most := uint16(gapLevel), uint16(0)
	for i := max(quarter-perDay, 0) + 1; i <= quarter; i++ {
		if m := q.max[i%n]; m != gapLevel {
			least, most = min(least, q.last(i%n)), max(most, m)
		}
	}
	if least >= most {
		return 0
	}
	return min(max((level-share(least))/(share(most)-share(least)), 0), 1)
}

// growth is by how much the span of levels within a day grows each day: the
// median slope of all pairs of days if nine in ten of them grew, else 0.
func (s *Series) growth() float64 {
	spans := func(d span) float64 { return share(d.Max) - share(d.Min) }
	var buf [keptDays * (keptDays - 1) / 2]float64
	slopes, _, _ := s.slopes(buf[:0], spans)
	grew := 0
	for _, b := range slopes {
		if b > 0 {
			grew++
		}
	}
	if len(slopes) == 0 || 10*grew < 9*len(slopes) {
		return 0
	}
	return median(slopes)
}

// never is a share that nothing rises by or comes to.
const never = 2.

// window follows one from a quarter on, up to the one that is open now, until it has
// risen by what is needed and come to a level.
func (s *Series) window(d *daily, from, now int64, need, level float64) {
	q, n := s.quarters, int64(len(s.quarters.max))
	if q.max[from%n] == gapLevel {
		return
	}
	length := max(min(perDay, now-1-from), 0)
	if need >= never && level >= never {
		d.closed[length]++
		return
	}
	up, high := levelOf(share(q.last(from%n))+need), levelOf(level)
	for k, i := int64(1), (from+1)%n; k <= length && min(up, high) < gapLevel; k++ {
		if m := q.max[i]; m == gapLevel {
			if q.max[(i+1)%n] == gapLevel {
				length = k - 1
				break
			}
		} else if m >= min(up, high) {
			if m >= up {
				d.rose[k]++
				up = gapLevel
			}
			if m >= high {
				d.came[k]++
				high = gapLevel
			}
		}
		if i++; i == n {
			i = 0
		}
	}
	d.closed[length]++
}

// within is the probability of such a rise within some seconds. Three windows
// without a rise are added, so that a day or two of history is never certain.
func (d *daily) within(secs float64) float64 {
	k := min(int(secs/quarterSecs), perDay)
	up := (1-d.level)*float64(d.rose[k]) + d.level*float64(d.came[k])
	return min(up/(max(float64(d.closed[k]), up)+3), 1)
}
