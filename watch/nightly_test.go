package watch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/store"
)

// server is a source of one Linux host under the built-in profile: busier by
// day than by night, with noise, and with a backup at some times.
type server struct {
	begin  time.Time
	backup func(at time.Time) bool
	load   map[string]float64                                     // what a backup adds, if not the usual
	fault  func(at time.Time, name string, value float64) float64 // nil: none
	boot   time.Time                                              // when it boots, after two minutes of silence; zero: never
}

// usual is, per feature, the night's level, what the day adds, the noise (a
// part of the level), and what a backup adds. Other features are lacking.
var usual = map[string][4]float64{
	"cpu_user":         {.10, .25, .10, .10},
	"cpu_system":       {.04, .06, .10, .08},
	"cpu_iowait":       {.01, .01, .20, .15},
	"load_per_core":    {.2, .4, .15, .5},
	"memory_used":      {.40, .08, .01, .02},
	"context_switches": {3000, 4000, .08, 4000},
	"disk_read":        {4e5, 6e5, .20, 9e7},
	"disk_write":       {2e6, 4e6, .15, 2e6},
	"disk_operations":  {60, 90, .12, 900},
	"disk_utilisation": {.05, .08, .15, .6},
	"network_receive":  {3e5, 2e6, .12, 3e5},
	"network_transmit": {4e5, 4e6, .12, 7e7},
	"network_packets":  {900, 5000, .10, 48000},
	"tcp_established":  {40, 120, .05, 2},
	"tcp_opens":        {5, 30, .12, 0},
	"file_descriptors": {1500, 500, .01, 50},
}

func (s server) Read(_ context.Context, q series.Query) (*series.Frame, error) {
	names := make([]string, len(q.Exprs))
	for i, e := range q.Exprs {
		names[i] = e.Feature
	}
	step := max(q.Step, time.Minute)
	f := series.NewFrame([]string{"db-1"}, names, q.Start, step, int(q.End.Sub(q.Start)/step)+1)
	f.Window = 4 * time.Minute
	for i := range f.Instants {
		at := f.Time(i)
		if at.Before(s.begin) || !at.Before(s.boot.Add(-2*time.Minute)) && at.Before(s.boot) {
			continue
		}
		up := 1e6 + at.Sub(s.begin).Seconds()
		if !s.boot.IsZero() && !at.Before(s.boot) {
			up = at.Sub(s.boot).Seconds() + 20
		}
		hour := float64(at.Hour()) + float64(at.Minute())/60
		day := math.Pow(math.Sin(math.Pi*math.Mod(hour+20, 24)/24), 2) // 0 at four, 1 at sixteen o'clock
		job := 0.0
		if s.backup(at) {
			job = 1
		}
		for j, name := range names {
			u, ok := usual[name]
			switch {
			case name == feature.UptimeColumn:
				f.Set(0, i, j, up)
			case ok:
				r := rand.New(rand.NewPCG(uint64(at.Unix()), uint64(len(name))<<8+uint64(name[0])))
				level := u[0] + u[1]*day
				if s.load != nil {
					u[3] = s.load[name]
				}
				v := max(0, level+job*u[3]*(1+.1*r.NormFloat64())+u[2]*level*r.NormFloat64())
				if s.fault != nil {
					v = s.fault(at, name, v)
				}
				f.Set(0, i, j, v)
			}
		}
	}
	return f, nil
}

// chain is metrics in and incidents out, with the real schema, models,
// training and store, step by step instead of by the clock.
type chain struct {
	*Watch
	deaf
	db      *store.DB
	tracker *incident.Tracker
	rules   incident.Rules
	begin   time.Time
	pages   []omen.Change
}

func newChain(t *testing.T, s server) *chain {
	t.Helper()
	schema := must.Get(feature.NewSchema(feature.Node()))(t)
	return chainOf(t, s.begin, Options{Source: s, Schema: schema, Step: time.Minute})
}

func chainOf(t *testing.T, begin time.Time, o Options) *chain {
	t.Helper()
	c := &chain{db: open(t), tracker: incident.NewTracker(incident.Hysteresis{}, nil), begin: begin}
	o.Name, o.Store, o.Sink = "prod", c.db, c
	c.Watch = New(o)
	return c
}

