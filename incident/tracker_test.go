package incident

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func hostNamed(name string) omen.Host {
	return omen.Host{Source: "prod", Profile: "node", Name: name}
}

// scoreOf is an established model's score of a host with one cause.
func scoreOf(host string, at time.Time, value float64, cause string) omen.Score {
	return omen.Score{Host: hostNamed(host), At: at, Value: value, Unsmoothed: value, Grade: omen.Established, Model: "m1",
		Causes: []omen.Cause{{Feature: cause, Unit: omen.Ratio, Share: 1, Actual: .9, Expected: .3, Lower: .2, Upper: .4, Smallest: .05}}}
}

// feed scores a host every step from noon on, one value after the other.
func feed(t *Tracker, step time.Duration, values ...float64) (all []omen.Change) {
	for i, v := range values {
		all = append(all, t.Observe(scoreOf("web-1", noon.Add(time.Duration(i)*step), v, "cpu"))...)
	}
	return all
}

func repeat(v float64, n int) []float64 { return slices.Repeat([]float64{v}, n) }

func TestSmoothedTailOfABlipOpensNothing(t *testing.T) {
	// One sample of 60 through detect's smoothing, weight 1/3: 20, 13.3, 8.9, …
	// stays above the limit for eight samples, with only one of them hot.
	tr := NewTracker(Hysteresis{}, nil)
	smoothed := 0.0
	for i := range 60 {
		s := scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), 0, "cpu")
		s.Unsmoothed = .2
		if i == 20 {
			s.Unsmoothed = 60
		}
		smoothed += (s.Unsmoothed - smoothed) / 3
		s.Value = smoothed
		if got := tr.Observe(s); got != nil {
			t.Fatalf("sample %d: %v", i, got[0].Reason)
		}
	}
}

func TestOpensWithinThirtySecondsAtOneSecond(t *testing.T) {
	for _, grade := range []omen.Grade{omen.Provisional, omen.Learning, omen.Established} {
		tr := NewTracker(Hysteresis{}, nil)
		notified := -1
		for i := range 60 {
			s := scoreOf("web-1", noon.Add(time.Duration(i)*time.Second), 4, "cpu")
			s.Grade = grade
			for _, c := range tr.Observe(s) {
				if c.Incident.Suppressed == "" && notified < 0 {
					notified = i
				}
			}
		}
		if notified < 0 || notified > 30 {
			t.Errorf("%s: notified after %d s, want within 30", grade, notified)
		}
	}
}

func TestBadSamplesTouchNobody(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	bad := []omen.Score{
		scoreOf("web-1", noon.Add(time.Minute), math.NaN(), "cpu"),
		scoreOf("web-1", noon.Add(time.Minute), math.Inf(1), "cpu"),
		scoreOf("web-1", noon.Add(365*24*time.Hour), 9, "cpu"), // a year ahead
		scoreOf("web-1", noon.Add(-24*time.Hour), 9, "cpu"),
	}
	for i := range 40 {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		good := scoreOf("web-2", at, 3, "mem")
		tick := omen.Tick{Source: "prod", At: at, Scores: append(slices.Clone(bad), good)}
		for _, c := range tr.Tick(tick) {
			if c.Incident.Host.Name != "web-2" {
				t.Fatalf("a bad sample made %s of %s", c.Kind, c.Incident.Host)
			}
		}
	}
	if in := tr.hosts[hostNamed("web-2")].in; in == nil {
		t.Error("the other host's incident did not open")
	}
}

func TestAClockThatIsSetBackBlindsNobody(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var all []omen.Change
	for i := range 20 {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		value := .3
		if i >= 10 {
			at, value = at.Add(-6*time.Hour), 3
		}
		all = append(all, tr.Tick(omen.Tick{Source: "prod", At: at, Scores: []omen.Score{scoreOf("web-1", at, value, "cpu")}})...)
	}
	if len(all) != 1 || all[0].Kind != omen.ChangeOpened || all[0].Incident.Kind != omen.HostIncident {
		t.Errorf("changes %+v, want the host's incident opened", all)
	}
}

