package host

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/tsdb"
)

// hanging does not answer before answers is closed.
func hanging(answers <-chan struct{}) prometheus.GathererFunc {
	return func() ([]*dto.MetricFamily, error) {
		<-answers
		return nil, nil
	}
}

// A collector ends with its context, and the next one's gatherings wait until what it
// began has ended: not all of node_exporter's collectors may run twice at once.
func TestAGatheringThatIsLeftKeepsItsTurn(t *testing.T) {
	answers, turn := make(chan struct{}), make(chan struct{}, 1)
	ctx, end := context.WithCancel(t.Context())
	end()
	turn <- struct{}{}
	if _, err := gather(ctx, hanging(answers), turn, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for its turn: %v", err)
	}
	<-turn
	ctx, end = context.WithCancel(t.Context())
	begun := make(chan struct{})
	left := make(chan error)
	go func() {
		_, err := gather(ctx, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			close(begun)
			return hanging(answers)()
		}), turn, time.Hour)
		left <- err
	}()
	<-begun
	end()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("a gathering whose context ended: %v", err)
	}
	if _, err := gather(t.Context(), hanging(answers), turn, time.Millisecond); !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("beside one that goes on: %v, want that it is not begun", err)
	}
	close(answers)
	turn <- struct{}{} // given back
	<-turn
}

// Once as many gatherings hang as may, no more are begun, and that is said: before, the
// loop waited in silence until one of them answered.
func TestManyGatheringsThatHangAreSaid(t *testing.T) {
	for range cap(abandoned) {
		abandoned <- struct{}{}
	}
	answers, turn := make(chan struct{}), make(chan struct{}, 1)
	var log strings.Builder
	c := &Collector{log: slog.New(slog.NewTextHandler(&log, nil)), opts: Options{Instance: "here"}}
	at := time.Now()
	for i, want := range []string{"gathering has taken", "no more are begun", "no more are begun"} {
		_, err := gather(t.Context(), hanging(answers), turn, time.Millisecond)
		if !errors.Is(err, omen.ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Fatalf("gathering %d: %v, want %q", i, err, want)
		}
		c.noteMissing("slow", &c.slowMissing, at, err)
	}
	if got := strings.Count(log.String(), "level=ERROR"); got != 2 {
		t.Errorf("logged %d times, want once for each reason:\n%s", got, log.String())
	}
	if got, known := c.Missing(at.Add(slowInterval)); len(got) != 0 || known {
		t.Errorf("missing while the last values count: %v (known %t), want none, and that it is not known", got, known)
	}
	if got, _ := c.Missing(at.Add(lasts * slowInterval)); len(got) != 1 || !strings.Contains(got[0], "no more are begun") {
		t.Errorf("missing %v, want the slow part and why", got)
	}
	close(answers)
	turn <- struct{}{}
	for range cap(abandoned) {
		<-abandoned
	}
	c.noteMissing("slow", &c.slowMissing, at, nil)
	if got, known := c.Missing(at.Add(time.Hour)); len(got) != 0 || known {
		t.Errorf("missing after it answered: %v (known %t), want none, and of the fast part that it is not known", got, known)
	}
	c.noteMissing("fast", &c.fastMissing, at, nil)
	if got, known := c.Missing(at.Add(time.Hour)); len(got) != 0 || !known {
		t.Errorf("missing when all is gathered: %v (known %t)", got, known)
	}
}

// What is gathered at every interval and gives nothing is a failure, also where the
// slow part is stored: before, it looked healthy.
func TestAFastPartThatGivesNothingIsAFailure(t *testing.T) {
	store := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
	defer store.Close()
	c := New(Options{Store: store, Instance: "here"})
	slow := prometheus.NewRegistry()
	slow.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "x"}))
	c.gatherSlow(t.Context(), slow)
	at := time.Now()
	if err := c.gather(t.Context(), prometheus.NewRegistry(), at); err == nil || errors.Is(err, omen.ErrPartial) {
		t.Errorf("gathered nothing: %v, want a failure", err)
	}
	if got, _ := c.Missing(at.Add(time.Minute)); len(got) != 1 || !strings.HasPrefix(got[0], "processors") {
		t.Errorf("missing %v, want the fast part", got)
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	must.OK(t, c.gather(over, prometheus.NewRegistry(), at.Add(500*time.Millisecond)))
	if got, _ := c.Missing(at.Add(time.Minute)); len(got) != 1 {
		t.Errorf("a gathering that was ended says %v, want that the fast part is missing still", got)
	}
	next := New(Options{Store: store, Instance: "here"})
	next.TakeOver(c)
	if got, _ := next.Missing(at.Add(time.Minute)); len(got) != 1 {
		t.Errorf("the next one says %v, want that the fast part is missing still", got)
	}
	fast := prometheus.NewRegistry()
	fast.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "y"}))
	must.OK(t, c.gather(t.Context(), fast, at.Add(time.Second)))
	if got, _ := c.Missing(at.Add(time.Minute)); len(got) != 0 {
		t.Errorf("missing %v, want none", got)
	}
}
