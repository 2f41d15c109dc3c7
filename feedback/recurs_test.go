package feedback

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// episode is an incident of web-1 that people were notified of and that closed by
// itself after ten minutes.
func episode(since time.Time, change func(*omen.Incident), features ...string) omen.Incident {
	in := omen.Incident{Kind: omen.HostIncident, Host: hostNamed("web-1"), State: omen.Closed, Reason: omen.ReasonRecovered,
		Grade: omen.Established, Severity: omen.Warning, Peak: 4, Since: since, ClosedAt: since.Add(10 * time.Minute)}
	for _, f := range features {
		in.Causes = append(in.Causes, up(f, .5))
	}
	if change != nil {
		change(&in)
	}
	return in
}

// What comes again, by the same causes, and that nobody acts on recurs, and is
// learned: what is said of the last one, and what training does with it, agree.
func TestRecurs(t *testing.T) {
	monday := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	const h, day = time.Hour, 24 * time.Hour
	net := func(after time.Duration, change func(*omen.Incident)) omen.Incident {
		return episode(monday.Add(after), change, "net")
	}
	often := func(change func(*omen.Incident)) []omen.Incident { // three times, and once more before these
		return []omen.Incident{net(0, change), net(5*h, nil), net(7*h, nil), net(9*h, nil)}
	}
	nights := func(change func(*omen.Incident)) []omen.Incident { // at one time of three days, however high
		return []omen.Incident{net(0, change), net(day, func(in *omen.Incident) { in.Peak = 20 }), net(2*day+20*time.Minute, func(in *omen.Incident) { in.Peak = 90 })}
	}
	four := func(change func(*omen.Incident)) []omen.Incident {
		return append([]omen.Incident{net(-day, change)}, nights(nil)...)
	}
	fleets := func(change func(*omen.Incident)) (all []omen.Incident) {
		for i, in := range nights(nil) {
			fleet := in
			fleet.Kind, fleet.ID = omen.FleetIncident, fmt.Sprint("fleet ", i)
			if i == 0 && change != nil {
				change(&fleet)
			}
			in.Fleet, in.Suppressed = fleet.ID, omen.ReasonFleet
			all = append(all, fleet, in)
		}
		return all
	}
	young := func(in *omen.Incident) { in.Grade = omen.Learning }
	acked := func(in *omen.Incident) { in.AckedBy = "ann" }
	confirmed := func(in *omen.Incident) { in.Verdict = omen.Real }
	harmless := func(in *omen.Incident) { in.Verdict = omen.NotAProblem }
	silenced := func(in *omen.Incident) { in.Suppressed = omen.ReasonSilenced }
	weak := func(in *omen.Incident) { in.Suppressed, in.Severity = omen.ReasonMinor, omen.Info }
	back := func(in *omen.Incident) {
		in.Suppressed, in.Severity, in.NotifiedAt = omen.ReasonTrivial, omen.Critical, in.Since
	}
	wasSilenced := func(in *omen.Incident) { in.Suppressed, in.Severity = omen.ReasonTrivial, omen.Critical }
	other := func(in *omen.Incident) { in.Causes[0].Feature = "cpu" }
	down := func(in *omen.Incident) { in.Causes[0].Actual = 0 }
	at := func(after time.Duration) func(*omen.Incident) {
		return func(in *omen.Incident) { in.Since, in.ClosedAt = monday.Add(after), monday.Add(after+10*time.Minute) }
	}
	pattern := Pattern{Host: hostNamed("web-1"), Verdict: omen.Expected, Causes: []CauseSign{{Feature: "net", Up: true}}}
	of := func(change func(*Pattern)) []Pattern {
		p := pattern
		change(&p)
		return []Pattern{p}
	}
	for _, c := range []struct {
		name     string
		found    []omen.Incident
		patterns []Pattern
		want     string // of the last
	}{
		{"twice", []omen.Incident{net(0, nil), net(5*h, nil)}, nil, ""},
		{"three times", []omen.Incident{net(0, nil), net(5*h, nil), net(7*h, nil)}, nil, "frequent"},
		{"twice by a young model", []omen.Incident{net(0, young), net(5*h, young)}, nil, "frequent"},
		{"twice by a young model, and critical", []omen.Incident{net(0, young), net(5*h, func(in *omen.Incident) { young(in); in.Severity = omen.Critical })}, nil, ""},
		{"another cause leads once, and is among the first otherwise", []omen.Incident{episode(monday, nil, "queue", "latency"), episode(monday.Add(5*h), nil, "latency", "queue"), episode(monday.Add(7*h), nil, "queue", "latency")}, nil, "frequent"},
		{"another cause leads once, and is not", []omen.Incident{net(0, nil), episode(monday.Add(5*h), nil, "cpu", "net"), net(7*h, nil)}, nil, ""},
		{"the other direction", []omen.Incident{net(0, nil), net(5*h, down), net(7*h, nil)}, nil, ""},
		{"once far higher", []omen.Incident{net(0, nil), net(5*h, func(in *omen.Incident) { in.Peak = 20 }), net(7*h, nil)}, nil, ""},
		{"once silenced", []omen.Incident{net(0, nil), net(5*h, silenced), net(7*h, nil)}, nil, ""},
		{"once judged harmless", []omen.Incident{net(0, nil), net(5*h, harmless), net(7*h, nil)}, nil, "frequent"},
		{"once acknowledged", often(acked), nil, ""},
		{"once assigned", often(func(in *omen.Incident) { in.Assignee = "ann" }), nil, ""},
		{"once linked", often(func(in *omen.Incident) { in.Links = []string{"https://t/1"} }), nil, ""},
		{"once closed by hand", often(func(in *omen.Incident) { in.Reason = omen.ReasonByOperator }), nil, ""},
		{"once acknowledged and released, or commented", often(func(in *omen.Incident) { in.ActedBy = "ann" }), nil, ""},
		{"once confirmed", often(confirmed), nil, ""},
		{"too long ago", often(at(-8 * day)), nil, "frequent"},
		{"the last is open", append(often(nil), net(11*h, func(in *omen.Incident) { in.State = omen.Open })), nil, ""},
		{"without causes", []omen.Incident{episode(monday, nil), episode(monday.Add(5*h), nil), episode(monday.Add(7*h), nil)}, nil, ""},
		{"every seven days", []omen.Incident{net(-14*day, nil), net(-7*day, nil), net(0, nil)}, nil, ""},
		{"twice in one night, around midnight", []omen.Incident{net(14*h+45*time.Minute, nil), net(15*h+10*time.Minute, nil), net(39*h, nil)}, nil, "frequent"},
		{"daily, once closed by a new model", nights(func(in *omen.Incident) { in.Reason = omen.ReasonNewModel }), nil, ""},
		{"daily, once closed since the host was gone", nights(func(in *omen.Incident) { in.Reason = omen.ReasonHostGone }), nil, ""},
		{"daily, commented at another time", append([]omen.Incident{net(5*h, func(in *omen.Incident) { in.ActedBy = "ann" })}, nights(nil)...), nil, "daily"},
		{"for half a day", append(nights(nil)[:2], net(2*day, func(in *omen.Incident) { in.ClosedAt = in.Since.Add(13 * h) })), nil, ""},
		{"at one time of three days", nights(nil), nil, "daily"},
		{"of three days of eight", nights(at(-5 * day)), nil, "daily"},
		{"of two days and too long ago", nights(at(-7 * day)), nil, ""},
		{"twice on one of two days", nights(at(day + 20*time.Minute)), nil, ""},
		{"once at another time", nights(at(3 * h)), nil, ""},
		{"once by another cause", nights(other), nil, ""},
		{"daily, once silenced", nights(silenced), nil, ""},
		{"daily, once judged harmless", nights(harmless), nil, ""},
		{"daily, of four once acknowledged", four(acked), nil, ""},
		{"daily, of four once confirmed", four(confirmed), nil, ""},
		{"daily, acknowledged at another time", append([]omen.Incident{net(5*h, acked)}, nights(nil)...), nil, "daily"},
		{"daily, confirmed at another time", append([]omen.Incident{net(5*h, confirmed)}, nights(nil)...), nil, ""},
		{"daily, too weak to notify of on one night", nights(weak), nil, "expected"},
		{"daily, once back too weak to notify of again", nights(back), nil, "daily"},
		{"daily, once silenced and back too weak to notify of", nights(wasSilenced), nil, ""},
		{"three times at any time, once too weak", []omen.Incident{net(0, nil), net(5*h, weak), net(7*h, nil)}, nil, ""},
		{"daily in a fleet", fleets(nil), nil, "daily"},
		{"daily in a fleet, once acknowledged", fleets(acked), nil, ""},
		{"daily in a fleet, once silenced", fleets(silenced), nil, ""},
		{"expected by Omen", nights(nil), of(func(p *Pattern) { p.By = ByOmen }), "known"},
		{"expected by Omen at another time", nights(nil), of(func(p *Pattern) { p.By, p.FromTime, p.ToTime = ByOmen, 60, 120 }), "daily"},
		{"expected by somebody, and for less", nights(nil), of(func(p *Pattern) { p.By = "ann" }), "daily"},
		{"taken back", nights(nil), of(func(p *Pattern) { p.Reverted = "ann" }), ""},
		{"taken back on another host", nights(nil), of(func(p *Pattern) { p.Reverted = "ann"; p.Host.Name = "web-2" }), "daily"},
		{"taken back of the other direction", nights(nil), of(func(p *Pattern) { p.Reverted = "ann"; p.Causes = []CauseSign{{Feature: "net"}} }), "daily"},
		{"its like is confirmed", nights(nil), of(func(p *Pattern) { p.Verdict = omen.Real }), ""},
		{"that it is real was taken back", nights(nil), of(func(p *Pattern) { p.Verdict, p.Reverted = omen.Real, "ann" }), "daily"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i := range c.found {
				if c.found[i].ID == "" {
					c.found[i].ID = fmt.Sprint(i)
				}
			}
			last := c.found[len(c.found)-1]
			past := Past{Incidents: c.found, Patterns: c.patterns}
			got, r := "", past.Recurs(last)
			switch {
			case r.Expected != nil && !r.Daily:
				got = "expected"
			case r.Expected != nil:
				got = "daily"
			case r.Daily:
				got = "known"
			case r.Frequent:
				got = "frequent"
			}
			if got != c.want {
				t.Fatalf("%q, want %q", got, c.want)
			}
			is := func(s omen.Span) bool {
				return s.Why == "incident "+last.ID || last.Fleet != "" && s.Why == "incident "+last.Fleet
			}
			excluded, benign := past.Spans(monday.Add(-h), monday.Add(4*day))
			if learned := c.want != "" && c.want != "expected"; slices.ContainsFunc(excluded, is) == learned || slices.ContainsFunc(benign, is) != learned {
				t.Errorf("excluded %v, benign %v; want it learned: %t", excluded, benign, learned)
			}
		})
	}
}

