package notify

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
)

// What is known of a channel is the newest of the journal and of this process'
// attempts, tests included, and the trouble that is open of it.
func TestStandings(t *testing.T) {
	db, chats := openStore(t), chatsOfPeople()
	chats["r/slack"].always = errors.New("no_such_channel")
	r := newRelay(t, db, people+"alertmanagers: [{url: 'http://am.example:9093/x'}]\n")
	for _, w := range r.workers {
		w.channel.sender = chats[w.channel.name]
	}
	then := time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
	trouble := opened("t")
	trouble.Incident.Kind, trouble.Incident.Trouble, trouble.Incident.Summary = omen.OwnIncident, message.RecipientKey("r/telegram"), "one is refused"
	appendAll(t, db, opened("a"), trouble)
	record := func(channel, outcome, detail string, at time.Time) {
		t.Helper()
		must.OK(t, db.RecordDelivery(t.Context(), omen.Delivery{Incident: "a", Key: "a.1", Receiver: channel, At: at, Outcome: outcome, Detail: detail}))
	}
	record("r/webhook", message.Delivered, "", then)
	record("r/webhook", message.Retrying, "answered 500", then.Add(-time.Minute))
	record("r/slack", message.GaveUp, "after 3 attempts: old", then)
	record("alertmanager/am.example:9093/x", message.Delivered, "", then)

	all := must.Get(r.Standings(t.Context()))(t)
	keys := []string{}
	for _, s := range all {
		keys = append(keys, s.Channel+" "+s.Key)
	}
	want := []string{
		"r/webhook receivers[0].webhook_configs[0]", "r/telegram receivers[0].telegram_configs[0]", "r/slack receivers[0].slack_configs[0]",
		"alertmanager/am.example:9093/x alertmanagers[0]",
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("channels (-want +got):\n%s", diff)
	}
	of := func(channel string) Standing {
		t.Helper()
		i := slices.IndexFunc(all, func(s Standing) bool { return s.Channel == channel })
		if i < 0 {
			t.Fatalf("%s is not among %v", channel, keys)
		}
		return all[i]
	}
	if s := of("r/webhook"); !s.Delivered.Equal(then) || !s.Failed.Equal(then.Add(-time.Minute)) || s.Err != "answered 500" || s.Trouble.ID != "" {
		t.Errorf("of the journal: %+v", s)
	}
	if s := of("r/telegram"); !s.Delivered.IsZero() || s.Trouble.Summary != "one is refused" {
		t.Errorf("with trouble: %+v", s)
	}
	if s := of("alertmanager/am.example:9093/x"); !s.Delivered.Equal(then) || s.Receiver != "" {
		t.Errorf("an Alertmanager: %+v", s)
	}

	tested := must.Get(r.Test(t.Context(), "r", "ann"))(t)
	if len(tested) != 3 || tested[0].Err != nil || tested[2].Err == nil || tested[2].Err.Error() != "no_such_channel" {
		t.Errorf("tested: %+v", tested)
	}
	if said := string(chats["r/webhook"].taken[0].Alerts[0].Annotations["detail"]); !strings.Contains(said, "Sent by ann.") {
		t.Errorf("the test does not say who asked: %s", said)
	}
	all = must.Get(r.Standings(t.Context()))(t)
	if s := of("r/webhook"); !s.Delivered.After(then) {
		t.Errorf("after a test: %+v", s)
	}
	if s := of("r/slack"); !s.Failed.After(then) || s.Err != "no_such_channel" || !s.Delivered.IsZero() {
		t.Errorf("after a test that failed: %+v", s)
	}
}

// A second test waits for nobody: it is refused while one is under way.
func TestOneTestAtATime(t *testing.T) {
	r := newRelay(t, nil, hooks("a"))
	r.workers[0].channel.sender = &chat{}
	r.testing.Store(true)
	if _, err := r.Test(t.Context(), "a", ""); !errors.Is(err, omen.ErrConflict) || omen.Hint(err) == "" {
		t.Errorf("while another is under way: %v", err)
	}
	r.testing.Store(false)
	if all, err := r.Test(t.Context(), "a", ""); err != nil || len(all) != 1 || all[0].Err != nil {
		t.Errorf("afterwards: %+v, %v", all, err)
	}
}

