package notify

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	omen "github.com/omenhq/omen"
)

// What would fail with each message is refused when the configuration is read,
// and the error names the receiver and the key.
func TestWhatCannotBeSentIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "\n", "two": "123:abc\nsecond", "word": "ops", "token": "123:abc\n", "zero": "0"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mail := func(more string) string {
		return "email_configs: [{from: o@x.org, smarthost: 'm.x.org:587', " + more + "}]"
	}
	bot := func(more string) string { return "telegram_configs: [{" + more + "}]" }
	for receiver, want := range map[string]string{
		mail(`to: "a@x; b@x"`):                                                      "r/email: to: separate addresses by commas",
		mail(`to: "a@x, b@"`):                                                       "r/email: to: ",
		mail(`to: "Ops"`):                                                           "r/email: to: ",
		mail(`to: a@x, headers: {Reply-To: nobody}`):                                "r/email: headers.Reply-To: ",
		mail(`to: a@x, auth_username: u`):                                           "r/email: auth_username: needs auth_password",
		mail(`to: a@x, auth_username: u, auth_password_file: empty`):                "r/email: auth_password_file: ",
		`email_configs: [{to: a@x, from: "a@x, b@x", smarthost: 'm:25'}]`:           "r/email: from: want one address",
		`email_configs: [{to: a@x, from: "Omen", smarthost: 'm:25'}]`:               "r/email: from: ",
		`email_configs: [{to: a@x, from: a@x, smarthost: 'm.x.org'}]`:               "address",
		`email_configs: [{to: a@x, from: a@x, smarthost: 'm.x.org:smtp'}]`:          "r/email: smarthost: ",
		`email_configs: [{to: a@x, from: a@x, smarthost: ':25'}]`:                   "r/email: smarthost: ",
		`email_configs: [{to: a@x, from: a@x, smarthost: 'm.x.org:70000'}]`:         "r/email: smarthost: ",
		bot(`bot_token: "123:abc", chat_id: 0`):                                     "chat_id",
		bot(`bot_token: "123 abc", chat_id: 1`):                                     "r/telegram: bot_token: ",
		bot(`chat_id: 1`):                                                           "bot_token",
		bot(`bot_token_file: empty, chat_id: 1`):                                    "r/telegram: bot_token_file: ",
		bot(`bot_token_file: two, chat_id: 1`):                                      "r/telegram: bot_token_file: has a line break",
		bot(`bot_token: "123:abc", chat_id_file: word`):                             "r/telegram: chat_id_file: ",
		bot(`bot_token: "123:abc", chat_id_file: zero`):                             "r/telegram: chat_id_file: ",
		`slack_configs: [{app_token: x, app_url: 'http://x/api/chat.postMessage'}]`: "r/slack: channel: an app's token needs one",
		`slack_configs: [{api_url: 'http://x', channel: '#our ops'}]`:               "r/slack: channel: ",
		`slack_configs: [{api_url: 'http://x', channel: '#'}]`:                      "r/slack: channel: ",
		`slack_configs: [{api_url_file: empty, channel: '#ops'}]`:                   "r/slack: api_url_file: ",
		`slack_configs: [{api_url: 'hooks.slack.com/x', channel: '#ops'}]`:          "scheme",
		`webhook_configs: [{url: 'localhost:8080/x'}]`:                              "unsupported scheme",
		`pagerduty_configs: [{routing_key: short}]`:                                 "r/pagerduty: routing_key: has 5 characters",
		`pagerduty_configs: [{service_key: short}]`:                                 "r/pagerduty: service_key: has 5 characters",
		`pagerduty_configs: [{url: 'http://x', routing_key: "a\nb"}]`:               "r/pagerduty: routing_key: has a line break",
		`pushover_configs: [{user_key: u, token: abcdefghijklmnopqrstuvwxyz0123}]`:  "r/pushover: user_key: has 1 characters",
		`discord_configs: [{webhook_url: 'https://discord.com/channels/1/2'}]`:      "r/discord: webhook_url: ",
		`opsgenie_configs: [{api_key_file: empty}]`:                                 "r/opsgenie: api_key_file: ",
		`webhook_configs: [{url: 'http://x'}, {url: 'ftp://x'}]`:                    "unsupported scheme",
		`victorops_configs: [{api_key: " k", routing_key: r}]`:                      "r/victorops: api_key: ",
	} {
		s, err := Load([]byte("receivers: [{name: r, "+receiver+"}]\n"), dir)
		if err == nil {
			_, err = NewRelay(Options{Settings: s})
		}
		if !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", receiver, err, want)
		}
	}
	for _, receiver := range []string{
		bot(`bot_token_file: missing, chat_id: 1`), // check config says so, and it may come
		mail(`to: '{{ .CommonLabels.team }}@x.org'`), mail(`to: '"Ops; first" <a@x.org>, b@x.org'`), mail(`to: a@x.org, auth_username: u, auth_password: " any\nthing "`),
		bot("bot_token_file: token, chat_id: -1001234567890"), `slack_configs: [{api_url: 'http://x'}]`, `slack_configs: [{api_url: 'http://x', channel: C0123456789}]`,
		`webhook_configs: [{url: 'http://x/{{ .Receiver }}'}]`, `pagerduty_configs: [{routing_key: abcdefghijklmnopqrstuvwxyz012345}]`,
		`discord_configs: [{webhook_url: 'https://discord.com/api/webhooks/1/x'}]`,
	} {
		s, err := Load([]byte("receivers: [{name: r, "+receiver+"}]\n"), dir)
		if err == nil {
			_, err = NewRelay(Options{Settings: s})
		}
		if err != nil {
			t.Errorf("%s: %v", receiver, err)
		}
	}
}