// Offer does with a round what the manager does, without its clock.
func (c *chain) Offer(ctx context.Context, k omen.Tick) error {
	changes := c.tracker.Tick(k)
	if err := c.db.Append(ctx, changes...); err != nil {
		return err
	}
	for _, one := range changes {
		if feedback.Notifies(one) {
			c.pages = append(c.pages, one)
		}
		if one.Kind != omen.ChangeClosed {
			continue
		}
		past, err := c.db.Incidents(ctx, store.Filter{Host: one.Incident.Host})
		if err != nil {
			return err
		}
		if r := (feedback.Past{Incidents: past, Patterns: c.rules.Patterns}).Recurs(one.Incident); r.Expected != nil {
			c.rules.Patterns = append(slices.Clone(c.rules.Patterns), *r.Expected)
			if err := errors.Join(c.tracker.SetRules(c.rules)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Note does with an event what the manager does.
func (c *chain) Note(ctx context.Context, e mute.Event) error {
	c.rules.Events = append(slices.Clone(c.rules.Events), e)
	return errors.Join(c.db.PutEvent(ctx, e), errors.Join(c.tracker.SetRules(c.rules)...))
}

// live lets the time from…to pass, and returns the pages in it as "day hour:
// first cause".
func (c *chain) live(t *testing.T, from, to time.Duration) (pages []string) {
	t.Helper()
	c.pages = nil
	for at := from; at < to; at += c.o.Step {
		now := c.begin.Add(at)
		c.round(t.Context(), now)
		c.noteEvents(t.Context())
		if c.unknown() {
			must.OK(t, c.lookUp(t.Context()))
		}
		if batch, _ := c.due(now); len(batch) > 0 {
			c.trainBatch(t.Context(), batch)
		}
	}
	for _, p := range c.pages {
		at := p.At.Sub(c.begin)
		pages = append(pages, fmt.Sprintf("day %d %s: %s, peak %.0f", int(at.Hours())/24, p.At.Format("15:04"), p.Incident.Summary, p.Incident.Peak))
	}
	return pages
}

const aDay = 24 * time.Hour

// atNight is the backup's time.
func atNight(at time.Time) bool { return at.Hour() == 2 && at.Minute() < 40 }

// A host that runs its backup at two o'clock from the first night on: after
// three nights it is quiet, and the same load at noon is an incident.
func TestScenarioNightlyBackup(t *testing.T) {
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	noon := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC) // on the seventh day
	c := newChain(t, server{begin: begin, backup: func(at time.Time) bool {
		return atNight(at) || !at.Before(noon) && at.Before(noon.Add(40*time.Minute))
	}})
	learned := noon.Truncate(aDay).AddDate(0, 0, -3).Add(time.Hour).Sub(begin) // one o'clock, with three nights seen
	for _, p := range c.live(t, 0, learned) {
		t.Log("while it is new:", p)
	}
	for _, p := range c.live(t, learned, noon.Sub(begin)) {
		t.Error("after three nights:", p)
	}
	alertAtNoon(t, c, noon)
}

// A backup that begins when the host has long been known: its first night is an
// incident; from the fourth on it is quiet, though nobody said anything; and
// the same load at noon is an incident all the same.
func TestScenarioNewNightlyJob(t *testing.T) {
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	first := time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC)
	noon := time.Date(2026, 3, 12, 12, 0, 0, 0, time.UTC)
	c := newChain(t, server{begin: begin, backup: func(at time.Time) bool {
		return !at.Before(first) && (atNight(at) || !at.Before(noon) && at.Before(noon.Add(40*time.Minute)))
	}})
	for _, p := range c.live(t, 0, 2*aDay) {
		t.Log("while the host is new:", p)
	}
	for _, p := range c.live(t, 2*aDay, first.Sub(begin)) {
		t.Error("before there is a job:", p)
	}
	night := c.live(t, first.Sub(begin), first.Add(aDay).Sub(begin))
	if len(night) != 1 || !strings.Contains(night[0], " 02:") {
		t.Errorf("pages of the first night: %q, want one", night)
	}
	for _, p := range c.live(t, first.Add(aDay).Sub(begin), first.Add(3*aDay).Sub(begin)) {
		t.Log("the second and third night:", p)
	}
	for _, p := range c.live(t, first.Add(3*aDay).Sub(begin), noon.Sub(begin)) {
		t.Error("from the fourth night on:", p)
	}
	alertAtNoon(t, c, noon)
}

func alertAtNoon(t *testing.T, c *chain, noon time.Time) {
	t.Helper()
	pages := c.live(t, noon.Sub(c.begin), noon.Add(2*time.Hour).Sub(c.begin))
	if len(pages) != 1 || !strings.Contains(pages[0], " 12:") {
		t.Errorf("pages of the backup at noon: %q, want one before it ends", pages)
	}
}

// A host reboots, and works hard for the minutes after: that is seen in its
// uptime, drawn on the timeline, and nobody is notified. The same load without a
// boot is an incident.
func TestScenarioReboot(t *testing.T) {
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	boot := time.Date(2026, 3, 5, 10, 30, 0, 0, time.UTC)
	for _, booted := range []bool{true, false} {
		s := server{begin: begin, backup: func(at time.Time) bool { return !at.Before(boot) && at.Before(boot.Add(7*time.Minute)) }}
		if booted {
			s.boot = boot
		}
		c := newChain(t, s)
		c.live(t, 0, boot.Add(-time.Hour).Sub(begin))
		pages := c.live(t, boot.Add(-time.Hour).Sub(begin), boot.Add(9*time.Minute).Sub(begin))
		events := must.Get(c.db.Events(t.Context(), begin, boot.Add(aDay)))(t)
		switch {
		case booted && (len(pages) != 0 || len(events) != 1 || events[0].Kind != mute.EventBoot || events[0].At.Sub(boot).Abs() > time.Minute):
			t.Errorf("with a boot: pages %q, events %+v; want one event and no page", pages, events)
		case !booted && (len(pages) != 1 || len(events) != 0):
			t.Errorf("without a boot: pages %q, events %+v; want one page and no event", pages, events)
		}
	}
}
