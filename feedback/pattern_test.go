package feedback

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func causes(list ...omen.Cause) []omen.Cause { return list }

func up(feature string, share float64) omen.Cause {
	return omen.Cause{Feature: feature, Share: share, Actual: 2, Expected: 1}
}

// hostNamed is a host of source prod.
func hostNamed(name string) omen.Host { return omen.Host{Source: "prod", Profile: "node", Name: name} }

func down(feature string, share float64) omen.Cause {
	return omen.Cause{Feature: feature, Share: share, Actual: .5, Expected: 1}
}

func trivial(c omen.Cause) omen.Cause {
	c.Trivial = true
	return c
}

func TestResembles(t *testing.T) {
	judged := Pattern{Causes: Signs(causes(up("cpu", .5), up("load", .3), down("idle", .15), up("rest", .05)))}
	for name, c := range map[string]struct {
		causes []omen.Cause
		want   bool
	}{
		"the same":                  {causes(up("cpu", .5), up("load", .3), down("idle", .15)), true},
		"another order":             {causes(up("load", .6), up("cpu", .4)), true},
		"part of it":                {causes(up("cpu", .9)), true},
		"the other direction":       {causes(down("cpu", .9)), false},
		"led by another":            {causes(up("mem", .4), up("cpu", .3), up("load", .3)), false},
		"mostly others":             {causes(up("cpu", .3), up("mem", .25), up("swap", .25), up("io", .2)), false},
		"led by a trivial other":    {causes(trivial(up("mem", .6)), up("cpu", .4)), true},
		"only trivially the same":   {causes(trivial(up("cpu", 1))), false},
		"nothing at all":            {nil, false},
		"what was too small before": {causes(up("rest", 1)), false},
	} {
		if got := judged.Resembles(c.causes); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if new(Pattern).Resembles(causes(up("cpu", 1))) {
		t.Error("a pattern without causes covers everything")
	}
}

func TestExpectedAtThisTime(t *testing.T) {
	auckland := must.Get(time.LoadLocation("Pacific/Auckland"))(t)
	// 23:45 to 00:20 in Auckland, which is +13:00 in March.
	since := time.Date(2026, 3, 2, 23, 45, 0, 0, auckland)
	in := omen.Incident{ID: "i", Kind: omen.HostIncident, Host: hostNamed("db"), State: omen.Closed, Since: since,
		ClosedAt: since.Add(35 * time.Minute), Peak: 4, Causes: causes(up("disk", 1))}
	p := PatternOf(in, omen.Expected, auckland, "", "ann", since.Add(time.Hour))
	for clock, want := range map[string]bool{"23:14": false, "23:15": true, "00:00": true, "00:50": true, "00:51": false, "12:00": false} {
		at, err := time.ParseInLocation("2006-01-02 15:04", "2026-05-20 "+clock, auckland) // winter there, +12:00
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Suppresses(&in, "", at.UTC()); got != want {
			t.Errorf("at %s: covered %v, want %v", clock, got, want)
		}
	}
	worse := in
	worse.Peak = 6.1 // beyond half above 4
	if p.Suppresses(&worse, "", since) {
		t.Error("a far worse one is covered")
	}
	other := in
	other.Host = hostNamed("db-2")
	if p.Suppresses(&other, "db", since) {
		t.Error("another host is covered without a role")
	}
	p.Role = "db"
	if !p.Suppresses(&other, "db", since) || p.Suppresses(&other, "web", since) {
		t.Error("a pattern on a role covers that role's hosts and no others")
	}
	long := in
	long.ClosedAt = since.Add(13 * time.Hour)
	if q := PatternOf(long, omen.Expected, auckland, "", "ann", since); q.FromTime != 0 || q.ToTime != 0 {
		t.Errorf("half a day has a time of day: %+v", q)
	}
}

func TestAPreviewCountsFleets(t *testing.T) {
	member := omen.Incident{ID: "i1", Kind: omen.HostIncident, Host: hostNamed("web-1"), Fleet: "f1", Suppressed: omen.ReasonFleet, Peak: 2,
		Causes: []omen.Cause{{Feature: "cpu", Share: 1, Actual: 1}}}
	p := Pattern{Verdict: omen.NotAProblem, Host: member.Host, MaxPeak: 3, Causes: []CauseSign{{Feature: "cpu", Up: true}}}
	none := func(omen.Host) string { return "" }
	for _, c := range []struct {
		name         string
		fleet        omen.Incident
		vanish, lost int
	}{
		{"told", omen.Incident{}, 1, 0},
		{"confirmed", omen.Incident{Verdict: omen.Real}, 1, 1},
		{"silenced", omen.Incident{Suppressed: omen.ReasonSilenced}, 0, 0},
	} {
		c.fleet.ID, c.fleet.Kind = "f1", omen.FleetIncident
		v := PreviewOf(p, []omen.Incident{member, c.fleet}, none)
		if len(v.Vanish) != c.vanish || len(v.Lost) != c.lost {
			t.Errorf("%s: %d vanish and %d are lost, want %d and %d", c.name, len(v.Vanish), len(v.Lost), c.vanish, c.lost)
		}
	}
}