func TestUnjournalableCausesAreLeftOut(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var opened []omen.Change
	for i := range 3 {
		s := scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), 3, "cpu")
		s.Causes = append(s.Causes, omen.Cause{Feature: "mem", Actual: math.NaN()}, omen.Cause{Feature: "io", Upper: math.Inf(1)})
		opened = append(opened, tr.Observe(s)...)
	}
	if len(opened) != 1 || len(opened[0].Incident.Causes) != 1 || opened[0].Incident.Causes[0].Feature != "cpu" {
		t.Fatalf("changes %+v, want one with the cause cpu alone", opened)
	}
}

func TestTheScoresBuffersAreNotKept(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	buffer := make([]omen.Cause, 1)
	var opened []omen.Change
	for i := range 3 {
		s := scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), 5-float64(i), "cpu")
		copy(buffer, s.Causes)
		s.Causes = buffer
		opened = append(opened, tr.Observe(s)...)
		buffer[0].Feature = "overwritten"
	}
	if got := opened[0].Incident.Causes[0].Feature; got != "cpu" {
		t.Errorf("cause %q, want cpu", got)
	}
}

func TestExpiredIncidentsDoNotComeBackAtOnce(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	hour := 240 // samples at 15 s
	got := feed(tr, 15*time.Second, slices.Concat(repeat(1.5, 26*hour), repeat(.5, 100), repeat(1.5, 10))...)
	var kinds []string
	for _, c := range got {
		kinds = append(kinds, fmt.Sprint(c.Kind, " ", c.Reason))
	}
	want := []string{
		"opened " + omen.ReasonAnomalous, "escalated " + omen.ReasonSeverity, "closed " + omen.ReasonExpired,
		"opened " + omen.ReasonAnomalous, // after it was quiet for once
	}
	if diff := gocmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
}

func TestAGoneHostsIncidentCloses(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var last omen.Change
	for i := range 600 { // 2.5 h
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		k := omen.Tick{Source: "prod", At: at, Scores: []omen.Score{scoreOf("web-2", at, .2, "cpu")}}
		if i < 240+20 && i > 240 {
			k.Scores = append(k.Scores, scoreOf("web-1", at, 3, "cpu"))
		}
		for _, c := range tr.Tick(k) {
			last = c
		}
	}
	// Seen last at sample 259, 1:04:45; an hour later is 2:04:45, and the next
	// sweep, once a minute, is due by 2:05:45.
	if got := last.At.Sub(noon); last.Reason != omen.ReasonHostGone || got < 124*time.Minute+45*time.Second || got > 125*time.Minute+45*time.Second {
		t.Errorf("last change %s %s after %s", last.Kind, last.Reason, got)
	}
}

func TestTheLikelyFirstHostIsTheEarliest(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var fleets []omen.Incident
	for i := range 10 {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		k := omen.Tick{Source: "prod", At: at}
		for h := range 8 {
			value := .2
			if i >= 3 || h == 6 && i >= 2 {
				value = 3 + float64(h)/10
			}
			k.Scores = append(k.Scores, scoreOf(fmt.Sprint("web-", h), at, value, "iowait"))
		}
		for _, c := range tr.Tick(k) {
			if c.Incident.Kind == omen.FleetIncident {
				fleets = append(fleets, c.Incident)
			}
		}
	}
	if len(fleets) != 1 || fleets[0].Host.Name != "web-6" || len(fleets[0].Members) != 8 {
		t.Fatalf("fleet incidents %+v, want one of 8 hosts, web-6 first", fleets)
	}
}

func TestTwoProfilesOfOneInstantAreBothJudged(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	opened := map[string]bool{}
	for i := range 5 {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		for _, profile := range []string{"node", "pod"} {
			s := scoreOf("a", at, 3, "cpu")
			s.Host.Profile = profile
			for _, c := range tr.Tick(omen.Tick{Source: "prod", At: at, Scores: []omen.Score{s}}) {
				opened[c.Incident.Host.Profile] = true
			}
		}
	}
	if len(opened) != 2 {
		t.Errorf("opened %v, want one of each profile", opened)
	}
}

