package detect

import (
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// backedUp is a host whose feature 2 is higher by 1 between two and three at
// night, which is a tenfold of what it does otherwise; nights without backup
// are left as they are.
func backedUp(days int, without ...int) []omen.Vector {
	all := synthetic(21, days*288, 6, 5*time.Minute)
	for t := range all {
		night := t / 288
		if h := all[t].At.Hour(); h == 2 {
			all[t].Shift = "backup"
			if !slices.Contains(without, night) {
				all[t].Values[2] += 1
			}
		}
	}
	return all
}

// peakOf is the largest score among samples that pass.
func peakOf(scores []omen.Score, in func(at time.Time) bool) float64 {
	var peak float64
	for _, s := range scores {
		if in(s.At) {
			peak = max(peak, s.Value)
		}
	}
	return peak
}

// A calendar window moves the expectation: the backup inside of it is normal,
// one outside of it is found, and so is a night without it.
func TestShiftingWindow(t *testing.T) {
	s := columns(t, 6)
	all := backedUp(9, 8)
	noon := 7*288 + 12*12
	for k := noon; k < noon+12; k++ {
		all[k].Values[2] += 1
	}
	m := fitted(t, s, all[:7*288], Options{})
	scores := play(t, m.Stream(all[6*288:7*288]), all[7*288:])
	within := func(from, n int) func(time.Time) bool {
		return func(at time.Time) bool { return !at.Before(all[from].At) && at.Before(all[from+n-1].At) }
	}
	if p := peakOf(scores, within(7*288, 6*12)); p > 1 {
		t.Errorf("the backup in its window scores %.2f", p)
	}
	if p := peakOf(scores, within(noon, 12)); p < 3 {
		t.Errorf("the backup at noon scores %.2f", p)
	}
	if p := peakOf(scores, within(8*288+24, 12)); p < 3 {
		t.Errorf("a night without backup scores %.2f", p)
	}
	in := scores[30] // of the night of day 7, half past two
	if e := in.Expected[2]; e < 1 || e > 2 || in.Lower[2] > e || in.Upper[2] < e {
		t.Errorf("in the window %.2f is expected, within %.2f and %.2f; want about 1.5", e, in.Lower[2], in.Upper[2])
	}
	c := m.Card().Shifts
	if len(c) != 1 || c[0].ID != "backup" || c[0].Occurrences != 7 || c[0].Samples != 7*12 || c[0].Why != "" {
		t.Errorf("card: %+v", c)
	}

	data := must.Get(m.MarshalBinary())(t)
	loaded := must.Get(Load(data, s))(t)
	for i, sc := range play(t, loaded.Stream(all[6*288:7*288]), all[7*288:]) {
		if !equalScores(sc, scores[i]) {
			t.Fatalf("sample %d: loaded scores otherwise than saved", i)
		}
	}
}

// Outside of its windows a host is judged as though the windows' samples had
// not been: a backup twice as large every night does not make it less watched.
func TestShiftingWindowTeachesNothingElse(t *testing.T) {
	s := columns(t, 6)
	all := backedUp(7)
	m := fitted(t, s, all, Options{})
	for t := range all {
		if all[t].Shift != "" {
			all[t].Values[2] += 50
		}
	}
	other := fitted(t, s, all, Options{})
	if m.scales[2] != other.scales[2] {
		t.Errorf("scale %+v, and %+v with another backup", m.scales[2], other.scales[2])
	}
	if a, b := other.limit/m.limit, 1.1; a > b || a < 1/b {
		t.Errorf("limit %v, and %v with another backup", m.limit, other.limit)
	}
}

// What a window does on its first night is learned although it alerts.
func TestNewWindowIsLearned(t *testing.T) {
	s := columns(t, 6)
	all := backedUp(8, 0, 1, 2, 3)
	for k := range 4 * 288 {
		all[k].Shift = ""
	}
	old := fitted(t, s, all[:4*288], Options{})
	var streamed []omen.Score
	for d := 4; d < 8; d++ {
		scores := play(t, old.Stream(all[(d-1)*288:d*288]), all[d*288:(d+1)*288])
		streamed = append(streamed, scores...)
		old = fitted(t, s, all[:(d+1)*288], Options{Warm: old})
	}
	first, last := peakOf(streamed[:36], func(time.Time) bool { return true }), peakOf(streamed[864:900], func(time.Time) bool { return true })
	if first < 3 || last > 1 {
		t.Errorf("the first night scores %.2f, the fourth %.2f; want an alert and none", first, last)
	}
}

// Windows that cover most of the time are the usual state.
func TestShiftingWindowTooLong(t *testing.T) {
	s := columns(t, 3)
	all := synthetic(22, 600, 3, time.Minute)
	for k := range 400 {
		all[k].Shift = "always"
	}
	m := fitted(t, s, all, Options{})
	if c := m.Card().Shifts; len(c) != 1 || c[0].Why == "" || len(m.shifts) != 0 || m.rows != 600 {
		t.Errorf("card %+v, %d learned of %d rows", c, len(m.shifts), m.rows)
	}
}

func TestShiftAllocatesNothing(t *testing.T) {
	s := columns(t, 6)
	all := backedUp(4)
	st := fitted(t, s, all[:3*288], Options{}).Stream(nil)
	k := 3 * 288
	if n := testing.AllocsPerRun(200, func() {
		if _, err := st.Score(all[k]); err != nil {
			t.Fatal(err)
		}
		k++
	}); n != 0 {
		t.Errorf("%v allocations per score", n)
	}
}
