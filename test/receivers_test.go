//go:build e2e

package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// world is everybody whom Omen may tell: HTTP fakes of Telegram, Slack and a
// webhook, an SMTP server, and (if installed) a real Alertmanager that passes
// on what it gets.
type world struct {
	http         *httptest.Server
	mail         net.Listener
	alertmanager string // its URL; empty: not installed

	mu       sync.Mutex
	requests map[string][]string // by channel: webhook, telegram, slack, mail, alertmanager
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{requests: map[string][]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/webhook", w.take("webhook", "ok"))
	mux.HandleFunc("/slack", w.take("slack", "ok"))
	mux.HandleFunc("/alertmanager", w.take("alertmanager", "ok"))
	mux.HandleFunc("/telegram/", w.take("telegram", `{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":-100,"type":"group"}}}`))
	w.http = httptest.NewServer(mux)
	t.Cleanup(w.http.Close)
	w.listenMail(t)
	return w
}

func (w *world) note(channel, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests[channel] = append(w.requests[channel], text)
}

// heard are the messages of a channel so far.
func (w *world) heard(channel string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.requests[channel]...)
}

func (w *world) take(channel, answer string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			w.note(channel, string(body))
		}
		if strings.HasPrefix(answer, "{") {
			rw.Header().Set("Content-Type", "application/json")
		}
		_, _ = io.WriteString(rw, answer)
	}
}

// listenMail is an SMTP server (RFC 5321) that takes every mail.
func (w *world) listenMail(t *testing.T) {
	var err error
	if w.mail, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := w.mail.Accept()
			if err != nil {
				return
			}
			open.Go(func() { w.talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = w.mail.Close()
		open.Wait()
	})
}

func (w *world) talk(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	say := func(line string) { _, _ = fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 sink ESMTP")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); verb {
		case "DATA":
			say("354 go on")
			var mail strings.Builder
			for line != ".\r\n" {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
				mail.WriteString(line)
			}
			w.note("mail", strings.ReplaceAll(mail.String(), "=\r\n", "")) // soft line breaks undone
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// startAlertmanager runs Debian's, which passes alerts on to this world.
func (w *world) startAlertmanager(t *testing.T, path string) {
	t.Helper()
	address := freeAddress(t)
	startAlertmanager(t, path, t.TempDir(), address, "instance", w.http.URL+"/alertmanager")
	w.alertmanager = "http://" + address
}

// startAlertmanager starts one whose state lies in dir and that tells hook, and
// waits until it is ready.
func startAlertmanager(t *testing.T, path, dir, address, groupBy, hook string) *process {
	t.Helper()
	file := write(t, dir, "alertmanager.yml", `
route: {receiver: test, group_by: [`+groupBy+`], group_wait: 1s, group_interval: 1s, repeat_interval: 4h}
receivers:
- name: test
  webhook_configs: [{url: '`+hook+`', send_resolved: true}]
`)
	am := start(t, path, "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--cluster.listen-address=")
	until(t, 30*time.Second, "alertmanager is ready", answers("http://"+address+"/-/ready"))
	return am
}

// config is the part of Omen's configuration that names everybody.
func (w *world) config() string {
	text := `
receivers:
- name: everybody
  webhook_configs:
  - url: '` + w.http.URL + `/webhook'
  telegram_configs:
  - {api_url: '` + w.http.URL + `/telegram', bot_token: '12:secret', chat_id: -100}
  slack_configs:
  - {api_url: '` + w.http.URL + `/slack', channel: '#ops'}
  email_configs:
  - {to: ops@example.org, from: omen@example.org, smarthost: '` + w.mail.Addr().String() + `', require_tls: false, hello: localhost}
`
	if w.alertmanager != "" {
		text += "alertmanagers:\n- url: " + w.alertmanager + "\n"
	}
	return text
}

func (w *world) channels() []string {
	all := []string{"webhook", "telegram", "slack", "mail"}
	if w.alertmanager != "" {
		all = append(all, "alertmanager")
	}
	return all
}

// payload is Alertmanager's webhook message, version 4.
type payload struct {
	Alerts []struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alerts"`
}

// toldAlert is nil once a webhook channel heard of an instance in a status.
func (w *world) toldAlert(channel, instance, status string) func() error {
	return func() error {
		for _, body := range w.heard(channel) {
			var p payload
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				return fmt.Errorf("%s got what is no webhook payload: %w", channel, err)
			}
			for _, a := range p.Alerts {
				if a.Status == status && a.Labels["instance"] == instance && strings.Contains(a.Annotations["causes"], "expected") {
					return nil
				}
			}
		}
		return fmt.Errorf("%s got %d messages, none %s of %s with causes", channel, len(w.heard(channel)), status, instance)
	}
}

// told waits until every channel heard that an instance is in trouble
// ("firing") or that this is over ("resolved").
func (w *world) told(t *testing.T, instance, status string, within time.Duration) {
	t.Helper()
	for _, channel := range w.channels() {
		holds := w.toldAlert(channel, instance, status)
		if channel != "webhook" && channel != "alertmanager" {
			holds = func() error {
				for _, text := range w.heard(channel) {
					over := strings.Contains(text, "back to normal")
					if strings.Contains(text, instance) && over == (status == "resolved") {
						return nil
					}
				}
				return fmt.Errorf("%s got %d messages, none %s of %s", channel, len(w.heard(channel)), status, instance)
			}
		}
		until(t, within, channel+" hears of "+instance+" "+status, holds)
	}
}
