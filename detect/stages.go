package detect

import "time"

// stages are the spans of history after which a host is learned anew: about
// each time that it has doubled, until it is grown up.
var stages = []time.Duration{
	10 * time.Minute, 20 * time.Minute, 40 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, 24 * time.Hour,
}

const (
	firstSpan    = 150 * time.Second
	firstSamples = 60
)

// Relearn is how long after a training a host is learned again at the earliest,
// if there is reason to before it is due.
const Relearn = time.Hour

// HistoryRows is how many samples one fit learns from at most, the latest: at a
// step of a second a good day.
const HistoryRows = 100_000

// FirstStage is how much history a host's first model needs at a step: two and
// a half minutes, and sixty samples.
func FirstStage(step time.Duration) time.Duration { return max(firstSpan, firstSamples*step) }

// NextStage is the span of history with which a host is learned anew that was
// learned with so much, at a step. It is false for one that is grown up: that
// one is learned anew at regular times.
func NextStage(had, step time.Duration) (time.Duration, bool) {
	for _, s := range stages {
		if s > had && s > FirstStage(step) {
			return s, true
		}
	}
	return 0, false
}
