package bench

import (
	"image/color"
	"io"
	"math"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

const (
	curveWidth  = 4 * vg.Inch
	curveHeight = 3 * vg.Inch
)

// PlotFeedback draws the feedback curve into dir as feedback.png and returns
// its path: precision, recall and F1 of what is shown over the verdicts per
// series, with them and, on the same remaining part, without; one picture per
// data set.
func PlotFeedback(dir string, lessons []Lesson) (string, error) {
	path := filepath.Join(dir, "feedback.png")
	return path, save(path, "feedback", func(w io.Writer) error { return drawFeedback(w, lessons) })
}

func drawFeedback(w io.Writer, lessons []Lesson) error {
	var sets []string
	of := map[string][]Lesson{}
	for _, l := range lessons {
		if of[l.Set] == nil {
			sets = append(sets, l.Set)
		}
		of[l.Set] = append(of[l.Set], l)
	}
	plots := [][]*plot.Plot{make([]*plot.Plot, len(sets))}
	for i, set := range sets {
		plots[0][i] = feedbackOf(set, of[set], i == 0)
	}
	img := vgimg.NewWith(vgimg.UseWH(vg.Length(len(sets))*curveWidth, curveHeight), vgimg.UseDPI(120))
	tiles := draw.Tiles{Rows: 1, Cols: len(sets), PadX: 14, PadTop: 6, PadBottom: 6, PadLeft: 8, PadRight: 12}
	for i, canvas := range plot.Align(plots, tiles, draw.New(img))[0] {
		plots[0][i].Draw(canvas)
	}
	_, err := vgimg.PngCanvas{Canvas: img}.WriteTo(w)
	return err
}

// feedbackOf is one data set's curve. The legend is drawn once.
func feedbackOf(set string, lessons []Lesson, legend bool) *plot.Plot {
	p := newPlot()
	p.Title.Text = set + ": incidents shown"
	p.X.Label.Text, p.Y.Min, p.Y.Max = "verdicts per series (dashed: the same time without)", 0, 1
	p.Add(grid())
	p.Legend.Left, p.Legend.XOffs, p.Legend.YOffs = true, 8, 6
	p.Legend.TextStyle.Font, p.Legend.TextStyle.Color = p.X.Tick.Label.Font, inkText
	for _, m := range []struct {
		name string
		of   func(Service) Number
		ink  color.Color
	}{
		{"precision", func(v Service) Number { return v.Precision }, inkAlert},
		{"recall", func(v Service) Number { return v.Recall }, inkLine},
		{"F1", func(v Service) Number { return v.F1 }, inkText},
	} {
		var with, without plotter.XYs
		for _, l := range lessons {
			x := float64(l.Verdicts)
			if y := float64(m.of(l.After)); !math.IsNaN(y) {
				with = append(with, plotter.XY{X: x, Y: y})
			}
			if y := float64(m.of(l.Before)); !math.IsNaN(y) {
				without = append(without, plotter.XY{X: x, Y: y})
			}
		}
		if len(with) == 0 || len(without) == 0 {
			continue
		}
		solid, dashed := stroke(with, m.ink, 2), stroke(without, m.ink, 1)
		dashed.Dashes = []vg.Length{4, 3}
		p.Add(dashed, solid, &plotter.Scatter{XYs: with, GlyphStyle: draw.GlyphStyle{Color: m.ink, Radius: 3, Shape: draw.CircleGlyph{}}})
		if legend {
			p.Legend.Add(m.name, solid)
		}
	}
	var marks plot.ConstantTicks
	for _, l := range lessons {
		marks = append(marks, plot.Tick{Value: float64(l.Verdicts), Label: strconv.Itoa(l.Verdicts)})
	}
	p.X.Tick.Marker = marks
	return p
}
