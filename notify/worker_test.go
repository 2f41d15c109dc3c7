package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
	"github.com/omenhq/omen/store"
)

// chat is a channel that keeps what it was sent. Its first messages are
// answered with its errors; nil is a message taken, errHang no answer.
type chat struct {
	answers []error
	always  error // after the answers
	mu      sync.Mutex
	tried   []time.Time
	taken   []message.Message
}

var (
	errHang = errors.New("hangs")
	errLost = errors.New("takes the message, and no answer comes")
)

func (c *chat) Send(ctx context.Context, m message.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.always
	if n := len(c.tried); n < len(c.answers) {
		err = c.answers[n]
	}
	c.tried = append(c.tried, time.Now())
	if err == nil || errors.Is(err, errLost) {
		c.taken = append(c.taken, m)
	}
	if errors.Is(err, errHang) || errors.Is(err, errLost) {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return err
}

// hooks is a configuration of webhooks, one for each receiver.
func hooks(names ...string) string {
	text := "receivers:\n"
	for _, name := range names {
		text += webhookReceiver(name, "http://127.0.0.1:1")
	}
	return text
}

func webhookReceiver(name, url string) string {
	return fmt.Sprintf("- {name: %s, webhook_configs: [{url: %q}]}\n", name, url)
}

// startWith runs a relay in virtual time with chats in place of its channels.
func startWith(t *testing.T, db *store.DB, text string, chats map[string]*chat, more ...func(*Options)) (r *Relay, stop func()) {
	t.Helper()
	r = newRelay(t, db, text, more...)
	for _, w := range r.workers {
		if chats[w.channel.name] == nil {
			t.Fatalf("no chat for %s", w.channel.name)
		}
		w.channel.sender = chats[w.channel.name]
	}
	stop = start(t, r)
	synctest.Wait()
	return r, stop
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func keys(sent []message.Message) (all []string) {
	for _, m := range sent {
		all = append(all, m.Key)
	}
	return all
}

// A receiver that fails, limits, hangs or is gone delays no other and gets its
// message in the end.
func TestOneReceiverDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		chats := map[string]*chat{
			"good/webhook": {}, "broken/webhook": {answers: []error{down, down}}, "hangs/webhook": {answers: []error{errHang}},
			"busy/webhook": {answers: []error{message.Refusal{Err: down, After: 40 * time.Second}}}, "gone/webhook": {always: down},
		}
		db := openStore(t)
		_, stop := startWith(t, db, hooks("good", "broken", "busy", "hangs", "gone"), chats)
		appendAll(t, db, opened("a"))
		pass(1100 * time.Millisecond)
		if !delivered(t, db, "a", "good/webhook", 1) {
			t.Error("the good receiver waits")
		}
		pass(time.Minute)
		for _, name := range []string{"broken/webhook", "busy/webhook", "hangs/webhook"} {
			if got := outcomes(t, db, "a", name); got[0] != "1:retrying" || got[len(got)-1] != "1:delivered" {
				t.Errorf("%s: outcomes %v, want a retry and a delivery", name, got)
			}
		}
		if tried := chats["busy/webhook"].tried; tried[1].Sub(tried[0]) < 40*time.Second {
			t.Errorf("asked to wait 40s, tried again after %s", tried[1].Sub(tried[0]))
		}
		if tried := chats["hangs/webhook"].tried; tried[1].Sub(tried[0]) < message.SendTimeout {
			t.Errorf("an attempt lasted %s", tried[1].Sub(tried[0]))
		}
		pass(defaultGiveUpAfter + 10*time.Minute)
		if got := outcomes(t, db, "a", "gone/webhook"); got[len(got)-1] != "1:gave_up" || len(got) > 12 {
			t.Errorf("after a day: %v", got)
		}
		chats["hangs/webhook"].always = errHang
		appendAll(t, db, closed("a", 2))
		pass(2 * time.Second)
		begun := time.Now()
		stop()
		if took := time.Since(begun); took > 0 {
			t.Errorf("stopping took %s while a receiver hangs", took)
		}
	})
}

func TestPermanentRefusalIsGivenUpAndRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, hook := openStore(t), &chat{always: message.Refuse("no such hook")}
		_, stop := startWith(t, db, hooks("hook"), map[string]*chat{"hook/webhook": hook})
		appendAll(t, db, opened("a"))
		pass(time.Minute)
		if got := outcomes(t, db, "a", "hook/webhook"); got[len(got)-1] != "1:gave_up" || len(hook.tried) != permanentTries {
			t.Errorf("tried %d times: %v", len(hook.tried), got)
		}
		// Nobody is notified of its end: nobody was of its beginning.
		hook.always = nil
		appendAll(t, db, closed("a", 2))
		pass(time.Minute)
		hook.always = message.Refuse("no such hook")
		appendAll(t, db, opened("b"))
		pass(time.Minute)
		stop()
		// The operator repairs the receiver and reloads: what is open is sent.
		repaired := &chat{}
		startWith(t, db, hooks("hook"), map[string]*chat{"hook/webhook": repaired})
		pass(2 * time.Second)
		if len(hook.taken) != 0 {
			t.Errorf("the end of what was given up is sent: %v", keys(hook.taken))
		}
		want(t, keys(repaired.taken), []string{"b.1"})
	})
}

