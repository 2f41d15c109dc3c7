package forecast

// drift is where the largest level of each day goes: a line through them by
// Theil and Sen (the median of the slopes of all pairs), which one odd day does
// not turn, and how far the days lay from it.
type drift struct {
	level float64 // of the line today
	slope float64 // per day; 0 without at least four days
	off   []float64
	buf   [keptDays]float64
}

const leastDriftDays = 4

func (s *Series) drift() drift {
	var d drift
	today := s.now / daySecs
	var days, tops [keptDays]float64
	n := 0
	for i := int64(keptDays); i > 0; i-- {
		if v := s.days[(today-i)%int64(len(s.days))]; v != noSpan {
			days[n], tops[n] = float64(-i), share(v.Max)
			n++
		}
	}
	if n < leastDriftDays {
		return d
	}
	var pairs [keptDays * (keptDays - 1) / 2]float64
	slopes := pairs[:0]
	for i := range n {
		for j := range i {
			slopes = append(slopes, (tops[i]-tops[j])/(days[i]-days[j]))
		}
	}
	d.slope = median(slopes)
	for i := range n {
		d.buf[i] = tops[i] - d.slope*days[i]
	}
	off := d.buf[:n]
	d.level = median(off)
	for i := range off {
		off[i] -= d.level
	}
	d.off = off
	// After a clean-up the line would be too high until half of the days
	// are new: it goes no higher than what the last two days reached.
	recent := share(s.days[today%int64(len(s.days))].Max)
	if v := s.days[(today-1)%int64(len(s.days))]; v != noSpan {
		recent = max(recent, share(v.Max))
	}
	d.level = min(d.level, recent)
	return d
}

// within is the probability that one of the next days is full: as of infinitely
// many bootstrap paths of the line and its days' distances. Days count whole.
func (d *drift) within(secs, level float64) float64 {
	if d.slope <= 0 {
		return 0
	}
	spared := 1.0
	for k := 1; k <= int(secs/daySecs); k++ {
		over := 0
		for _, o := range d.off {
			if d.level+d.slope*float64(k)+o >= level {
				over++
			}
		}
		spared *= 1 - float64(over)/float64(len(d.off))
	}
	return 1 - spared
}
