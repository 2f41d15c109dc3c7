package app

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/series"
)

// Of each instant it is the median and the range of those that have a value; an
// instant at which none has one is a gap.
func TestSpreadOfAGroup(t *testing.T) {
	none := math.NaN()
	f := series.NewFrame([]string{"a", "b", "c"}, []string{"other", "load"}, time.Unix(1000, 0), time.Minute, 3)
	for i, row := range [][]float64{{1, 2, 9}, {4, none, none}, {none, none, none}} {
		for h, v := range row {
			f.Set(h, i, 1, v)
		}
	}
	s := spread(f, 1, "load", omen.Ratio, func(v float64) float64 { return v })
	for i, want := range []struct {
		hosts             int
		median, low, high float64
	}{{3, 2, 1, 9}, {1, 4, 4, 4}, {0, none, none, none}} {
		got := []api.Number{s.Median[i], s.Low[i], s.High[i]}
		for k, v := range []float64{want.median, want.low, want.high} {
			if x := float64(got[k]); x != v && !(math.IsNaN(x) && math.IsNaN(v)) {
				t.Errorf("instant %d: %v, want %+v", i, got, want)
			}
		}
		if s.Hosts[i] != want.hosts || float64(s.Times[i]) != float64(1000+60*i) {
			t.Errorf("instant %d: of %d hosts at %v, want %d", i, s.Hosts[i], s.Times[i], want.hosts)
		}
	}
}