// The same time of day is the clock's of the time zone, also over the change to
// summer time and over midnight; in UTC the last night is an hour off.
func TestADailyTimeIsTheZones(t *testing.T) {
	berlin := must.Get(time.LoadLocation("Europe/Berlin"))(t)
	var found []omen.Incident
	for i, clock := range []string{"27 23:58", "29 00:02", "29 23:59"} { // clocks change on the 29th at two
		since := must.Get(time.ParseInLocation("2006-01-02 15:04", "2026-03-"+clock, berlin))(t)
		found = append(found, episode(since, func(in *omen.Incident) { in.ID, in.Peak = fmt.Sprint(i), float64(4*i*i+1) }, "disk"))
	}
	for zone, want := range map[*time.Location]bool{berlin: true, time.UTC: false} {
		past := Past{Incidents: found, Zone: zone}
		if r := past.Recurs(found[2]); r.Daily != want {
			t.Errorf("in %s: daily %t, want %t", zone, r.Daily, want)
		}
		if excluded, _ := past.Spans(found[0].Since, found[2].ClosedAt); want == (len(excluded) > 0) {
			t.Errorf("in %s: %d of three nights are excluded", zone, len(excluded))
		}
	}
}

// What is too weak to notify of on most nights is not expected. What people were
// notified of twice is, and is not learned by that.
func TestRecursWeakly(t *testing.T) {
	begin := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	var found []omen.Incident
	for night := range 4 {
		in := episode(begin.AddDate(0, 0, night), nil, "net")
		in.ID, in.Suppressed, in.Severity = fmt.Sprint(night), omen.ReasonMinor, omen.Info
		found = append(found, in)
	}
	if r := (Past{Incidents: found}).Recurs(found[3]); r.Daily || r.Frequent || r.Expected != nil {
		t.Errorf("%+v of what nobody was notified of", r)
	}
	past := Past{Incidents: found}
	found[0].Suppressed = ""
	if r := past.Recurs(found[3]); r.Expected != nil {
		t.Errorf("%+v, want it not expected: people were notified once", r)
	}
	found[2].Suppressed = ""
	if r := past.Recurs(found[3]); r.Daily || r.Expected == nil {
		t.Errorf("%+v, want it expected: people were notified on two nights", r)
	}
	excluded, benign := past.Spans(begin, begin.AddDate(0, 0, 4))
	if len(excluded) != 2 || len(benign) != 0 {
		t.Errorf("excluded %v, benign %v; want both excluded as ever", excluded, benign)
	}
}

