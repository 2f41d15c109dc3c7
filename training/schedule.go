package watch

import (
	"hash/fnv"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

const jitter = 0.05 // of a stage's span, so that hosts do not train at once

// nextDue is when a host whose first sample was at first, and whose model (if
// any) was trained at trained, is learned next, and the grade to expect.
func nextDue(host string, first, trained time.Time, step, retrain time.Duration) (time.Time, omen.Grade) {
	if trained.IsZero() {
		start := detect.FirstStage(step)
		return first.Add(start), grade(start)
	}
	had := trained.Sub(first)
	if s, young := detect.NextStage(had, step); young {
		return first.Add(s + spread(host, s)), grade(s)
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
