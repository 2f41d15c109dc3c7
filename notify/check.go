package notify

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/notify/discord"
	"github.com/prometheus/alertmanager/notify/pagerduty"
	amtelegram "github.com/prometheus/alertmanager/notify/telegram"

	"github.com/omenhq/omen/notify/message"
)

// check reads one entry of a receiver the way it will be read when a message is
// sent. Errors begin with the key. What has a template in it is known then
// only.
func check(conf any) error {
	errs := []error{checkSecrets(conf)}
	switch c := conf.(type) {
	case *amconfig.EmailConfig:
		errs = append(errs, checkEmail(c))
	case *amtelegram.TelegramConfig:
		errs = append(errs, checkTelegram(c))
	case *amconfig.SlackConfig:
		errs = append(errs, checkSlack(c))
	case *pagerduty.PagerdutyConfig:
		if c.URL == nil || c.URL.Host == "events.pagerduty.com" {
			errs = append(errs, long("routing_key", string(c.RoutingKey), 32), long("service_key", string(c.ServiceKey), 32))
		}
	case *amconfig.PushoverConfig:
		errs = append(errs, long("user_key", string(c.UserKey), 30), long("token", string(c.Token), 30))
	case *discord.DiscordConfig:
		if u := c.WebhookURL; u != nil && u.Host == "discord.com" && !strings.HasPrefix(u.Path, "/api/") {
			errs = append(errs, errors.New("webhook_url: this is no webhook's address, which begins with https://discord.com/api/webhooks/; a channel's settings, Integrations, has it"))
		}
	}
	return errors.Join(errs...)
}

// checkSecrets reads every file that a secret is in. One that is not there may
// come: secrets are read anew for each message.
func checkSecrets(conf any) error {
	var errs []error
	for key, secret := range secrets(conf) {
		if !strings.HasPrefix(key, "auth_") { // a mail password may be anything
			errs = append(errs, oneWord(key, secret))
		}
	}
	all := texts(conf)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !strings.HasSuffix(key, "_file") {
			continue
		}
		secret, err := message.Secret("", all[key])
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		case secret == "":
			errs = append(errs, fmt.Errorf("%s: %s is empty", key, all[key]))
		case !strings.HasPrefix(key, "auth_"):
			errs = append(errs, oneWord(key, secret))
		}
	}
	return errors.Join(errs...)
}

// oneWord refuses line breaks in what goes into a header or a URL, and blanks
// around it.
func oneWord(key, secret string) error {
	if strings.ContainsFunc(secret, unicode.IsControl) || strings.TrimSpace(secret) != secret {
		return fmt.Errorf("%s: has a line break in it or a blank around it", key)
	}
	return nil
}

func long(key, value string, want int) error {
	if value == "" || templated(value) || len(value) == want {
		return nil
	}
	return fmt.Errorf("%s: has %d characters, such a key has %d", key, len(value), want)
}

func templated(text string) bool { return strings.Contains(text, "{{") }

func checkEmail(c *amconfig.EmailConfig) error {
	errs := []error{addresses("to", c.To), addresses("from", c.From)}
	if all, err := mail.ParseAddressList(c.From); err == nil && len(all) != 1 {
		errs = append(errs, fmt.Errorf("from: want one address, got %d", len(all)))
	}
	for _, name := range []string{"To", "From", "Cc", "Reply-To", "Sender"} {
		if text := c.Headers[name]; text != c.To && text != c.From { // those are checked
			errs = append(errs, addresses("headers."+name, text))
		}
	}
	if port, err := strconv.ParseUint(c.Smarthost.Port, 10, 16); c.Smarthost.Host == "" || err != nil || port == 0 {
		errs = append(errs, fmt.Errorf("smarthost: %q, want host:port such as mail.example.org:587 (or smtp_smarthost under global)", c.Smarthost.String()))
	}
	if c.AuthUsername != "" && c.AuthPassword == "" && c.AuthPasswordFile == "" && c.AuthSecret == "" && c.AuthSecretFile == "" {
		errs = append(errs, errors.New("auth_username: needs auth_password, auth_password_file or, for CRAM-MD5, auth_secret"))
	}
	return errors.Join(errs...)
}

func addresses(key, text string) error {
	if text == "" || templated(text) {
		return nil
	}
	if _, err := mail.ParseAddressList(text); err != nil {
		if strings.Contains(text, ";") {
			return fmt.Errorf("%s: separate addresses by commas, not semicolons: %q", key, text)
		}
		return fmt.Errorf("%s: %q: %w", key, text, err)
	}
	return nil
}

// A bot's token is its number and a secret (Bot API, "Authorizing your bot").
var botToken = regexp.MustCompile(`^[0-9]+:[A-Za-z0-9_-]+$`)

func checkTelegram(c *amtelegram.TelegramConfig) error {
	token, err := message.Secret(string(c.BotToken), c.BotTokenFile)
	if err != nil {
		return nil // checkSecrets has said it
	}
	var errs []error
	if !botToken.MatchString(token) {
		errs = append(errs, errors.New("bot_token: want what @BotFather gave you: a number, a colon and a secret"))
	}
	if c.ChatIDFile != "" {
		if text, err := message.Secret("", c.ChatIDFile); err == nil {
			if chat, err := strconv.ParseInt(text, 10, 64); err != nil || chat == 0 {
				errs = append(errs, fmt.Errorf("chat_id_file: %s does not hold a chat's number", c.ChatIDFile))
			}
		}
	}
	return errors.Join(errs...)
}

// checkSlack: a webhook posts where Slack's settings say, the Web API wants a
// channel. In YAML what follows a bare # is a comment.
func checkSlack(c *amconfig.SlackConfig) error {
	api := c.APIURL != nil && strings.HasSuffix(c.APIURL.Path, "/chat.postMessage") || c.AppToken != "" || c.AppTokenFile != ""
	switch {
	case templated(c.Channel):
	case c.Channel == "" && api:
		return errors.New(`channel: an app's token needs one: a name in quotes such as "#ops", or an ID such as C0123456789`)
	case strings.ContainsFunc(c.Channel, unicode.IsSpace) || c.Channel == "#" || c.Channel == "@":
		return fmt.Errorf("channel: %q, want a name such as \"#ops\" or an ID such as C0123456789", c.Channel)
	}
	return nil
}
