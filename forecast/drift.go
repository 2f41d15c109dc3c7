package forecast

// drift is where the largest level of each day goes: a line through them by
// Theil and Sen (the median of the slopes of all pairs), which one odd day does
// not turn, and how far the days lay from it.
type drift struct {
	level float64 // of the line today
	slope float64 // per day; 0 without at least four days
	off   [keptDays]float64
	known int // of off
}

// leastDays is from how many whole days on they say where they go.
const leastDays = 4

// slopes appends to buf the slopes, per day, between all pairs of whole days of
// a value of each; the days are counted from today, and with their values given
// too. There are none with too few days.
func (s *Series) slopes(buf []float64, of func(span) float64) (slopes, days, values []float64) {
	today := s.now / daySecs
	var ds, vs [keptDays]float64
	days, values = ds[:0], vs[:0]
	for i := int64(keptDays); i > 0; i-- {
		if d := s.days[max(today-i, 0)%int64(len(s.days))]; d != noSpan {
			days, values = append(days, float64(-i)), append(values, of(d))
		}
	}
	if len(days) < leastDays {
		return nil, nil, nil
	}
	for i := range days {
		for j := range i {
			buf = append(buf, (values[i]-values[j])/(days[i]-days[j]))
		}
	}
	return buf, days, values
}

// trend is what whole days say, and holds for as long as they are the same.
type trend struct {
	day    int32 // for which it was worked out, in days since 1970; 0: for none
	known  bool  // there are enough days
	bound  bool  // levels are bound to the hour
	growth float64
	slope  float64 // of the line through the largest levels, per day
	level  float64 // of that line today
}

// trends are those of today.
func (s *Series) trends() *trend {
	t := &s.quarters.trend
	if today := int32(s.now / daySecs); t.day != today {
		*t = trend{day: today, growth: s.growth(), bound: s.quarters.bound(int64(today))}
		var buf [keptDays * (keptDays - 1) / 2]float64
		slopes, days, tops := s.slopes(buf[:0], func(d span) float64 { return share(d.Max) })
		if t.known = slopes != nil; t.known {
			t.slope = median(slopes)
			for i := range tops {
				tops[i] -= t.slope * days[i]
			}
			t.level = median(tops)
		}
	}
	return t
}

// drift is the line through whole days, and how far each day was off it.
func (s *Series) drift() drift {
	t := s.trends()
	if !t.known || t.slope <= 0 {
		return drift{}
	}
	d := drift{level: t.level, slope: t.slope}
	for i := int64(keptDays); i > 0; i-- {
		if day := s.days[max(s.now/daySecs-i, 0)%int64(len(s.days))]; day != noSpan {
			d.off[d.known] = share(day.Max) + t.slope*float64(i) - t.level
			d.known++
		}
	}
	// After a clean-up the line would be too high until half of the days
	// are new: it goes no higher than what the last two days reached.
	today := s.now / daySecs
	recent := share(s.days[today%int64(len(s.days))].Max)
	if v := s.days[max(today-1, 0)%int64(len(s.days))]; v != noSpan {
		recent = max(recent, share(v.Max))
	}
	d.level = min(d.level, recent)
	return d
}

// within is the probability that one of the next days is full: as of infinitely
// many bootstrap paths of the line and its days' distances. Days count whole,
// from tomorrow on: the next 24 hours are the other experts'.
func (d *drift) within(secs, level float64) float64 {
	if d.slope <= 0 {
		return 0
	}
	spared := 1.0
	for k := 2; k <= int(secs/daySecs); k++ {
		over := 0
		for _, o := range d.off[:d.known] {
			if d.level+d.slope*float64(k)+o >= level {
				over++
			}
		}
		spared *= 1 - float64(over)/float64(d.known)
	}
	return 1 - spared
}
