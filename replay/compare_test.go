package replay_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/promrules"
	"github.com/omenhq/omen/replay"
)

var tuesday = time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)

// minute is a time of tuesday.
func minute(m int) time.Time { return tuesday.Add(time.Duration(m) * time.Minute) }

// timeline is a host with a sample each minute of ten hours, and incidents of the
// minutes given: from, notified (below 0: never) and to (0: still open).
func timeline(host string, incidents ...[3]int) *replay.Timeline {
	t := &replay.Timeline{Host: omen.Host{Source: "s", Profile: "node", Name: host}}
	for m := range 600 {
		t.Samples = append(t.Samples, omen.Vector{Host: t.Host, At: minute(m)})
	}
	for _, in := range incidents {
		one := &replay.Incident{
			Incident: omen.Incident{Kind: omen.HostIncident, Host: t.Host, Since: minute(in[0])}, From: in[0], Notified: in[1],
			First: []omen.Cause{{Feature: "cpu"}},
		}
		if in[1] >= 0 {
			one.Pages = []replay.Page{{At: in[1]}}
		} else {
			one.Suppressed = omen.ReasonMinor
		}
		if in[2] > 0 {
			one.ClosedAt, one.State = minute(in[2]), omen.Closed
		}
		t.Incidents = append(t.Incidents, one)
	}
	return t
}

// fired is a firing of a rule: active, fired, resolved (0: it still fires).
func fired(rule, host string, active, fired, resolved int) promrules.Firing {
	f := promrules.Firing{
		Place: promrules.Place{File: "r.yml", Group: "g", Rule: rule}, Labels: map[string]string{"instance": host}, Active: minute(active), Fired: minute(fired),
	}
	if resolved != 0 {
		f.Resolved = minute(resolved)
	}
	return f
}

func TestCompare(t *testing.T) {
	out := &promrules.Outcome{
		Firings: []promrules.Firing{
			fired("Old", "a", -3000, -2900, 0), // for days: it says nothing about the incident
			fired("Early", "a", 95, 98, 140),   // before Omen
			fired("Late", "a", 105, 120, 300),  // after it
			fired("Minor", "a", 410, 415, 420), // Omen has recorded it
			fired("Late", "b", 50, 60, 70),     // Omen has nothing
			fired("Late", "elsewhere", 1, 2, 3),
			fired("Job", "", 1, 2, 3),
		},
		Absent: []promrules.Absence{
			{Place: promrules.Place{File: "r.yml", Group: "g", Rule: "Never"}, Metrics: []string{"gone", "lost"}},
			{Place: promrules.Place{File: "r.yml", Group: "g", Rule: "Late"}, Metrics: []string{"gone"}}, // another of its name fired
		},
		Failed: []promrules.Failure{{Place: promrules.Place{File: "r.yml", Group: "g", Rule: "Broken"}, Why: "many-to-many"}},
	}
	names := []promrules.Place{{File: "r.yml", Group: "g", Rule: "Early"}, {File: "r.yml", Group: "g", Rule: "Late"}, {File: "r.yml", Group: "g", Rule: "Late"}, {File: "r.yml", Group: "g", Rule: "Never"}}
	all := []*replay.Timeline{timeline("a", [3]int{100, 110, 200}, [3]int{250, 260, 300}, [3]int{400, -1, 430}), timeline("b", [3]int{500, 510, 520})}
	known := &replay.Known{Slack: 5 * time.Minute, Faults: []replay.Fault{
		{Host: "a", Kind: "leak", From: minute(90), To: minute(150)}, {Host: "b", Kind: "fill", From: minute(56), To: minute(58)}, {Host: "b", Kind: "io", From: minute(300), To: minute(310)},
	}}
	c := replay.Compare(all, out, names, must.Get(feature.NewSchema(feature.Node()))(t), known)
	// The second incident of a overlaps the late firing as well: 120 is 140 before 260.
	if c.Both != 2 || c.OnlyOmen != 1 || len(c.Troubles) != 3 || c.Silent != 1 || len(c.Elsewhere) != 2 {
		t.Errorf("both %d, only Omen %d of %d, silent %d, elsewhere %d", c.Both, c.OnlyOmen, len(c.Troubles), c.Silent, len(c.Elsewhere))
	}
	first := c.Troubles[0]
	if first.Rules[0].Rule != "Early" || first.Rules[0].Lead != -12*60 || first.Rules[1].Rule != "Late" || first.Rules[1].Lead != 10*60 || len(first.Rules) != 2 {
		t.Errorf("the first trouble is %+v", first)
	}
	if second := c.Troubles[1]; second.Rules[0].Lead != -140*60 || c.Lead != -76*60 {
		t.Errorf("the second trouble is %+v, the median %s", second, c.Lead)
	}
	var misses []string
	for _, m := range c.OnlyRules {
		misses = append(misses, m.Host+" "+m.Rule+" "+m.Recorded)
	}
	if got := strings.Join(misses, ", "); got != "a Old , b Late , a Minor below page level" {
		t.Errorf("only rules: %s", got)
	}
	f := c.Faults
	if len(f.Faults) != 3 || f.OmenFalse != 2 || f.RulesFalse != 1 {
		t.Fatalf("faults %+v", f)
	}
	leak, fill, io := f.Faults[0], f.Faults[1], f.Faults[2]
	if leak.Omen != 20*60 || leak.Rule != 8*60 || leak.Lead != -12*60 || leak.First.Rule != "Early" {
		t.Errorf("the leak: %+v", leak)
	}
	if fill.Omen >= 0 || fill.Rule != 4*60 || io.Omen >= 0 || io.Rule >= 0 || io.First != nil {
		t.Errorf("the others: %+v, %+v", fill, io)
	}
	var table strings.Builder
	must.OK(t, c.Write(&table))
	for _, want := range []string{
		"both: 2, median lead of Omen -1h16m0s; only Omen: 1; only the rules: 3", "recorded, not notified: below page level",
		"3 faults: both 1 (median lead of Omen -12m0s), only Omen 0, only a rule 1, neither 1; false in 18.8 h without faults: Omen 2, rules 1",
		`not evaluated: r.yml, group "g", rule "Broken": many-to-many`, "2 firings are about none of the hosts", "1 rule never fired\nof these 1 read what the source does not have:\n", "Never  r.yml  gone, lost",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in\n%s", want, table.String())
		}
	}
	report := &replay.Report{Timelines: all, Against: c}
	var back struct {
		Hosts, Incidents, Forecasts []map[string]any
		Against                     struct {
			Both   int
			Faults struct{ Faults []map[string]any }
		}
	}
	must.OK(t, json.Unmarshal(must.Get(json.Marshal(report))(t), &back))
	if len(back.Hosts) != 2 || len(back.Incidents) != 4 || back.Forecasts == nil || back.Against.Both != 2 || back.Against.Faults.Faults[2]["omen_seconds"] != nil {
		t.Errorf("JSON %+v", back)
	}
}

