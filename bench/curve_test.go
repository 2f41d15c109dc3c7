package bench

import (
	"image"
	_ "image/png"
	"math"
	"os"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// The curve has one picture per data set side by side; a number that is not
// known is left out.
func TestPlotFeedback(t *testing.T) {
	at := func(p, r, f float64) Service { return Service{Precision: Number(p), Recall: Number(r), F1: Number(f)} }
	lessons := []Lesson{
		{Set: "asd", Verdicts: 1, Before: at(.9, .6, .72), After: at(.95, .6, .74)},
		{Set: "asd", Verdicts: 5, Before: at(math.NaN(), 0, math.NaN()), After: at(.95, .7, .8)},
		{Set: "smd", Verdicts: 1, Before: at(.7, .7, .7), After: at(.75, .8, .77)},
	}
	p := feedbackOf("asd", lessons[:2], true)
	if ticks := p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max); len(ticks) != 2 || ticks[1].Label != "5" || p.X.Min != 1 || p.X.Max != 5 || p.Y.Min != 0 || p.Y.Max != 1 {
		t.Errorf("from %g to %g and %g to %g, marked %v", p.X.Min, p.X.Max, p.Y.Min, p.Y.Max, ticks)
	}
	width := func(lessons []Lesson) int {
		path := must.Get(PlotFeedback(t.TempDir(), lessons))(t)
		f := must.Get(os.Open(path))(t)
		defer f.Close()
		config, format, err := image.DecodeConfig(f)
		if err != nil || format != "png" {
			t.Fatalf("%s, %v", format, err)
		}
		return config.Width
	}
	if one, both := width(lessons[2:]), width(lessons); both != 2*one {
		t.Errorf("%d pixels wide with one data set, %d with two", one, both)
	}
}
