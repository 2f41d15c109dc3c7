package bench

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/replay"
)

const (
	plotWidth   = 14 * vg.Inch
	panelHeight = 1.5 * vg.Inch
	scoreHeight = 3 // in panels
	plotMetrics = 5
	plotColumns = 1500 // samples are thinned to as many extremes
)

var (
	inkScore = color.NRGBA{0x33, 0x4e, 0x68, 0xff}
	inkAlert = color.NRGBA{0xd6, 0x27, 0x28, 0xff}
	inkLine  = color.NRGBA{0x62, 0x7d, 0x98, 0xff}
	inkLabel = color.NRGBA{0xff, 0xd1, 0x66, 0xa0}
	inkPage  = color.NRGBA{0xd6, 0x27, 0x28, 0x30}
	inkGrid  = color.NRGBA{0xe4, 0xe7, 0xeb, 0xff}
	inkText  = color.NRGBA{0x24, 0x3b, 0x53, 0xff}
)

// panel is one metric of a chart.
type panel struct {
	name   string
	values []float64
}

// chart is what [PlotSeries] and [PlotTimeline] draw: metrics over the score.
type chart struct {
	title  string
	times  []time.Time
	panels []panel
	scores []float64
	shaded []Segment // labelled spans
	pages  []Segment // episodes; drawn only if marked
	note   string    // what the shades mean
}

// PlotSeries draws one scored series into dir as <set>-<series>-<detector>.png
// and returns its path: the metrics that matter (largest mean parts in labelled
// spans and alerts), the score on a logarithmic axis with its limit, and the
// labels as shaded spans.
func PlotSeries(dir, detector string, s *Series, r *Scored) (string, error) {
	c := newChart(s.Test, r.Scores, s.Features, mattering(s, r))
	c.title, c.note, c.shaded = fmt.Sprintf("%s / %s, detector %s", s.Set, s.Name, detector), "shaded: labelled anomaly", s.Segments
	return c.save(dir, s.Set+"-"+s.Name+"-"+detector)
}

// PlotTimeline draws a host's replayed days into dir as replay-<host>.png and
// returns its path: the metrics that mattered, the score, and the incidents as
// shaded spans. features are the schema's names.
func PlotTimeline(dir string, t *replay.Timeline, features []string) (string, error) {
	if len(t.Samples) < 2 {
		return "", fmt.Errorf("plot replay of %s: %w: %d samples", t.Host, omen.ErrTooFew, len(t.Samples))
	}
	c := newChart(t.Samples, t.Scores, features, top(t.Blame, min(plotMetrics, len(t.Blame))))
	c.title, c.note = "replay of "+t.Host.String(), "shaded: incidents"
	for _, in := range t.Incidents {
		c.pages = append(c.pages, Segment{Start: in.From, End: in.To})
	}
	return c.save(dir, "replay-"+t.Host.String())
}

// newChart is some features of samples, and their scores.
func newChart(samples []omen.Vector, scores []float64, features []string, show []int) *chart {
	c := &chart{scores: scores}
	for _, v := range samples {
		c.times = append(c.times, v.At)
	}
	for _, j := range show {
		c.panels = append(c.panels, panel{features[j], Column(samples, j)})
	}
	return c
}

// mattering is the metrics to show: those with the largest share of the score,
// averaged over the labelled samples and the alerts; without parts, those that
// experts blame most often.
func mattering(s *Series, r *Scored) []int {
	weight := make([]float64, len(s.Features))
	for i, score := range r.Scores {
		if r.Parts == nil || score <= 1 && !s.Labels[i] {
			continue
		}
		row := r.row(i)
		var sum float64
		for _, p := range row {
			sum += p
		}
		for j, p := range row {
			if sum > 0 {
				weight[j] += p / sum
			}
		}
	}
	if r.Parts == nil {
		for _, g := range s.Segments {
			for _, j := range g.Blamed {
				weight[j]++
			}
		}
	}
	return top(weight, min(plotMetrics, len(weight)))
}

// save draws the chart into dir under a name, and returns its path.
func (c *chart) save(dir, name string) (string, error) {
	path := filepath.Join(dir, strings.NewReplacer("/", "-", "\\", "-", ":", "-", " ", "-").Replace(name)+".png")
	return path, save(path, c.title, c.draw)
}

