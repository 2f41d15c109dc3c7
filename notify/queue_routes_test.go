package notify

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/dispatch"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// teams are hosts that belong to the team of their first letter, and lie.
type teams struct{ message.Hosts }

func (teams) Labels(h omen.Host) map[string]string {
	return map[string]string{"team": h.Name[:1], "instance": "spoofed", "severity": "spoofed"}
}

// routed is a queue of receiver name under a configuration's route.
func routed(t *testing.T, name, text string) *queue {
	s := load(t, text)
	r := plainRules()
	r.receiver, r.channel = name, name+"/webhook"
	r.route, r.intervals = dispatch.NewRoute(s.alertmanager.Route, nil), intervalsOf(s)
	r.view.Hosts = teams{}
	return newQueue(r)
}

const routes = `
receivers:
- {name: all, webhook_configs: [{url: "http://127.0.0.1:1/"}]}
- {name: pager, webhook_configs: [{url: "http://127.0.0.1:1/"}]}
- {name: team-a, webhook_configs: [{url: "http://127.0.0.1:1/"}]}
time_intervals:
- name: nights
  time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}]}]
route:
  receiver: all
  group_by: [team]
  group_wait: 10s
  group_interval: 2m
  repeat_interval: 1h
  routes:
  - {receiver: pager, matchers: ['severity="critical"'], group_by: [incident], group_wait: 0s, continue: true}
  - {receiver: team-a, matchers: ['team="a"'], mute_time_intervals: [nights]}
`

func TestRoutesHaveAlertmanagersMeaning(t *testing.T) {
	take := func(b *queue, at time.Time) []string {
		b.take(seq(step("1", "a1", 1, omen.ChangeOpened, at), 1), at)
		b.take(seq(step("2", "b1", 1, omen.ChangeOpened, at), 2), at)
		b.take(seq(step("3", "b2", 1, omen.ChangeOpened, at), 3), at)
		b.take(seq(step("1", "a1", 2, omen.ChangeEscalated, at.Add(time.Second)), 4), at.Add(time.Second))
		return statuses(play(b, at, at.Add(30*time.Minute)))
	}
	// The default receiver gets what no other route takes, by team; a critical
	// one continues to its team; the pager hears of the critical one alone.
	want(t, take(routed(t, "all", routes), noon), []string{"2 firing warning; 3 firing warning; "})
	want(t, take(routed(t, "pager", routes), noon), []string{"1 firing critical; "})
	want(t, take(routed(t, "team-a", routes), noon), []string{"1 firing critical; "})
	// At night the team is left alone.
	want(t, take(routed(t, "team-a", routes), noon.Add(10*time.Hour)), nil)
}

func TestGroupIntervalAndRepeat(t *testing.T) {
	b := routed(t, "all", routes)
	var sent []message.Message
	b.take(seq(step("1", "b1", 1, omen.ChangeOpened, noon), 1), noon)
	sent = append(sent, play(b, noon, noon.Add(30*time.Second))...)
	b.take(seq(step("2", "b2", 1, omen.ChangeOpened, noon), 2), noon.Add(30*time.Second))
	sent = append(sent, play(b, noon.Add(30*time.Second), noon.Add(90*time.Minute))...)
	var at []time.Duration
	for _, m := range sent {
		at = append(at, m.At.Sub(noon))
	}
	// group_wait, then group_interval after that, then repeat_interval.
	if want := []time.Duration{10 * time.Second, 130 * time.Second, 130*time.Second + time.Hour}; !slices.Equal(at, want) {
		t.Errorf("messages at %v, want %v", at, want)
	}
	// Once everybody has acknowledged nobody is reminded.
	for i, id := range []string{"1", "2"} {
		b.take(seq(step(id, "b", 2, omen.ChangeAcknowledged, noon), int64(3+i)), noon.Add(91*time.Minute))
	}
	if more := play(b, noon.Add(91*time.Minute), noon.Add(5*time.Hour)); len(more) != 0 {
		t.Errorf("reminded of acknowledged incidents: %v", statuses(more))
	}
}

