package exhaustion

// rule is a threshold rule that people run today, on free space: it fires when
// a line through a window, extended, falls below nothing, while less than a
// share is free, for some time. The words are ours; the numbers are theirs.
type rule struct {
	name    string
	window  int     // steps of the regression; 0: none
	ahead   int     // steps that it is extended by
	free    float64 // only when less than this is free
	waits   int     // steps for which it has to hold
	pending int     // steps for which it held
}

// rules are fresh ones, for one track.
func rules() []*rule {
	return []*rule{
		{name: "kube-prometheus, warning", window: 6 * perHour, ahead: perDay, free: .15, waits: perHour},
		{name: "kube-prometheus, critical", window: 6 * perHour, ahead: 4 * perHour, free: .10, waits: perHour},
		{name: "node mixin, warning", window: 6 * perHour, ahead: perDay, free: .40, waits: perHour},
		{name: "node mixin, critical", window: 6 * perHour, ahead: 4 * perHour, free: .20, waits: perHour},
		{name: "line through 1 h", window: perHour, ahead: perDay, free: 1, waits: 1},
		{name: "line through 3 h", window: 3 * perHour, ahead: perDay, free: 1, waits: 1},
		{name: "90 % used", free: .10, waits: 1},
	}
}

// fires evaluates the rule at a step.
func (r *rule) fires(used []float64, now int) bool {
	holds := 1-used[now] < r.free
	if holds && r.window > 0 {
		holds = extended(used[now-r.window:now+1], r.ahead) >= 1
	}
	if !holds {
		r.pending = 0
		return false
	}
	r.pending++
	return r.pending > r.waits
}

// extended is the least squares line through a window, some steps after it.
func extended(v []float64, ahead int) float64 {
	n := float64(len(v))
	mid, mean, cross, square := (n-1)/2, 0.0, 0.0, 0.0
	for _, y := range v {
		mean += y / n
	}
	for i, y := range v {
		d := float64(i) - mid
		cross += d * (y - mean)
		square += d * d
	}
	return mean + cross/square*(mid+float64(ahead))
}
