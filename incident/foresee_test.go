package incident

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// filling is a forecast of a file system: how likely it is full within 4 and 24
// hours, and how much of it is used.
type filling struct {
	host, where  string
	p4, p24, use float64
	free         float64 // 0: what is left of 100 GB
}

func (f filling) at(at time.Time) omen.Outlook {
	limit := 100e9
	if f.free > 0 {
		limit = f.free / (1 - f.use)
	}
	o := omen.Outlook{
		Resource: omen.Resource{Host: hostNamed(f.host), Name: "filesystem_space", Where: f.where}, Title: f.where, Unit: omen.Bytes,
		Features: []string{"filesystem_used", "filesystem_filling"},
		Forecast: omen.Forecast{At: at, Used: f.use * limit, Limit: limit, P: [5]float64{0, f.p4, f.p24, f.p24, f.p24}},
	}
	if f.p24 > .05 {
		o.Full, o.Early, o.Late = 3*time.Hour, 2*time.Hour, 5*time.Hour
	}
	if f.use >= .995 {
		o.Exhausted, o.Full = true, 0
	}
	return o
}

// clockwork gives a tracker a round each minute.
type clockwork struct {
	*Tracker
	now time.Time
	all []omen.Change
}

func (c *clockwork) minutes(n int, of ...filling) (steps []string) {
	for range n {
		c.now = c.now.Add(time.Minute)
		round := omen.Outlooks{Source: "prod", Profile: "node", At: c.now}
		for _, f := range of {
			round.Of = append(round.Of, f.at(c.now))
		}
		changes := c.Foresee(round)
		c.all = append(c.all, changes...)
		for _, ch := range changes {
			step := fmt.Sprintf("%s %s %s", ch.Kind, ch.Reason, ch.Incident.Severity)
			if ch.Incident.Suppressed != "" {
				step += " suppressed " + ch.Incident.Suppressed
			}
			steps = append(steps, step)
		}
	}
	return steps
}

func newClockwork() *clockwork { return &clockwork{Tracker: NewTracker(Hysteresis{}, nil), now: noon} }

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got  %s\n want %s", what, strings.Join(got, "; "), strings.Join(want, "; "))
	}
}

var (
	calm   = filling{"web-1", "/var", 0, .05, .5, 0}
	warned = filling{"web-1", "/var", .2, .9, .8, 0}
	paged  = filling{"web-1", "/var", .7, .95, .9, 0}
	brim   = filling{"web-1", "/var", 1, 1, .999, 0}
)

func TestAForecastOpensEscalatesAndRecovers(t *testing.T) {
	c := newClockwork()
	same(t, "calm", c.minutes(60, calm))
	same(t, "one evaluation", c.minutes(1, warned))
	same(t, "two", c.minutes(1, warned), "opened opened_forecast warning")
	in := c.all[0].Incident
	if in.Kind != omen.ForecastIncident || in.Forecast == nil || in.Forecast.Where != "/var" || !strings.HasPrefix(in.Summary, "/var on web-1 is full in 3 h (2–5 h)") {
		t.Errorf("%+v", in)
	}
	same(t, "critical", c.minutes(2, paged), "escalated escalated_severity critical")
	same(t, "a while below", c.minutes(29, calm))
	same(t, "half an hour below", c.minutes(2, calm), "closed closed_recovered critical")
	same(t, "comes back within ten minutes of it", c.minutes(5, warned), "reopened reopened_within_window warning")
	if n := c.outcomes[Outcome{"filesystem_space", "false"}]; n != 1 {
		t.Errorf("%d false forecasts, want 1: %v", n, c.outcomes)
	}
}

// What is full is no recovery: the incident says so, lasts while it is full, and
// ends as come true.
func TestAForecastComesTrue(t *testing.T) {
	c := newClockwork()
	same(t, "critical", c.minutes(5, paged), "opened opened_forecast critical")
	same(t, "full", c.minutes(300, brim), "escalated escalated_came_true critical")
	if last := c.all[len(c.all)-1].Incident.Summary; !strings.HasPrefix(last, "/var on web-1 is full: ") {
		t.Errorf("says %q", last)
	}
	same(t, "a little is freed, and it fills again", c.minutes(9, paged))
	same(t, "full again", c.minutes(5, brim))
	same(t, "emptied", c.minutes(45, calm), "closed closed_came_true critical")
	if c.outcomes[Outcome{"filesystem_space", "true"}] != 1 || len(c.outcomes) != 1 {
		t.Errorf("outcomes %v", c.outcomes)
	}
}

