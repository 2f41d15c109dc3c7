package notify

import (
	"fmt"
	"testing"

	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// otherChannels are configurations of channels that are sent through
// Alertmanager's notifiers, with a place for the server's URL.
var otherChannels = map[string]string{
	"pagerduty":  `{url: "%s/x", routing_key: k}`,
	"discord":    `{webhook_url: "%s/x"}`,
	"opsgenie":   `{api_url: "%s/x/", api_key: k}`,
	"msteams":    `{webhook_url: "%s/x"}`,
	"msteamsv2":  `{webhook_url: "%s/x"}`,
	"mattermost": `{webhook_url: "%s/x"}`,
	"victorops":  `{api_url: "%s/x/", api_key: k, routing_key: r}`,
	"webex":      `{api_url: "%s/x", room_id: r, http_config: {authorization: {credentials: c}}}`,
	"incidentio": `{url: "%s/x", alert_source_token: k}`,
	"rocketchat": `{api_url: "%s/", token: a, token_id: b, channel: c}`,
}

func TestOtherChannels(t *testing.T) {
	for kind := range otherChannels {
		t.Run(kind, suite(kind).Run)
	}
}

func FuzzNames(f *testing.F) { messagetest.Fuzz(f, suite("discord")) }

func suite(kind string) messagetest.Suite {
	return messagetest.Suite{
		New: func(t testing.TB, url string) message.Sender {
			text := fmt.Sprintf("receivers: [{name: r, %s_configs: [%s]}]", kind, fmt.Sprintf(otherChannels[kind], url))
			return newRelay(t, nil, text).workers[0].channel.sender
		},
		Read: func(t testing.TB, r messagetest.Request) messagetest.Taken {
			sent := messagetest.Decode[struct {
				PagerDuty  string                         `json:"dedup_key"`
				VictorOps  string                         `json:"entity_id"`
				Opsgenie   string                         `json:"alias"`
				IncidentIO string                         `json:"deduplication_key"`
				Embeds     []struct{ Description string } // Discord's
			}](t, r.Body)
			got := messagetest.Taken{Text: messagetest.Texts(t, r.Body), Key: sent.PagerDuty + sent.VictorOps + sent.Opsgenie + sent.IncidentIO}
			if long, is := longTexts[kind]; is {
				got.Size = long.size(longest(t, r.Body))
			}
			for _, e := range sent.Embeds {
				got.Markup += e.Description
			}
			return got
		},
		Markup: messagetest.CheckMarkdown,
		OK:     map[string]string{"msteams": "1", "rocketchat": `{"success":true}`}[kind],
		Ends:   kind == "opsgenie",
		Limit:  longTexts[kind].limit,
	}
}

// longest is the longest text in a JSON document.
func longest(t testing.TB, body []byte) (text string) {
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if len(v) > len(text) {
				text = v
			}
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(messagetest.Decode[any](t, body))
	return text
}
