package bench

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
)

// Five days to learn from, of which the fourth has a fault that nobody
// labelled, and two of test with one that is: the first counts as false, but
// not where the labels are known.
func TestBudgets(t *testing.T) {
	s := Daily("budget")
	perDay := s.PerDay()
	var before []omen.Vector
	for i := range 3 * perDay {
		v := s.Train[i%perDay]
		v.At = s.Train[0].At.Add(time.Duration(i-3*perDay) * s.Step)
		if v.Values = append([]float64{}, v.Values...); i < 2*perDay {
			v.Values[1] += .001 * float64(i%7)
		}
		before = append(before, v)
	}
	s.Train = append(before, s.Train...)
	for i := 3*perDay + 60; i < 3*perDay+80; i++ {
		s.Train[i].Values = []float64{.95, .15, .1, .05}
	}
	kept := must.Get(Budgets(t.Context(), []*Series{s}, detect.Options{}, []float64{1}, nil))(t)
	k := kept[0]
	if math.Abs(k.HostWeeks-4./7) > 1e-9 || math.Abs(k.Labelled-2./7) > 1e-9 {
		t.Errorf("%.3f host-weeks, %.3f of them labelled, want four and two days", k.HostWeeks, k.Labelled)
	}
	if k.Pages < 2 || k.False < 1 || k.Pages-k.False != 1 || k.LabelledFalse != k.False-1 {
		t.Errorf("%d pages, %d false, %d of them where labels are known: want people notified of the labelled fault, and the other false by default", k.Pages, k.False, k.LabelledFalse)
	}
	var out strings.Builder
	must.OK(t, WriteBudgets(&out, kept))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || len(strings.Fields(lines[1])) != 10 || !strings.HasPrefix(lines[1], "small  1 ") {
		t.Errorf("the table is\n%s", out.String())
	}
}