func TestFullWithoutAForecastIsMissed(t *testing.T) {
	c := newClockwork()
	full := brim.at(c.now)
	c.Foresee(omen.Outlooks{Source: "prod", Profile: "node", At: c.now, Of: []omen.Outlook{full}}) // full by design, or before the start
	full.Sudden, full.At = true, c.now.Add(time.Minute)
	c.Foresee(omen.Outlooks{Source: "prod", Profile: "node", At: full.At, Of: []omen.Outlook{full}})
	if len(c.outcomes) != 1 || c.outcomes[Outcome{"filesystem_space", "missed"}] != 1 {
		t.Errorf("outcomes %v", c.outcomes)
	}
}

// A resource of which nothing is heard neither recovers nor comes true; gone is
// what is gone for an hour although its query is answered.
func TestSilentResources(t *testing.T) {
	c := newClockwork()
	c.minutes(5, warned)
	for range 120 {
		c.now = c.now.Add(time.Minute)
		if got := c.Foresee(omen.Outlooks{Source: "prod", Profile: "node", At: c.now, Unread: []string{"filesystem_space"}}); got != nil {
			t.Fatalf("a query that fails: %v", got[0].Reason)
		}
	}
	c.minutes(1, warned)
	same(t, "unmounted for less than an hour", c.minutes(59))
	same(t, "unmounted", c.minutes(2), "closed closed_host_gone warning")
}

// People are notified of one trouble once: of the incident that is open, or of
// the forecast, and of the other when that ends.
func TestOneTroubleIsNotifiedOnce(t *testing.T) {
	score := func(c *clockwork, value float64, n int) (steps []string) {
		for range n {
			c.now = c.now.Add(time.Second)
			for _, ch := range c.Observe(scoreOf("web-1", c.now, value, "filesystem_used")) {
				steps = append(steps, fmt.Sprintf("%s %s %s", ch.Kind, ch.Reason, ch.Incident.Suppressed))
			}
		}
		return steps
	}
	t.Run("incident first", func(t *testing.T) {
		c := newClockwork()
		score(c, .3, 60)
		same(t, "incident", score(c, 4, 60), "opened opened_anomalous ")
		same(t, "forecast", c.minutes(2, warned), "opened opened_forecast warning suppressed opened_same_cause", "updated updated_forecast warning")
		if on := c.all[1]; on.Incident.Kind != omen.HostIncident || on.Incident.Forecast == nil || !strings.Contains(on.Comment, "/var on web-1 is full") {
			t.Errorf("the incident is not annotated: %+v", on)
		}
		same(t, "the incident ends", score(c, .3, 120), "closed closed_recovered ")
		same(t, "the forecast does not", c.minutes(2, warned), "escalated escalated_lifted warning")
	})
	t.Run("forecast first", func(t *testing.T) {
		c := newClockwork()
		score(c, .3, 60)
		same(t, "forecast", c.minutes(2, warned), "opened opened_forecast warning")
		same(t, "incident", score(c, 4, 60), "opened opened_same_cause opened_same_cause")
		k := c.hosts[hostNamed("web-1")]
		if k.in.Forecast == nil || !feedback.ActedOn(*k.in, nil) {
			t.Error("what was forecast counts as what nobody acted on")
		}
		same(t, "more of it", c.minutes(5, warned))
		same(t, "the forecast ends", c.minutes(40, calm), "closed closed_recovered warning")
		same(t, "the incident does not", score(c, 4, 60), "escalated escalated_lifted ")
	})
	t.Run("what was emptied while another cause leads", func(t *testing.T) {
		c := newClockwork()
		score(c, .3, 60)
		same(t, "incident", score(c, 4, 60), "opened opened_anomalous ")
		same(t, "forecast", c.minutes(2, warned), "opened opened_forecast warning suppressed opened_same_cause", "updated updated_forecast warning")
		same(t, "emptied", c.minutes(2, calm))
		for range 90 {
			c.now = c.now.Add(time.Second)
			c.Observe(scoreOf("web-1", c.now, 40, "cpu"))
		}
		same(t, "the forecast fades, and ends", c.minutes(30, calm), "closed closed_recovered warning suppressed opened_same_cause")
	})
	t.Run("what fills on while another cause leads", func(t *testing.T) {
		c := newClockwork()
		score(c, .3, 60)
		score(c, 4, 60)
		c.minutes(2, warned)
		for range 30 {
			c.now = c.now.Add(time.Second)
			s := scoreOf("web-1", c.now, 40, "cpu")
			s.Causes = append(s.Causes, scoreOf("web-1", c.now, 4, "filesystem_used").Causes...)
			c.Observe(s)
		}
		same(t, "is known", c.minutes(5, warned))
	})
	t.Run("what is full stands still, and is emptied", func(t *testing.T) {
		c := newClockwork()
		// beside gives what people are notified of in minutes of scores and forecasts.
		beside := func(minutes int, value float64, cause omen.Cause, f filling) (steps []string) {
			for range minutes * 60 {
				c.now = c.now.Add(time.Second)
				s := scoreOf("web-1", c.now, value, "filesystem_used")
				cause.Feature, cause.Share = "filesystem_used", 1
				s.Causes[0] = cause
				changes := c.Observe(s)
				if c.now.Second() == 0 {
					changes = append(changes, c.Foresee(omen.Outlooks{Source: "prod", Profile: "node", At: c.now, Of: []omen.Outlook{f.at(c.now)}})...)
				}
				for _, ch := range changes {
					if ch.Incident.Suppressed == "" {
						steps = append(steps, fmt.Sprintf("%s %s", ch.Kind, ch.Reason))
					}
				}
			}
			return steps
		}
		normal := omen.Cause{Actual: .5, Expected: .5, Lower: .4, Upper: .6}
		stands := omen.Cause{Actual: 1, Expected: 1, Lower: .9, Upper: 1, Stuck: time.Hour}
		fell := omen.Cause{Actual: .5, Expected: .9, Lower: .8, Upper: 1, Trivial: true}
		same(t, "forecast", beside(3, .3, normal, paged), "opened opened_forecast")
		same(t, "full", beside(15, .3, normal, brim), "escalated escalated_came_true")
		same(t, "it stands", beside(15, 4, stands, brim))
		same(t, "emptied", beside(30, 4, fell, calm), "closed closed_came_true")
		same(t, "fills again", beside(5, 5, omen.Cause{Actual: .9, Expected: .3, Lower: .2, Upper: .4}, calm), "escalated escalated_lifted")
	})
	t.Run("another cause", func(t *testing.T) {
		c := newClockwork()
		for range 60 {
			c.now = c.now.Add(time.Second)
			c.Observe(scoreOf("web-1", c.now, 4, "cpu"))
		}
		same(t, "forecast", c.minutes(2, warned), "opened opened_forecast warning")
	})
}

