package watch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// several is a source in which an expression of left_out gives several series of one
// host, which disagree.
type several struct{ window time.Duration }

func (s *several) Read(_ context.Context, q series.Query) (*series.Frame, error) {
	names := make([]string, len(q.Exprs))
	for i, e := range q.Exprs {
		names[i] = e.Feature
	}
	f := series.NewFrame([]string{"web-1"}, names, q.Start, time.Second, 1)
	f.Labels[0]["instance"] = "web-1"
	f.Window, f.Sure = 4*time.Minute, true
	for i, name := range names {
		f.Set(0, 0, i, 3)
		switch name {
		case "b.left_out":
			f.Failed[name] = errors.New("1 host has several series that disagree")
		case "a.left_out":
			s.window = q.Window
		}
	}
	return f, nil
}

// How many are left out is not counted by what is not one number a host, which is
// said as omen check source says it.
func TestWhatIsLeftOutIsOneNumberAHost(t *testing.T) {
	schema := must.Get(feature.NewSchema(feature.Profile{
		Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}},
		Limits: []feature.Limit{{Name: "a", Used: "a", Max: 9, LeftOut: "a"}, {Name: "b", Used: "b", Max: 9, LeftOut: "b"}},
	}))(t)
	s := &several{}
	w := New(Options{Source: s, Name: "test", Schema: schema, Step: time.Minute, Store: open(t), History: time.Hour, Sink: deaf{}})
	w.round(t.Context(), monday)
	w.forecast(t.Context())
	if n := testutil.ToFloat64(w.metrics.unlimited.WithLabelValues(byDesign)); n != 3 {
		t.Errorf("%v are left out, want the 3 of a", n)
	}
	if why := w.limits.failing()["b.left_out"]; !strings.Contains(why, "several series") || s.window != 4*time.Minute {
		t.Errorf("b says %q, the window was %s", why, s.window)
	}
}
