package notify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/dispatch"
	"pgregory.net/rapid"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

func plainRules() rules {
	return rules{channel: "r/webhook", receiver: "r", view: messagetest.View(), resolved: true, storm: defaultStorm}
}

// play drives a queue through time until it has nothing more to say before
// until, and returns its messages. Every message arrives.
func play(b *queue, from, until time.Time) (sent []message.Message) {
	for now := from; ; {
		out, wake, _ := b.next(now)
		if out != nil {
			sent = append(sent, b.message(out, now))
			b.delivered(out, now)
			continue
		}
		if wake.IsZero() || wake.After(until) {
			return sent
		}
		now = wake
	}
}

func seq(c omen.Change, n int64) omen.Change {
	c.Seq = n
	return c
}

func statuses(sent []message.Message) []string {
	var out []string
	for _, m := range sent {
		line := ""
		for _, a := range m.Alerts {
			line += string(a.Labels["incident"]) + " " + string(a.StatusAt(m.At)) + " " + string(a.Labels["severity"]) + "; "
		}
		out = append(out, line)
	}
	return out
}

func want(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestQueueNotifiesOfALife(t *testing.T) {
	b := newQueue(plainRules())
	var sent []message.Message
	for i, kind := range []omen.ChangeKind{omen.ChangeOpened, omen.ChangeUpdated, omen.ChangeEscalated, omen.ChangeAcknowledged, omen.ChangeClosed} {
		at := noon.Add(time.Duration(i) * time.Minute)
		c := step("a", "web-1", i+1, kind, at)
		if i >= 2 {
			c.Incident.Severity = omen.Critical
		}
		b.take(seq(c, int64(i+1)), at)
		sent = append(sent, play(b, at, at.Add(50*time.Second))...)
	}
	want(t, statuses(sent), []string{"a firing warning; ", "a firing critical; ", "a resolved critical; "})
	if len(b.entries) != 0 || len(b.groups) != 0 {
		t.Errorf("queue still holds %d entries, %d groups", len(b.entries), len(b.groups))
	}
	if b.lowWater() != 5 {
		t.Errorf("low water %d, want 5", b.lowWater())
	}
	if keys := []string{sent[0].Key, sent[1].Key, sent[2].Key}; !slices.Equal(keys, []string{"a.1", "a.3", "a.5"}) {
		t.Errorf("keys %v are not the changes'", keys)
	}
	first, last := sent[0].Alerts[0], sent[2].Alerts[0].Annotations
	if first.GeneratorURL != "https://omen.example/incidents/a" || first.Labels["alertname"] != "OmenAnomaly" || first.Labels["instance"] != "web-1" {
		t.Errorf("alert %+v", first)
	}
	if causes := first.Annotations["causes"]; causes != "disk_write 240 MB/s, expected 8–15 MB/s\ncpu_iowait 41 %, expected 0–5 %" {
		t.Errorf("causes %q: want the two that are not trivial", causes)
	}
	if last["duration"] == "" || last["peak"] != "6.1" || last["clears"] != "" {
		t.Errorf("the end does not say how long and how bad: %v", last)
	}
	for _, m := range sent[1:] {
		if m.GroupKey != sent[0].GroupKey {
			t.Errorf("conversation %q became %q", sent[0].GroupKey, m.GroupKey)
		}
	}
}

func TestQueueNotifiesOfAcknowledgementsIfAsked(t *testing.T) {
	r := plainRules()
	r.acknowledged = true
	b := newQueue(r)
	b.take(seq(step("a", "h", 1, omen.ChangeOpened, noon), 1), noon)
	first := play(b, noon, noon.Add(10*time.Second))
	b.take(seq(step("a", "h", 2, omen.ChangeAcknowledged, noon), 2), noon.Add(time.Minute))
	second := play(b, noon.Add(time.Minute), noon.Add(2*time.Minute))
	if len(first) != 1 || len(second) != 1 {
		t.Errorf("sent %d and %d messages, want one each", len(first), len(second))
	}
}

func TestQueueLeavesOutTheSuppressed(t *testing.T) {
	quiet := step("a", "h", 1, omen.ChangeOpened, noon)
	quiet.Incident.Suppressed = omen.ReasonColdStart
	info := step("b", "h", 1, omen.ChangeOpened, noon)
	info.Incident.Severity = omen.Info

	b := newQueue(plainRules())
	b.take(seq(quiet, 1), noon)
	b.take(seq(info, 2), noon)
	if sent := play(b, noon, noon.Add(time.Hour)); len(sent) != 0 {
		t.Fatalf("sent %v", statuses(sent))
	}
	// Never told to be open, never told to be over.
	over := step("b", "h", 2, omen.ChangeClosed, noon)
	over.Incident.Severity = omen.Info
	b.take(seq(over, 3), noon)
	// No longer suppressed: told now, and its end too although it is
	// suppressed again by then.
	lifted := step("a", "h", 2, omen.ChangeUpdated, noon)
	b.take(seq(lifted, 4), noon)
	sent := play(b, noon, noon.Add(time.Minute))
	end := step("a", "h", 3, omen.ChangeClosed, noon.Add(2*time.Minute))
	end.Incident.Suppressed = omen.ReasonSilenced
	b.take(seq(end, 5), noon.Add(2*time.Minute))
	sent = append(sent, play(b, noon.Add(2*time.Minute), noon.Add(time.Hour))...)
	want(t, statuses(sent), []string{"a firing warning; ", "a resolved warning; "})
}

func TestQueueNotifiesOfAReopening(t *testing.T) {
	b := newQueue(plainRules())
	var sent []message.Message
	for i, kind := range []omen.ChangeKind{omen.ChangeOpened, omen.ChangeClosed, omen.ChangeReopened, omen.ChangeClosed} {
		at := noon.Add(time.Duration(i) * time.Minute)
		b.take(seq(step("a", "h", i+1, kind, at), int64(i+1)), at)
		sent = append(sent, play(b, at, at.Add(50*time.Second))...)
	}
	want(t, statuses(sent), []string{"a firing warning; ", "a resolved warning; ", "a firing warning; ", "a resolved warning; "})
}

func TestQueueSaysOnceWhatCameAndWentWhileTheChannelWasDown(t *testing.T) {
	b := newQueue(plainRules())
	b.take(seq(step("a", "h", 1, omen.ChangeOpened, noon), 1), noon)
	now := noon.Add(time.Second)
	out, _, _ := b.next(now)
	b.failed(out, now, 10*time.Minute)
	b.take(seq(step("a", "h", 2, omen.ChangeClosed, noon.Add(5*time.Minute)), 2), noon.Add(5*time.Minute))
	if b.lowWater() != 0 {
		t.Errorf("cursor at %d though nothing arrived", b.lowWater())
	}
	if early, wake, _ := b.next(noon.Add(6 * time.Minute)); early != nil || !wake.Equal(now.Add(10*time.Minute)) {
		t.Errorf("tried again before the channel allows, or at %v", wake)
	}
	sent := play(b, noon.Add(11*time.Minute), noon.Add(time.Hour))
	want(t, statuses(sent), []string{"a resolved warning; "})
	if got := string(sent[0].Alerts[0].Annotations["changes"]); got != "a.1 a.2" {
		t.Errorf("tells changes %q", got)
	}
	if b.lowWater() != 2 {
		t.Errorf("low water %d, want 2", b.lowWater())
	}
}

// A storm of 10,000 gives at most one message a minute, with the count, and
// settles every change; when it is over that is said once more.
func TestQueueMakesAStormOneMessageAMinute(t *testing.T) {
	for _, machine := range []bool{false, true} {
		t.Run(fmt.Sprintf("machine=%v", machine), func(t *testing.T) {
			r := plainRules()
			r.machine = machine
			b := newQueue(r)
			const n = 10000
			var sent []message.Message
			now := noon
			for i := range n { // over five minutes
				now = noon.Add(time.Duration(i) * 30 * time.Millisecond)
				b.take(seq(step(fmt.Sprintf("i%05d", i), "h", 1, omen.ChangeOpened, now), int64(i+1)), now)
				if i%100 == 99 {
					sent = append(sent, play(b, now, now)...)
				}
			}
			sent = append(sent, play(b, now, now.Add(5*time.Minute))...)
			opening := len(sent)
			begin := now.Add(10 * time.Minute)
			for i := range n {
				now = begin.Add(time.Duration(i) * 30 * time.Millisecond)
				b.take(seq(step(fmt.Sprintf("i%05d", i), "h", 2, omen.ChangeClosed, now), int64(n+i+1)), now)
				if i%100 == 99 {
					sent = append(sent, play(b, now, now)...)
				}
			}
			sent = append(sent, play(b, now, now.Add(time.Hour))...)

			var last time.Time
			for i, m := range sent {
				if i > 0 && m.At.Sub(last) < time.Minute {
					t.Errorf("message %d came %s after the one before", i, m.At.Sub(last))
				}
				last = m.At
			}
			if opening > 9 {
				t.Errorf("%d messages for five minutes of storm", opening)
			}
			if b.lowWater() != 2*n || len(b.entries) != 0 {
				t.Errorf("low water %d of %d, %d entries left", b.lowWater(), 2*n, len(b.entries))
			}
			counts(t, sent, machine, n)
		})
	}
}

// counts adds up what the messages say: each incident once opened, once over.
func counts(t *testing.T, sent []message.Message, machine bool, n int) {
	t.Helper()
	opened, closed := 0, 0
	for _, m := range sent {
		for _, a := range m.Alerts {
			if a.Labels["alertname"] == alertStorm {
				if machine {
					t.Error("a program got a summary in place of the alerts")
				}
				var o, c int
				fmt.Sscan(string(a.Annotations["opened"])+" "+string(a.Annotations["closed"]), &o, &c)
				opened, closed = opened+o, closed+c
				continue
			}
			if a.StatusAt(m.At) == "resolved" {
				closed++
			} else {
				opened++
			}
		}
	}
	if opened != n || closed != n {
		t.Errorf("messages tell of %d opened and %d closed, want %d each", opened, closed, n)
	}
	if final := sent[len(sent)-1]; final.Alerts[0].StatusAt(final.At) != "resolved" {
		t.Error("the last message does not say that it is over")
	}
}

// A queue that takes what came at one instant in half a second does not notify of
// the first alone, whose second to wait ends before the others'.
func TestQueueStormIsNotBegunByOne(t *testing.T) {
	b := newQueue(plainRules())
	const n = 250
	for i := range n {
		at := noon.Add(time.Duration(i) * 2 * time.Millisecond)
		b.take(seq(step(fmt.Sprintf("i%03d", i), "h", 1, omen.ChangeOpened, noon), int64(i+1)), at)
	}
	for at := noon; at.Before(noon.Add(2 * time.Second)); at = at.Add(time.Millisecond) {
		if out, _, _ := b.next(at); out != nil {
			if !out.storm || len(out.entries) != n {
				t.Errorf("%s after the first: a message about %d of %d incidents, storm %v", at.Sub(noon), len(out.entries), n, out.storm)
			}
			return
		}
	}
	t.Error("no message within two seconds")
}

func TestQueueFewIncidentsAreNoStorm(t *testing.T) {
	b := newQueue(plainRules())
	for i := range defaultStorm {
		b.take(seq(step(fmt.Sprint(i), "h", 1, omen.ChangeOpened, noon), int64(i+1)), noon)
	}
	sent := play(b, noon, noon.Add(time.Minute))
	if len(sent) != defaultStorm {
		t.Errorf("%d messages for %d incidents", len(sent), defaultStorm)
	}
}

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

// Whatever happens, in whatever order messages fail: in the end the receiver
// believes what is true, every change is settled, and nothing is notified twice.
func TestQueueConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newQueue(plainRules())
		numbers, believed := map[string]int{}, map[string]string{}
		truth := map[string]omen.ChangeKind{}
		told := map[string]bool{}
		var n int64
		now := noon
		deliver := func(ok bool) {
			out, _, _ := b.next(now)
			if out == nil {
				return
			}
			m := b.message(out, now)
			if !ok {
				b.failed(out, now, 0)
				return
			}
			for _, c := range out.changes() {
				if told[c.Key()] {
					t.Fatalf("%s is notified twice", c.Key())
				}
				told[c.Key()] = true
			}
			for _, e := range out.entries {
				believed[e.in.ID] = string(e.in.State)
			}
			_ = m
			b.delivered(out, now)
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "wait")) * time.Second)
			id := fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "incident"))
			kind := omen.ChangeOpened
			switch last := truth[id]; {
			case last == omen.ChangeClosed:
				kind = omen.ChangeReopened
			case last != "":
				kind = rapid.SampledFrom([]omen.ChangeKind{omen.ChangeUpdated, omen.ChangeEscalated, omen.ChangeClosed}).Draw(t, "kind")
			}
			truth[id] = kind
			numbers[id]++
			n++
			b.take(seq(step(id, "h", numbers[id], kind, now), n), now)
			deliver(rapid.Bool().Draw(t, "arrives"))
		}
		for range 400 { // every group's backoff is five minutes at most
			now = now.Add(30 * time.Second)
			deliver(true)
		}
		for id, kind := range truth {
			if want := map[bool]string{true: "closed", false: "open"}[kind == omen.ChangeClosed]; believed[id] != want {
				t.Errorf("incident %s is %s, the receiver believes %q", id, want, believed[id])
			}
		}
		if b.lowWater() != n || len(b.pending) != 0 {
			t.Errorf("low water %d of %d", b.lowWater(), n)
		}
	})
}