// File systems of one pool, and one file system on many hosts, are one trouble.
func TestOnePoolIsNotifiedOnce(t *testing.T) {
	c := newClockwork()
	var all []filling
	for i := range 20 {
		all = append(all, filling{fmt.Sprintf("web-%d", i), "/mnt/nas", .2, .9, .5 + float64(i)/50, 7e9})
	}
	loud := 0
	for _, step := range c.minutes(3, append(all, filling{"db-1", "/mnt/nas", .2, .9, .8, 8e9})...) {
		if !strings.Contains(step, "suppressed opened_same_pool") {
			loud++
		}
	}
	if loud != 2 {
		t.Errorf("people are notified of %d, want the shared one once and the other", loud)
	}
}

func TestForecastsObeyOperators(t *testing.T) {
	c := newClockwork()
	rule := Rules{}
	rule.Silences = []mute.Silence{{ID: "s", Match: []mute.Matcher{{Name: "kind", Value: "forecast", IsEqual: true}, {Name: "cause", Value: "filesystem_space", IsEqual: true}}, From: noon, Until: noon.Add(10 * time.Minute), By: "ann"}}
	if broken := c.SetRules(rule); broken != nil {
		t.Fatal(broken)
	}
	same(t, "silenced", c.minutes(5, warned), "opened opened_forecast warning suppressed opened_silenced")
	same(t, "the silence ends", c.minutes(7, warned), "escalated escalated_lifted warning")

	do := func(cmd Command) omen.Change {
		t.Helper()
		cmd.By = "ann"
		for id := range c.open {
			cmd.Incident = id
		}
		in, _ := c.Incident(cmd.Incident)
		changes := must.Get(c.Prepare(in, cmd, c.now))(t)
		c.Commit(changes)
		return changes[0]
	}
	if in := do(Command{Action: Acknowledge}).Incident; in.State != omen.Acknowledged {
		t.Errorf("acknowledged: %+v", in)
	}
	do(Command{Action: Judge, Verdict: omen.NotAProblem})
	same(t, "no problem", c.minutes(2, warned), "suppressed opened_rejected_pattern warning suppressed opened_rejected_pattern")
	same(t, "nor a little further", c.minutes(5, filling{"web-1", "/var", .2, .9, .84, 0}))
	saved := must.Get(json.Marshal(c.Memory()))(t)
	same(t, "but 5 % further", c.minutes(1, filling{"web-1", "/var", .2, .9, .86, 0}), "escalated escalated_lifted warning")
	do(Command{Action: CloseNow})
	same(t, "closed by hand", c.minutes(30, paged))
	c.minutes(40, calm)
	same(t, "closed by hand, and over", c.minutes(3, filling{"web-1", "/var", .7, .9, .9, 0}), "opened opened_forecast critical")

	again := newClockwork()
	var memory Memory
	must.OK(t, json.Unmarshal(saved, &memory))
	again.Recall(memory)
	same(t, "after a restart", again.minutes(3, warned), "opened opened_forecast warning suppressed opened_rejected_pattern")
}