// A new receiver is notified of what is open, not of the past; a removed one's
// cursor goes; one that stays repeats nothing.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, old, fresh := openStore(t), &chat{}, &chat{}
		chats := map[string]*chat{"old/webhook": old, "fresh/webhook": fresh}
		_, stop := startWith(t, db, hooks("old"), chats)
		appendAll(t, db, opened("past"), opened("now"))
		pass(2 * time.Second)
		appendAll(t, db, closed("past", 2))
		pass(2 * time.Second)
		stop()
		want(t, keys(old.taken), []string{"now.1", "past.1", "past.2"})
		old.taken = nil

		_, stop = startWith(t, db, hooks("old", "fresh"), chats)
		pass(2 * time.Second)
		appendAll(t, db, closed("now", 2))
		pass(2 * time.Second)
		stop()
		want(t, keys(old.taken), []string{"now.2"})
		want(t, keys(fresh.taken), []string{"now.1", "now.2"})

		startWith(t, db, hooks("fresh"), chats)
		readers, err := db.Readers(t.Context())
		if _, kept := readers["notify/fresh/webhook"]; err != nil || !kept || len(readers) != 1 {
			t.Errorf("cursors %v, %v", readers, err)
		}
	})
}

// What is not on record when Omen is killed comes again under the same key:
// one message, and no change is lost. (Package test kills the whole program.)
func TestACrashDoublesOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, hook := openStore(t), &chat{answers: []error{nil, errLost}}
		chats := map[string]*chat{"hook/webhook": hook}
		_, stop := startWith(t, db, hooks("hook"), chats)
		appendAll(t, db, opened("a"))
		pass(2 * time.Second)
		appendAll(t, db, closed("a", 2), opened("b"))
		pass(2 * time.Second)
		stop()
		startWith(t, db, hooks("hook"), chats)
		pass(time.Minute)
		want(t, keys(hook.taken), []string{"a.1", "a.2", "a.2", "b.1"})
	})
}

// A storm is one message: with everything for programs, with the count for
// people.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, hook, people := openStore(t), &chat{}, &chat{}
		startWith(t, db, hooks("hook")+"- {name: chat, slack_configs: [{api_url: 'http://127.0.0.1:1', channel: '#ops'}]}\n",
			map[string]*chat{"hook/webhook": hook, "chat/slack": people})
		const n = 300
		var storm []omen.Change
		for i := range n {
			storm = append(storm, opened(fmt.Sprintf("s%03d", i)))
		}
		appendAll(t, db, storm...)
		pass(20 * time.Second)
		if len(hook.taken) != 1 || len(people.taken) != 1 {
			t.Fatalf("%d and %d messages for one storm", len(hook.taken), len(people.taken))
		}
		for _, receiver := range []string{"hook/webhook", "chat/slack"} {
			if !delivered(t, db, "s000", receiver, 1) || !delivered(t, db, fmt.Sprintf("s%03d", n-1), receiver, 1) {
				t.Errorf("%s: not every incident is on record", receiver)
			}
		}
		if len(hook.taken[0].Alerts) != n {
			t.Errorf("the program hears of %d incidents, want %d", len(hook.taken[0].Alerts), n)
		}
		if text := people.taken[0].Alerts[0].Annotations["headline"]; text != "STORM: 300 incidents opened" {
			t.Errorf("the people's message: %s", text)
		}
	})
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		switched := &chat{answers: []error{nil, errors.New("down")}}
		startWith(t, openStore(t), hooks("dead-man")+"notify: {heartbeat: {receivers: [dead-man]}}\n", map[string]*chat{"dead-man/webhook": switched})
		pass(3*time.Minute + time.Second)
		if len(switched.tried) != 4 {
			t.Errorf("%d beats in three minutes", len(switched.tried))
		}
		want(t, statuses(switched.taken), []string{" firing info; ", " firing info; ", " firing info; "})
		if name := switched.taken[0].Alerts[0].Labels["alertname"]; name != "Watchdog" {
			t.Errorf("beat %s", name)
		}
	})
}

const people = `
receivers:
- name: r
  telegram_configs: [{api_url: "http://127.0.0.1:1", bot_token: "123:secret", chat_id: -42}]
  slack_configs: [{api_url: "http://127.0.0.1:1", channel: x}]
  webhook_configs: [{url: "http://127.0.0.1:1"}]
`

func chatsOfPeople() map[string]*chat {
	return map[string]*chat{"r/telegram": {}, "r/slack": {}, "r/webhook": {}}
}

// history is of every host; it may be unavailable.
type history struct{ err error }

func (history) Labels(omen.Host) map[string]string { return nil }

func (h history) Scores(_ context.Context, _ omen.Host, from, to time.Time) ([]omen.ScorePoint, error) {
	return []omen.ScorePoint{{At: from, Value: .5}, {At: to, Value: 3}}, h.err
}

func (h history) Used(_ omen.Resource, from time.Time) []omen.UsedPoint {
	if h.err != nil {
		return nil
	}
	return []omen.UsedPoint{{At: from, Share: .5}, {At: from.Add(time.Hour), Share: .8}}
}

