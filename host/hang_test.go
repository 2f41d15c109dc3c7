package host

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/tsdb"
)

// says gives a gauge of each name, labelled by pairs of names and values.
type says map[string][]string

func (says) Describe(chan<- *prometheus.Desc) {}

func (s says) Collect(ch chan<- prometheus.Metric) {
	for name, labels := range s {
		own := prometheus.Labels{}
		for i := 0; i+1 < len(labels); i += 2 {
			own[labels[i]] = labels[i+1]
		}
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, "A test's.", nil, own), prometheus.GaugeValue, 1)
	}
}

// hanging does not answer before a value comes, or the channel is closed.
type hanging struct {
	answers <-chan struct{}
	begun   chan<- struct{}
	says
}

func (h hanging) Collect(ch chan<- prometheus.Metric) {
	h.begun <- struct{}{}
	<-h.answers
	h.says.Collect(ch)
}

// hangingPart makes a part that hangs until its channel is closed.
func hangingPart(t *testing.T, name string, again int) (p *part, answers chan struct{}, begun chan struct{}) {
	t.Helper()
	answers, begun = make(chan struct{}), make(chan struct{}, 100)
	p = newPart(name, hanging{answers, begun, says{"from_" + name: nil}}, again)
	return p, answers, begun
}

// free waits until a part's turn, and all room beside it, is free again.
func free(p *part) {
	p.turn <- struct{}{}
	<-p.turn
	for range cap(p.again) {
		p.again <- struct{}{}
	}
	for range cap(p.again) {
		<-p.again
	}
}

// grouped is a group of parts and what it logs.
func grouped(t *testing.T, keep time.Duration, parts ...*part) (*group, *strings.Builder) {
	t.Helper()
	log := &strings.Builder{}
	return must.Get(newGroup(slog.New(slog.NewTextHandler(log, nil)), parts, keep))(t), log
}

func names(families []*dto.MetricFamily) (all []string) {
	for _, f := range families {
		all = append(all, f.GetName())
	}
	slices.Sort(all)
	return all
}

// One collector that hangs is cut off by itself and named, and the others are gathered;
// before, all of its half of them were missing.
func TestOneCollectorThatHangsBlindsNoOther(t *testing.T) {
	bad, answers, _ := hangingPart(t, "hwmon", 0)
	good := newPart("uname", says{"uname": nil}, 0)
	g, log := grouped(t, 0, bad, good)
	var c Collector
	c.parts.Store(&g.parts)
	if got, known := c.Missing(time.Now()); known || len(got) > 0 {
		t.Errorf("before anything is gathered: %v is missing (known %t)", got, known)
	}
	for i, want := range []string{"gathering has taken", "a gathering of before hangs", "a gathering of before hangs"} {
		families, err := g.gather(t.Context(), time.Millisecond)
		if !errors.Is(err, omen.ErrUnavailable) || !strings.Contains(err.Error(), "hwmon: "+want) || strings.Contains(err.Error(), "uname") {
			t.Fatalf("gathering %d: %v, want %q of hwmon alone", i, err, want)
		}
		if got := names(families); !slices.Equal(got, []string{"uname"}) {
			t.Fatalf("gathering %d gave %v, want what answers", i, got)
		}
	}
	if got := strings.Count(log.String(), "level=ERROR"); got != 1 || !strings.Contains(log.String(), "kind=hwmon") {
		t.Errorf("logged %d times, want once, and which:\n%s", got, log)
	}
	now := time.Now()
	if got, known := c.Missing(now); len(got) != 0 || known {
		t.Errorf("missing while the last values count: %v (known %t), want none, and that it is not known", got, known)
	}
	if got, _ := c.Missing(now.Add(lasts * slowInterval)); len(got) != 1 || !strings.HasPrefix(got[0], "hwmon since ") {
		t.Errorf("missing %v, want hwmon", got)
	}
	next := New(Options{Instance: "here"})
	next.TakeOver(&c)
	if got, _ := next.Missing(now.Add(time.Hour)); len(got) != 1 {
		t.Errorf("the next one says %v, want that hwmon is missing still", got)
	}
	close(answers)
	free(bad)
	families := must.Get(g.gather(t.Context(), time.Minute))(t)
	if got := names(families); !slices.Equal(got, []string{"from_hwmon", "uname"}) || !strings.Contains(log.String(), "level=INFO") {
		t.Errorf("once it answers %v, logged\n%s", got, log)
	}
	if got, known := c.Missing(now.Add(time.Hour)); len(got) != 0 || !known {
		t.Errorf("missing once it answers: %v (known %t), want none", got, known)
	}
}

