package detect

import (
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// A copy scores what its stream scores, with gaps, after a restart and when it
// was used before, and the stream does not notice.
func TestCopyScoresAsItsStream(t *testing.T) {
	s, all := columns(t, 12), synthetic(3, 3000, 12, time.Minute)
	m := fitted(t, s, all, Options{})
	alone, copied := m.Stream(all[:100]), m.Stream(all[:100])
	var spare *Stream
	for k, v := range all[100:400] {
		v.Values = slices.Clone(v.Values)
		if k%7 == 0 {
			v.Values[k%12] += 50
		}
		if k == 150 {
			v.At = all[100+k].At.Add(time.Hour) // and back at the next: two restarts
		}
		spare = copied.CopyTo(spare)
		odd := omen.Vector{At: v.At, Values: make([]float64, 12)}
		must.Get(spare.Score(odd))(t)
		spare = copied.CopyTo(spare)
		want := must.Get(alone.Score(v))(t)
		for _, st := range []*Stream{spare, copied} {
			got := must.Get(st.Score(v))(t)
			if got.Value != want.Value || !slices.Equal(got.Shares, want.Shares) || !slices.Equal(got.Expected, want.Expected) {
				t.Fatalf("sample %d: %v, want %v", k, got.Value, want.Value)
			}
		}
	}
}