func TestASlowStepIsNoStall(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	for i := range 10 { // five minutes is more than Stalled
		at := noon.Add(time.Duration(i) * 5 * time.Minute)
		got := tr.Tick(omen.Tick{Source: "prod", At: at, Scores: []omen.Score{scoreOf("a", at, .3, "cpu")}})
		wait := 14 * time.Minute // before the step is known
		if i > 0 {
			wait = 19 * time.Minute
		}
		if got = append(got, tr.Idle(at.Add(wait))...); len(got) > 0 {
			t.Fatalf("tick %d: %s of %s", i, got[0].Kind, got[0].Incident.Kind)
		}
	}
	at := noon.Add(45 * time.Minute)
	if got := tr.Idle(at.Add(21 * time.Minute)); len(got) != 1 || got[0].Incident.Kind != omen.OwnIncident {
		t.Errorf("after four steps without a tick: %+v", got)
	}
}

func TestAStormThatTricklesIsFolded(t *testing.T) {
	// One host a second, each for its own reason: the first 30 within a minute
	// are notified one by one, the others by one incident.
	tr := NewTracker(Hysteresis{}, nil)
	var all []omen.Change
	for i := range 200 {
		k := omen.Tick{Source: "prod", At: noon.Add(time.Duration(i) * time.Second)}
		for h := range 150 {
			value := .3
			if i >= h {
				value = 3
			}
			k.Scores = append(k.Scores, scoreOf(fmt.Sprint("web-", h), k.At, value, fmt.Sprint("cause-", h)))
		}
		all = append(all, tr.Tick(k)...)
	}
	notified, recorded := 0, 0
	for _, c := range all {
		if c.Kind != omen.ChangeOpened {
			continue
		}
		if recorded++; c.Incident.Suppressed == "" {
			notified++
		}
	}
	if recorded != 151 || notified != 31 {
		t.Errorf("%d opened and %d notified, want 150 hosts and a storm, notified 30 and the storm", recorded, notified)
	}
	checkLives(t, all)
}

func TestASourceThatIsNoLongerWatchedIsClosed(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	feed(tr, 15*time.Second, repeat(3, 5)...)
	if got := tr.Watch([]string{"prod"}, noon.Add(time.Hour)); got != nil {
		t.Fatalf("a watched source: %+v", got)
	}
	got := tr.Watch([]string{"other"}, noon.Add(time.Hour))
	if len(got) != 1 || got[0].Reason != omen.ReasonHostGone || len(tr.open) != 0 {
		t.Errorf("%+v, want the incident closed as gone", got)
	}
}