// What people were notified of six times, alike, is expected at any time: the models since
// have not learned it. It is not if somebody acted on one, or where it is known already.
func TestWhatIsNotLearnedIsExpected(t *testing.T) {
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	times := func(n int, change func(*omen.Incident)) (all []omen.Incident) {
		for i := range n {
			in := episode(begin.Add(time.Duration(i)*307*time.Minute), nil, "net")
			if in.ID = fmt.Sprint(i); i == 1 && change != nil {
				change(&in)
			}
			all = append(all, in)
		}
		return all
	}
	within := func(span time.Duration, all []omen.Incident) []omen.Incident { // nobody has had a day
		for i := range all {
			all[i].Since = begin.Add(time.Duration(i) * span / time.Duration(len(all)))
			all[i].ClosedAt = all[i].Since.Add(10 * time.Minute)
		}
		return all
	}
	for name, c := range map[string]struct {
		found []omen.Incident
		want  bool
	}{
		"five times":                          {times(5, nil), false},
		"six times":                           {times(6, nil), true},
		"six times, and one was another":      {times(6, func(in *omen.Incident) { in.Causes[0].Feature = "cpu" }), false},
		"six times, and one was far higher":   {times(6, func(in *omen.Incident) { in.Peak = 20 }), false},
		"six times, and one was acknowledged": {times(7, func(in *omen.Incident) { in.AckedBy = "ann" }), false},
		"six times, and one was silenced":     {times(6, func(in *omen.Incident) { in.Suppressed = omen.ReasonSilenced }), false},
		"six times, and the host went once":   {times(6, func(in *omen.Incident) { in.Reason = omen.ReasonHostGone }), false},
		"six times in a night":                {within(10*time.Hour, times(6, nil)), false},
	} {
		past, last := Past{Incidents: c.found}, c.found[len(c.found)-1]
		r := past.Recurs(last)
		if r.Expected != nil != c.want {
			t.Errorf("%s: %+v, want it expected: %t", name, r, c.want)
		}
		if r.Expected == nil {
			continue
		}
		if p := r.Expected; !p.AtAnyTime() || p.By != ByOmen || r.Times != 6 {
			t.Errorf("%s: %+v after %d times", name, p, r.Times)
		}
		at := last.ClosedAt.Add(3 * time.Hour)
		like, higher, other := last, last, last
		higher.Peak, other.Causes = 2*last.Peak, []omen.Cause{up("cpu", .5)}
		for what, in := range map[string]*omen.Incident{"one like it": &like, "twice as far out": &higher, "by another cause": &other} {
			if got := r.Expected.Suppresses(in, "", at); got != (in == &like) {
				t.Errorf("%s is suppressed: %t", what, got)
			}
		}
		if past.Patterns = []Pattern{*r.Expected}; past.Recurs(last).Expected != nil {
			t.Error("it is said again")
		}
	}
}

// What is expected at any time is what came six times: not what once came at this time of
// day and was far higher, nor what hardly moved with it.
func TestWhatIsNotLearnedIsNoWider(t *testing.T) {
	begin := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)
	var all []omen.Incident
	for i := range 6 {
		in := episode(begin.Add(time.Duration(i)*307*time.Minute), nil, "net")
		in.Causes = append(in.Causes, up("memory", .04))
		all = append(all, in)
	}
	last := all[5]
	high := episode(last.Since.Add(-24*time.Hour), func(in *omen.Incident) { in.Peak = 90 }, "net")
	r := Past{Incidents: append(all, high)}.Recurs(last)
	if r.Expected == nil {
		t.Fatal("six times, and not expected")
	}
	at := last.ClosedAt.Add(3 * time.Hour)
	higher, leak := last, last
	higher.Peak, leak.Causes = 60, []omen.Cause{up("memory", .9)}
	for what, in := range map[string]*omen.Incident{"far higher": &higher, "a leak": &leak} {
		if r.Expected.Suppresses(in, "", at) {
			t.Errorf("%s is suppressed by %+v", what, r.Expected)
		}
	}
}
