package notify

import (
	"fmt"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

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
