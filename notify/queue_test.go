package notify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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

// People who were notified of an incident before it was known are notified once which
// pod it comes from; that none is to blame, and other digits, ride in what comes next.
func TestQueueNotifiesOfABlamedPodOnce(t *testing.T) {
	b := newQueue(plainRules())
	n := 0
	take := func(kind omen.ChangeKind, reason, pod string, says string, messages int) {
		t.Helper()
		n++
		at := noon.Add(time.Duration(n) * 10 * time.Minute)
		c := step("a", "web-1", n, kind, at)
		c.Reason = reason
		if reason == omen.ReasonBlame || kind == omen.ChangeEscalated {
			c.Incident.Blame = &omen.Blame{PodRef: omen.PodRef{Node: "n1", Namespace: "shop", Pod: pod}, Why: "two rose", Pods: []omen.PodRise{{PodRef: omen.PodRef{Namespace: "shop", Pod: "x"}, Share: .6}}}
			c.Comment = c.Incident.Blame.Text()
		}
		b.take(seq(c, int64(n)), at)
		got := play(b, at, at.Add(9*time.Minute))
		if len(got) != messages {
			t.Errorf("change %d: %d messages, want %d", n, len(got), messages)
		}
		for _, m := range got {
			notes := m.Alerts[0].Annotations
			if !strings.HasPrefix(string(notes["pods"]), says) || !strings.Contains(string(notes["description"]), says) || reason == omen.ReasonBlame && notes["comment"] != "" {
				t.Errorf("change %d says %q, want %q", n, notes, says)
			}
		}
	}
	take(omen.ChangeOpened, "", "", "", 1)
	take(omen.ChangeUpdated, omen.ReasonBlame, "", "", 0)
	take(omen.ChangeEscalated, "", "", "No pod of node n1 is to blame: two rose\nshop/x", 1)
	take(omen.ChangeUpdated, omen.ReasonBlame, "cart", "Pod shop/cart of node n1 is to blame", 1)
	take(omen.ChangeUpdated, omen.ReasonBlame, "other", "", 0)
	take(omen.ChangeEscalated, "", "other", "Pod shop/other of node n1 is to blame", 1)
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
