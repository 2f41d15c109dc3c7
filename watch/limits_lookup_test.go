package watch

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/incident"
)

// What charts show of a resource's past is what was measured.
func TestThePastOfAResource(t *testing.T) {
	d, w := oneDay(), (*Watch)(nil)
	w = watchOf(t, d, &judge{Tracker: incident.NewTracker(incident.Hysteresis{}, nil)})
	at := monday
	for ; at.Before(monday.Add(17 * time.Hour)); at = at.Add(time.Minute) {
		w.minute(t, at)
	}
	past := w.Used(omen.Resource{Host: omen.Host{Source: "test", Profile: "test", Name: "web-1"}, Name: "disk", Where: "/var"}, monday.Add(10*time.Hour))
	if len(past) < 6*4+55 {
		t.Fatalf("%d points of seven hours, the last by the minute", len(past))
	}
	for i, p := range past {
		if want := d.used["/var"](p.At); math.Abs(p.Share-want) > .025 || // what hardly moved is kept to within 2 %
			i > 0 && !p.At.After(past[i-1].At) || p.At.Before(monday.Add(10*time.Hour)) {
			t.Errorf("%s: %.3f, want %.3f", p.At, p.Share, want)
		}
	}
}

// A resource that is measured is forecast, or it is said why it is not, and from when
// it is; the metrics count the same.
func TestWhatIsNotForecastYet(t *testing.T) {
	d := oneDay()
	d.used["/none"] = func(time.Time) float64 { return -1 } // is no amount
	w := watchOf(t, d, deaf{})
	at, begin := monday, monday
	counts := func() (resources, waiting float64) {
		return testutil.ToFloat64(w.metrics.resources), testutil.ToFloat64(w.metrics.waiting)
	}
	if all := w.Pending(); len(all) != 0 {
		t.Errorf("%v are pending before the first round", all)
	}
	d.set(func(d *disks) { d.young = true })
	w.round(t.Context(), at)
	w.forecast(t.Context())
	for _, p := range w.Pending() { // before history is read
		if !p.Due.IsZero() || p.Err != "" {
			t.Errorf("%+v", p)
		}
	}
	w.limits.histories.blame("disk", at, feature.Fault{Err: errors.New("too many samples"), Itself: true})
	if all := w.Pending(); len(all) != 2 || all[0].Err != "too many samples" {
		t.Errorf("%+v", all)
	}
	w.limits.histories.hurry(at)
	w.recallSome(t.Context())
	for range 4 {
		all := w.Pending()
		if len(all) != 2 || len(w.Forecasts()) != 0 || !all[0].Due.Equal(begin.Add(5*time.Minute)) {
			t.Errorf("at %s pending are %+v", at, all)
		}
		if resources, waiting := counts(); resources != 2 || waiting != 2 {
			t.Errorf("at %s %v resources, %v wait", at, resources, waiting)
		}
		at = at.Add(time.Minute)
		w.minute(t, at)
	}
	w.minute(t, begin.Add(5*time.Minute))
	resources, waiting := counts()
	if len(w.Forecasts()) != 2 || len(w.Pending()) != 0 || resources != 2 || waiting != 0 {
		t.Errorf("%d forecasts, %d pending, %v resources, %v wait", len(w.Forecasts()), len(w.Pending()), resources, waiting)
	}
}
