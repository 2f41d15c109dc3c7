package tsdb

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// A step begins with its first instant and ends before the next one's; other metrics
// and samples outside of the span are not in it.
func TestHighest(t *testing.T) {
	now := begin.Add(time.Minute)
	db := openAt(t, t.TempDir(), &now)
	for i, v := range []float64{9, 1, 3, 2, -5, math.NaN(), 8} { // at 0, 10, … s: two of each step of 20 s from 10 s on
		at := begin.Add(time.Duration(i) * 10 * time.Second)
		must.OK(t, db.Append(t.Context(), []series.Sample{one("a", at, v), {Name: "y", Labels: map[string]string{"instance": "a"}, At: at, Value: 99}}))
	}
	must.OK(t, db.Append(t.Context(), []series.Sample{one("b", begin.Add(20*time.Second), 7)}))
	must.OK(t, db.Append(t.Context(), []series.Sample{one("outside", begin.Add(5*time.Second), 7)}))
	got := map[string][3]float64{}
	read := must.Get(db.Highest(t.Context(), "x", begin.Add(10*time.Second), 20*time.Second, 3, func(labels map[string]string, highest []float64) {
		got[labels["instance"]] = [3]float64(highest)
	}))(t)
	if read != 6 || len(got) != 2 { // a's 1, 3, 2, -5 and 8, and b's
		t.Errorf("%d numbers of %v, want 6 of a and b", read, got)
	}
	if a := got["a"]; a != [3]float64{3, 2, 8} {
		t.Errorf("a is %v, want 3, 2, 8", a)
	}
	if b := got["b"]; b[0] != 7 || !math.IsNaN(b[1]) || !math.IsNaN(b[2]) {
		t.Errorf("b is %v, want 7 and two gaps", b)
	}
	must.OK(t, db.Close())
	if _, err := db.Highest(t.Context(), "x", begin, time.Second, 1, nil); !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("of a closed store: %v", err)
	}
}
