package detect

import (
	"math"
	"time"

	"github.com/omenhq/omen"
)

const (
	// stuckFactor is how many times as long as ever in training a feature keeps one
	// value until it is stuck, and stuckMore how many samples more.
	stuckFactor = 2
	stuckMore   = 10
	// stuckLeast is how long that is at least: twice as long as a Prometheus repeats
	// the last value of a target that is gone.
	stuckLeast = 10 * time.Minute
	// stuckMoves is for how long a feature that always moves may have kept one value
	// in training at most: a count of few things stands still at times, and that it
	// does for longer than before says nothing.
	stuckMoves = 10 * time.Minute
	// stuckScore is what one stuck feature adds to the score: an alert by itself, and
	// as far above the limit as alerts are that mean little. It is no severity.
	stuckScore = 1.5
)

// learnRuns finds how long each feature may keep one value. Only a history of a day
// tells, nights included: without one nothing is ever stuck.
func (f *fit) learnRuns() {
	m, h := f.m, f.h
	if m.without.Stuck || m.grade != omen.Established {
		return
	}
	m.stuckAfter = make([]float32, len(m.active))
	for j, i := range m.active {
		run, most, last := 0, 0, math.NaN()
		for _, values := range h.values {
			switch v := values[i]; {
			case !usable(v):
			case v == last:
				run++
				most = max(most, run)
			default:
				run, last = 0, v
			}
		}
		after := max(stuckFactor*float64(most)+stuckMore, float64(stuckLeast)/float64(m.step))
		if float64(most) > max(float64(stuckMoves)/float64(m.step), 2) {
			after = math.Inf(1)
		}
		m.stuckAfter[j] = float32(after)
	}
}

// stand counts for how many samples each feature has kept its value.
func (f *front) stand() {
	f.stuck = 0
	for j, after := range f.m.stuckAfter {
		switch x := f.x[j]; {
		case !f.ok[j]:
		case x != f.held[j]:
			f.held[j], f.stood[j] = x, 0
		default:
			if f.stood[j]++; f.stood[j] > after {
				f.stuck++
			}
		}
	}
}

// setStuckUnit sets the unit of the channel that counts stuck features, which
// follows from the limit.
func (m *Model) setStuckUnit() { m.spread[byStuck] = 1 / (stuckScore * m.limit) }

// stuckFor is how long feature j has been stuck; 0: it is not.
func (s *Stream) stuckFor(j int) time.Duration {
	if f := s.front; f.stuck > 0 && f.stood[j] > s.m.stuckAfter[j] {
		return time.Duration(f.stood[j]) * s.m.step
	}
	return 0
}
