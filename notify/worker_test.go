package notify

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

func webhookReceiver(name, url string) string {
	return fmt.Sprintf("- {name: %s, webhook_configs: [{url: %q}]}\n", name, url)
}

func TestWebhookTellsALife(t *testing.T) {
	db, hook := openStore(t), newSink(t, "", nil)
	start(t, newRelay(t, db, "receivers:\n"+webhookReceiver("hook", hook.URL)))
	eventually(t, 5*time.Second, "cursor", func() bool {
		readers, err := db.Readers(t.Context())
		return err == nil && len(readers) == 1
	})
	for i, c := range []omen.Change{opened("a"), step("a", "web-a", 2, omen.ChangeEscalated, time.Now()), closed("a", 3)} {
		appendAll(t, db, c)
		eventually(t, 5*time.Second, c.Key(), func() bool { return delivered(t, db, "a", "hook/webhook", i+1) })
	}
	got := hook.got()
	if len(got) != 3 {
		t.Fatalf("%d messages, want 3", len(got))
	}
	for i, status := range []string{"firing", "firing", "resolved"} {
		p := decode[payload](t, got[i].body)
		a := p.Alerts[0]
		key := fmt.Sprintf("a.%d", i+1)
		if p.Version != "4" || p.Status != status || a.Labels["instance"] != "web-a" || a.Labels["alertname"] != "OmenAnomaly" {
			t.Errorf("message %d: %s", i, got[i].body)
		}
		if a.Annotations["changes"] != key || got[i].header.Get("Webhook-Id") != key || got[i].header.Get("Idempotency-Key") != `"`+key+`"` {
			t.Errorf("message %d carries keys %q, %v", i, a.Annotations["changes"], got[i].header)
		}
		if a.GeneratorURL != "https://omen.example/incidents/a" {
			t.Errorf("message %d links to %s", i, a.GeneratorURL)
		}
	}
	first := decode[payload](t, got[0].body).Alerts[0].Annotations
	if first["causes"] != "disk_write 240 MB/s, expected 8–15 MB/s\ncpu_iowait 41 %, expected 0–5 %" {
		t.Errorf("causes %q: want the two that are not trivial", first["causes"])
	}
	last := decode[payload](t, got[2].body).Alerts[0].Annotations
	if last["duration"] == "" || last["peak"] != "6.1" {
		t.Errorf("the end does not say how long and how bad: %v", last)
	}
}

// A receiver that answers 500, limits, hangs or hangs up delays no other and
// gets its message in the end.
func TestOneReceiverDelaysNoOther(t *testing.T) {
	var limited time.Time
	good := newSink(t, "", nil)
	broken := newSink(t, "", func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n <= 2 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return n <= 2
	})
	busy := newSink(t, "", func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			limited = time.Now()
			w.Header().Set("Retry-After", "4")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		return n == 1
	})
	hangs := newSink(t, "", func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		hang(r.Context())
		return true
	})
	closes := newSink(t, "", func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half an answ"))
			panic(http.ErrAbortHandler)
		}
		return false
	})
	gone := httptest.NewServer(nil)
	gone.Close()

	db := openStore(t)
	text := "receivers:\n"
	for name, url := range map[string]string{
		"good": good.URL, "broken": broken.URL, "busy": busy.URL, "hangs": hangs.URL, "closes": closes.URL, "gone": gone.URL,
	} {
		text += webhookReceiver(name, url)
	}
	stop := start(t, newRelay(t, db, text))
	eventually(t, 5*time.Second, "cursors", func() bool {
		readers, err := db.Readers(t.Context())
		return err == nil && len(readers) == 6
	})
	begun := time.Now()
	appendAll(t, db, opened("a"))
	eventually(t, 3*time.Second, "the good receiver's message", func() bool { return delivered(t, db, "a", "good/webhook", 1) })
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("the good receiver waited %s", took)
	}
	for _, name := range []string{"broken", "closes", "busy"} {
		eventually(t, 15*time.Second, name+"'s message", func() bool { return delivered(t, db, "a", name+"/webhook", 1) })
		if got := outcomes(t, db, "a", name+"/webhook"); got[0] != "1:retrying" {
			t.Errorf("%s: outcomes %v do not begin with a retry", name, got)
		}
	}
	if again := busy.got()[1].at.Sub(limited); again < 4*time.Second {
		t.Errorf("asked to wait 4s, tried again after %s", again)
	}
	if slices.Contains(outcomes(t, db, "a", "hangs/webhook"), "1:delivered") || delivered(t, db, "a", "gone/webhook", 1) {
		t.Error("a receiver that never answered is on record as told")
	}
	begun = time.Now()
	stop()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("stopping took %s while a receiver hangs", took)
	}
}