// save draws a picture into a file, making the folder.
func save(path, what string, draw func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("plot %s: %w", what, err)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("plot %s: %w", what, err)
	}
	err = draw(f)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("plot %s to %s: %w", what, path, err)
	}
	return nil
}

func (c *chart) draw(w io.Writer) error {
	rows := len(c.panels) + scoreHeight
	height := vg.Length(rows)*panelHeight + .6*vg.Inch
	img := vgimg.NewWith(vgimg.UseWH(plotWidth, height), vgimg.UseDPI(100))
	dc := draw.New(img)
	dc = draw.Crop(dc, 8, -14, 6, -4)
	plots := make([]*plot.Plot, 0, len(c.panels)+1)
	for _, p := range c.panels {
		plots = append(plots, c.metric(p))
	}
	score, err := c.score()
	if err != nil {
		return err
	}
	plots = append(plots, score)
	plots[0].Title.Text = c.title
	plots[0].Title.TextStyle.Font.Size = 14
	plots[0].Title.Padding = 6

	// Every panel's y axis has its own width: crop them to a common left edge.
	left := vg.Length(0)
	for _, p := range plots {
		left = max(left, p.DataCanvas(dc).Min.X-dc.Min.X)
	}
	at := dc.Max.Y
	total := dc.Max.Y - dc.Min.Y
	unit := total / vg.Length(rows)
	for i, p := range plots {
		h := unit
		if i == len(plots)-1 {
			h = at - dc.Min.Y
		}
		part := draw.Canvas{Canvas: dc.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: dc.Min.X, Y: at - h}, Max: vg.Point{X: dc.Max.X, Y: at}}}
		at -= h
		own := p.DataCanvas(part).Min.X - part.Min.X
		p.Draw(draw.Crop(part, left-own, 0, 3, -3))
	}
	_, err = vgimg.PngCanvas{Canvas: img}.WriteTo(w)
	return err
}

// base is an empty plot over the chart's time with its shades and grid.
func (c *chart) base() *plot.Plot {
	p := newPlot()
	p.X.Min, p.X.Max = float64(c.times[0].Unix()), float64(c.times[len(c.times)-1].Unix())
	p.X.Padding, p.Y.Padding = 0, 2
	p.X.Tick.Marker = c.timeTicks()
	p.Add(spans{c, c.shaded, inkLabel}, spans{c, c.pages, inkPage}, grid())
	return p
}

// newPlot is an empty plot in our inks and a typeface without serifs.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.White
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Color, a.Tick.LineStyle.Color = inkLine, inkLine
		a.Tick.Label.Font.Size, a.Tick.Label.Color = 9, inkText
		a.Label.TextStyle.Font = font.Font{Typeface: p.X.Label.TextStyle.Font.Typeface, Variant: "Sans", Size: 10}
		a.Label.TextStyle.Color = inkText
		a.Tick.Label.Font.Variant = "Sans"
	}
	p.Title.TextStyle.Font.Variant = "Sans"
	p.Title.TextStyle.Color = inkText
	return p
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Horizontal.Color, g.Vertical.Color = inkGrid, inkGrid
	return g
}

func (c *chart) metric(m panel) *plot.Plot {
	p := c.base()
	line := c.thin(m.values, func(x float64) float64 { return x })
	p.Y.Label.Text = m.name
	p.Add(stroke(line, inkLine, .8))
	marks := slices.Clone(c.timeTicks()) // their words are below the score
	for i := range marks {
		marks[i].Label = ""
	}
	p.X.Tick.Marker = marks
	p.Y.Tick.Marker = plot.TickerFunc(func(lo, hi float64) (few []plot.Tick) { // a small panel has no room for more
		for _, x := range []float64{lo, (lo + hi) / 2, hi} {
			few = append(few, plot.Tick{Value: x, Label: fmt.Sprintf("%.2g", x)})
		}
		return few
	})
	if p.Y.Min == p.Y.Max {
		p.Y.Min, p.Y.Max = p.Y.Min-.5, p.Y.Max+.5
	}
	return p
}

