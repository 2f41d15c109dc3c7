package notify

import (
	"bytes"
	"context"
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

// Scores reads a host's score history, a time at most apart that a picture can
// show.
type Scores func(ctx context.Context, host omen.Host, from, to time.Time) ([]omen.ScorePoint, error)

const (
	pictureBefore = 30 * time.Minute // shown before the onset
	pictureAfter  = 10 * time.Minute // shown after the end
	pictureWait   = 3 * time.Second  // how long a message waits for its picture
	pictureWidth  = 8 * vg.Inch
	pictureHeight = 4.5 * vg.Inch
	pictureDPI    = 120
)

// Colours that people with the common kinds of colour blindness tell apart
// (Okabe and Ito, 2008).
var (
	scoreColor = color.RGBA{R: 0, G: 114, B: 178, A: 255}
	limitColor = color.RGBA{R: 213, G: 94, B: 0, A: 255}
	onsetColor = color.RGBA{R: 120, G: 120, B: 120, A: 255}
)

// picture draws an incident's score against its limit, and the shares of its
// top causes, as a PNG. No points are [omen.ErrTooFew].
func picture(in omen.Incident, points []omen.ScorePoint) ([]byte, error) {
	if len(points) < 2 {
		return nil, fmt.Errorf("draw incident %s: %w", in.ID, omen.ErrTooFew)
	}
	history, err := scorePlot(in, points)
	if err != nil {
		return nil, fmt.Errorf("draw incident %s: %w", in.ID, err)
	}
	rows := [][]*plot.Plot{{history}}
	if causes := toldCauses(in.Causes); len(causes) > 0 {
		shares, err := causePlot(causes)
		if err != nil {
			return nil, fmt.Errorf("draw incident %s: %w", in.ID, err)
		}
		rows = append(rows, []*plot.Plot{shares})
	}
	canvas := vgimg.NewWith(vgimg.UseWH(pictureWidth, pictureHeight), vgimg.UseDPI(pictureDPI))
	all := draw.New(canvas)
	tiles := draw.Tiles{Rows: len(rows), Cols: 1, PadTop: vg.Points(8), PadBottom: vg.Points(8), PadLeft: vg.Points(8), PadRight: vg.Points(12), PadY: vg.Points(10)}
	for i, aligned := range plot.Align(rows, tiles, all) {
		rows[i][0].Draw(aligned[0])
	}
	var out bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&out); err != nil {
		return nil, fmt.Errorf("draw incident %s: %w", in.ID, err)
	}
	return out.Bytes(), nil
}

func scorePlot(in omen.Incident, points []omen.ScorePoint) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = oneLine(who(in)) + ": anomaly score"
	p.X.Tick.Marker = plot.TimeTicks{Format: "15:04"}
	p.X.Label.Text = "UTC"
	p.Y.Min = 0
	line := make(plotter.XYs, len(points))
	top := 1.2
	for i, s := range points {
		line[i] = plotter.XY{X: float64(s.At.Unix()), Y: s.Value}
		top = max(top, s.Value)
	}
	first, last := line[0].X, line[len(line)-1].X
	for _, l := range []struct {
		xys   plotter.XYs
		color color.Color
		width vg.Length
		name  string
	}{
		{line, scoreColor, vg.Points(1.6), "score"},
		{plotter.XYs{{X: first, Y: 1}, {X: last, Y: 1}}, limitColor, vg.Points(1.2), "limit"},
		{plotter.XYs{{X: float64(in.Since.Unix()), Y: 0}, {X: float64(in.Since.Unix()), Y: top}}, onsetColor, vg.Points(.8), "since"},
	} {
		drawn, err := plotter.NewLine(l.xys)
		if err != nil {
			return nil, err
		}
		drawn.Color, drawn.Width = l.color, l.width
		p.Add(drawn)
		p.Legend.Add(l.name, drawn)
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Y.Max = top * 1.05
	return p, nil
}

// causePlot has a bar for each cause, the largest on top.
func causePlot(causes []omen.Cause) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = "part of the score (%)"
	n := len(causes)
	shares, names := make(plotter.Values, n), make([]string, n)
	for i, c := range causes {
		shares[n-1-i], names[n-1-i] = 100*c.Share, oneLine(c.String())
	}
	bars, err := plotter.NewBarChart(shares, vg.Points(12))
	if err != nil {
		return nil, err
	}
	bars.Horizontal, bars.Color, bars.LineStyle.Width = true, scoreColor, 0
	p.Add(bars)
	p.NominalY(names...)
	p.X.Min = 0
	return p, nil
}

// takesPictures are the channels that show a picture.
var takesPictures = map[string]bool{"telegram": true, "slack": true, "email": true}

// picture is what goes with a message, or nil: a message never fails for want
// of one.
func (l *lane) picture(ctx context.Context, m Message) []byte {
	if l.scores == nil || !takesPictures[l.channel.kind] || m.Incident == nil || m.Incident.Host.Name == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pictureWait)
	defer cancel()
	png, err := drawn(ctx, l.scores, *m.Incident, m.At)
	if err != nil {
		l.log.Debug("message goes without a picture", "incident", m.Incident.ID, "err", err)
		return nil
	}
	return png
}

// drawn is the picture of an incident at an instant: from some time before its
// onset until some time after its end.
func drawn(ctx context.Context, scores Scores, in omen.Incident, now time.Time) ([]byte, error) {
	end := now
	if last := in.ClosedAt.Add(pictureAfter); !in.ClosedAt.IsZero() && last.Before(end) {
		end = last
	}
	points, err := scores(ctx, in.Host, in.Since.Add(-pictureBefore), end)
	if err != nil {
		return nil, err
	}
	return picture(in, points)
}
