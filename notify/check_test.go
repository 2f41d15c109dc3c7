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
		mail(`to: "a@x; b@x"`):                                                      "receivers[0].email_configs[0]: to: separate addresses by commas",
		mail(`to: "a@x, b@"`):                                                       "receivers[0].email_configs[0]: to: ",
		mail(`to: "Ops"`):                                                           "receivers[0].email_configs[0]: to: ",
		mail(`to: a@x, headers: {Reply-To: nobody}`):                                "receivers[0].email_configs[0]: headers.Reply-To: ",
		mail(`to: a@x, auth_username: u`):                                           "receivers[0].email_configs[0]: auth_username: needs auth_password",
		mail(`to: a@x, auth_username: u, auth_password_file: empty`):                "receivers[0].email_configs[0]: auth_password_file: ",
		`email_configs: [{to: a@x, from: "a@x, b@x", smarthost: 'm:25'}]`:           "receivers[0].email_configs[0]: from: want one address",
		`email_configs: [{to: a@x, from: "Omen", smarthost: 'm:25'}]`:               "receivers[0].email_configs[0]: from: ",
		`email_configs: [{to: a@x, from: a@x, smarthost: 'm.x.org'}]`:               "address",
		`email_configs: [{to: a@x, from: a@x, smarthost: 'm.x.org:smtp'}]`:          "receivers[0].email_configs[0]: smarthost: ",
		`email_configs: [{to: a@x, from: a@x, smarthost: ':25'}]`:                   "receivers[0].email_configs[0]: smarthost: ",
		`email_configs: [{to: a@x, from: a@x, smarthost: 'm.x.org:70000'}]`:         "receivers[0].email_configs[0]: smarthost: ",
		bot(`bot_token: "123:abc", chat_id: 0`):                                     "chat_id",
		bot(`bot_token: "123 abc", chat_id: 1`):                                     "receivers[0].telegram_configs[0]: bot_token: ",
		bot(`chat_id: 1`):                                                           "bot_token",
		bot(`bot_token_file: empty, chat_id: 1`):                                    "receivers[0].telegram_configs[0]: bot_token_file: ",
		bot(`bot_token_file: two, chat_id: 1`):                                      "receivers[0].telegram_configs[0]: bot_token_file: has a line break",
		bot(`bot_token: "123:abc", chat_id_file: word`):                             "receivers[0].telegram_configs[0]: chat_id_file: ",
		bot(`bot_token: "123:abc", chat_id_file: zero`):                             "receivers[0].telegram_configs[0]: chat_id_file: ",
		`slack_configs: [{app_token: x, app_url: 'http://x/api/chat.postMessage'}]`: "receivers[0].slack_configs[0]: channel: an app's token needs one",
		`slack_configs: [{api_url: 'http://x', channel: '#our ops'}]`:               "receivers[0].slack_configs[0]: channel: ",
		`slack_configs: [{api_url: 'http://x', channel: '#'}]`:                      "receivers[0].slack_configs[0]: channel: ",
		`slack_configs: [{api_url_file: empty, channel: '#ops'}]`:                   "receivers[0].slack_configs[0]: api_url_file: ",
		`slack_configs: [{api_url: 'hooks.slack.com/x', channel: '#ops'}]`:          "scheme",
		`webhook_configs: [{url: 'localhost:8080/x'}]`:                              "unsupported scheme",
		`pagerduty_configs: [{routing_key: short}]`:                                 "receivers[0].pagerduty_configs[0]: routing_key: has 5 characters",
		`pagerduty_configs: [{service_key: short}]`:                                 "receivers[0].pagerduty_configs[0]: service_key: has 5 characters",
		`pagerduty_configs: [{url: 'http://x', routing_key: "a\nb"}]`:               "receivers[0].pagerduty_configs[0]: routing_key: has a line break",
		`pushover_configs: [{user_key: u, token: abcdefghijklmnopqrstuvwxyz0123}]`:  "receivers[0].pushover_configs[0]: user_key: has 1 characters",
		`discord_configs: [{webhook_url: 'https://discord.com/channels/1/2'}]`:      "receivers[0].discord_configs[0]: webhook_url: ",
		`opsgenie_configs: [{api_key_file: empty}]`:                                 "receivers[0].opsgenie_configs[0]: api_key_file: ",
		`webhook_configs: [{url: 'http://x'}, {url: 'ftp://x'}]`:                    "unsupported scheme",
		`victorops_configs: [{api_key: " k", routing_key: r}]`:                      "receivers[0].victorops_configs[0]: api_key: ",
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
