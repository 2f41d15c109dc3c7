package bench

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

// ReplayOptions say how [Replay] runs.
type ReplayOptions struct {
	// From is the instant that scoring begins at; what lies before is history.
	// Zero: there is no history, and the host grows up from its first sample.
	From time.Time
	// Detect is how models are fitted; its Step may be 0.
	Detect detect.Options
	// Workers bounds the hosts replayed at once; 0: GOMAXPROCS.
	Workers int
	// Progress is told the share done, 0…1; never by two goroutines at once.
	Progress func(done float64)
}

// Page is one incident, of which people would have been told or not.
type Page struct {
	Host   omen.Host    `json:"host"`
	Opened time.Time    `json:"opened"` // the first sample above the limit
	Told   time.Time    `json:"told"`   // when people would have been told; zero: never
	Closed time.Time    `json:"closed"` // the last sample above the limit; it closes some quiet samples later
	Open   bool         `json:"open"`   // still going on when the replay ended
	Peak   float64      `json:"peak"`   // of the score
	Causes []omen.Cause `json:"causes"` // as people were told first, the largest first; else as they were last
	Held   string       `json:"held"`   // why people were not told: one of the Reason constants of package omen; empty: they were
	Grade  omen.Grade   `json:"grade"`  // the model's when it opened
}

// Quiet reports whether the page would have been recorded only.
func (p Page) Quiet() bool { return p.Told.IsZero() }

// Replayed is one host's days as they would have been.
type Replayed struct {
	Host     omen.Host         `json:"host"`
	From     time.Time         `json:"from"` // the first scored sample
	To       time.Time         `json:"to"`
	Samples  int               `json:"samples"`
	Fits     int               `json:"fits"`
	Pages    []Page            `json:"pages"`
	Scores   []omen.ScorePoint `json:"-"`
	Err      string            `json:"err"` // why there never was a model
	features []string
	vectors  []omen.Vector // the scored ones
	shares   []float64     // per feature, summed over the samples in alert
}

