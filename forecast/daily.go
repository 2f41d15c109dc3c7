package forecast

// daily is what the same hours of earlier days say: how many of the windows
// that began at this time of day, give or take a quarter of an hour, rose by as
// much as is free now, by the quarters that they took for it.
type daily struct {
	rose   [perDay + 1]int // windows that had risen so far after k quarters
	closed [perDay + 1]int // windows that are known for k quarters
}

// daily compares with the last 13 days. Only what has ended is counted, and
// a gap of half an hour ends what is known of a window.
func (s *Series) daily(free float64) daily {
	var d daily
	all := s.limits()
	if s.quarters == nil || share(all.Max)-share(all.Min) < free {
		free = 2 // no window can have risen that far: only the lengths count
	}
	now := s.now / quarterSecs
	for i := int64(1); i < keptDays; i++ {
		for o := int64(-1); o <= 1; o++ {
			s.window(&d, now-i*perDay+o, now, free)
		}
	}
	for k := 1; k <= perDay; k++ {
		d.rose[k] += d.rose[k-1]
	}
	for k := perDay - 1; k >= 0; k-- {
		d.closed[k] += d.closed[k+1]
	}
	return d
}

// window follows one from a quarter on, up to the one that is open now.
func (s *Series) window(d *daily, from, now int64, free float64) {
	n := int64(len(s.quarters))
	if n == 0 || s.quarters[from%n].Last == gapLevel {
		return
	}
	length := min(perDay, now-1-from)
	if free > 1.5 {
		d.closed[max(length, 0)]++
		return
	}
	reach := uint16(min(share(s.quarters[from%n].Last)+free, 1.3) * steps)
	for k, i := int64(1), (from+1)%n; k <= length; k++ {
		if m := s.quarters[i].Max; m >= reach {
			if m != gapLevel {
				d.rose[k]++
				break
			}
			if next := s.quarters[(i+1)%n]; next == noQuarter {
				length = k - 1
				break
			}
		}
		if i++; i == n {
			i = 0
		}
	}
	d.closed[max(length, 0)]++
}

// within is the probability of such a rise within some seconds. The three that
// are added to the windows keep a day or two of history from being certain.
func (d *daily) within(secs float64) float64 {
	k := min(int(secs/quarterSecs), perDay)
	return min(float64(d.rose[k])/(float64(max(d.closed[k], d.rose[k]))+3), 1)
}