// score is the last panel: decades from 0.01, the limit at 1, alerts in red.
func (c *chart) score() (*plot.Plot, error) {
	const floor = 0.01
	p := c.base()
	p.Y.Label.Text = "score (1 = limit)"
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.LogTicks{Prec: 5}
	line := c.thin(c.scores, func(x float64) float64 { return max(floor, x) })
	top := 10.0
	for _, xy := range line {
		top = max(top, math.Pow(10, math.Ceil(math.Log10(xy.Y))))
	}
	p.Add(stroke(line, inkScore, .8))
	for from := 0; from < len(line); from++ {
		to := from
		for to < len(line) && line[to].Y > 1 {
			to++
		}
		if to > from {
			hot := append(plotter.XYs{{X: line[from].X, Y: 1}}, line[from:to]...)
			hot = append(hot, plotter.XY{X: line[to-1].X, Y: 1})
			p.Add(stroke(hot, inkAlert, 1.2))
			from = to
		}
	}
	limit := stroke(plotter.XYs{{X: p.X.Min, Y: 1}, {X: p.X.Max, Y: 1}}, inkAlert, .8)
	limit.Dashes = []vg.Length{4, 3}
	p.Add(limit)
	p.Y.Min, p.Y.Max = floor, top
	p.X.Label.Text = c.note + "; red: above the limit (dashed); times are UTC"
	p.X.Label.Padding = 4
	return p, nil
}

func stroke(line plotter.XYs, ink color.Color, width vg.Length) *plotter.Line {
	l := &plotter.Line{XYs: line}
	l.Color, l.Width = ink, vg.Points(float64(width))
	return l
}

// thin keeps the lowest and the highest sample of each of plotColumns stretches,
// in time order; gaps are left out.
func (c *chart) thin(values []float64, shape func(float64) float64) plotter.XYs {
	var out plotter.XYs
	add := func(i int) {
		out = append(out, plotter.XY{X: float64(c.times[i].Unix()), Y: shape(values[i])})
	}
	n := len(values)
	size := max(1, n/plotColumns)
	for from := 0; from < n; from += size {
		low, high := -1, -1
		for i := from; i < min(from+size, n); i++ {
			switch x := values[i]; {
			case math.IsNaN(x) || math.IsInf(x, 0):
			case low < 0:
				low, high = i, i
			case x < values[low]:
				low = i
			case x > values[high]:
				high = i
			}
		}
		switch {
		case low < 0:
		case low == high:
			add(low)
		default:
			add(min(low, high))
			add(max(low, high))
		}
	}
	if len(out) == 0 {
		out = plotter.XYs{{X: float64(c.times[0].Unix()), Y: shape(0)}}
	}
	return out
}

// spans shades stretches of samples over the whole height, at least a pixel.
type spans struct {
	c    *chart
	list []Segment
	ink  color.Color
}

// Plot implements [plot.Plotter].
func (s spans) Plot(dc draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&dc)
	for _, g := range s.list {
		a, b := x(float64(s.c.times[g.Start].Unix())), x(float64(s.c.times[g.End].Unix()))
		if b-a < 1 {
			a, b = (a+b)/2-.5, (a+b)/2+.5
		}
		dc.FillPolygon(s.ink, []vg.Point{{X: a, Y: dc.Min.Y}, {X: b, Y: dc.Min.Y}, {X: b, Y: dc.Max.Y}, {X: a, Y: dc.Max.Y}})
	}
}

// timeTicks marks whole days, hours or minutes, about a dozen.
func (c *chart) timeTicks() plot.ConstantTicks {
	first, last := c.times[0], c.times[len(c.times)-1]
	steps := []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour,
		6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour}
	i := slices.IndexFunc(steps, func(d time.Duration) bool { return last.Sub(first)/d <= 16 })
	if i < 0 {
		i = len(steps) - 1
	}
	layout := "Jan 2"
	if steps[i] < 24*time.Hour {
		layout = "Jan 2 15:04"
	}
	var marks plot.ConstantTicks
	for t := first.Truncate(steps[i]); !t.After(last); t = t.Add(steps[i]) {
		if !t.Before(first) {
			marks = append(marks, plot.Tick{Value: float64(t.Unix()), Label: t.UTC().Format(layout)})
		}
	}
	return marks
}
