package detect_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
)

// levels runs scores through a level, one per step.
func levels(l *detect.Level, from time.Time, step time.Duration, pages float64, scores ...float64) (out []float64) {
	for i, y := range scores {
		out = append(out, l.Next(from.Add(time.Duration(i)*step), y, step, pages))
	}
	return out
}

// repeat is n times y.
func repeat(y float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = y
	}
	return out
}

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func TestLevelOfAPlateau(t *testing.T) {
	for _, step := range []time.Duration{time.Second, 15 * time.Second, time.Minute, 5 * time.Minute} {
		n := int(time.Hour / step)
		var l detect.Level
		got := levels(&l, start, step, 1, append(append(repeat(0.1, n), repeat(4, n)...), 7, 5)...)
		if got[n] != 1 {
			t.Errorf("step %s: level at the onset is %g, want the limit", step, got[n])
		}
		if early := got[n+n/4]; early >= 4 {
			t.Errorf("step %s: a quarter of an hour into the plateau the level is %g: it no longer alerts", step, early)
		}
		if late := got[2*n-1]; late < 4 {
			t.Errorf("step %s: at the end of an hour the plateau at 4 still alerts, level %g", step, late)
		}
		if climbed := got[2*n]; climbed >= 7 {
			t.Errorf("step %s: what climbs by three quarters does not alert, level %g", step, climbed)
		}
	}
}

// At slow steps a sample just above the limit alerts if the next is above it, too, or
// if an episode is open; from 1.5 limits on it alerts by itself. At fast steps an
// incident waits for several samples anyway.
func TestLevelOfALoneSample(t *testing.T) {
	scores := []float64{0.2, 1.4, 0.2, 1.4, 1.2, 0.2, 1.4, 0.2, 1.6}
	slow := []bool{false, false, false, false, true, false, true, false, true}
	fast := []bool{false, true, false, true, true, false, true, false, true}
	for step, want := range map[time.Duration][]bool{time.Second: fast, 15 * time.Second: fast, time.Minute: slow, 5 * time.Minute: slow} {
		var l detect.Level
		for i, level := range levels(&l, start, step, 1, scores...) {
			if got := scores[i] > level; got != want[i] {
				t.Errorf("step %s: sample %d of %g above the level of %g: %t, want %t", step, i, scores[i], level, got, want[i])
			}
		}
		if first := levels(&l, start.Add(24*time.Hour), step, 1, 1.4, 1.4); first[1] >= 1.4 {
			t.Errorf("step %s: the second weak sample after a day does not alert, level %g", step, first[1])
		}
	}
}

// Unlike troubles one after the other fill an hour and are no plateau: each alerts.
func TestLevelOfUnlikeTroubles(t *testing.T) {
	var l detect.Level
	var scores []float64
	for _, height := range []float64{40, 12, 90, 25, 150, 60, 20, 110, 30, 15, 80} {
		scores = append(scores, append(repeat(height, 5), repeat(height/4, 2)...)...)
	}
	for i, level := range levels(&l, start, time.Minute, 1, scores...) {
		if i%7 < 5 && scores[i] <= level {
			t.Errorf("minute %d: a score of %g is not above the level of %g", i, scores[i], level)
		}
	}
}

// A plateau's end is no plateau, and raises no alert either.
func TestLevelAtTheEndOfAPlateau(t *testing.T) {
	const step = 5 * time.Minute
	var l detect.Level
	scores := repeat(100, 24)
	for y := 67.; y > 0.5; y *= 0.67 {
		scores = append(scores, y)
	}
	got := levels(&l, start, step, 1, append(scores, repeat(0.1, 24)...)...)
	for i := 24; i < len(scores); i++ {
		if scores[i] > got[i] {
			t.Errorf("sample %d: %g, falling from a plateau of 100, alerts at a level of %g", i, scores[i], got[i])
		}
	}
	if last := got[len(got)-1]; last != 1 {
		t.Errorf("two hours later the level is %g, want 1", last)
	}
}

