package watch

import (
	"hash/fnv"
	"time"

	"github.com/omenhq/omen"
)

// stages are the spans of history after which a host is learned anew, until
// it is grown up; then it is every Options.Retrain. The first comes sooner or
// later with the step: see firstStage.
var stages = []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

const (
	firstSpan    = 150 * time.Second // of the first, provisional model
	firstSamples = 60                // but at least so many samples
	maxRows      = 100_000           // that one training reads, the latest
	jitter       = 0.05              // of a stage's span, so that hosts do not train at once
)

// firstStage is how much history the first model needs at a step.
func firstStage(step time.Duration) time.Duration {
	return max(firstSpan, firstSamples*step)
}

// nextDue is when a host whose first sample was at first, and whose model (if
// any) was trained at trained, is learned next, and the grade to expect.
func nextDue(host string, first, trained time.Time, step, retrain time.Duration) (time.Time, omen.Grade) {
	start := firstStage(step)
	if trained.IsZero() {
		return first.Add(start), grade(start)
	}
	had := trained.Sub(first)
	for _, s := range stages {
		if s > had && s > start {
			return first.Add(s + spread(host, s)), grade(s)
		}
	}
	return trained.Add(retrain + spread(host, retrain)), grade(had + retrain)
}

// grade is what a model of so much history is called; package detect decides
// by what it really learned from.
func grade(span time.Duration) omen.Grade {
	switch {
	case span < time.Hour:
		return omen.Provisional
	case span < 24*time.Hour:
		return omen.Learning
	default:
		return omen.Established
	}
}

// spread is a host's own delay, 0 up to [jitter] of a span of an hour or more.
func spread(host string, span time.Duration) time.Duration {
	if span < time.Hour {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(host))
	return time.Duration(float64(span) * jitter * float64(h.Sum32()) / (1 << 32))
}

// retryAfter is how long to wait after so many failures in a row.
func retryAfter(failures int, step time.Duration) time.Duration {
	return min(max(30*time.Second, 10*step)<<min(failures-1, 6), time.Hour)
}
