package incident

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// FuzzScores: scores with any numbers and any times make well-formed lives of
// incidents, and nothing that the journal could not hold.
func FuzzScores(f *testing.F) {
	f.Add([]byte("a quick brown fox jumps over the lazy dog, and then the same again and again and again"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tr := NewTracker(Hysteresis{}, nil)
		at := noon
		var all []omen.Change
		for ; len(data) >= 12; data = data[12:] {
			at = at.Add(time.Duration(int16(binary.LittleEndian.Uint16(data))) * time.Second / 16)
			value := math.Float64frombits(binary.LittleEndian.Uint64(data[2:]))
			s := scoreOf(string('a'+data[10]%4), at, value, "cpu")
			s.Unsmoothed = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[8:])) << 16))
			s.PageLevel, s.Causes[0].Share, s.Causes[0].Actual = value/2, value, s.Unsmoothed
			k := omen.Tick{Source: "prod", At: at, Scores: []omen.Score{s}}
			switch data[11] % 8 {
			case 0:
				k.Err, k.Scores = "refused", nil
			case 1:
				k.Scores[0].At = at.Add(time.Duration(int8(data[11])) * time.Minute)
			}
			for range 1 + data[11]%5 {
				all = append(all, tr.Tick(k)...)
				k.At = k.At.Add(15 * time.Second)
				for i := range k.Scores {
					k.Scores[i].At = k.Scores[i].At.Add(15 * time.Second)
				}
			}
			at = k.At
			all = append(all, tr.Idle(at)...)
		}
		for _, c := range all {
			for _, v := range []float64{c.Incident.Score, c.Incident.Peak} {
				if !finite(v) {
					t.Fatalf("%s of %s has the score %v", c.Kind, c.Incident.ID, v)
				}
			}
			for _, cause := range c.Incident.Causes {
				if !finite(cause.Share) || !finite(cause.Actual) {
					t.Fatalf("%s of %s has the cause %+v", c.Kind, c.Incident.ID, cause)
				}
			}
		}
		numbered(t, all)
	})
}

// numbered fails unless each incident's changes count up from 1. Times may go
// back: clocks do.
func numbered(t *testing.T, all []omen.Change) {
	last := map[string]int{}
	for _, c := range all {
		if c.Incident.ChangeNumber != last[c.Incident.ID]+1 {
			t.Fatalf("%s: change %d after %d", c.Incident.ID, c.Incident.ChangeNumber, last[c.Incident.ID])
		}
		last[c.Incident.ID]++
	}
}
