package detect

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// moving is a host of eight features, a model of its first three days, and the
// half hours after them, in which by is added to feature 3.
func moving(t *testing.T, halfHours int, by func(minute int) float64) (m *Model, train, test []omen.Vector) {
	t.Helper()
	const days = 3
	all := synthetic(31, days*1440+30*halfHours, 8, time.Minute)
	for k := range 30 * halfHours {
		all[days*1440+k].Values[3] += by(k)
	}
	train, test = all[:days*1440], all[days*1440:]
	return fitted(t, columns(t, 8), train, Options{Step: time.Minute}), train, test
}

// from is what is added from a minute on.
func from(minute int, by float64) func(int) float64 {
	return func(k int) float64 {
		if k < minute {
			return 0
		}
		return by
	}
}

// above is the share of scores above the limit.
func above(scores []omen.Score) float64 {
	n := 0
	for _, s := range scores {
		if s.Value > 1 {
			n++
		}
	}
	return float64(n) / float64(len(scores))
}

// expects reports whether a score's band of feature 3 is around x.
func expects(s omen.Score, x float64) bool {
	e := s.Expected[3]
	return math.Abs(e-x) < 0.5 && s.Lower[3] <= e && e <= s.Upper[3]
}

// What keeps a new level for the stated time is expected to be there: people see which
// feature, from where and since when, and a band around it; a fault meanwhile is found
// and named; what comes back is known. The score knows nothing of it.
func TestNewLevel(t *testing.T) {
	const onset, fault, back = 40, 30 * 60, 36 * 60
	m, train, test := moving(t, 84, func(k int) float64 {
		if k < onset || k >= back {
			return 0
		}
		return 1
	})
	for k := fault; k < fault+15; k++ {
		test[k].Values[5] += 1
	}
	s := m.Stream(train[2*1440:])
	block := int(m.moveBlock() / time.Minute)
	early := onset + int(m.movedAfter()/time.Minute) - block - 30 // the parts are whole ones
	before := play(t, s, test[:early])
	if share := above(before[onset+5:]); share < 0.9 || len(s.NewLevels()) > 0 {
		t.Fatalf("before the time is over %.0f %% of the samples are above the limit, new levels %v; want an alert and none", 100*share, s.NewLevels())
	}
	after := play(t, s, test[early:fault])
	levels := s.NewLevels()
	if len(levels) != 1 || levels[0].Feature != m.specs[3].name || math.Abs(levels[0].Level-levels[0].Was-1) > 0.1 || !levels[0].Back.IsZero() {
		t.Fatalf("new levels %v, want one of %s, higher by 1", levels, m.specs[3].name)
	}
	if off := levels[0].Since.Sub(test[onset].At).Abs(); off > 5*time.Minute {
		t.Errorf("since %s, want about %s", levels[0].Since, test[onset].At)
	}
	if last := after[len(after)-1]; !expects(last, levels[0].Level) {
		t.Errorf("at the new level %.2f is expected, within %.2f and %.2f", last.Expected[3], last.Lower[3], last.Upper[3])
	}
	during := play(t, s, test[fault:back])
	first := slices.IndexFunc(during, func(s omen.Score) bool { return s.Value > 1 && s.Causes[0].Feature == m.specs[5].name })
	if first < 0 || first > 3 {
		t.Errorf("a fault of %s at the new level is first seen at %d", m.specs[5].name, first)
	}
	again := play(t, s, test[back:])
	if last := again[len(again)-1]; !expects(last, levels[0].Was) {
		t.Errorf("back at the old level %.2f is expected, within %.2f and %.2f", last.Expected[3], last.Lower[3], last.Upper[3])
	}
	if levels = s.NewLevels(); len(levels) != 1 || levels[0].Back.Sub(test[back].At).Abs() > m.moveBlock() {
		t.Errorf("levels %v, want one that is back since %s", levels, test[back].At)
	}

	blind := fitted(t, columns(t, 8), train, Options{Step: time.Minute, Without: Parts{Moving: true}})
	all := slices.Concat(before, after, during, again)
	for k, want := range play(t, blind.Stream(train[2*1440:]), test) {
		if got := all[k]; got.Value != want.Value || !slices.Equal(got.Shares, want.Shares) {
			t.Fatalf("sample %d: score %v, without new levels %v", k, got.Value, want.Value)
		}
	}
}

// What goes on climbing has no new level, however slowly.
func TestALeakIsNoNewLevel(t *testing.T) {
	for _, perHour := range []float64{0.02, 0.1, 1} {
		m, train, test := moving(t, 120, func(k int) float64 { return perHour * float64(k) / 60 })
		s := m.Stream(train[2*1440:])
		scores := play(t, s, test)
		if levels := s.NewLevels(); len(levels) > 0 {
			t.Errorf("a leak of %g an hour has a new level: %v", perHour, levels)
		}
		if perHour >= 0.1 && above(scores[len(scores)-60:]) < 1 {
			t.Errorf("a leak of %g an hour is not above the limit after a day", perHour)
		}
	}
}

// After a restart of the host a quarter of the time is enough.
func TestRestartedTakesUpLevelsSooner(t *testing.T) {
	m, train, test := moving(t, 24, from(0, 1))
	s := m.Stream(train[2*1440:])
	s.Restarted(test[0].At)
	n := 3 * int(m.moveBlock()/time.Minute)
	play(t, s, test[:n+3])
	if len(s.NewLevels()) != 1 {
		t.Errorf("new levels %v %d minutes after a restart, want one", s.NewLevels(), n)
	}
}

// New levels are kept by what is stored, and by another model that does not know
// them; one that has learned them lets go.
func TestNewLevelsGoOn(t *testing.T) {
	m, train, test := moving(t, 84, from(0, 1))
	s := m.Stream(train[2*1440:])
	play(t, s, test[:1800])
	var c Centres
	must.OK(t, json.Unmarshal(must.Get(json.Marshal(s.Centres()))(t), &c))
	level := func(scores []omen.Score) bool { return expects(scores[len(scores)-1], c.Moved[0].Level) }
	again := m.GoOn(test[1600:1800], c)
	if !level(play(t, again, test[1800:])) || len(again.NewLevels()) != 1 {
		t.Errorf("after a restart new levels %v, or others are expected", again.NewLevels())
	}
	other := fitted(t, columns(t, 8), train[1440:], Options{Step: time.Minute, Seed: 5})
	next := other.GoOn(test[1600:1800], c)
	if !level(play(t, next, test[1800:])) || len(next.NewLevels()) != 1 {
		t.Errorf("under another model new levels %v, or others are expected", next.NewLevels())
	}
	learned := fitted(t, columns(t, 8), test[:1800], Options{Step: time.Minute})
	known := learned.GoOn(test[1600:1800], c)
	play(t, known, test[1800:])
	if len(known.NewLevels()) > 0 {
		t.Errorf("a model that knows the level still has %v", known.NewLevels())
	}
}
