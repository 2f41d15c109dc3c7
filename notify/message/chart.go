package message

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	omen "github.com/omenhq/omen"
)

const (
	// ChartBefore is how much of the time before the onset a chart shows.
	ChartBefore = 30 * time.Minute
	chartAfter  = 10 * time.Minute // shown after the end
	chartDPI    = 160

	// Small enough a sheet for its letters to be read on a telephone.
	chartWidth  = 6.4 * vg.Inch
	scoreHeight = 2.7 * vg.Inch
	causeHeight = 0.36 * vg.Inch
	margin      = 0.12 * vg.Inch
)

// Colours that people with the common kinds of colour blindness tell apart
// (Okabe and Ito, 2008).
var (
	scoreColor = color.RGBA{R: 0, G: 114, B: 178, A: 255}
	limitColor = color.RGBA{R: 213, G: 94, B: 0, A: 255}
	greyColor  = color.RGBA{R: 90, G: 90, B: 90, A: 255}
	sinceColor = color.RGBA{R: 240, G: 236, B: 228, A: 255}
)

// Chart is an incident's score against its limit, and the shares of its top
// causes, as a PNG. Points that are no number are gaps. No others are [omen.ErrTooFew].
func Chart(in omen.Incident, points []omen.ScorePoint) ([]byte, error) {
	points = slices.DeleteFunc(slices.Clone(points), func(p omen.ScorePoint) bool { return math.IsNaN(p.Value) || math.IsInf(p.Value, 0) })
	if len(points) < 2 {
		return nil, fmt.Errorf("draw incident %s: %w", in.ID, omen.ErrTooFew)
	}
	history, err := scorePlot(in, points)
	if err != nil {
		return nil, fmt.Errorf("draw incident %s: %w", in.ID, err)
	}
	causes := shownCauses(in.Causes)
	below := vg.Length(0)
	if len(causes) > 0 {
		below = causeHeight * vg.Length(len(causes)+1)
	}
	canvas := vgimg.NewWith(vgimg.UseWH(chartWidth, scoreHeight+below+2*margin), vgimg.UseDPI(chartDPI))
	all := draw.Crop(draw.New(canvas), margin, -margin, margin, -margin)
	history.Draw(draw.Crop(all, 0, 0, below, 0))
	drawCauses(draw.Crop(all, 0, 0, 0, -scoreHeight), causes)
	return encoded(canvas, in)
}

func encoded(canvas *vgimg.Canvas, in omen.Incident) ([]byte, error) {
	var out bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&out); err != nil {
		return nil, fmt.Errorf("draw incident %s: %w", in.ID, err)
	}
	return out.Bytes(), nil
}

// letters is how text is set.
func letters(size vg.Length, c color.Color) draw.TextStyle {
	return draw.TextStyle{
		Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		YAlign: draw.YCenter, Handler: plot.DefaultTextHandler,
	}
}

// plotOf is an empty plot over time.
func plotOf(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font = letters(12, nil).Font
	p.Title.Padding = vg.Points(6)
	p.X.Tick.Marker = wholeTimes{}
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Tick.Label.Font = letters(10, nil).Font
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = greyColor, greyColor
	}
	p.Legend.TextStyle.Font = letters(10, nil).Font
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.XOffs = vg.Points(6)
	return p
}

// curve is a line of a plot.
type curve struct {
	xys   plotter.XYs
	color color.Color
	width vg.Length
	name  string
}

func (c curve) addTo(p *plot.Plot) error {
	drawn, err := plotter.NewLine(c.xys)
	if err != nil {
		return err
	}
	drawn.Color, drawn.Width = c.color, c.width
	p.Add(drawn)
	p.Legend.Add(c.name, drawn)
	return nil
}

