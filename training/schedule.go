package training

import (
	"hash/fnv"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

// stages are the spans of history after which a host is retrained: about each
// time that it has doubled, until it is grown up.
var stages = []time.Duration{
	10 * time.Minute, 20 * time.Minute, 40 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, day,
}

const (
	day          = 24 * time.Hour
	firstSpan    = 150 * time.Second
	firstSamples = 60
	// soonest is how long after a training a host is trained again at the
	// earliest, if there is reason to before it is due.
	soonest = time.Hour
)

// HistoryRows is how many samples one training learns from at most, the latest:
// at a step of a second a good day.
const HistoryRows = 100_000

// Schedule says when hosts are trained: in stages as they grow up, then at
// regular times.
type Schedule struct {
	Step    time.Duration // between two samples
	Retrain time.Duration // between two trainings of a grown host
	// Spread is the share of a stage or of Retrain that hosts may be late, each
	// by its own, so that they do not train at once; 0: none is.
	Spread float64
}

// FirstStage is how much history a host's first model needs: two and a half
// minutes, and sixty samples.
func (s Schedule) FirstStage() time.Duration { return max(firstSpan, firstSamples*s.Step) }

// Next is when a host is due, and the grade to expect: first is its first
// sample, trained up to when its latest training learned (zero: there was
// none), and asked when there was last a reason to retrain it early (zero:
// never), which is done an hour after the training before at the soonest.
func (s Schedule) Next(host omen.Host, first, trained, asked time.Time) (due time.Time, expect omen.Grade) {
	if trained.IsZero() {
		return first.Add(s.FirstStage()), detect.GradeOf(s.FirstStage())
	}
	had := trained.Sub(first)
	due, expect = trained.Add(s.Retrain+s.late(host, s.Retrain)), detect.GradeOf(had+s.Retrain)
	for _, stage := range stages {
		if stage > had && stage > s.FirstStage() {
			due, expect = first.Add(stage+s.late(host, stage)), detect.GradeOf(stage)
			break
		}
	}
	if soon := trained.Add(soonest); asked.After(trained) && soon.Before(due) {
		return soon, detect.GradeOf(soon.Sub(first))
	}
	return due, expect
}

// Begin is when a host's history would have begun without the gaps in it, during
// which the host or Omen was off: first, its first sample, unless the model
// that serves covers less than the time that it was made from. Stages count
// from there, so that a model of some minutes is not retrained in a day only.
func (s Schedule) Begin(first time.Time, m omen.ModelInfo) time.Time {
	if m.Rows == 0 || rank(m.Grade) >= rank(detect.GradeOf(m.TrainedAt.Sub(m.From))) {
		return first
	}
	return m.TrainedAt.Add(-time.Duration(m.Rows) * s.Step)
}

// late is a host's own delay, up to its part of a span of an hour or more.
func (s Schedule) late(host omen.Host, span time.Duration) time.Duration {
	if span < time.Hour || s.Spread == 0 {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(host.ID()))
	return time.Duration(float64(span) * s.Spread * float64(h.Sum32()) / (1 << 32))
}

// Retry is how long to wait after so many failed trainings in a row.
func (s Schedule) Retry(failures int) time.Duration {
	return min(max(30*time.Second, 10*s.Step)<<min(failures-1, 6), time.Hour)
}
