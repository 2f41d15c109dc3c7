package detect

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// fleet is hosts of several shapes: all features, some missing, without a
// network, one that shifts its expectation, another schema.
func fleet(t *testing.T) (models []*Model, samples [][]omen.Vector) {
	t.Helper()
	s, small := columns(t, 12), columns(t, 5)
	for i, o := range []Options{{}, {}, {Without: Parts{Autoencoder: true}}, {}, {Without: Parts{Forecast: true, Season: true}}, {}} {
		all, of := synthetic(uint64(50+i), 1900, 12, time.Minute), s
		switch i {
		case 1:
			for k := range all {
				all[k].Values[4] = math.NaN()
			}
		case 3:
			for k := range all {
				if h := all[k].At.Hour(); h == 2 || h == 5 {
					all[k].Shift = "backup"
					all[k].Values[7]++
				}
			}
		case 5:
			all, of = synthetic(60, 1900, 5, time.Minute), small
		}
		for k := 1600; k < len(all); k += 9 {
			all[k].Values[k%5] += 2
			all[k].Values[(k+1)%5] = math.NaN()
		}
		models = append(models, fitted(t, of, all[:1500], o))
		samples = append(samples, all[1500:])
	}
	return models, samples
}

// What else is in a batch, in which order, and whether samples come in batches
// at all changes no bit of a host's scores and causes.
func TestBatchEqualsAlone(t *testing.T) {
	models, samples := fleet(t)
	var alone [][]omen.Score
	for i, m := range models {
		alone = append(alone, play(t, m.Stream(nil), samples[i]))
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {3, 0, 5, 2}, {4}} {
		streams, single := make([]*Stream, len(order)), make([]*Stream, len(order))
		for k, i := range order {
			streams[k], single[k] = models[i].Stream(nil), models[i].Stream(nil)
		}
		for n := range samples[0] {
			vectors := make([]omen.Vector, len(order))
			for k, i := range order {
				vectors[k] = samples[i][n]
			}
			var got []Result
			if n%5 == 4 { // one after another in between
				for k, s := range streams {
					score, err := s.Score(vectors[k])
					got = append(got, Result{score, err})
				}
			} else {
				got = ScoreBatch(nil, streams, vectors)
			}
			for k, i := range order {
				if got[k].Err != nil || !equalScores(got[k].Score, alone[i][n]) {
					t.Fatalf("order %v, sample %d of host %d: %+v, alone %+v", order, n, i, got[k], alone[i][n])
				}
			}
		}
	}
}

func TestBatchAllocatesNothing(t *testing.T) {
	models, samples := fleet(t)
	streams, vectors := make([]*Stream, len(models)), make([]omen.Vector, len(models))
	for i, m := range models {
		streams[i] = m.Stream(nil)
	}
	dst := make([]Result, 0, len(models))
	n := 0
	if a := testing.AllocsPerRun(200, func() {
		for i := range vectors {
			vectors[i] = samples[i][n]
		}
		dst = ScoreBatch(dst[:0], streams, vectors)
		n++
	}); a != 0 {
		t.Errorf("%v allocations per batch", a)
	}
}

// A sample of another width is refused and leaves the rest of the batch alone.
func TestBatchRefuses(t *testing.T) {
	models, samples := fleet(t)
	streams := []*Stream{models[0].Stream(nil), models[1].Stream(nil)}
	bad := samples[0][0]
	bad.Values = bad.Values[:3]
	got := ScoreBatch(nil, streams, []omen.Vector{bad, samples[1][0]})
	if got[0].Err == nil || got[1].Err != nil {
		t.Errorf("errors %v and %v, want one for the first alone", got[0].Err, got[1].Err)
	}
	if len(ScoreBatch(nil, nil, nil)) != 0 {
		t.Error("no streams give results")
	}
	if slices.ContainsFunc(got, func(r Result) bool { return math.IsNaN(r.Score.Value) }) {
		t.Error("a score is not a number")
	}
}
