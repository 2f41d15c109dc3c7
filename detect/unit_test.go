package detect

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// A limit is taken over from the model before only in the same units: of a model of the
// release before, whose units were the 99 % quantile, it would be too low for the scores
// of the one that follows. Nor do the slow drifts of that release go on.
func TestALimitIsTakenOverInTheSameUnits(t *testing.T) {
	m, train, _ := leaking(t, Options{})
	s := columns(t, 8)
	w := writer{b: append([]byte(nil), magic...)}
	w.u64(leaned)
	w.fields(m)
	w.b = w.b[:len(w.b)-8]
	w.bytes(must.Get(m.net.MarshalBinary())(t))
	w.bytes(m.cardJSON())
	old := must.Get(Load(binary.LittleEndian.AppendUint32(w.b, crc32.Checksum(w.b, castagnoli)), s))(t)
	if old.unit != unitYoung || old.leanMost != nil {
		t.Errorf("a model of the release before has the unit %g and slow drifts %v, want %g and none", old.unit, old.leanMost, unitYoung)
	}
	again := must.Get(Load(must.Get(m.MarshalBinary())(t), s))(t)
	if again.unit != m.unit || m.unit != unitQuantile {
		t.Errorf("stored with the unit %g, loaded with %g, want %g", m.unit, again.unit, unitQuantile)
	}
	low := *m
	low.limit = m.limit / 4
	old.limit = low.limit
	if carried := fitted(t, s, train, Options{Step: time.Minute, Warm: &low}); carried.limit > m.limit*.9 {
		t.Errorf("a limit of %g becomes %g where %g is chosen: want it to move slowly in the same units", low.limit, carried.limit, m.limit)
	}
	if chosen := fitted(t, s, train, Options{Step: time.Minute, Warm: old}); chosen.limit < m.limit*.9 {
		t.Errorf("a limit of %g in other units becomes %g where %g is chosen", old.limit, chosen.limit, m.limit)
	}
}

// A host of one feature keeps the larger unit: its evidence is no mean of many.
func TestUnitOfOneFeature(t *testing.T) {
	for width, want := range map[int]float64{1: unitYoung, 8: unitQuantile} {
		m := fitted(t, columns(t, width), synthetic(5, 3*1440, width, time.Minute), Options{Step: time.Minute})
		if m.unit != want {
			t.Errorf("a host of %d features has the unit %g, want %g", width, m.unit, want)
		}
	}
}