type nobody struct{}

func (nobody) Judge(context.Context, string, omen.Verdict, string) error { return nil }

// Messages to people come with a chart, where there is one, and with the
// buttons that the configuration wants: links are annotations, too.
func TestChartsAndButtons(t *testing.T) {
	for extra, c := range map[string]struct {
		hosts           history
		charts          bool
		telegram, slack int // buttons
	}{
		"":                             {history{}, true, 0, 0},
		"buttons: {links: true}":       {history{omen.ErrUnavailable}, false, 0, 3},
		"buttons: {telegram: true}":    {history{}, true, 3, 0},
		"pictures: false, storm: 1000": {history{}, false, 0, 0},
	} {
		t.Run(extra, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, chats := openStore(t), chatsOfPeople()
				r := newRelay(t, db, people+"notify: {"+extra+"}\n", func(o *Options) {
					o.Hosts, o.Operator, o.ExternalURL, o.Public = c.hosts, nobody{}, "https://omen.example.org", true
				})
				r.bots = nil // polling is network
				for _, w := range r.workers {
					w.channel.sender = chats[w.channel.name]
				}
				start(t, r)
				synctest.Wait()
				appendAll(t, db, opened("a"))
				pass(2 * time.Second)
				for name, buttons := range map[string]int{"r/telegram": c.telegram, "r/slack": c.slack, "r/webhook": 0} {
					m := chats[name].taken[0]
					links := m.Alerts[0].Annotations["feedback_real"] != ""
					if len(m.Replies) != buttons || links != (name == "r/slack" && buttons > 0) {
						t.Errorf("%s: %d buttons, links %v", name, len(m.Replies), links)
					}
					if charts := c.charts && name != "r/webhook"; strings.HasPrefix(string(m.Chart), messagetest.PNG) != charts || (m.ChartURL != "") != charts {
						t.Errorf("%s: a chart of %d bytes at %q", name, len(m.Chart), m.ChartURL)
					}
				}
			})
		})
	}
}

func TestAForecastComesWithAChart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, chats := openStore(t), chatsOfPeople()
		r := newRelay(t, db, people, func(o *Options) { o.Hosts = history{} })
		r.bots = nil
		for _, w := range r.workers {
			w.channel.sender = chats[w.channel.name]
		}
		start(t, r)
		synctest.Wait()
		c := opened("a")
		c.Incident.Kind = omen.ForecastIncident
		c.Incident.Forecast = &omen.Outlook{
			Resource: omen.Resource{Host: c.Incident.Host, Name: "filesystem_space", Where: "/var"}, Title: "/var",
			Forecast: omen.Forecast{At: c.At, Used: 80, Limit: 100, Full: 3 * time.Hour, Early: time.Hour, Late: 6 * time.Hour},
		}
		appendAll(t, db, c)
		pass(2 * time.Second)
		for name, charted := range map[string]bool{"r/telegram": true, "r/slack": true, "r/webhook": false} {
			if m := chats[name].taken[0]; strings.HasPrefix(string(m.Chart), messagetest.PNG) != charted {
				t.Errorf("%s: a chart of %d bytes", name, len(m.Chart))
			}
		}
	})
}

// omen notify test sends to every channel of a receiver, with a chart where the
// channel shows one, and says that the test is over.
func TestReceiverTest(t *testing.T) {
	chats := chatsOfPeople()
	test := func(extra, receiver string) error {
		r := newRelay(t, nil, people+extra)
		for _, w := range r.workers {
			w.channel.sender = chats[w.channel.name]
		}
		all, err := r.Test(t.Context(), receiver, "")
		for _, one := range all {
			if one.Err != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", one.Channel, one.Err))
			}
		}
		return err
	}
	must.OK(t, test("", "r"))
	for name, c := range chats {
		want(t, statuses(c.taken), []string{" firing info; ", " resolved info; "})
		if charts := name != "r/webhook"; len(c.taken[0].Chart) > 0 != charts || c.taken[1].Chart != nil {
			t.Errorf("%s: a chart of %d bytes, then of %d", name, len(c.taken[0].Chart), len(c.taken[1].Chart))
		}
		if a := c.taken[0].Alerts[0].Annotations; !strings.Contains(string(a["detail"]), "a test of receiver r") || a["causes"] == model.LabelValue("") {
			t.Errorf("%s: %v", name, a)
		}
	}
	if err := test("notify: {pictures: false}\n", "r"); err != nil || slices.ContainsFunc(chats["r/slack"].taken[2:], func(m message.Message) bool { return m.Chart != nil }) {
		t.Errorf("%v, or a chart though they are off", err)
	}
	if err := test("", "nobody"); !errors.Is(err, omen.ErrNotFound) || omen.Hint(err) == "" {
		t.Errorf("unknown receiver: %v without a hint", err)
	}
	chats["r/webhook"].always = errors.New("down")
	if err := test("", "r"); err == nil || !strings.Contains(err.Error(), "r/webhook: down") {
		t.Errorf("a receiver that is down: %v", err)
	}
}
