package watch

import (
	"runtime"
	"testing"
	"time"

	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
)

// A fleet that several processors share is scored as each host alone is, and
// in the same order; the scores are the tick's own.
func TestAFleetIsScoredInParts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	r := newRig(t, open(t), "web-1")
	r.grow(t)
	m := r.hosts["web-1"].model
	all := must.Get(r.read(t.Context(), []string{"web-1"}, r.now.Add(-20*time.Second), r.now))(t)
	const n = 3*alone + 7
	var b batch
	single := m.Stream(nil)
	streams := make([]*detect.Stream, n)
	for i := range streams {
		streams[i] = m.Stream(nil)
	}
	for at, v := range all["web-1"] {
		v.Values = append([]float64(nil), v.Values...)
		if at == 12 {
			v.Values[1] *= 9 // a sample with causes
		}
		want := must.Get(single.Score(v))(t)
		for i, s := range streams {
			one := v
			one.Host.Name = string(rune('a' + i))
			b.add(&host{id: one.Host, stream: s, model: m}, one)
		}
		scores := r.score(&b, time.Second)
		b.clear()
		if len(scores) != n {
			t.Fatalf("%d scores of %d hosts", len(scores), n)
		}
		for i, s := range scores {
			if s.Host.Name != string(rune('a'+i)) || s.Value != want.Value || !equalFloats(s.Expected, want.Expected) ||
				!equalFloats(s.Shares, want.Shares) || len(s.Causes) != len(want.Causes) || len(s.Causes) > 0 && s.Causes[0] != want.Causes[0] {
				t.Fatalf("sample %d, host %d: %+v, alone %+v", at, i, s, want)
			}
		}
	}
}

// What a silent host keeps is its own, and what others keep stays as it was.
func TestASilentHostKeepsNoOthersMemory(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2")
	r.grow(t)
	k := r.pass(t, 1)[0]
	before := k.Scores[1].Clone()
	r.world.hush("web-2", true)
	r.pass(t, 3)
	h := r.hosts["web-2"]
	if !h.apart || h.score.Value != before.Value || !equalFloats(h.score.Expected, before.Expected) {
		t.Errorf("the last score of a silent host is %+v, was %+v", h.score, before)
	}
	if &h.score.Expected[0] == &k.Scores[1].Expected[0] || cap(h.score.Expected) > 2*len(h.score.Expected) {
		t.Error("a silent host's score holds the memory of its tick")
	}
}