func scorePlot(in omen.Incident, points []omen.ScorePoint) (*plot.Plot, error) {
	p := plotOf(OneLine(Subject(in)) + ": anomaly score, UTC")
	line := make(plotter.XYs, len(points))
	top := 1.2
	for i, s := range points {
		line[i] = plotter.XY{X: float64(s.At.Unix()), Y: s.Value}
		top = max(top, s.Value)
	}
	top *= 1.05
	first, last := line[0].X, line[len(line)-1].X
	since := min(max(first, float64(in.Since.Unix())), last)
	end := last
	if !in.ClosedAt.IsZero() {
		end = min(max(since, float64(in.ClosedAt.Unix())), last)
	}
	span, err := plotter.NewPolygon(plotter.XYs{{X: since, Y: 0}, {X: since, Y: top}, {X: end, Y: top}, {X: end, Y: 0}})
	if err != nil {
		return nil, err
	}
	span.Color, span.LineStyle.Width = sinceColor, 0
	p.Add(span)
	p.Legend.Add("incident", span)
	for _, c := range []curve{
		{plotter.XYs{{X: first, Y: 1}, {X: last, Y: 1}}, limitColor, vg.Points(1.4), "limit"},
		{line, scoreColor, vg.Points(1.8), "score"},
	} {
		if err := c.addTo(p); err != nil {
			return nil, err
		}
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = first, last, 0, top
	return p, nil
}

// wholeTimes marks an axis of seconds at times that people would name.
type wholeTimes struct{}

// Ticks are some six of them.
func (wholeTimes) Ticks(from, to float64) (ticks []plot.Tick) {
	form := "15:04"
	every := 7 * 24 * time.Hour
	for _, d := range []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour} {
		if (to-from)/d.Seconds() <= 6 {
			every = d
			break
		}
	}
	if every >= 12*time.Hour {
		form = "2 Jan 15:04"
	}
	at := time.Unix(int64(math.Ceil(from)), 0).UTC().Truncate(every)
	for ; float64(at.Unix()) <= to; at = at.Add(every) {
		if x := float64(at.Unix()); x >= from {
			ticks = append(ticks, plot.Tick{Value: x, Label: at.Format(form)})
		}
	}
	return ticks
}

// drawCauses writes a line and a bar for each cause, the largest on top. Those
// that would clear the alert have the limit's colour.
func drawCauses(c draw.Canvas, causes []omen.Cause) {
	if len(causes) == 0 {
		return
	}
	most, clears := 0.0, false
	for _, cause := range causes {
		most, clears = max(most, cause.Share), clears || cause.Clears
	}
	y := c.Max.Y - causeHeight/2
	title := "parts of the score"
	if clears {
		title += "; back to what is expected, those in orange clear the alert"
	}
	c.FillText(letters(10, greyColor), vg.Point{X: c.Min.X, Y: y}, title)
	share := letters(11, color.Black)
	share.XAlign = draw.XRight
	for _, cause := range causes {
		y -= causeHeight
		c.FillText(letters(11, color.Black), vg.Point{X: c.Min.X, Y: y + causeHeight*.22}, OneLine(cause.String()))
		c.FillText(share, vg.Point{X: c.Max.X, Y: y + causeHeight*.22}, fmt.Sprintf("%.0f %%", 100*cause.Share))
		low, high := y-causeHeight*.3, y-causeHeight*.08
		right := c.Min.X + (c.Max.X-c.Min.X)*vg.Length(cause.Share/max(most, 1e-9))
		bar := scoreColor
		if cause.Clears {
			bar = limitColor
		}
		c.FillPolygon(bar, []vg.Point{{X: c.Min.X, Y: low}, {X: right, Y: low}, {X: right, Y: high}, {X: c.Min.X, Y: high}})
	}
}

// Draw is the chart of an incident at an instant: from some time before its
// onset until some time after its end; of a forecast that of [Fan].
func Draw(ctx context.Context, hosts Hosts, in omen.Incident, now time.Time) ([]byte, error) {
	end := now
	if last := in.ClosedAt.Add(chartAfter); !in.ClosedAt.IsZero() && last.Before(end) {
		end = last
	}
	if f := in.Forecast; in.Kind == omen.ForecastIncident && f != nil {
		points := hosts.Used(f.Resource, f.At.Add(-shownBefore(f.Forecast)))
		return Fan(in, slices.DeleteFunc(points, func(p omen.UsedPoint) bool { return p.At.After(end) }))
	}
	points, err := hosts.Scores(ctx, in.Host, in.Since.Add(-ChartBefore), end)
	if err != nil {
		return nil, err
	}
	return Chart(in, points)
}
