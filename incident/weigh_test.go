package incident

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// smoothed plays a host's unsmoothed scores through detect's smoothing, weight
// 1/3, at a 15 s step from noon on; page is the model's page level.
func smoothed(tr *Tracker, page float64, unsmoothed ...float64) (all []omen.Change) {
	value := 0.0
	for i, u := range unsmoothed {
		s := scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), 0, "cpu")
		value += (u - value) / 3
		s.Value, s.Unsmoothed, s.PageLevel = value, u, page
		all = append(all, tr.Observe(s)...)
	}
	return all
}

func join(parts ...[]float64) (all []float64) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func TestAViolentFaultsEndIsNotDrawnOut(t *testing.T) {
	// Five minutes at 200: the smoothed score is above 1 for 14 samples more. The
	// incident closes ten quiet samples after the end all the same.
	quiet := repeat(.3, 40)
	all := smoothed(NewTracker(Hysteresis{}, nil), 1, join(quiet, repeat(200, 20), quiet)...)
	last := all[len(all)-1]
	end := noon.Add(60 * 15 * time.Second) // the first quiet sample
	if last.Kind != omen.ChangeClosed || last.At.Sub(end) != 9*15*time.Second {
		t.Errorf("last change %s %s after the end, want closed after 135 s", last.Kind, last.At.Sub(end))
	}
	for _, c := range all {
		if c.At.After(end) && c.Kind != omen.ChangeClosed {
			t.Errorf("%s %s after the end", c.Kind, c.At.Sub(end))
		}
	}
}

func TestATailIsNoHeight(t *testing.T) {
	// One sample of 600, then a slight deviation that lasts: its smoothed score is
	// above 4 for ten samples, which is 150 s, and nothing to wake anybody as
	// critical for. Nor is the tail the onset of what comes after it.
	all := smoothed(NewTracker(Hysteresis{}, nil), 1, join(repeat(.3, 20), repeat(600, 1), repeat(1.5, 40))...)
	for _, c := range all {
		if c.Incident.Severity == omen.Critical {
			t.Fatalf("%s: critical for a tail", c.Kind)
		}
	}
	tail := smoothed(NewTracker(Hysteresis{}, nil), 1, join(repeat(.3, 20), repeat(60, 1), repeat(.3, 4), repeat(3, 10))...)
	if len(tail) != 1 || tail[0].Incident.Since != noon.Add(20*15*time.Second) && tail[0].Incident.Since != noon.Add(25*15*time.Second) {
		t.Errorf("onset %+v, want that of a sample above the limit before smoothing", tail)
	}
}

func TestARunBeginsAboveTheLimitBeforeSmoothing(t *testing.T) {
	// An incident has just closed while the smoothed score is still high; the next
	// one's onset is its own first sample, not the tail's.
	tr := NewTracker(Hysteresis{}, nil)
	all := smoothed(tr, 1, join(repeat(.3, 5), repeat(100000, 20), repeat(.3, 14), repeat(5, 4))...)
	last := all[len(all)-1]
	if want := noon.Add(39 * 15 * time.Second); last.Kind != omen.ChangeReopened || tr.hosts[hostNamed("web-1")].run.onset != want {
		t.Errorf("%s with onset %s, want reopened with %s", last.Kind, tr.hosts[hostNamed("web-1")].run.onset, want)
	}
}