func TestPermanentRefusalIsGivenUpAndRecorded(t *testing.T) {
	db := openStore(t)
	hook := newSink(t, "", func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "no such hook", http.StatusNotFound)
		return true
	})
	text := "receivers:\n" + webhookReceiver("hook", hook.URL)
	r := newRelay(t, db, text)
	stop := start(t, r)
	eventually(t, 5*time.Second, "cursor", func() bool { readers, _ := db.Readers(t.Context()); return len(readers) == 1 })
	appendAll(t, db, opened("a"))
	eventually(t, 20*time.Second, "giving up", func() bool { return slices.Contains(outcomes(t, db, "a", "hook/webhook"), "1:gave_up") })
	if n := len(hook.got()); n != permanentTries {
		t.Errorf("tried %d times, want %d", n, permanentTries)
	}
	// Its end is not told: its beginning was not.
	appendAll(t, db, closed("a", 2), opened("b"))
	eventually(t, 20*time.Second, "b tried", func() bool {
		return strings.Contains(string(hook.got()[len(hook.got())-1].body), `"b.1"`)
	})
	for _, r := range hook.got() {
		if strings.Contains(string(r.body), `a.2`) {
			t.Error("told the end of what was given up")
		}
	}
	stop()
	// The operator mends the receiver and reloads: what is still open is told.
	mended := newSink(t, "", nil)
	start(t, newRelay(t, db, "receivers:\n"+webhookReceiver("hook", mended.URL)))
	eventually(t, 5*time.Second, "b told after the reload", func() bool { return delivered(t, db, "b", "hook/webhook", 1) })
	if n := len(mended.got()); n != 1 {
		t.Errorf("%d messages after the reload, want the open incident's only", n)
	}
}

// A new receiver is told of what is open, not of the past; a removed one's
// cursor goes; one that stays repeats nothing.
func TestReload(t *testing.T) {
	db := openStore(t)
	old, fresh := newSink(t, "", nil), newSink(t, "", nil)
	one := "receivers:\n" + webhookReceiver("old", old.URL)
	stop := start(t, newRelay(t, db, one))
	eventually(t, 5*time.Second, "cursor", func() bool { readers, _ := db.Readers(t.Context()); return len(readers) == 1 })
	appendAll(t, db, opened("past"), opened("now"))
	eventually(t, 5*time.Second, "both told", func() bool {
		return delivered(t, db, "past", "old/webhook", 1) && delivered(t, db, "now", "old/webhook", 1)
	})
	appendAll(t, db, closed("past", 2))
	eventually(t, 5*time.Second, "end told", func() bool { return delivered(t, db, "past", "old/webhook", 2) })
	stop()
	before := len(old.got())

	stop = start(t, newRelay(t, db, one+webhookReceiver("fresh", fresh.URL)))
	eventually(t, 5*time.Second, "the new receiver hears", func() bool { return delivered(t, db, "now", "fresh/webhook", 1) })
	appendAll(t, db, closed("now", 2))
	eventually(t, 5*time.Second, "both hear the end", func() bool {
		return delivered(t, db, "now", "fresh/webhook", 2) && delivered(t, db, "now", "old/webhook", 2)
	})
	stop()
	if n := len(old.got()) - before; n != 1 {
		t.Errorf("the old receiver got %d messages after the reload, want the end only", n)
	}
	if n := len(fresh.got()); n != 2 {
		t.Errorf("the new receiver got %d messages, want 2", n)
	}
	stop = start(t, newRelay(t, db, "receivers:\n"+webhookReceiver("fresh", fresh.URL)))
	eventually(t, 5*time.Second, "cursor dropped", func() bool {
		readers, err := db.Readers(t.Context())
		_, kept := readers["notify/old/webhook"]
		return err == nil && !kept && len(readers) == 1
	})
	stop()
}