func TestLevelFollowsEpisodesAndForgetsThem(t *testing.T) {
	const step = 5 * time.Minute
	for height, want := range map[float64]float64{1.5: math.Exp(0.3), 1e6: 1} {
		var l detect.Level
		got := levels(&l, start, step, 1, append(append(repeat(0, 20), height, height), repeat(0, 300)...)...)
		if peak := got[32]; math.Abs(peak-want) > 0.01 {
			t.Errorf("after an episode of height %g the level is %g, want %g", height, peak, want)
		}
		if last := got[len(got)-1]; last != 1 {
			t.Errorf("a day after it the level is %g, want 1", last)
		}
	}
}

func TestLevelIsScaledByTheBudget(t *testing.T) {
	const step = 5 * time.Minute
	scores := append([]float64{0, 2, 2}, repeat(0, 100)...)
	var one, two detect.Level
	few, many := levels(&one, start, step, 1, scores...), levels(&two, start, step, 4, scores...)
	if last := len(scores) - 1; few[last] <= 1 || many[last] != 1 {
		t.Errorf("eight hours after an episode: level %g at one page a week and %g at four, want above 1 and 1", few[last], many[last])
	}
}

func TestLevelForgetsAPlateauInAGap(t *testing.T) {
	var l detect.Level
	levels(&l, start, time.Minute, 1, repeat(4, 90)...)
	if got := l.Next(start.Add(6*time.Hour), 4, time.Minute, 1); got >= 4 {
		t.Errorf("after hours without a sample the level is %g: what is high again does not alert", got)
	}
}

func TestLevelStaysFinite(t *testing.T) {
	var l detect.Level
	got := levels(&l, start, time.Minute, 1, repeat(math.MaxFloat64, 90)...)
	if last := got[89]; math.IsInf(last, 0) || last <= 1 {
		t.Errorf("level on a plateau at the largest number: %g, want finite and above 1", last)
	}
}

func TestLevelAllocatesNothing(t *testing.T) {
	var l detect.Level
	at := start
	if n := testing.AllocsPerRun(200, func() { at = at.Add(time.Minute); l.Next(at, 2, time.Minute, 1) }); n > 0 {
		t.Errorf("%g allocations, want none", n)
	}
}

// At coarse steps a window has too few samples to show a plateau: what stays high
// goes on alerting.
func TestLevelOfACoarseStep(t *testing.T) {
	for _, step := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour} {
		var l detect.Level
		got := levels(&l, start, step, 1, append(repeat(0.9, 10), repeat(2.6, 10)...)...)
		if last := got[len(got)-1]; last >= 2.6 {
			t.Errorf("step %s: level %g after ten samples of 2.6, want less", step, last)
		}
	}
}

// A level that was stored and read goes on as one that was not.
func TestStoredLevelGoesOn(t *testing.T) {
	for _, step := range []time.Duration{time.Second, time.Minute, 5 * time.Minute} {
		r := rand.New(rand.NewPCG(1, uint64(step)))
		var whole, stored detect.Level
		height := 0.2
		for i := range 400 {
			if r.IntN(40) == 0 {
				height = 4 * r.Float64()
			}
			at, y := start.Add(time.Duration(i)*step), height*(1+0.1*r.Float64())
			if want, got := whole.Next(at, y, step, 1), stored.Next(at, y, step, 1); got != want {
				t.Fatalf("step %s, sample %d: level %g, one that was never stored %g", step, i, got, want)
			}
			text := must.Get(json.Marshal(&stored))(t)
			stored = detect.Level{}
			must.OK(t, json.Unmarshal(text, &stored))
			if stored.Calm() != whole.Calm() || !stored.Since().Equal(whole.Since()) {
				t.Fatalf("step %s, sample %d: read %+v, want %+v", step, i, stored, whole)
			}
		}
	}
}

func TestWhatIsNoLevelIsRefused(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"at":"2026-01-01T00:00:00Z","quiet":-1}`, `{"at":"2026-01-01T00:00:00Z","rises":[{"left":1e30}]}`,
		`{"at":"2026-01-01T00:00:00Z","plateau":-2}`, `{"at":"2026-01-01T00:00:00Z","window":[1,-3]}`, `{"at":7}`,
	} {
		var l detect.Level
		if err := json.Unmarshal([]byte(text), &l); !errors.Is(err, omen.ErrCorrupt) || !l.Since().IsZero() {
			t.Errorf("%s: %v", text, err)
		}
	}
}