func TestThePageLevel(t *testing.T) {
	minutes := func(value float64, n int) []float64 { return repeat(value, 4*n) }
	notified := func(all []omen.Change) (minute float64) {
		for _, c := range all {
			if c.Incident.Suppressed == "" {
				return c.At.Sub(noon).Minutes()
			}
		}
		return -1
	}
	for _, c := range []struct {
		name   string
		scores []float64
		want   float64 // the minute in which people are notified; -1: never
	}{
		{"below it and short", join(minutes(.3, 10), minutes(1.6, 10), minutes(.3, 10)), -1},
		{"above it", join(minutes(.3, 10), minutes(3, 10)), 10.5},
		{"one sample above it", join(minutes(.3, 10), minutes(1.6, 2), repeat(3, 1), minutes(1.6, 2), minutes(.3, 10)), -1},
		{"below it first", join(minutes(.3, 10), minutes(1.6, 5), minutes(3, 5)), 15.5},
		// 15 minutes above the limit; the first sample stands for no time
		{"below it for long", join(minutes(.3, 10), minutes(1.6, 40)), 25},
		// 4 minutes in each ten, always the same incident: 15 altogether are full after
		// 3¾ of them
		{"below it again and again", join(minutes(.3, 10), minutes(1.6, 4), minutes(.3, 3), minutes(1.6, 4),
			minutes(.3, 3), minutes(1.6, 4), minutes(.3, 3), minutes(1.6, 4)), -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := NewTracker(Hysteresis{}, nil)
			var all []omen.Change
			for i, v := range c.scores {
				s := scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), v, "cpu")
				s.PageLevel = 2
				all = append(all, tr.Observe(s)...)
			}
			if got := notified(all); got != c.want {
				t.Errorf("notified in minute %v, want %v", got, c.want)
			}
			if all[0].Reason != omen.ReasonMinor && c.name != "above it" || all[0].Incident.Severity == omen.Critical {
				t.Errorf("opened as %s, %s", all[0].Reason, all[0].Incident.Severity)
			}
		})
	}
}

func TestWhatIsConfirmedHasNoPageLevel(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	tr.SetRules(Rules{Patterns: []feedback.Pattern{{ID: "p", Verdict: omen.Real, Host: hostNamed("web-1"), Limit: .8, Causes: []feedback.CauseSign{{Feature: "cpu", Up: true}}}}})
	all := smoothed(tr, 5, join(repeat(.3, 5), repeat(1.2, 20))...)
	if len(all) != 1 || all[0].Incident.Suppressed != "" {
		t.Errorf("changes %+v, want one that people are notified of", all)
	}
}

