package notify

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/store"
)

// startBoth runs a relay together with the manager that its troubles are reported
// to, as serve does.
func startBoth(t *testing.T, db *store.DB, text string, chats map[string]*chat) (stop func()) {
	t.Helper()
	manager := incident.NewManager(incident.Options{Store: db})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- manager.Run(ctx) }()
	_, end := startWith(t, db, text, chats, func(o *Options) { o.Troubles = manager })
	return func() {
		end()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// own are the incidents of Omen's own, by trouble: state and severity.
func own(t *testing.T, db *store.DB) map[string]string {
	t.Helper()
	found, err := db.Incidents(t.Context(), store.Filter{Kinds: []omen.IncidentKind{omen.OwnIncident}})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, in := range found {
		if was, twice := all[in.Trouble]; twice {
			t.Errorf("%s has two incidents, one is %s", in.Trouble, was)
		}
		all[in.Trouble] = fmt.Sprintf("%s %s", in.State, in.Severity)
	}
	return all
}

// about are the messages of a channel about Omen's own trouble.
func about(c *chat) (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.taken {
		for _, a := range m.Alerts {
			if a.Labels["kind"] == "omen" {
				all = append(all, string(a.Annotations["headline"]))
			}
		}
	}
	return all
}

// What a receiver refuses reaches the others as one incident of Omen's own,
// however much it refuses; it ends when a message arrives again.
func TestARefusalReachesTheOtherReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, broken, good := openStore(t), &chat{always: message.Refuse("no such chat")}, &chat{}
		chats := map[string]*chat{"broken/webhook": broken, "good/webhook": good}
		stop := startBoth(t, db, hooks("broken", "good"), chats)
		for i := range 5 {
			appendAll(t, db, opened(fmt.Sprint("a", i)))
			pass(time.Minute)
		}
		if got := own(t, db); len(got) != 1 || got["receiver/broken/webhook"] != "open critical" {
			t.Fatalf("own incidents %v", got)
		}
		if len(broken.tried) != 5*permanentTries {
			t.Errorf("tried %d times: it is asked to take what is said of it", len(broken.tried))
		}
		want(t, about(good), []string{"CRITICAL: receiver broken/webhook refuses messages, one was given up: no such chat"})
		stop()

		// It outlives a restart; then the receiver works.
		stop = startBoth(t, db, hooks("broken", "good"), chats)
		defer func() { stop() }()
		broken.mu.Lock()
		broken.always = nil
		broken.mu.Unlock()
		appendAll(t, db, opened("b"))
		pass(time.Minute)
		if got := own(t, db); got["receiver/broken/webhook"] != "closed critical" {
			t.Errorf("own incidents %v", got)
		}
		want(t, about(good)[1:], []string{"Over: receiver broken/webhook refuses messages, one was given up: no such chat"})
		want(t, about(broken), nil)
	})
}

// A receiver that does not answer is said before its messages are given up, and
// one that is no longer configured has no trouble.
func TestAReceiverThatDoesNotAnswerIsSaidSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, mute, good := openStore(t), &chat{always: errHang}, &chat{}
		chats := map[string]*chat{"mute/webhook": mute, "good/webhook": good}
		stop := startBoth(t, db, hooks("mute", "good"), chats)
		appendAll(t, db, opened("a"))
		pass(2 * time.Minute)
		if got := own(t, db); got["receiver/mute/webhook"] != "open warning" {
			t.Errorf("own incidents %v", got)
		}
		stop()
		stop = startBoth(t, db, hooks("good"), chats)
		pass(time.Minute)
		stop()
		if got := own(t, db); got["receiver/mute/webhook"] != "closed warning" {
			t.Errorf("own incidents %v", got)
		}
	})
}

// Routes that lead to the broken receiver alone keep nobody from hearing of it,
// and where they lead to another one it alone does.
func TestATroubleIsRoutedPastItsReceiver(t *testing.T) {
	for routes, want := range map[string][]int{
		"route: {receiver: broken, group_wait: 1s}\n": {1, 1},
		"route: {receiver: broken, group_wait: 1s, routes: [{receiver: good, matchers: ['kind=omen'], continue: true}]}\n": {1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			db := openStore(t)
			broken, good, other := &chat{always: message.Refuse("no")}, &chat{}, &chat{}
			stop := startBoth(t, db, routes+hooks("broken", "good", "other"),
				map[string]*chat{"broken/webhook": broken, "good/webhook": good, "other/webhook": other})
			appendAll(t, db, opened("a"))
			pass(time.Minute)
			stop()
			if got := []int{len(about(good)), len(about(other))}; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: the others hear %v times, want %v", routes, got, want)
			}
		})
	}
}

// A channel whose message was given up takes its next heartbeat: then it takes
// messages again, and that is over.
func TestAHeartbeatThatArrivesEndsAReceiversTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, sick, good := openStore(t), &chat{always: message.Refuse("no such chat")}, &chat{}
		stop := startBoth(t, db, hooks("sick", "good")+"notify: {heartbeat: {receivers: [sick]}}\n", map[string]*chat{"sick/webhook": sick, "good/webhook": good})
		defer stop()
		appendAll(t, db, opened("a"))
		pass(3 * time.Minute)
		if got := own(t, db); got["receiver/sick/webhook"] != "open critical" {
			t.Fatalf("own incidents %v", got)
		}
		sick.mu.Lock()
		sick.always = nil
		sick.mu.Unlock()
		pass(2 * time.Minute)
		if got := own(t, db); got["receiver/sick/webhook"] != "closed critical" {
			t.Errorf("own incidents %v, want it over", got)
		}
	})
}