// One that hung, and returned only after nobody waited any more, delays the others no
// second time by as much.
func TestOneCollectorThatHungDelaysNoOther(t *testing.T) {
	bad, answers, _ := hangingPart(t, "hwmon", 0)
	bad.note(time.Now(), given{})
	g, _ := grouped(t, 0, bad, newPart("uname", says{"uname": nil}, 0))
	g.brief = time.Millisecond
	ctx, end := context.WithTimeout(t.Context(), 10*time.Second)
	defer end()
	families, err := g.gather(ctx, time.Hour)
	if got := names(families); !errors.Is(err, omen.ErrUnavailable) || !slices.Equal(got, []string{"uname"}) {
		t.Errorf("gathered %v (%v), want what answers", got, err)
	}
	close(answers)
	free(bad)
}

// Of a collector that begins to hang the last values count for a while, where they may.
func TestLastValuesOfACollectorThatHangs(t *testing.T) {
	for keep, want := range map[time.Duration][]string{0: {"uname"}, time.Hour: {"from_hwmon", "uname"}} {
		bad, answers, begun := hangingPart(t, "hwmon", 0)
		g, _ := grouped(t, keep, bad, newPart("uname", says{"uname": nil}, 0))
		go func() { answers <- struct{}{} }()
		must.Get(g.gather(t.Context(), time.Minute))(t)
		<-begun
		families, err := g.gather(t.Context(), time.Millisecond)
		if got := names(families); err == nil || !slices.Equal(got, want) {
			t.Errorf("kept for %s: %v (%v), want %v", keep, got, err, want)
		}
		close(answers)
		free(bad)
	}
}

// A gathering ends with its context, and the next one's of the same collector waits until
// what it began has ended: not all of them may run twice at once.
func TestAGatheringThatIsLeftKeepsItsTurn(t *testing.T) {
	p, answers, begun := hangingPart(t, "hwmon", 0)
	p.turn <- struct{}{}
	ctx, end := context.WithCancel(t.Context())
	end()
	if _, err := p.ask(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for its turn: %v", err)
	}
	<-p.turn
	ctx, end = context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := p.ask(ctx, time.Hour)
		left <- err
	}()
	<-begun
	end()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("a gathering whose context ended: %v", err)
	}
	if since, _ := p.state(); !since.IsZero() {
		t.Error("a collector that was left for a reload passes for one that hangs")
	}
	if _, err := p.ask(t.Context(), time.Millisecond); !errors.Is(err, omen.ErrUnavailable) || len(begun) > 0 {
		t.Errorf("beside one that goes on: %v, want that it is not begun", err)
	}
	close(answers)
	free(p)
}

// A reload while a mount begins to hang leaves no turn behind that is kept until the
// mount answers: where there is room the next one is asked beside it.
func TestAGatheringThatIsLeftAndHangsMakesRoom(t *testing.T) {
	p, answers, begun := hangingPart(t, "filesystem", 1)
	over, end := context.WithCancel(t.Context())
	end()
	if _, err := p.ask(over, 10*time.Millisecond); err == nil {
		t.Fatal("a collector that hangs gave something")
	}
	<-begun
	next := make(chan error)
	go func() {
		_, err := p.ask(t.Context(), 10*time.Second)
		next <- err
	}()
	select {
	case <-begun: // beside the one that hangs
	case err := <-next:
		t.Fatalf("not asked beside the one that hangs: %v", err)
	}
	close(answers)
	must.OK(t, <-next)
	free(p)
}

// A collector that leaves out what hangs is asked again beside the call that hangs, as
// often as there is room.
func TestWhatLeavesOutWhatHangsIsAskedAgain(t *testing.T) {
	p, answers, begun := hangingPart(t, "filesystem", 2)
	for i := range 4 {
		if _, err := p.ask(t.Context(), time.Millisecond); !errors.Is(err, omen.ErrUnavailable) {
			t.Fatalf("gathering %d: %v", i, err)
		}
	}
	for range 3 { // two that have room, and the one that keeps the turn
		<-begun
	}
	if len(begun) > 0 {
		t.Error("a gathering was begun beside as many that hang as may")
	}
	close(answers)
	free(p)
}

// What is gathered at every interval and gives nothing is a failure, also where the
// slow part is stored: before, it looked healthy.
func TestAFastPartThatGivesNothingIsAFailure(t *testing.T) {
	store := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
	defer store.Close()
	c := New(Options{Store: store, Instance: "here"})
	slow, _ := grouped(t, time.Hour, newPart("uname", says{"x": nil}, 0))
	c.gatherSlow(t.Context(), slow)
	bad, answers, _ := hangingPart(t, "cpu", 0)
	fast, _ := grouped(t, 0, bad)
	fast.MustRegister(says{"omen_build_info": nil}) // is there whatever hangs
	bad.note(time.Now(), given{})
	bad.turn <- struct{}{}
	at := time.Now()
	if err := c.gather(t.Context(), fast, at); err == nil || errors.Is(err, omen.ErrPartial) {
		t.Errorf("gathered nothing: %v, want a failure", err)
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	must.OK(t, c.gather(over, fast, at.Add(500*time.Millisecond)))
	<-bad.turn
	close(answers)
	must.OK(t, c.gather(t.Context(), fast, at.Add(time.Second)))
}