// A restart changes nothing, whenever it comes.
func TestForecastsOverARestart(t *testing.T) {
	life := [][]filling{}
	for _, part := range []struct {
		n  int
		of filling
	}{{5, calm}, {5, warned}, {5, paged}, {20, brim}, {60, calm}, {3, warned}, {40, calm}} {
		for range part.n {
			life = append(life, []filling{part.of})
		}
	}
	whole := newClockwork()
	var want []string
	for _, of := range life {
		want = append(want, whole.minutes(1, of...)...)
	}
	for _, at := range []int{8, 13, 25, 40, 90, 99} {
		c := newClockwork()
		var got []string
		last := map[string]omen.Incident{}
		for i, of := range life {
			if i == at {
				next := newClockwork()
				next.now = c.now
				for _, ch := range c.all {
					last[ch.Incident.ID] = ch.Incident
				}
				var kept []omen.Incident
				for _, in := range last {
					kept = append(kept, in)
				}
				next.Restore(kept)
				next.Recall(c.Memory())
				c = next
			}
			got = append(got, c.minutes(1, of...)...)
		}
		same(t, fmt.Sprintf("restarted after %d minutes", at), got, want...)
	}
}

func TestForecastsOfASourceThatIsWatchedNoMore(t *testing.T) {
	c := newClockwork()
	c.minutes(5, warned)
	changes := c.Watch([]string{"other"}, c.now)
	if len(changes) != 1 || changes[0].Reason != omen.ReasonHostGone || len(c.outlooks) != 0 {
		t.Errorf("%d changes, %d remembered", len(changes), len(c.outlooks))
	}
}

// When forecasts of a kind of resource were false three times within a week,
// people are notified of critical ones only, until the week is over; another kind,
// and what is full, are not withheld. A restart forgets none.
func TestForecastsHaveABudgetOfTheirOwn(t *testing.T) {
	c := newClockwork()
	fails := func(n int) filling { return filling{"web-1", fmt.Sprint("/data", n), .2, .9, .8, 0} }
	for i := range 3 {
		same(t, "false", c.minutes(3, fails(i)), "opened opened_forecast warning")
		f := fails(i)
		f.p4, f.p24 = 0, .05
		same(t, "over", c.minutes(40, f), "closed closed_recovered warning")
	}
	same(t, "the fourth", c.minutes(3, fails(3)), "opened opened_forecast warning suppressed opened_over_forecast_budget")
	worse := fails(3)
	worse.p4 = .7
	same(t, "it is critical", c.minutes(2, worse), "escalated escalated_severity critical suppressed opened_over_forecast_budget", "escalated escalated_lifted critical")

	other := fails(4).at(c.now.Add(time.Minute))
	other.Name = "memory"
	for range 2 {
		c.now = c.now.Add(time.Minute)
		other.At = c.now
		for _, ch := range c.Foresee(omen.Outlooks{Source: "prod", Profile: "node", At: c.now, Of: []omen.Outlook{other}, Unread: []string{"filesystem_space"}}) {
			if ch.Incident.Suppressed != "" {
				t.Errorf("another kind of resource: %s", ch.Incident.Suppressed)
			}
		}
	}

	again := newClockwork()
	again.now = c.now
	var memory Memory
	must.OK(t, json.Unmarshal(must.Get(json.Marshal(c.Memory()))(t), &memory))
	again.Recall(memory)
	same(t, "after a restart", again.minutes(3, fails(5)), "opened opened_forecast warning suppressed opened_over_forecast_budget")
	again.now = again.now.Add(8 * 24 * time.Hour)
	same(t, "a week later", again.minutes(3, fails(6)), "closed closed_host_gone warning suppressed opened_over_forecast_budget", "opened opened_forecast warning")
}