// Without a group_by each incident is a message of its own, at once; with one,
// and with waits, the route means what is written.
func TestIncidentsAreGroupedAsWritten(t *testing.T) {
	const receivers = `
receivers: [{name: r, webhook_configs: [{url: "http://127.0.0.1:1/"}]}]
`
	for route, want := range map[string][]string{
		"{receiver: r}":                     {"1s 1", "21s 2", "1m0s 1"},
		"{receiver: r, group_wait: 5s}":     {"5s 1", "25s 2", "1m0s 1"},
		"{receiver: r, group_interval: 2m}": {"1s 1", "21s 2", "2m1s 1"},
		"{receiver: r, routes: [{receiver: r, matchers: ['severity=warning']}]}":       {"1s 1", "21s 2", "1m0s 1"},
		"{receiver: r, group_by: ['...']}":                                             {"30s 1", "50s 2", "5m30s 1"},
		"{receiver: r, group_by: []}":                                                  {"30s 1 2", "5m30s 2 1"},
		"{receiver: r, group_by: [severity]}":                                          {"30s 1 2", "5m30s 2 1"},
		"{receiver: r, routes: [{receiver: r, group_by: [severity]}]}":                 {"30s 1 2", "5m30s 2 1"},
		"{receiver: r, group_wait: 25s, routes: [{receiver: r, group_by: [profile]}]}": {"25s 1 2", "5m25s 2 1"},
	} {
		b := routed(t, "r", receivers+"route: "+route+"\n")
		var got []string
		say := func(from, to time.Duration) {
			for _, m := range play(b, noon.Add(from), noon.Add(to)) {
				line := m.At.Sub(noon).String()
				for _, a := range m.Alerts {
					line += " " + string(a.Labels["incident"])
				}
				got = append(got, line)
			}
		}
		b.take(seq(step("1", "a", 1, omen.ChangeOpened, noon), 1), noon)
		say(0, 20*time.Second)
		b.take(seq(step("2", "b", 1, omen.ChangeOpened, noon), 2), noon.Add(20*time.Second))
		say(20*time.Second, time.Minute)
		b.take(seq(step("1", "a", 2, omen.ChangeClosed, noon), 3), noon.Add(time.Minute))
		say(time.Minute, 10*time.Minute)
		if !slices.Equal(got, want) {
			t.Errorf("route %s: messages %q, want %q", route, got, want)
		}
	}
}

func TestMutedRoute(t *testing.T) {
	night := noon.Add(10 * time.Hour)
	b := routed(t, "team-a", routes)
	before := night.Add(-time.Hour)
	b.take(seq(step("told", "a1", 1, omen.ChangeOpened, before), 1), before)
	first := play(b, before, before.Add(time.Minute))
	b.take(seq(step("told", "a1", 2, omen.ChangeClosed, night), 2), night)
	b.take(seq(step("gone", "a2", 1, omen.ChangeOpened, night), 3), night)
	b.take(seq(step("stays", "a3", 1, omen.ChangeOpened, night), 4), night)
	quiet := play(b, night.Add(time.Minute), night.Add(10*time.Minute))
	b.take(seq(step("gone", "a2", 2, omen.ChangeClosed, night.Add(time.Hour)), 5), night.Add(time.Hour))
	// Midnight: what is still open and the end of what was told are told, what
	// came and went is not.
	later := play(b, night.Add(time.Hour), night.Add(119*time.Minute))
	dawn := night.Add(2 * time.Hour)
	out, _, skipped := b.next(dawn)
	if out == nil {
		t.Fatal("nothing is notified at midnight")
	}
	if len(first) != 1 || len(quiet)+len(later) != 0 {
		t.Errorf("%d, %d, %d messages before midnight, want 1, 0, 0", len(first), len(quiet), len(later))
	}
	want(t, statuses([]message.Message{b.message(out, dawn)}), []string{"stays firing warning; told resolved warning; "})
	if len(skipped) != 2 || skipped[0].Incident.ID != "gone" {
		t.Errorf("skipped %v", skipped)
	}
}

func TestLabelsOfTheHostCannotPassForOurs(t *testing.T) {
	b := routed(t, "all", routes)
	set := b.rules.view.Labels(step("1", "b1", 1, omen.ChangeOpened, noon).Incident)
	if set["instance"] != "b1" || set["severity"] != "warning" || set["team"] != "b" {
		t.Errorf("labels %v", set)
	}
}
