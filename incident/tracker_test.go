package incident

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func hostNamed(name string) omen.Host {
	return omen.Host{Source: "prod", Profile: "node", Name: name}
}

// scoreOf is an established model's score of a host with one cause.
func scoreOf(host string, at time.Time, value float64, cause string) omen.Score {
	return omen.Score{Host: hostNamed(host), At: at, Value: value, Unsmoothed: value, Grade: omen.Established, Model: "m1",
		Causes: []omen.Cause{{Feature: cause, Unit: omen.Ratio, Share: 1, Actual: .9, Expected: .3, Lower: .2, Upper: .4}}}
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
		told := -1
		for i := range 60 {
			s := scoreOf("web-1", noon.Add(time.Duration(i)*time.Second), 4, "cpu")
			s.Grade = grade
			for _, c := range tr.Observe(s) {
				if c.Incident.Suppressed == "" && told < 0 {
					told = i
				}
			}
		}
		if told < 0 || told > 30 {
			t.Errorf("%s: told after %d s, want within 30", grade, told)
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

// life draws how hosts behave, tick by tick.
func life(t *rapid.T) [][]float64 {
	hosts, ticks := rapid.IntRange(1, 12).Draw(t, "hosts"), rapid.IntRange(20, 150).Draw(t, "ticks")
	all := make([][]float64, hosts)
	for h := range all {
		for len(all[h]) < ticks {
			level := rapid.SampledFrom([]float64{.3, .9, 1.01, 2, 6, -1}).Draw(t, "level") // -1: silent
			all[h] = append(all[h], repeat(level, rapid.IntRange(1, 30).Draw(t, "length"))...)
		}
		all[h] = all[h][:ticks]
	}
	return all
}

func tickOf(lives [][]float64, i int, step time.Duration) omen.Tick {
	k := omen.Tick{Source: "prod", At: noon.Add(time.Duration(i) * step)}
	for h, levels := range lives {
		name := fmt.Sprint("web-", h)
		if levels[i] < 0 {
			k.Silent = append(k.Silent, hostNamed(name))
			continue
		}
		k.Scores = append(k.Scores, scoreOf(name, k.At, levels[i], []string{"cpu", "cpu", "mem"}[h%3]))
	}
	return k
}

func keysOf(changes []omen.Change) (keys []string) {
	for _, c := range changes {
		keys = append(keys, c.Key()+" "+string(c.Kind))
	}
	return keys
}

// checkLives fails unless every incident's changes are numbered without a gap,
// begin with opened, and alternate between open and closed, and no host has two
// incidents open at once.
func checkLives(t interface{ Fatalf(string, ...any) }, changes []omen.Change) {
	last := map[string]omen.Incident{}
	openOf := map[omen.Host]string{}
	for _, c := range changes {
		in, before := c.Incident, last[c.Incident.ID]
		if in.ChangeNumber != before.ChangeNumber+1 {
			t.Fatalf("%s: change %d after %d", in.ID, in.ChangeNumber, before.ChangeNumber)
		}
		wasOpen := before.ID != "" && before.State != omen.Closed
		switch c.Kind {
		case omen.ChangeOpened:
			if before.ID != "" {
				t.Fatalf("%s opened twice", in.ID)
			}
		case omen.ChangeReopened:
			if wasOpen || before.ID == "" {
				t.Fatalf("%s reopened while it was open", in.ID)
			}
		default:
			if !wasOpen {
				t.Fatalf("%s %s while it was not open", in.ID, c.Kind)
			}
		}
		if (c.Kind == omen.ChangeClosed) != (in.State == omen.Closed) || in.State == omen.Closed && in.ClosedAt.Before(in.Since) {
			t.Fatalf("%s: %s leaves it %s", in.ID, c.Kind, in.State)
		}
		if in.Kind == omen.HostIncident {
			if id := openOf[in.Host]; id != "" && id != in.ID {
				t.Fatalf("%s: %s and %s open at once", in.Host, id, in.ID)
			}
			openOf[in.Host] = ""
			if in.State != omen.Closed {
				openOf[in.Host] = in.ID
			}
		}
		last[in.ID] = in
	}
	for _, in := range last { // a fleet is open as long as one of its members is
		if f := last[in.Fleet]; in.Fleet != "" && in.State != omen.Closed && f.State == omen.Closed {
			t.Fatalf("%s is open and its fleet %s is closed", in.ID, f.ID)
		}
	}
}

func TestLivesAreWellFormedAndRepeatable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lives := life(t)
		step := rapid.SampledFrom([]time.Duration{time.Second, 15 * time.Second, time.Minute}).Draw(t, "step")
		var runs [2][]omen.Change
		for r := range runs {
			tr := NewTracker(Hysteresis{}, nil)
			for i := range lives[0] {
				runs[r] = append(runs[r], tr.Tick(tickOf(lives, i, step))...)
			}
		}
		checkLives(t, runs[0])
		if diff := gocmp.Diff(keysOf(runs[0]), keysOf(runs[1])); diff != "" {
			t.Fatalf("the same scores gave other changes:\n%s", diff)
		}
	})
}

func TestACrashContinuesEveryIncident(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lives := life(t)
		crash := rapid.IntRange(1, len(lives[0])-1).Draw(t, "crash")
		tr := NewTracker(Hysteresis{}, nil)
		var all []omen.Change
		for i := range lives[0] {
			if i == crash {
				tr = NewTracker(Hysteresis{}, nil)
				tr.Restore(projection(all))
			}
			all = append(all, tr.Tick(tickOf(lives, i, 15*time.Second))...)
		}
		checkLives(t, all)
	})
}

// projection is what the store would give back.
func projection(changes []omen.Change) (all []omen.Incident) {
	last := map[string]omen.Incident{}
	for _, c := range changes {
		last[c.Incident.ID] = c.Incident
	}
	for _, in := range last {
		all = append(all, in)
	}
	slices.SortFunc(all, func(a, b omen.Incident) int { return a.Since.Compare(b.Since) })
	return all
}

func TestOneHostsFateDoesNotDependOnOthers(t *testing.T) {
	// Metamorphic: few hosts (no fleet), together or each alone.
	rapid.Check(t, func(t *rapid.T) {
		lives := life(t)
		lives = lives[:min(len(lives), 3)]
		together := NewTracker(Hysteresis{}, nil)
		got := map[string][]string{}
		for i := range lives[0] {
			for _, c := range together.Tick(tickOf(lives, i, 15*time.Second)) {
				got[c.Incident.Host.Name] = append(got[c.Incident.Host.Name], keysOf([]omen.Change{c})...)
			}
		}
		for h := range lives {
			alone, want := NewTracker(Hysteresis{}, nil), []string(nil)
			name := fmt.Sprint("web-", h)
			for i := range lives[h] {
				k := tickOf(lives, i, 15*time.Second)
				k.Scores = slices.DeleteFunc(k.Scores, func(s omen.Score) bool { return s.Host.Name != name })
				k.Silent = slices.DeleteFunc(k.Silent, func(h omen.Host) bool { return h.Name != name })
				want = append(want, keysOf(alone.Tick(k))...)
			}
			if diff := gocmp.Diff(want, got[name]); diff != "" {
				t.Fatalf("%s alone (-) and beside others (+):\n%s", name, diff)
			}
		}
	})
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
