package watch

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

// What is scored again is what was scored then, by the model that judged then:
// across the change from a host's first model to its second.
func TestRescoringSaysWhatWasExpectedThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := must.Get(store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil))(t)
		defer db.Close()
		born := time.Now().Truncate(time.Second)
		kept := &rig{}
		w := New(Options{
			Source: &world{hosts: []string{"web-1"}, born: born}, Name: "test", Schema: profile(t),
			Step: time.Second, Store: db, History: time.Hour, Sink: kept,
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(14 * time.Minute) // synctest's clock
		synctest.Wait()
		cancel()
		must.OK(t, <-done)

		then := map[time.Time]omen.Score{}
		for _, k := range kept.ticks {
			for _, s := range k.Scores {
				then[s.At] = s
			}
		}
		web := omen.Host{Source: "test", Profile: "test", Name: "web-1"}
		from, to := born.Add(time.Minute), born.Add(14*time.Minute)
		seen, without, models, others := 0, 0, map[string]int{}, 0
		must.OK(t, w.Rescore(context.Background(), web, from, to, func(v omen.Vector, s *omen.Score) {
			was, judged := then[v.At]
			switch {
			case s == nil && !judged:
				without++
			case s == nil || !judged || was.Model != s.Model:
				others++ // the change itself takes a sample or two
			default:
				seen++
				models[s.Model]++
				for i, e := range s.Expected {
					width := s.Upper[i] - s.Lower[i]
					if d := math.Abs(e - was.Expected[i]); d > 0.05*width || math.Abs(s.Upper[i]-was.Upper[i]) > 0.05*width {
						t.Fatalf("%s feature %d: expected %v in %v–%v, then %v in %v–%v", v.At.Sub(born), i, e, s.Lower[i], s.Upper[i], was.Expected[i], was.Lower[i], was.Upper[i])
					}
				}
			}
		}))
		if seen < 600 || len(models) != 2 || without < 60 || others > 5 {
			t.Errorf("%d samples as then by models %v, %d before the first, %d by another", seen, models, without, others)
		}
		if err := w.Rescore(context.Background(), web, born, born.Add((MaxRescored+1)*time.Second), nil); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("too long: %v", err)
		}
		gone, stop := context.WithCancel(context.Background())
		stop()
		if err := w.Rescore(gone, web, from, to, func(omen.Vector, *omen.Score) { t.Error("read for nobody") }); !errors.Is(err, context.Canceled) {
			t.Errorf("nobody waits any more: %v", err)
		}
	})
}
