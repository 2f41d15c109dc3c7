package watch

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// picky is a source that refuses one limit.
type picky struct {
	*disks
	refuses  func(q series.Query) error // of the limit "bad"; nil: it answers
	together bool                       // what is asked for with it is not answered either
}

func (p *picky) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	of := slices.IndexFunc(q.Exprs, func(e series.Expr) bool { return feature.LimitOf(e.Feature) == "bad" })
	if of < 0 {
		return p.disks.Read(ctx, q)
	}
	err := p.refuses(q)
	if err != nil && (p.together || len(q.Exprs) == 1) {
		return nil, err
	}
	f, fails := p.disks.Read(ctx, q)
	if fails == nil && err != nil {
		for i, name := range f.Features {
			if feature.LimitOf(name) == "bad" {
				f.Failed[name] = err
				for row := range f.Hosts {
					for at := range f.Instants {
						f.Set(row, at, i, math.NaN())
					}
				}
			}
		}
	}
	return f, fails
}

// A limit that a source refuses, now or for its history, is named alone, and the
// limits that are read with it go on: also where the source gives none of them an
// answer together with it.
func TestALimitThatIsRefusedIsAlone(t *testing.T) {
	past := func(q series.Query) bool { return q.End.After(q.Start) }
	for name, c := range map[string]struct {
		source picky
		want   string
	}{
		"its history": {picky{refuses: func(q series.Query) error {
			if past(q) {
				return series.ErrTooMuch
			}
			return nil
		}}, "its history cannot be read: too many samples for one answer"},
		"its history, and with it all that is asked together": {picky{together: true, refuses: func(q series.Query) error {
			if past(q) {
				return series.ErrTooMuch
			}
			return nil
		}}, "its history cannot be read: too many samples for one answer"},
		"now":                           {picky{refuses: func(series.Query) error { return omen.ErrInvalid }}, omen.ErrInvalid.Error()},
		"now, and all that is together": {picky{together: true, refuses: func(series.Query) error { return omen.ErrInvalid }}, omen.ErrInvalid.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.source.disks = &disks{used: map[string]func(time.Time) float64{"/var": func(time.Time) float64 { return .3 }}}
				by := []string{"mountpoint"}
				schema := must.Get(feature.NewSchema(feature.Profile{
					Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}},
					Limits: []feature.Limit{
						{Name: "bad", Used: "rate(x[400d])", Max: 1e12, By: by}, {Name: "good", Used: "good", Limit: "size", By: by}, {Name: "other", Used: "other", Max: 1e12, By: by},
					},
				}))(t)
				var log bytes.Buffer
				w := New(Options{
					Source: &c.source, Name: "test", Schema: schema, Step: 15 * time.Second, Store: open(t), History: time.Hour, Sink: deaf{},
					Log: slog.New(slog.NewTextHandler(&log, nil)),
				})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- w.Run(ctx) }()
				time.Sleep(10 * time.Minute) // synctest's clock
				synctest.Wait()
				cancel()
				must.OK(t, <-done)

				var forecast []string
				for _, o := range w.Forecasts() {
					forecast = append(forecast, o.Name)
				}
				if slices.Sort(forecast); !slices.Equal(forecast, []string{"good", "other"}) {
					t.Errorf("forecast are %v, want the two that are answered", forecast)
				}
				s := w.Status()
				if len(s.FailedFeatures) != 1 || !strings.Contains(s.FailedFeatures["bad"], c.want) {
					t.Errorf("failed are %v, want bad alone: %s", s.FailedFeatures, c.want)
				}
				if u := w.Unread(); len(u) != 1 || u[0] != (omen.UnreadLimit{Source: "test", Profile: "test", Limit: "bad", Why: s.FailedFeatures["bad"]}) {
					t.Errorf("unread are %+v", u)
				}
				if n := strings.Count(log.String(), "limit="); n != 1 || !strings.Contains(log.String(), "limit=bad") {
					t.Errorf("the log names %d limits, want bad once:\n%s", n, log.String())
				}
			})
		})
	}
}

// A limit whose history was refused is asked for again, and is forecast once it is
// answered.
func TestARefusedHistoryIsReadAgain(t *testing.T) {
	refused := true
	source := &picky{disks: &disks{used: map[string]func(time.Time) float64{"/var": func(time.Time) float64 { return .3 }}}, refuses: func(q series.Query) error {
		if refused && q.End.After(q.Start) {
			return series.ErrTooMuch
		}
		return nil
	}}
	schema := must.Get(feature.NewSchema(feature.Profile{
		Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}},
		Limits: []feature.Limit{{Name: "bad", Used: "bad", Max: 1e12, By: []string{"mountpoint"}}},
	}))(t)
	w := New(Options{Source: source, Name: "test", Schema: schema, Step: time.Minute, Store: open(t), History: time.Hour, Sink: deaf{}})
	for i := range 20 { // asked for at 0, 2 and 6, and at 14 minutes
		refused = i < 7
		w.minute(t, monday.Add(time.Duration(i)*time.Minute))
		if u := w.Unread(); (len(u) == 1) != (i < 14) {
			t.Errorf("after %d minutes unread are %v", i, u)
		}
	}
	if len(w.Forecasts()) != 1 {
		t.Errorf("forecasts are %v", w.Forecasts())
	}
}
