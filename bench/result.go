package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/omenhq/omen"
)

// Number is a float64 whose NaN is null in JSON.
type Number float64

// MarshalJSON implements [json.Marshaler].
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}

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

// Outcome is one detector's quality.
type Outcome struct {
	Detector          string             `json:"detector"`
	Datasets          map[string]Metrics `json:"datasets"`
	Series            map[string]Metrics `json:"series"` // by name; "set/name" where two sets share a name
	TrainSeconds      Number             `json:"train_seconds"`
	ScoreMicroseconds Number             `json:"score_microseconds"` // mean per sample
}

// Result is a run: one outcome per detector, in the order asked. In JSON the
// first is the object itself and the others are under "others"; what people
// would have been notified of is beside them, where it was measured.
type Result struct {
	Outcomes []Outcome
	Feedback []Lesson
	Budgets  []Kept
	Weeks    []Week
	Faults   *FaultReport
}

type wireResult struct {
	*Outcome
	Others   []Outcome    `json:"others,omitempty"`
	Feedback []Lesson     `json:"feedback,omitempty"`
	Budgets  []Kept       `json:"budgets,omitempty"`
	Weeks    []Week       `json:"weeks,omitempty"`
	Faults   *FaultReport `json:"faults,omitempty"`
}

// MarshalJSON implements [json.Marshaler].
func (r Result) MarshalJSON() ([]byte, error) {
	w := wireResult{Feedback: r.Feedback, Budgets: r.Budgets, Weeks: r.Weeks, Faults: r.Faults}
	if len(r.Outcomes) > 0 {
		w.Outcome, w.Others = &r.Outcomes[0], r.Outcomes[1:]
	}
	return json.Marshal(w)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *Result) UnmarshalJSON(data []byte) error {
	var w wireResult
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = Result{Feedback: w.Feedback, Budgets: w.Budgets, Weeks: w.Weeks, Faults: w.Faults}
	if w.Outcome != nil {
		r.Outcomes = append([]Outcome{*w.Outcome}, w.Others...)
	}
	return nil
}

// WriteJSON writes the one object, indented.
func (r Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// ReadResult reads what [Result.WriteJSON] wrote.
func ReadResult(r io.Reader) (Result, error) {
	var res Result
	err := json.NewDecoder(r).Decode(&res)
	if err == nil && (len(res.Outcomes) == 0 || res.Outcomes[0].Datasets == nil) {
		err = errors.New("no datasets in it")
	}
	if err != nil {
		return Result{}, omen.WithHint(fmt.Errorf("read earlier result: %w: %w", omen.ErrInvalid, err), "give a file that omen bench --json wrote")
	}
	return res, nil
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
	var keeping sync.Mutex
	err := each(ctx, jobs, o.Workers, o.Progress, func(ctx context.Context, job int, report func(float64)) error {
		d, s := o.Detectors[job/len(o.Series)], o.Series[job%len(o.Series)]
		r, err := d.Run(ctx, s.unlabelled(), report)
		if err != nil {
			return fmt.Errorf("bench %s on %s/%s: %w", d.Name, s.Set, s.Name, err)
		}
		rows[job] = measure(s, r)
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
	var res Result
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
		vus, auc = VUSPR(r.Scores, s.Labels, Window(s)), AUCPR(r.Scores, s.Labels)
	}
	return seriesRow{count(s, r).metrics(vus, auc), r.TrainTime.Seconds(), r.ScoreTime.Seconds()}
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
		out.Datasets[set] = p.metrics(p.vus/p.n, p.auc/p.n)
	}
	out.TrainSeconds, out.ScoreMicroseconds = Number(train), Number(score/samples*1e6)
	return out
}
