package feature

import "math"

// derive is one derived feature of a host at an instant, given the base
// features of that instant. It is NaN where the frame does not reach back far
// enough or what it needs is a gap.
func (r reader) derive(u rule, now []float64, host, instant int) float64 {
	switch u.Kind {
	case Change, Rate:
		k := r.steps(u)
		if k > instant {
			return math.NaN()
		}
		d := now[u.of] - r.at(host, instant-k, u.of)
		if u.Kind == Rate {
			return d / (float64(k) * r.f.Step.Seconds())
		}
		return d
	case Mean, Spread:
		return r.rolling(u, host, instant)
	case Quotient:
		if math.Abs(now[u.per]) < 1e-12 {
			return math.NaN()
		}
		return now[u.of] / now[u.per]
	case Above:
		switch v := now[u.of]; {
		case math.IsNaN(v):
			return v
		case v > u.Limit:
			return 1
		}
		return 0
	case HourOfDay:
		return float64(r.f.Time(instant).In(u.zone).Hour())
	case Weekday:
		return float64((r.f.Time(instant).In(u.zone).Weekday() + 6) % 7) // Monday is 0, as in the original
	}
	return math.NaN()
}

// steps is a rule's span in the frame's steps, at least one.
func (r reader) steps(u rule) int {
	if r.f.Step <= 0 {
		return math.MaxInt // one instant only: nothing to look back at
	}
	return max(1, int((u.Over+r.f.Step/2)/r.f.Step))
}

// rolling is the mean or the standard deviation over the last steps, the
// instant itself included. At least half of them (and two) must be there.
func (r reader) rolling(u rule, host, instant int) float64 {
	k := r.steps(u)
	if k-1 > instant {
		return math.NaN()
	}
	n, sum, squares := 0, 0.0, 0.0
	first := math.NaN() // values are taken relative to it, so that squares do not cancel
	for i := instant - k + 1; i <= instant; i++ {
		v := r.at(host, i, u.of)
		if math.IsNaN(v) {
			continue
		}
		if n == 0 {
			first = v
		}
		n++
		sum += v - first
		squares += (v - first) * (v - first)
	}
	if 2*n < k || n == 0 || (u.Kind == Spread && n < 2) {
		return math.NaN()
	}
	if u.Kind == Mean {
		return first + sum/float64(n)
	}
	return math.Sqrt(max(0, squares-sum*sum/float64(n)) / float64(n-1))
}