// meeting is a channel that takes a message once another takes one, too.
type meeting chan struct{}

func (m meeting) Send(ctx context.Context, _ message.Message) error {
	select {
	case m <- struct{}{}:
	case <-m:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// A channel that hangs keeps no other waiting: all of a receiver are tested at once.
func TestChannelsAreTestedAtOnce(t *testing.T) {
	r := newRelay(t, nil, `receivers: [{name: a, webhook_configs: [{url: "http://127.0.0.1:1"}, {url: "http://127.0.0.1:2"}]}]`)
	both := meeting(make(chan struct{}))
	for _, w := range r.workers {
		w.channel.sender = both
	}
	for i, one := range must.Get(r.Test(t.Context(), "a", ""))(t) {
		if one.Channel != r.workers[i].channel.name || one.Err != nil {
			t.Errorf("%+v", one)
		}
	}
}

// A test whose template fails arrives with the built-in text, and says so.
func TestATestWithATemplateThatFails(t *testing.T) {
	r := newRelay(t, nil, `receivers: [{name: a, slack_configs: [{api_url: "http://127.0.0.1:1", channel: x, text: '{{ if eq .CommonLabels.alertname "OmenTest" }}{{ (index .Alerts 99).Status }}{{ else }}x{{ end }}'}]}]`)
	taken := &chat{}
	r.workers[0].channel.sender, r.workers[0].channel.texts.make = taken, func(any, message.Renderer) (message.Sender, error) { return taken, nil }
	all, err := r.Test(t.Context(), "a", "")
	if err != nil || len(all) != 1 || all[0].Err != nil || all[0].BuiltIn == nil || !strings.Contains(all[0].BuiltIn.Error(), "template of text") || len(taken.taken) != 2 {
		t.Errorf("%+v, %v: want it taken, and why the built-in text was sent", all, err)
	}
}

// A channel that takes a test is known to take messages.
func TestATestThatArrivesProvesTheChannel(t *testing.T) {
	r := newRelay(t, nil, hooks("a", "b"))
	for _, w := range r.workers {
		w.channel.sender = &chat{}
	}
	must.Get(r.Test(t.Context(), "a", ""))(t)
	for i, want := range []int{1, 0} {
		if n := len(r.workers[i].proven); n != want {
			t.Errorf("%s: proven %d times, want %d", r.workers[i].channel.name, n, want)
		}
	}
}

func TestRoutes(t *testing.T) {
	if all := load(t, people).Routes(); all != nil {
		t.Errorf("without a route: %+v", all)
	}
	got := load(t, people+`
time_intervals: [{name: nights, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}]}]}]
route:
  receiver: r
  routes:
  - matchers: ['team="db"', 'severity=~"crit.*"']
    group_by: [team]
    group_wait: 2s
    continue: true
    mute_time_intervals: [nights]
    routes:
    - matchers: [profile="node"]
      group_by: ['...']
`).Routes()
	want := []Routing{
		{Key: "route", Receiver: "r", GroupBy: []string{"incident"}, GroupWait: time.Second, GroupInterval: time.Second, Repeat: 4 * time.Hour},
		{Key: "route.routes[0]", Depth: 1, Match: []string{`severity=~"crit.*"`, `team="db"`}, Receiver: "r", GroupBy: []string{"team"}, GroupWait: 2 * time.Second, GroupInterval: 5 * time.Minute, Repeat: 4 * time.Hour, Continue: true, Muted: []string{"nights"}},
		{Key: "route.routes[0].routes[0]", Depth: 2, Match: []string{`profile="node"`}, Receiver: "r", GroupBy: []string{"..."}, GroupWait: 2 * time.Second, GroupInterval: 5 * time.Minute, Repeat: 4 * time.Hour},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
