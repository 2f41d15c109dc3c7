package detect

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// frozen is a host of eight features, of which 2 is constant, and after three days
// 4 keeps the value that it happens to have, for an hour.
func frozen(t *testing.T) (m *Model, train, test []omen.Vector) {
	t.Helper()
	const days = 3
	all := synthetic(51, days*1440+200, 8, time.Minute)
	for k := range all {
		all[k].Values[2] = 0.3
	}
	train, test = all[:days*1440], all[days*1440:]
	m = fitted(t, columns(t, 8), train, Options{Step: time.Minute})
	for k := 60; k < 120; k++ { // an ordinary value, which nothing else says is odd
		test[k].Values[4] = m.scales[4].ZCentre
	}
	return m, train, test
}

// What always moved and stands still is an alert that names it, until it moves.
func TestStuckValueIsFound(t *testing.T) {
	m, train, test := frozen(t)
	scores := play(t, m.Stream(train[2*1440:]), test)
	alerts := func(from, to int) (n int) {
		for _, s := range scores[from:to] {
			if s.Anomalous() {
				n++
			}
		}
		return n
	}
	if n := alerts(95, 120); n < 24 {
		t.Errorf("%d of 25 samples alert half an hour after it stuck", n)
	}
	if n := alerts(0, 60) + alerts(125, 200); n > 0 {
		t.Errorf("%d samples alert while it moves", n)
	}
	c := scores[110].Causes[0]
	if c.Feature != m.specs[4].name || c.Stuck != 50*time.Minute || c.Trivial || !strings.HasSuffix(c.String(), " for 50m") {
		t.Errorf("first cause %+v (%s), want the stuck one", c, c)
	}
}

// A model that was stored finds it, too; one of the release before can be read and
// does not; and so does one of less than a day.
func TestWhatFindsStuckValuesIsStored(t *testing.T) {
	m, train, test := frozen(t)
	s := columns(t, 8)
	loaded := must.Get(Load(must.Get(m.MarshalBinary())(t), s))(t)
	if a, b := play(t, m.Stream(train[2*1440:]), test), play(t, loaded.Stream(train[2*1440:]), test); !slices.EqualFunc(a, b, equalScores) {
		t.Error("a stored model scores otherwise")
	}
	before := *m
	before.stuckAfter, before.leanMost = nil, nil
	w := writer{b: append([]byte(nil), magic...)}
	w.u64(unstuck)
	w.fields(&before)
	w.b = w.b[:len(w.b)-24]
	w.bytes(must.Get(m.net.MarshalBinary())(t))
	w.bytes(m.cardJSON())
	old := must.Get(Load(binary.LittleEndian.AppendUint32(w.b, crc32.Checksum(w.b, castagnoli)), s))(t)
	for _, m := range []*Model{old, fitted(t, s, train[:700], Options{Step: time.Minute})} {
		if score := play(t, m.Stream(train[2*1440:]), test)[110]; slices.ContainsFunc(score.Causes, func(c omen.Cause) bool { return c.Stuck > 0 }) {
			t.Errorf("a %s model without stuck values scores %g: %v", m.grade, score.Value, score.Causes)
		}
	}
}

func TestStuckAllocatesNothing(t *testing.T) {
	m, train, test := frozen(t)
	st := m.Stream(train[2*1440:])
	play(t, st, test[:100])
	k := 100
	if n := testing.AllocsPerRun(90, func() {
		if _, err := st.Score(test[k]); err != nil {
			t.Fatal(err)
		}
		k++
	}); n != 0 {
		t.Errorf("%v allocations per score", n)
	}
}
