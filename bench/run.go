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
	rows, faults, err := runAll(ctx, o)
	if err != nil {
		return Result{}, err
	}
	res := Result{Faults: allFaults(faults)}
	for i, d := range o.Detectors {
		res.Outcomes = append(res.Outcomes, outcome(d.Name, o.Series, rows[i]))
	}
	return res, nil
}

// runAll is each detector's quality on each series, and the faults of known
// kinds with the first detector.
func runAll(ctx context.Context, o Options) ([][]seriesRow, []FaultReport, error) {
	n := len(o.Series)
	if n == 0 || len(o.Detectors) == 0 {
		return nil, nil, fmt.Errorf("run bench: %w: %d series, %d detectors", omen.ErrInvalid, n, len(o.Detectors))
	}
	rows := make([][]seriesRow, len(o.Detectors))
	for i := range rows {
		rows[i] = make([]seriesRow, n)
	}
	faults := make([]FaultReport, n)
	var keeping sync.Mutex
	return rows, faults, each(ctx, n*len(rows), o.Workers, o.Progress, func(ctx context.Context, job int, report func(float64)) error {
		d, s := o.Detectors[job/n], o.Series[job%n]
		r, err := d.Run(ctx, s.unlabelled(), report)
		if err != nil {
			return fmt.Errorf("bench %s on %s/%s: %w", d.Name, s.Set, s.Name, err)
		}
		rows[job/n][job%n] = measure(s, r)
		if r.Timeline != nil && job < n {
			faults[job].add(s, r.Timeline)
		}
		if o.Keep != nil {
			keeping.Lock()
			defer keeping.Unlock()
			o.Keep(d.Name, s, r)
		}
		return nil
	})
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
	blocks       []block
}

func measure(s *Series, r *Scored) seriesRow {
	vus, auc := math.NaN(), math.NaN()
	if len(s.Segments) > 0 {
		vus, auc = vusPR(r.ranked(), s.Labels, longestBuffer(s)), aucPR(r.ranked(), s.Labels)
	}
	m := count(s, r).metrics(vus, auc)
	if r.Timeline != nil {
		m.Notified = countPages(s, r.Timeline)
		m.Notified.Missed = missedOf(s, r)
		m.Notified.Promised = Number(r.Promised)
	}
	m.Notified.rate()
	return seriesRow{m, r.TrainTime.Seconds(), r.ScoreTime.Seconds(), blocksOf(s, r)}
}

// outcome is a detector's quality by series and by data set.
func outcome(name string, series []*Series, rows []seriesRow) Outcome {
	out := Outcome{Detector: name, Datasets: map[string]Metrics{}, Series: map[string]Metrics{}}
	names := map[string]int{}
	for _, s := range series {
		names[s.Name]++
	}
	sets := map[string][]seriesRow{}
	var train, score, samples float64
	for i, s := range series {
		key := s.Name
		if names[key] > 1 {
			key = s.Set + "/" + s.Name
		}
		out.Series[key] = rows[i].Metrics
		sets[s.Set] = append(sets[s.Set], rows[i])
		train += rows[i].train
		score += rows[i].score
		samples += float64(len(s.Test))
	}
	for set, of := range sets {
		m := pool(of)
		m.Likely = resample(of)
		out.Datasets[set] = m
	}
	out.TrainSeconds, out.ScoreMicroseconds = Number(train), Number(score/samples*1e6)
	return out
}

// pool joins series: areas are means over those that have labels; events are
// pooled.
func pool(rows []seriesRow) Metrics {
	var c Counts
	var p Pages
	var vus, auc, n float64
	for _, r := range rows {
		c.add(r.Counts)
		p.add(r.Notified)
		if v := float64(r.VUSPR); !math.IsNaN(v) {
			vus, auc, n = vus+v, auc+float64(r.AUCPR), n+1
		}
	}
	m := c.metrics(vus/n, auc/n)
	m.Notified = p
	m.Notified.rate()
	return m
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