// An alert that names another of a host's resources, or a resource of another kind,
// is not about what Omen notified of; one that names none may be.
func TestCompareByResource(t *testing.T) {
	a := timeline("a")
	resource := func(limit, where string, labels map[string]string) omen.Resource {
		r := omen.Resource{Host: a.Host, Name: limit, Where: where}
		a.Labels[r] = labels
		return r
	}
	a.Labels = map[omen.Resource]map[string]string{}
	filesystem := resource("filesystem_space", "/var", map[string]string{"instance": "a", "device": "/dev/sdb1", "mountpoint": "/var"})
	tmpfs := resource("filesystem_space", "/tmp", map[string]string{"instance": "a", "device": "/tmp", "mountpoint": "/tmp"}) // as the limit names it
	memory := resource("memory", "", map[string]string{"instance": "a"})
	descriptors := resource("process_descriptors", "db", map[string]string{"instance": "a", "job": "db"})
	unread := omen.Resource{Host: a.Host, Name: "filesystem_space", Where: "/gone"}
	incident := func(lead string) *replay.Timeline {
		in := timeline("a", [3]int{100, 110, 200})
		in.Labels = a.Labels
		one := in.Incidents[0]
		one.First = []omen.Cause{{Feature: "cpu_user", Trivial: true}, {Feature: lead}}
		one.Forecast = &omen.Outlook{Resource: filesystem, Features: []string{"filesystem_used", "filesystem_filling"}}
		return in
	}
	forecast := func(r omen.Resource) *replay.Timeline {
		f := timeline("a")
		f.Labels = a.Labels
		f.Forecasts = []*replay.Foreseen{{
			Incident:   omen.Incident{Kind: omen.ForecastIncident, Since: minute(100), ClosedAt: minute(200)},
			NotifiedAt: minute(110), First: omen.Outlook{Resource: r},
		}}
		return f
	}
	for name, c := range map[string]struct {
		of     *replay.Timeline
		labels []string
		want   bool
	}{
		"the mount point":                      {forecast(filesystem), []string{"device", "/dev/sdb1", "mountpoint", "/var"}, true},
		"another":                              {forecast(filesystem), []string{"device", "/dev/sda1", "mountpoint", "/"}, false},
		"only another mount point":             {forecast(filesystem), []string{"mountpoint", "/"}, false},
		"only the device":                      {forecast(filesystem), []string{"device", "/dev/sdb1"}, true},
		"the device without its folder":        {forecast(filesystem), []string{"device", "sdb1"}, true},
		"a network card":                       {forecast(filesystem), []string{"device", "eth0"}, false},
		"the device mounted elsewhere, too":    {forecast(filesystem), []string{"device", "/dev/sdb1", "mountpoint", "/mnt/again"}, true},
		"another device in its place":          {forecast(filesystem), []string{"device", "/dev/sdc1", "mountpoint", "/var"}, true},
		"nothing of the host":                  {forecast(filesystem), nil, true},
		"what does not tell resources apart":   {forecast(filesystem), []string{"job", "node", "severity", "critical", "name", "x.service"}, true},
		"a file system in memory":              {forecast(tmpfs), []string{"device", "tmpfs", "mountpoint", "/tmp"}, true},
		"another in memory":                    {forecast(tmpfs), []string{"device", "tmpfs", "mountpoint", "/run"}, false},
		"memory":                               {forecast(memory), []string{"job", "node"}, true},
		"a file system beside memory":          {forecast(memory), []string{"mountpoint", "/"}, false},
		"a process":                            {forecast(descriptors), []string{"job", "db"}, true},
		"another process":                      {forecast(descriptors), []string{"job", "node"}, false},
		"a file system beside a process":       {forecast(descriptors), []string{"job", "db", "mountpoint", "/"}, false},
		"a resource without known labels":      {forecast(unread), []string{"mountpoint", "/"}, true},
		"an incident of a forecast":            {incident("filesystem_filling"), []string{"mountpoint", "/var"}, true},
		"an incident of another file system":   {incident("filesystem_filling"), []string{"mountpoint", "/"}, false},
		"an incident that another cause leads": {incident("memory_used"), []string{"mountpoint", "/"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := fired("Full", "a", 105, 120, 150)
			for i := 0; i < len(c.labels); i += 2 {
				f.Labels[c.labels[i]] = c.labels[i+1]
			}
			out := &promrules.Outcome{Firings: []promrules.Firing{f}}
			got := replay.Compare([]*replay.Timeline{c.of}, out, []promrules.Place{f.Place}, must.Get(feature.NewSchema(feature.Node()))(t), nil)
			if want := map[bool]int{true: 1}[c.want]; got.Both != want || got.OnlyOmen != 1-want || len(got.OnlyRules) != 1-want || got.Rules[0].Alone != 1-want {
				t.Errorf("both %d, only Omen %d, only rules %v", got.Both, got.OnlyOmen, got.OnlyRules)
			}
		})
	}
}