// Replay runs the history of some hosts through training and detection as it
// would have been: each slice is one host's vectors in time order, in schema
// order. A host that is too young for any model has no pages and says why.
// It ends early with ctx's error.
func Replay(ctx context.Context, schema *feature.Schema, hosts [][]omen.Vector, o ReplayOptions) ([]*Replayed, error) {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	out := make([]*Replayed, len(hosts))
	var mu sync.Mutex
	done := make([]float64, len(hosts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for i, vectors := range hosts {
		g.Go(func() (err error) {
			out[i], err = replayHost(ctx, schema, vectors, o, func(x float64) {
				if o.Progress == nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				done[i] = x
				var sum float64
				for _, d := range done {
					sum += d
				}
				o.Progress(sum / float64(len(hosts)))
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// Histories is what [Replay] takes, from a frame as a source read it: one
// slice of vectors per host, from the first to the last instant at which the
// host was there.
func Histories(schema *feature.Schema, f *series.Frame, source string) [][]omen.Vector {
	out := make([][]omen.Vector, len(f.Hosts))
	for h := range f.Hosts {
		all := schema.History(f, source, h)
		from, to := 0, len(all)
		for from < to && feature.Silent(all[from]) {
			from++
		}
		for to > from && feature.Silent(all[to-1]) {
			to--
		}
		out[h] = all[from:to]
	}
	return out
}

func replayHost(ctx context.Context, schema *feature.Schema, vectors []omen.Vector, o ReplayOptions, progress func(float64)) (*Replayed, error) {
	r := &Replayed{features: schema.Names(), shares: make([]float64, schema.Len())}
	if len(vectors) == 0 {
		r.Err = "no samples"
		progress(1)
		return r, nil
	}
	r.Host = vectors[0].Host
	begin, _ := slices.BinarySearchFunc(vectors, o.From, func(v omen.Vector, t time.Time) int { return v.At.Compare(t) })
	if begin == len(vectors) {
		r.Err = "no samples after " + o.From.UTC().Format(time.DateTime)
		progress(1)
		return r, nil
	}
	step := o.Detect.Step
	if step == 0 && len(vectors) > 1 {
		step = usualStep(vectors)
	}
	story := newStory(func(i int) omen.Vector { return vectors[begin+i] }, nil)
	run := liveRun{schema: schema, step: step, options: o.Detect, due: growing(vectors[0].At, step, story), verdicts: story.verdicts}
	run.each = func(i int, score omen.Score) {
		v := vectors[begin+i]
		r.record(v, score)
		story.take(i, v, score)
		if i%512 == 0 {
			progress(float64(i) / float64(len(vectors)-begin))
		}
	}
	if err := run.do(ctx, vectors[:begin], vectors[begin:]); err != nil {
		return nil, fmt.Errorf("replay %s: %w", r.Host, err)
	}
	if story.broken != nil {
		return nil, fmt.Errorf("replay %s: %w", r.Host, story.broken)
	}
	for _, t := range story.all {
		r.Pages = append(r.Pages, r.page(t))
	}
	if r.Fits = run.fits; r.Fits == 0 && run.tooFew != nil {
		r.Err = run.tooFew.Error()
	}
	progress(1)
	return r, nil
}

// growing is when serve learns a host that was born then: in stages as it
// grows, then a day after the time before, and at once when one of the story's
// incidents has become a habit.
func growing(born time.Time, step time.Duration, y *story) func(i int, now, last time.Time) bool {
	return func(_ int, now, last time.Time) bool {
		if last.IsZero() {
			return now.Sub(born) >= detect.FirstStage(step)
		}
		if y.habit.After(last) && now.Sub(last) >= detect.Relearn {
			return true
		}
		if age, young := detect.NextStage(last.Sub(born), step); young {
			return now.Sub(born) >= age
		}
		return now.Sub(last) >= 24*time.Hour
	}
}

func (r *Replayed) record(v omen.Vector, score omen.Score) {
	if score.Anomalous() {
		for j, x := range score.Shares {
			r.shares[j] += x
		}
	}
	if r.Samples == 0 {
		r.From = v.At
	}
	r.To = v.At
	r.Samples++
	r.Scores = append(r.Scores, omen.ScorePoint{At: v.At, Value: score.Value})
	r.vectors = append(r.vectors, v)
}

// page is an incident as the replay shows it.
func (r *Replayed) page(t *Told) Page {
	p := Page{
		Host: t.Host, Opened: t.Since, Closed: r.Scores[t.To].At, Open: t.State != omen.Closed,
		Peak: t.Peak, Causes: t.First, Held: t.Suppressed, Grade: t.Grade,
	}
	if t.At >= 0 {
		p.Told, p.Held = r.Scores[t.At].At, ""
	} else {
		p.Causes = slices.Clone(t.Causes)
	}
	return p
}

// WriteReplay writes the pages of all hosts by time, and the sum per host.
func WriteReplay(w io.Writer, all []*Replayed) error {
	var pages []Page
	for _, r := range all {
		pages = append(pages, r.Pages...)
	}
	slices.SortStableFunc(pages, func(a, b Page) int { return a.Opened.Compare(b.Opened) })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(pages) > 0 {
		fmt.Fprintln(t, "opened (UTC)\thost\tlasted\tpeak\tsent\twhy")
	}
	for _, p := range pages {
		lasted := p.Closed.Sub(p.Opened).String()
		if p.Open {
			lasted = "still open"
		}
		sent := "yes"
		if p.Quiet() {
			sent = "no, " + strings.TrimSuffix(strings.ReplaceAll(strings.TrimPrefix(p.Held, "opened_"), "_", " "), " suppressed")
		}
		why := make([]string, 0, 2)
		for _, c := range p.Causes[:min(2, len(p.Causes))] {
			why = append(why, c.String())
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.1f\t%s\t%s\n", p.Opened.UTC().Format(time.DateTime), p.Host, lasted, p.Peak, sent, strings.Join(why, "; "))
	}
	if len(pages) > 0 {
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t, "host\tfrom\tto\tsamples\tfits\tpages\tper week\trecorded only")
	for _, r := range all {
		if r.Err != "" {
			fmt.Fprintf(t, "%s\tno model: %s\n", r.Host, r.Err)
			continue
		}
		quiet := 0
		for _, p := range r.Pages {
			quiet += btoi(p.Quiet())
		}
		sent := len(r.Pages) - quiet
		weeks := r.To.Sub(r.From).Hours() / (7 * 24)
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%d\n", r.Host, r.From.UTC().Format(time.DateTime), r.To.UTC().Format(time.DateTime),
			r.Samples, r.Fits, sent, format(ratio(float64(sent), weeks), 1), quiet)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write replay: %w", err)
	}
	return nil
}

// Plot draws the host's days into dir as replay-<host>.png and returns its
// path: the metrics that mattered, the score, and the pages as shaded spans.
func (r *Replayed) Plot(dir string) (string, error) {
	if r.Samples < 2 {
		return "", fmt.Errorf("plot replay of %s: %w: %d samples", r.Host, omen.ErrTooFew, r.Samples)
	}
	c := chart{title: "replay of " + r.Host.String(), note: "shaded: pages"}
	for i, p := range r.Scores {
		c.times = append(c.times, p.At)
		c.scores = append(c.scores, p.Value)
		for n := len(c.pages); n < len(r.Pages) && !p.At.Before(r.Pages[n].Opened); n++ {
			c.pages = append(c.pages, Segment{Start: i, End: i})
		}
		if n := len(c.pages); n > 0 && !p.At.After(r.Pages[n-1].Closed) {
			c.pages[n-1].End = i
		}
	}
	for _, j := range top(r.shares, min(plotMetrics, len(r.shares))) {
		c.panels = append(c.panels, panel{r.features[j], column(r.vectors, j)})
	}
	name := strings.Map(func(x rune) rune {
		if strings.ContainsRune(`/\: `, x) {
			return '-'
		}
		return x
	}, r.Host.String())
	path := filepath.Join(dir, "replay-"+name+".png")
	return path, c.save(path)
}
