package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
)

// Options say what [Run] runs. Series and Detectors are required.
type Options struct {
	Series    []*Series
	Detectors []Method
	// Workers bounds the series run at once; 0: GOMAXPROCS.
	Workers int
	// Progress gets the share done, 0…1; never by two goroutines at once.
	Progress func(done float64)
	// Keep is given each series' scores, for plots; never by two goroutines at
	// once. It may be nil.
	Keep func(detector string, s *Series, r *Scored)
}

// Run runs every detector over every series and measures. The numbers, times
// aside, do not depend on Workers. It ends early with ctx's error, or with the
// first detector's.
func Run(ctx context.Context, o Options) (Result, error) {
	if len(o.Series) == 0 || len(o.Detectors) == 0 {
		return Result{}, fmt.Errorf("run bench: %w: %d series, %d detectors", omen.ErrInvalid, len(o.Series), len(o.Detectors))
	}
	jobs := len(o.Series) * len(o.Detectors)
	rows := make([]seriesRow, jobs)
	faults := make([]FaultReport, len(o.Series)) // of the first detector
	var keeping sync.Mutex
	err := each(ctx, jobs, o.Workers, o.Progress, func(ctx context.Context, job int, report func(float64)) error {
		d, s := o.Detectors[job/len(o.Series)], o.Series[job%len(o.Series)]
		r, err := d.Run(ctx, s.unlabelled(), report)
		if err != nil {
			return fmt.Errorf("bench %s on %s/%s: %w", d.Name, s.Set, s.Name, err)
		}
		rows[job] = measure(s, r)
		if r.Timeline != nil && job < len(o.Series) {
			faults[job].add(s, r.Timeline)
		}
		if o.Keep != nil {
			keeping.Lock()
			defer keeping.Unlock()
			o.Keep(d.Name, s, r)
		}
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	res := Result{Faults: allFaults(faults)}
	for i, d := range o.Detectors {
		res.Outcomes = append(res.Outcomes, outcome(d.Name, o.Series, rows[i*len(o.Series):(i+1)*len(o.Series)]))
	}
	return res, nil
}

// unlabelled is the series as a detector may see it.
func (s *Series) unlabelled() *Series {
	c := *s
	c.Labels, c.Segments = nil, nil
	return &c
}

// seriesRow is one detector's quality on one series, and what it cost.
type seriesRow struct {
	Metrics
	train, score float64 // seconds
}

func measure(s *Series, r *Scored) seriesRow {
	vus, auc := math.NaN(), math.NaN()
	if len(s.Segments) > 0 {
		vus, auc = VUSPR(r.ranked(), s.Labels, Window(s)), AUCPR(r.ranked(), s.Labels)
	}
	m := count(s, r).metrics(vus, auc)
	if r.Timeline != nil {
		m.Notified = countPages(s, r.Timeline)
	}
	m.Notified.rate()
	return seriesRow{m, r.TrainTime.Seconds(), r.ScoreTime.Seconds()}
}

// outcome pools series into data sets: areas are means over the series that
// have labels; events are pooled.
func outcome(name string, series []*Series, rows []seriesRow) Outcome {
	out := Outcome{Detector: name, Datasets: map[string]Metrics{}, Series: map[string]Metrics{}}
	names := map[string]int{}
	for _, s := range series {
		names[s.Name]++
	}
	type pool struct {
		Counts
		pages       Pages
		vus, auc, n float64
	}
	pools := map[string]*pool{}
	var train, score, samples float64
	for i, s := range series {
		key := s.Name
		if names[key] > 1 {
			key = s.Set + "/" + s.Name
		}
		out.Series[key] = rows[i].Metrics
		p := pools[s.Set]
		if p == nil {
			p = &pool{}
			pools[s.Set] = p
		}
		p.add(rows[i].Counts)
		p.pages.add(rows[i].Notified)
		if v := float64(rows[i].VUSPR); !math.IsNaN(v) {
			p.vus += v
			p.auc += float64(rows[i].AUCPR)
			p.n++
		}
		train += rows[i].train
		score += rows[i].score
		samples += float64(len(s.Test))
	}
	for set, p := range pools {
		m := p.metrics(p.vus/p.n, p.auc/p.n)
		m.Notified = p.pages
		m.Notified.rate()
		out.Datasets[set] = m
	}
	out.TrainSeconds, out.ScoreMicroseconds = Number(train), Number(score/samples*1e6)
	return out
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