// Of two file systems that rules fired for, the lead is over the rule that fired for
// the one that Omen forecast; the other was a false one.
func TestLeadByResource(t *testing.T) {
	a := timeline("a")
	r := omen.Resource{Host: a.Host, Name: "filesystem_space", Where: "/var"}
	a.Labels = map[omen.Resource]map[string]string{r: {"device": "/dev/sdb1", "mountpoint": "/var"}}
	a.Forecasts = []*replay.Foreseen{{Incident: omen.Incident{Kind: omen.ForecastIncident, Since: minute(100)}, NotifiedAt: minute(110), First: omen.Outlook{Resource: r}}}
	nightly, full := fired("FsLow", "a", 114, 119, 151), fired("FsLow", "a", 190, 195, 0)
	nightly.Labels["mountpoint"], full.Labels["mountpoint"] = "/", "/var"
	c := replay.Compare([]*replay.Timeline{a}, &promrules.Outcome{Firings: []promrules.Firing{nightly, full}}, []promrules.Place{full.Place}, must.Get(feature.NewSchema(feature.Node()))(t), nil)
	if c.Both != 1 || c.Lead != 85*60 || len(c.OnlyRules) != 1 || c.OnlyRules[0].Labels["mountpoint"] != "/" || c.Troubles[0].About.Where != "/var" {
		t.Errorf("both %d, lead %s, only rules %+v, about %+v", c.Both, c.Lead, c.OnlyRules, c.Troubles[0].About)
	}
}
