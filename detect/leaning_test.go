package detect

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// leaking is a host of eight features, of which 4 is noisy and after three days goes
// away from the others within eight hours, no further than its noise.
func leaking(t *testing.T, o Options) (m *Model, train, test []omen.Vector) {
	t.Helper()
	const days, length = 3, 480
	all := synthetic(61, days*1440+60+length, 8, time.Minute)
	rng := rand.New(rand.NewPCG(61, 2))
	for _, v := range all {
		v.Values[4] += 0.1 * rng.NormFloat64()
	}
	train, test = all[:days*1440], all[days*1440:]
	o.Step = time.Minute
	m = fitted(t, columns(t, 8), train, o)
	for k := range length {
		test[60+k].Values[4] += 2 * m.scales[4].ZWidth * float64(k+1) / length
	}
	return m, train, test
}

// A drift that no sample shows is an alert that names the feature.
func TestSlowDriftIsFound(t *testing.T) {
	m, train, test := leaking(t, Options{})
	without, _, _ := leaking(t, Options{Without: Parts{Leaning: true}})
	alerts := func(m *Model) (n int, last omen.Score) {
		for _, s := range play(t, m.Stream(train[2*1440:]), test)[480:] {
			if last = s; s.Anomalous() {
				n++
			}
		}
		return n, last
	}
	found, last := alerts(m)
	if before, _ := alerts(without); found < 40 || before > found/2 {
		t.Errorf("%d of the last 60 samples alert, and %d without what finds slow drifts", found, before)
	}
	if c := last.Causes[0]; c.Feature != m.specs[4].name {
		t.Errorf("first cause %v, want %s", c, m.specs[4].name)
	}
}

// A model that was stored finds it, too; one of the release before can be read and
// does not, nor does one of less than a day.
func TestWhatFindsSlowDriftsIsStored(t *testing.T) {
	m, train, test := leaking(t, Options{})
	s, recent := columns(t, 8), train[2*1440:]
	loaded := must.Get(Load(must.Get(m.MarshalBinary())(t), s))(t)
	if a, b := play(t, m.Stream(recent), test), play(t, loaded.Stream(recent), test); !slices.EqualFunc(a, b, equalScores) {
		t.Error("a stored model scores otherwise")
	}
	before := *m
	before.leanMost = nil
	w := writer{b: append([]byte(nil), magic...)}
	w.u64(straight)
	w.fields(&before)
	w.b = w.b[:len(w.b)-8]
	w.bytes(must.Get(m.net.MarshalBinary())(t))
	w.bytes(m.cardJSON())
	old := must.Get(Load(binary.LittleEndian.AppendUint32(w.b, crc32.Checksum(w.b, castagnoli)), s))(t)
	if len(old.stuckAfter) == 0 {
		t.Error("a model of the release before lost what finds stuck values")
	}
	for _, m := range []*Model{old, fitted(t, s, train[:700], Options{Step: time.Minute})} {
		st := m.Stream(recent)
		play(t, st, test)
		if h := st.judge.h[byLeaning]; h > 0 {
			t.Errorf("a %s model without what finds slow drifts found %g", m.grade, h)
		}
	}
}

// A copy goes on as the stream would.
func TestCopyKeepsTheLeaning(t *testing.T) {
	m, train, test := leaking(t, Options{})
	st := m.Stream(train[2*1440:])
	play(t, st, test[:200])
	spare := st.CopyTo(nil)
	if a, b := play(t, st, test[200:]), play(t, spare, test[200:]); !slices.EqualFunc(a, b, equalScores) {
		t.Error("a copy scores otherwise")
	}
}
