package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/replay"
)

// replayed is what `omen serve` would have made of a series, with an operator who
// judges the first incidents that are shown, when they close and as the labels
// say. The labels are used for nothing else.
type replayed struct {
	*replay.Timeline
	s      *Series
	asked  int // verdicts to give
	judged int // verdicts given
	since  int // the test sample from which all verdicts were in force
}

// replaySeries replays a series, with some verdicts.
func replaySeries(ctx context.Context, s *Series, o detect.Options, verdicts int) (*replayed, error) {
	schema, err := columnSchema(s)
	if err != nil {
		return nil, err
	}
	r := &replayed{s: s, asked: verdicts}
	o.Step = s.Step
	r.Timeline, err = replay.Run(ctx, s.Train, s.Test, replay.Options{Schema: schema, Detect: o, Operator: r})
	if err == nil {
		err = r.Err
	}
	return r, err
}

// Judge implements [replay.Operator].
func (r *replayed) Judge(in *replay.Incident, at int) omen.Verdict {
	if r.judged >= r.asked {
		return omen.NoVerdict
	}
	r.judged++
	r.since = at + 1
	if r.isTrue(in) {
		return omen.Real
	}
	return omen.NotAProblem
}

// isTrue reports whether an incident touches a labelled segment, or the five
// samples after.
func (r *replayed) isTrue(in *replay.Incident) bool {
	return slices.ContainsFunc(r.s.Segments, func(g Segment) bool { return g.near(in.From, in.To) })
}

// shown are the incidents that people saw, in that order.
func (r *replayed) shown() []*replay.Incident {
	shown := slices.DeleteFunc(slices.Clone(r.Incidents), func(in *replay.Incident) bool { return in.Shown < 0 })
	slices.SortStableFunc(shown, func(a, b *replay.Incident) int { return a.Shown - b.Shown })
	return shown
}

// replayAll replays every series once for each of some options and numbers of
// verdicts: the result is per option, per series.
func replayAll(ctx context.Context, series []*Series, options []detect.Options, verdicts []int, progress func(float64)) ([][]*replayed, error) {
	all := make([][]*replayed, len(options))
	for i := range all {
		all[i] = make([]*replayed, len(series))
	}
	return all, each(ctx, len(options)*len(series), 0, progress, func(ctx context.Context, job int, _ func(float64)) (err error) {
		i, j := job/len(series), job%len(series)
		if all[i][j], err = replaySeries(ctx, series[j], options[i], verdicts[i]); err != nil {
			return fmt.Errorf("replay %s/%s: %w", series[j].Set, series[j].Name, err)
		}
		return nil
	})
}

// each does some jobs, workers of them at once (0: one for each processor), and
// calls progress with the share that is done, never from two goroutines at once;
// a job may report its own share. It ends early with ctx's error or the first job's.
func each(ctx context.Context, jobs, workers int, progress func(float64), do func(ctx context.Context, job int, report func(float64)) error) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var mu sync.Mutex
	done := make([]float64, jobs)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for job := range jobs {
		report := func(share float64) {
			if progress == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			done[job] = max(done[job], share)
			var sum float64
			for _, d := range done {
				sum += d
			}
			progress(sum / float64(jobs))
		}
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := do(ctx, job, report)
			if err == nil {
				report(1)
			}
			return err
		})
	}
	return g.Wait()
}
