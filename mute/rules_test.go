package mute

import (
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func TestHoldsAsksEveryMember(t *testing.T) {
	a, b := omen.Host{Source: "prom", Profile: "node", Name: "a"}, omen.Host{Source: "prom", Profile: "node", Name: "b"}
	labels := func(h omen.Host) map[string]string { return map[string]string{"team": "of-" + h.Name} }
	causes := []omen.Cause{{Feature: "trivial", Share: .9, Trivial: true}, {Feature: "disk_write", Share: .1}}
	one := &omen.Incident{Kind: omen.HostIncident, Host: a, Severity: omen.Warning, Causes: causes}
	fleet := &omen.Incident{Kind: omen.FleetIncident, Host: a, Members: []omen.Host{a, b}, Causes: causes}
	is := func(name, value string) Matcher { return Matcher{Name: name, Value: value, IsEqual: true} }
	for _, c := range []struct {
		match     Matcher
		one, both bool
	}{
		{is("host", "a"), true, false},
		{is("source", "prom"), true, true},
		{is("cause", "disk_write"), true, true},
		{is("cause", "trivial"), false, false},
		{is("team", "of-a"), true, false},
		{is("kind", "fleet"), false, true},
	} {
		holds := must.Get(Compile([]Matcher{c.match}))(t)
		if got := holds.HoldsForAll(one, Subjects(one, labels)); got != c.one {
			t.Errorf("%s of one host: %v, want %v", c.match, got, c.one)
		}
		if got := holds.HoldsForAll(fleet, Subjects(fleet, labels)); got != c.both {
			t.Errorf("%s of a fleet: %v, want %v", c.match, got, c.both)
		}
	}
	if holds, _ := Compile([]Matcher{is("team", "of-a")}); holds.HoldsForAll(one, Subjects(one, nil)) {
		t.Error("a label holds on a host without labels")
	}
}

func TestABrokenRuleBreaksNoOther(t *testing.T) {
	silence := func(match ...Matcher) Silence {
		return Silence{Match: match, From: noon, Until: noon.Add(time.Hour)}
	}
	set, broken := Rules{
		Silences: []Silence{silence(Matcher{Name: "host", Value: "(", IsRegex: true}), silence(Matcher{Name: "source", Value: "prod", IsEqual: true})},
		Windows:  []Window{{Name: "w", Rule: "FREQ=HOURLY"}},
	}.Compile()
	in := &omen.Incident{Kind: omen.HostIncident, Host: omen.Host{Source: "prod"}}
	if got := set.Reason(in, Subjects(in, nil), noon); got != omen.ReasonSilenced || len(broken) != 2 {
		t.Errorf("suppressed as %q, with %v, want the good silence and two errors", got, broken)
	}
}

// The grace after an event excuses what it may have caused, and not how an action
// ends that a playbook took.
func TestGraceDoesNotHideWhatWasActedOn(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	set, broken := Rules{Events: []Event{{ID: "e", Kind: EventRestart, At: at, Match: []Matcher{{Name: MatchHost, Value: "web-1", IsEqual: true}}}}}.Compile()
	if len(broken) > 0 {
		t.Fatal(broken)
	}
	for actions, want := range map[int]string{0: omen.ReasonGrace, 1: ""} {
		in := omen.Incident{Kind: omen.HostIncident, Host: omen.Host{Source: "prod", Profile: "node", Name: "web-1"}, Actions: actions}
		if got := set.Reason(&in, Subjects(&in, nil), at.Add(time.Minute)); got != want {
			t.Errorf("%d actions: %q, want %q", actions, got, want)
		}
	}
}
