//go:build e2e

package test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/notify/message/messagetest"
)

// world is everybody whom Omen may notify: HTTP fakes of Telegram, Slack, a
// webhook and what Alertmanager notifies, an SMTP server, and (if installed) a
// real Alertmanager that passes on what it gets.
type world struct {
	webhook, telegram, slack, behind *messagetest.Server
	mail                             *messagetest.MailServer
	alertmanager                     string // its URL; empty: not installed
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		webhook: messagetest.NewServer(t, "ok", nil), slack: messagetest.NewServer(t, "ok", nil), behind: messagetest.NewServer(t, "ok", nil),
		telegram: messagetest.NewServer(t, `{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":-100,"type":"group"}}}`, nil),
		mail:     messagetest.NewMailServer(t, nil, nil),
	}
}

// heard are the messages of a channel so far.
func (w *world) heard(t *testing.T, channel string) (all []string) {
	t.Helper()
	if channel == "mail" {
		for _, m := range w.mail.Got() {
			_, parts := m.Parts(t)
			all = append(all, strings.Join(slices.Collect(maps.Values(parts)), "\n"))
		}
		return all
	}
	for _, r := range map[string]*messagetest.Server{"webhook": w.webhook, "telegram": w.telegram, "slack": w.slack, "alertmanager": w.behind}[channel].Got() {
		all = append(all, string(r.Body))
	}
	return all
}

// startAlertmanager runs Debian's, which passes alerts on to this world.
func (w *world) startAlertmanager(t *testing.T, path string) {
	t.Helper()
	address := freeAddress(t)
	startAlertmanager(t, path, t.TempDir(), address, "instance", w.behind.URL)
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
  - url: '` + w.webhook.URL + `'
  telegram_configs:
  - {api_url: '` + w.telegram.URL + `', bot_token: '12:secret', chat_id: -100}
  slack_configs:
  - {api_url: '` + w.slack.URL + `', channel: '#ops'}
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

// toldAlert is nil once a webhook channel heard of an instance in a status.
func (w *world) toldAlert(t *testing.T, channel, instance, status string) func() error {
	return func() error {
		for _, body := range w.heard(t, channel) {
			for _, a := range messagetest.Decode[messagetest.Payload](t, []byte(body)).Alerts {
				if a.Status == status && a.Labels["instance"] == instance && strings.Contains(a.Annotations["causes"], "expected") {
					return nil
				}
			}
		}
		return fmt.Errorf("%s got %d messages, none %s of %s with causes", channel, len(w.heard(t, channel)), status, instance)
	}
}

// told waits until every channel heard that an instance is in trouble
// ("firing") or that this is over ("resolved").
func (w *world) told(t *testing.T, instance, status string, within time.Duration) {
	t.Helper()
	for _, channel := range w.channels() {
		holds := w.toldAlert(t, channel, instance, status)
		if channel != "webhook" && channel != "alertmanager" {
			holds = func() error {
				for _, text := range w.heard(t, channel) {
					over := strings.Contains(text, "back to normal")
					if strings.Contains(text, instance) && over == (status == "resolved") {
						return nil
					}
				}
				return fmt.Errorf("%s got %d messages, none %s of %s", channel, len(w.heard(t, channel)), status, instance)
			}
		}
		until(t, within, channel+" hears of "+instance+" "+status, holds)
	}
}