// What is too slight to page and like what an operator rejected is recorded as
// that; it is notified when it is no longer like it and high enough, as any other.
func TestARejectedPatternBelowThePageLevel(t *testing.T) {
	rejected := feedback.Pattern{ID: "p", Verdict: omen.NotAProblem, Host: hostNamed("web-1"), MaxPeak: 2, Causes: []feedback.CauseSign{{Feature: "cpu", Up: true}}}
	type seen struct {
		kind       omen.ChangeKind
		suppressed string
		severity   omen.Severity
	}
	for _, c := range []struct {
		name   string
		scores []float64
		want   []seen
	}{
		{"like it", repeat(1.5, 20), []seen{{omen.ChangeOpened, omen.ReasonFeedback, omen.Info}}},
		{"further, and still slight", join(repeat(1.5, 10), repeat(2.5, 10)),
			[]seen{{omen.ChangeOpened, omen.ReasonFeedback, omen.Info}, {omen.ChangeSuppressed, omen.ReasonMinor, omen.Info}}},
		{"as high as pages are", join(repeat(1.5, 10), repeat(5, 6)),
			[]seen{{omen.ChangeOpened, omen.ReasonFeedback, omen.Info}, {omen.ChangeSuppressed, omen.ReasonMinor, omen.Info}, {omen.ChangeEscalated, "", omen.Warning}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := NewTracker(Hysteresis{}, nil)
			tr.SetRules(Rules{Patterns: []feedback.Pattern{rejected}})
			var got []seen
			for i, v := range join(repeat(.3, 5), c.scores) {
				s := scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), v, "cpu")
				s.PageLevel = 4
				for _, one := range tr.Observe(s) {
					if one.Kind != omen.ChangeUpdated {
						got = append(got, seen{one.Kind, one.Incident.Suppressed, one.Incident.Severity})
					}
				}
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(seen{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestATrivialReturnDoesNotNotify(t *testing.T) {
	// An incident that people were notified of closes; within ten minutes a trivial
	// deviation brings it back: recorded, and notified when a cause that matters joins.
	tr := NewTracker(Hysteresis{}, nil)
	var all []omen.Change
	for i := range 100 {
		s := scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), .3, "cpu")
		switch {
		case i < 10, i >= 60:
			s.Value, s.Unsmoothed = 3, 3
		case i >= 30:
			s.Value, s.Unsmoothed, s.Causes[0].Trivial = 3, 3, true
		}
		all = append(all, tr.Observe(s)...)
	}
	var got []string
	for _, c := range all {
		got = append(got, string(c.Kind)+" "+c.Incident.Suppressed)
	}
	want := []string{"opened ", "closed ", "reopened opened_trivial_suppressed", "escalated "}
	if len(got) != len(want) {
		t.Fatalf("%q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTurnsInLeadingAreNoNews(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var all []omen.Change
	for i := range 240 {
		s := scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), 1.5, "cpu")
		s.Causes = append(s.Causes, s.Causes[0])
		s.Causes[i%2].Feature, s.Causes[0].Share, s.Causes[1].Share = "mem", .6, .4
		all = append(all, tr.Observe(s)...)
	}
	if len(all) != 1 {
		t.Errorf("%d changes in an hour, want opened alone", len(all))
	}
}

func TestMaterial(t *testing.T) {
	cause := func(share float64, trivial bool) omen.Cause { return omen.Cause{Share: share, Trivial: trivial} }
	clears := func(c omen.Cause) omen.Cause { c.Clears = true; return c }
	for name, c := range map[string]struct {
		value  float64
		causes []omen.Cause
		want   bool
	}{
		"no causes":                           {2, nil, true},
		"all trivial":                         {30, []omen.Cause{cause(.7, true), cause(.3, true)}, false},
		"a tenth matters":                     {2, []omen.Cause{cause(.9, true), cause(.1, false)}, true},
		"a little of a little":                {2, []omen.Cause{cause(.95, true), cause(.05, false)}, false},
		"a little of much: 0.05 of 30 is 1.5": {30, []omen.Cause{cause(.95, true), cause(.05, false)}, true},
		"a little of much, that is within the limit without what is trivial": {30, []omen.Cause{clears(cause(.95, true)), cause(.05, false)}, false},
		"a little of much, that is not within the limit with it":             {30, []omen.Cause{clears(cause(.95, true)), clears(cause(.05, false))}, true},
		"a tenth matters, whatever takes it to the limit":                    {30, []omen.Cause{clears(cause(.9, true)), cause(.1, false)}, true},
		"the first matters, however spread it":                               {1.1, []omen.Cause{cause(.08, false), cause(.07, true)}, true},
	} {
		if got := material(&omen.Score{Value: c.value, Unsmoothed: c.value, Causes: c.causes}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// What is expected at its time ends by coming back to what is usual: however odd that
// is to a model that has learned half of it, it is no other trouble. A feature that
// leaves its band the other way is one, and so is another feature.
func TestTheEndOfWhatIsExpected(t *testing.T) {
	cause := func(feature string, actual float64) omen.Cause {
		return omen.Cause{Feature: feature, Unit: omen.Ratio, Share: 1, Actual: actual, Expected: .5, Lower: .2, Upper: .8, Smallest: .05}
	}
	for _, c := range []struct {
		name  string
		cause omen.Cause
		want  string // when people are notified, after the end
	}{
		{"back to usual", cause("disk_read", .3), ""},
		{"another feature, usual", cause("tcp_opens", .3), ""},
		{"lower than usual", cause("disk_read", .1), "30s"},
		{"another feature, too high", cause("tcp_opens", .9), "30s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := NewTracker(Hysteresis{}, nil)
			tr.SetRules(Rules{Patterns: []feedback.Pattern{{ID: "p", Verdict: omen.Expected, Host: hostNamed("web-1"), MaxPeak: 100,
				Causes: []feedback.CauseSign{{Feature: "disk_read", Up: true}}}}})
			got, end := "", noon.Add(10*time.Minute)
			for i := range 80 {
				s := scoreOf("web-1", noon.Add(time.Duration(i)*15*time.Second), 20, "disk_read")
				s.PageLevel = 2
				if !s.At.Before(end) {
					s.Value, s.Unsmoothed, s.Causes = 60, 60, []omen.Cause{c.cause}
				}
				for _, one := range tr.Observe(s) {
					if feedback.Notifies(one) && got == "" {
						got = one.At.Sub(end).String()
					}
				}
			}
			if got != c.want {
				t.Errorf("notified %q after its end, want %q", got, c.want)
			}
		})
	}
}
