package message

import (
	"fmt"
	"image/color"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	omen "github.com/omenhq/omen"
)

const (
	fanHeight = 3.2 * vg.Inch
	// shownLeast and shownMost bound how much of the past is shown before a
	// forecast: enough to see the rise, and no more than Omen remembers.
	shownLeast = 6 * time.Hour
	shownMost  = 14 * 24 * time.Hour
)

var fanColor = color.RGBA{R: 179, G: 212, B: 232, A: 255} // scoreColor on white

// shownBefore is how much of the past is shown before a forecast: three times the
// rise so far, or as much as is foreseen.
func shownBefore(f omen.Forecast) time.Duration {
	shown := f.Late
	if !f.Since.IsZero() {
		shown = max(shown, 3*f.At.Sub(f.Since))
	}
	return min(max(shown, shownLeast), shownMost)
}

// Fan is the chart of a forecast as a PNG: how much was used, the limit, and the
// span in which eight of ten such resources become full, as people were last
// notified of it. A known date has none, and neither has what was measured less
// than twice: [omen.ErrTooFew].
func Fan(in omen.Incident, points []omen.UsedPoint) ([]byte, error) {
	f := in.Forecast
	if f == nil || f.Dated() || len(points) < 2 {
		return nil, fmt.Errorf("draw forecast %s: %w", in.ID, omen.ErrTooFew)
	}
	p, err := fanPlot(f, points)
	if err != nil {
		return nil, fmt.Errorf("draw forecast %s: %w", in.ID, err)
	}
	canvas := vgimg.NewWith(vgimg.UseWH(chartWidth, fanHeight+2*margin), vgimg.UseDPI(chartDPI))
	p.Draw(draw.Crop(draw.New(canvas), margin, -margin, margin, -margin))
	return encoded(canvas, in)
}

func fanPlot(f *omen.Outlook, points []omen.UsedPoint) (*plot.Plot, error) {
	p := plotOf(OneLine(f.Title+" on "+f.Host.Name) + ": % used, UTC")
	line := make(plotter.XYs, len(points))
	top := 105.0
	for i, u := range points {
		line[i] = plotter.XY{X: seconds(u.At), Y: 100 * u.Share}
		top = max(top, 103*u.Share)
	}
	first, last := line[0].X, line[len(line)-1].X
	if f.Full > 0 {
		now := plotter.XY{X: seconds(f.At), Y: 100 * f.Used / f.Limit}
		full := func(after time.Duration) plotter.XY { return plotter.XY{X: seconds(f.At.Add(after)), Y: 100} }
		last = max(last, full(f.Late).X+(full(f.Late).X-first)/20)
		fan, err := plotter.NewPolygon(plotter.XYs{now, full(f.Early), full(f.Late)})
		if err != nil {
			return nil, err
		}
		fan.Color, fan.LineStyle.Width = fanColor, 0
		p.Add(fan)
		p.Legend.Add("full, 8 of 10", fan)
		if err := (curve{plotter.XYs{now, full(f.Full)}, greyColor, vg.Points(1.2), "expected"}).addTo(p); err != nil {
			return nil, err
		}
	}
	for _, c := range []curve{
		{plotter.XYs{{X: first, Y: 100}, {X: last, Y: 100}}, limitColor, vg.Points(1.4), "limit"},
		{line, scoreColor, vg.Points(1.8), "used"},
	} {
		if err := c.addTo(p); err != nil {
			return nil, err
		}
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = first, last, 0, top
	return p, nil
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