func TestQuietPathDoesNotAllocate(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	s, i := scoreOf("web-1", noon, .4, "cpu"), 0
	tr.Observe(s)
	allocs := testing.AllocsPerRun(1000, func() {
		i++
		s.At = noon.Add(time.Duration(i) * time.Second)
		if tr.Observe(s) != nil {
			t.Fatal("a quiet sample changed something")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per quiet sample, want 0", allocs)
	}
}

func BenchmarkObserveQuiet(b *testing.B) {
	tr := NewTracker(Hysteresis{}, nil)
	s := scoreOf("web-1", noon, .4, "cpu")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.At = noon.Add(time.Duration(i) * time.Second)
		tr.Observe(s)
	}
}

func BenchmarkTickOfTenThousandHosts(b *testing.B) {
	tr := NewTracker(Hysteresis{}, nil)
	k := omen.Tick{Source: "prod"}
	for h := range 10_000 {
		k.Scores = append(k.Scores, scoreOf(fmt.Sprint("web-", h), noon, .4, "cpu"))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k.At = noon.Add(time.Duration(i) * 15 * time.Second)
		for j := range k.Scores {
			k.Scores[j].At = k.At
		}
		tr.Tick(k)
	}
}

// The same rounds give the same changes in the same order, by host and source.
func TestChangesComeInOrder(t *testing.T) {
	for range 10 { // a map would have given another order in one of them
		tr, at, most := NewTracker(Hysteresis{}, nil), noon, 0
		check := func(changes []omen.Change) {
			var hosts []string
			for _, c := range changes {
				hosts = append(hosts, c.Incident.Host.ID())
			}
			if most = max(most, len(hosts)); !slices.IsSorted(hosts) {
				t.Fatalf("changes of hosts %q", hosts)
			}
		}
		for i := range 300 { // after a while only the first host of each source is there
			at = noon.Add(time.Duration(i) * 15 * time.Second)
			for _, source := range []string{"a", "b", "c"} {
				k := omen.Tick{Source: source, At: at}
				for h := range 9 {
					s := scoreOf(fmt.Sprint("web-", h), at, 3, fmt.Sprint(source, h))
					if s.Host.Source = source; h == 0 || i < 20 {
						k.Scores = append(k.Scores, s)
					}
				}
				check(tr.Tick(k))
			}
		}
		check(tr.Idle(at.Add(time.Hour)))
		check(slices.DeleteFunc(tr.Watch(nil, at.Add(time.Hour)), func(c omen.Change) bool { return c.Incident.Kind != omen.HostIncident }))
		if most < 8 {
			t.Errorf("%d changes at once, want those of 8 hosts that are gone", most)
		}
	}
}

// Another trouble soon after the first is an incident of its own, which names the
// first; the same trouble is the first come back.
func TestAnotherTroubleNamesTheOneBefore(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var made []omen.Change
	for i, cause := range slices.Concat(slices.Repeat([]string{"disk"}, 10), slices.Repeat([]string{""}, 20), slices.Repeat([]string{"mem"}, 10)) {
		value := 3.0
		if cause == "" {
			value = .3
		}
		made = append(made, tr.Observe(scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), value, cause))...)
	}
	if len(made) != 3 || made[2].Kind != omen.ChangeOpened || made[2].Incident.ID == made[0].Incident.ID ||
		!strings.Contains(made[2].Comment, made[0].Incident.ID) || !strings.Contains(made[2].Comment, "disk") {
		t.Errorf("%+v, want opened, closed, and opened with a comment that names the first", made)
	}
}

// What an open incident is goes on over a restart: what was notified of is not
// again, and the time until it expires goes on.
func TestStateOutlivesARestart(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var made []omen.Change
	at := noon
	watch := func(samples int, value float64, cause string) {
		for range samples {
			made = append(made, tr.Observe(scoreOf("web-1", at, value, cause))...)
			at = at.Add(15 * time.Second)
		}
	}
	watch(10, 3, "disk")
	watch(9, 9, "mem") // neither is away for so long that it would have closed
	before := tr.hosts[hostNamed("web-1")].state
	tr = restarted(tr, made)
	if diff := gocmp.Diff(before, tr.hosts[hostNamed("web-1")].state); diff != "" {
		t.Error(diff)
	}
	watch(9, 3, "disk")
	watch(10, 9, "mem")
	if n := slices.IndexFunc(made, func(c omen.Change) bool { return c.Reason == omen.ReasonAnother }); n < 0 ||
		slices.ContainsFunc(made[n+1:], func(c omen.Change) bool { return c.Reason == omen.ReasonAnother }) {
		t.Errorf("%+v, want one notification of the other cause", made)
	}
}

// An incident became critical by a sample whose leading cause had a value that was
// expected: the message said "cpu 30 %, expected 20–40 %".
func TestACriticalIncidentNamesWhatIsFarOut(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	for i := range 60 {
		s := scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), 5, "cpu")
		if i == 0 {
			s.Value, s.Unsmoothed = 6, 6
		} else if i > 4 {
			s.Causes[0].Actual = .3
		}
		for _, c := range tr.Observe(s) {
			if c.Reason != omen.ReasonSeverity {
				continue
			}
			if got := c.Incident.Causes[0].Actual; got != .9 || !strings.Contains(c.Incident.Summary, "90 %") {
				t.Errorf("critical by %g (%s), want what was far out", got, c.Incident.Summary)
			}
			return
		}
	}
	t.Error("never critical")
}