// People are notified of an action that waits for them, was done, failed, or was
// refused after one of them had approved it; the other
// steps are on the page, and what was done is said with whatever comes next.
func TestQueueNotifiesOfActions(t *testing.T) {
	b := newQueue(plainRules())
	var sent []message.Message
	n := 0
	take := func(kind omen.ChangeKind, state omen.ActionState, reason string) {
		n++
		at := noon.Add(time.Duration(n) * 10 * time.Minute)
		c := step("a", "web-1", n, kind, at)
		if state != "" {
			a := omen.Action{ID: "a1", Playbook: "restart", Does: "rollout_restart", Target: omen.Target{Kind: "deployment", Namespace: "shop", Name: "web"}, State: state, Expires: noon}
			if state == omen.ActionRefused {
				a.By, a.Guard, a.Why = "ann", "evidence", "the host is well"
			}
			c.Action, c.Incident.Remedy = &a, a.Text()
		}
		b.take(seq(c, int64(n)), at)
		got := play(b, at, at.Add(9*time.Minute))
		if (len(got) > 0) != (reason != "") {
			t.Errorf("%s %s: %d messages", kind, state, len(got))
		}
		for _, m := range got {
			if said := string(m.Alerts[0].Annotations["summary"]); !strings.Contains(said, reason) {
				t.Errorf("%s %s: %q does not say %q", kind, state, said, reason)
			}
		}
		sent = append(sent, got...)
	}
	take(omen.ChangeOpened, "", "web-1")
	take(omen.ChangeActed, omen.ActionWaiting, "waits for approval until 12:00 UTC: rollout restart of deployment shop/web")
	take(omen.ChangeActed, omen.ActionApproved, "")
	take(omen.ChangeActed, omen.ActionStarted, "")
	take(omen.ChangeActed, omen.ActionDone, "done: rollout restart of deployment shop/web (playbook restart)")
	take(omen.ChangeActed, omen.ActionHelped, "")
	take(omen.ChangeActed, omen.ActionFailed, "failed: rollout restart")
	take(omen.ChangeActed, omen.ActionSuggested, "")
	take(omen.ChangeActed, omen.ActionRefused, "approved by ann and refused by guard evidence, the host is well: rollout restart")
	if len(sent) != 5 {
		t.Errorf("%d messages, want 5", len(sent))
	}
}
