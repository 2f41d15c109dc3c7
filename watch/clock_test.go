package watch

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// noted is a sink that keeps events.
type noted struct {
	Sink
	events *[]mute.Event
}

func (n noted) Note(_ context.Context, e mute.Event) error {
	*n.events = append(*n.events, e)
	return e.Validate()
}

// The clock is set: nobody is judged until a window is of the new time, nobody is
// silent or forgotten, and everybody is judged again after it. Time that comes again
// is none in which Omen sees anything, and it says so.
func TestTheClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{-time.Minute, time.Hour, 3 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			r := newRig(t, open(t), "web-1", "web-2")
			r.world.born = r.world.born.Add(-2 * time.Hour) // the sources' clocks are right
			r.grow(t)
			var events []mute.Event
			r.o.Sink = noted{r, &events}
			r.now = r.now.Add(by)
			r.clockSet(t.Context(), r.now, by)
			if by < 0 == r.Relives().IsZero() {
				t.Errorf("time comes again until %s", r.Relives())
			}
			again := int(max(0, -by) / time.Second)
			for i, k := range r.pass(t, again) {
				if !k.Relived || k.Err != "" || len(k.Scores)+len(k.Silent) > 0 || r.Status().State != omen.SourceUp {
					t.Errorf("%d s after, for the second time: %+v, source %s; want that nothing is read, of a source that is up", i+1, k, r.Status().State)
				}
			}
			blind := int(r.lookback() / time.Second)
			for i, k := range r.pass(t, blind+20) {
				judged := 0
				if i+1 >= blind {
					judged = 2
				}
				if len(k.Scores) != judged || len(k.Silent) > 0 || k.Young != 2-judged {
					t.Errorf("%d s after: %d scores, %d silent, %d young; want %d scores", i+1, len(k.Scores), len(k.Silent), k.Young, judged)
				}
				for _, s := range k.Scores {
					if s.Anomalous() {
						t.Errorf("%d s after: %s scores %.1f", i+1, s.Host, s.Value)
					}
				}
			}
			if len(r.Hosts()) != 2 || r.Status().State != omen.SourceUp || len(events) != 1 || testutil.ToFloat64(r.metrics.clock) != 1 {
				t.Errorf("%d hosts, source %s, events %v", len(r.Hosts()), r.Status().State, events)
			}
		})
	}
}