func TestStormOverHTTP(t *testing.T) {
	db, hook := openStore(t), newSink(t, "ok", nil)
	chat := newSink(t, "ok", nil)
	start(t, newRelay(t, db, "receivers:\n"+webhookReceiver("hook", hook.URL)+
		fmt.Sprintf("- {name: chat, slack_configs: [{api_url: %q, channel: '#ops'}]}\n", chat.URL)))
	eventually(t, 5*time.Second, "cursors", func() bool { readers, _ := db.Readers(t.Context()); return len(readers) == 2 })
	const n = 300
	var storm []omen.Change
	for i := range n {
		storm = append(storm, opened(fmt.Sprintf("s%03d", i)))
	}
	appendAll(t, db, storm...)
	for _, receiver := range []string{"hook/webhook", "chat/slack"} {
		eventually(t, 20*time.Second, receiver+" told of every incident", func() bool {
			return delivered(t, db, "s000", receiver, 1) && delivered(t, db, fmt.Sprintf("s%03d", n-1), receiver, 1)
		})
	}
	if len(hook.got()) != 1 || len(chat.got()) != 1 {
		t.Fatalf("%d and %d messages for one storm", len(hook.got()), len(chat.got()))
	}
	if keys := decode[payload](t, hook.got()[0].body).changeKeys(); len(keys) != n {
		t.Errorf("the program hears of %d incidents, want %d", len(keys), n)
	}
	if text := string(chat.got()[0].body); !strings.Contains(text, "300 incidents opened") {
		t.Errorf("the chat's message lacks the count: %s", text)
	}
}

func TestReceiverTest(t *testing.T) {
	db, hook := openStore(t), newSink(t, "", nil)
	r := newRelay(t, db, "receivers:\n"+webhookReceiver("hook", hook.URL))
	if err := r.Test(t.Context(), "hook"); err != nil {
		t.Fatal(err)
	}
	if got := hook.got(); len(got) != 2 || decode[payload](t, got[0].body).Status != "firing" || decode[payload](t, got[1].body).Status != "resolved" {
		t.Errorf("%d test messages", len(got))
	}
	if err := r.Test(t.Context(), "nobody"); err == nil || omen.Hint(err) == "" {
		t.Errorf("unknown receiver: %v without a hint", err)
	}
	hook.Close()
	if err := r.Test(t.Context(), "hook"); err == nil {
		t.Error("a receiver that is down passes the test")
	}
}

func TestHeartbeat(t *testing.T) {
	db, hook := openStore(t), newSink(t, "", nil)
	text := "receivers:\n" + webhookReceiver("dead-man", hook.URL) + "notify: {heartbeat: {receivers: [dead-man], interval: 1s}}\n"
	stop := start(t, newRelay(t, db, text))
	eventually(t, 10*time.Second, "three beats", func() bool { return len(hook.got()) >= 3 })
	stop()
	for _, r := range hook.got() {
		if p := decode[payload](t, r.body); p.Alerts[0].Labels["alertname"] != "Watchdog" || p.Status != "firing" {
			t.Errorf("beat %s", r.body)
		}
	}
}
