package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	jobsBegin = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) // hosts of these tests are known from then on…
	firstJob  = time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC) // …and have a job from then on
)

// daily is a job from an hour on for so many minutes.
func daily(hour, minutes int) func(time.Time) bool {
	return func(at time.Time) bool {
		m := (at.Hour()-hour)*60 + at.Minute()
		return m >= 0 && m < minutes
	}
}

// A job that is new on a host is notified at its beginning on three days, and then
// neither its beginning nor its end is: whatever its length, hour and load, and if it
// comes more often than daily.
func TestScenarioNewJobs(t *testing.T) {
	cpu := map[string]float64{"cpu_user": .5, "cpu_system": .05, "load_per_core": 1, "context_switches": 2000, "memory_used": .2}
	for _, c := range []struct {
		name  string
		job   func(time.Time) bool
		load  map[string]float64
		tails int // messages on the four days after that are allowed in tails, a quarter of an hour and more after a job's end
	}{
		{"25 minutes at 2", daily(2, 25), nil, 0},
		{"40 minutes at 14", daily(14, 40), nil, 0},
		{"20 minutes of computing at 14", daily(14, 20), cpu, 0},
		{"10 minutes every two hours", func(at time.Time) bool { return at.Hour()%2 == 0 && at.Minute() < 10 }, nil, 4}, // of 48 jobs
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			job := newChain(t, server{begin: jobsBegin, load: c.load, backup: func(at time.Time) bool { return !at.Before(firstJob) && c.job(at) }})
			job.live(t, 0, firstJob.Sub(jobsBegin))
			known := firstJob.AddDate(0, 0, 3)
			days := map[string]bool{}
			for _, p := range job.live(t, firstJob.Sub(jobsBegin), known.Sub(jobsBegin)) {
				days[strings.Join(strings.Fields(p)[:2], " ")] = true
			}
			if len(days) < 3 {
				t.Errorf("people are notified of it on %d days, want three", len(days))
			}
			if pages := job.live(t, known.Sub(jobsBegin), known.AddDate(0, 0, 4).Sub(jobsBegin)); len(pages) > c.tails {
				t.Errorf("from the fourth day on: %q", pages)
			}
		})
	}
	t.Run("weekly", func(t *testing.T) {
		t.Parallel()
		job := newChain(t, server{begin: jobsBegin, backup: func(at time.Time) bool {
			return !at.Before(firstJob) && at.Weekday() == time.Saturday && atNight(at)
		}})
		job.live(t, 0, firstJob.Sub(jobsBegin))
		pages := job.live(t, firstJob.Sub(jobsBegin), firstJob.AddDate(0, 0, 8).Sub(jobsBegin))
		if len(pages) != 2 || !strings.Contains(pages[0], " 02:0") || !strings.Contains(pages[1], " 02:0") {
			t.Errorf("%q, want its two beginnings", pages)
		}
	})
}

// What goes wrong during a job that is expected, or at its end, is notified, and by
// what is wrong: another feature, or the job's own that fall instead of rising.
func TestScenarioFaultWithAJob(t *testing.T) {
	leak := map[string]float64{"memory_used": .8}
	connections := map[string]float64{"tcp_established": 900, "tcp_opens": 300}
	for _, c := range []struct {
		name     string
		night    int
		from, to time.Duration // after two o'clock
		values   map[string]float64
		want     string // what the message names; one of them suffices
	}{
		{"leak", 12, 10, 30, leak, "memory_used"},
		{"leak at its end", 12, 40, 60, leak, "memory_used"},
		{"connections from its beginning", 12, 0, 30, connections, "tcp_"},
		{"the network is cut", 12, 10, 30, map[string]float64{"network_transmit": 0, "network_receive": 0, "network_packets": 0, "disk_read": 0}, "network_"},
	} {
		t.Run(fmt.Sprint(c.name, " on the ", c.night, "th"), func(t *testing.T) {
			t.Parallel()
			start := time.Date(2026, 3, c.night, 2, 0, 0, 0, time.UTC)
			job := newChain(t, server{begin: jobsBegin,
				backup: func(at time.Time) bool { return !at.Before(firstJob) && atNight(at) },
				fault: func(at time.Time, name string, value float64) float64 {
					if m := at.Sub(start); m >= c.from*time.Minute && m < c.to*time.Minute {
						if v, ok := c.values[name]; ok {
							return v
						}
					}
					return value
				}})
			job.live(t, 0, start.Add(-time.Hour).Sub(jobsBegin))
			pages := job.live(t, start.Add(-time.Hour).Sub(jobsBegin), start.Add(c.to*time.Minute).Sub(jobsBegin))
			if !slices.ContainsFunc(pages, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("%q, want %s", pages, c.want)
			}
		})
	}
}
