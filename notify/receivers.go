package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/notify/discord"
	"github.com/prometheus/alertmanager/notify/incidentio"
	"github.com/prometheus/alertmanager/notify/jira"
	"github.com/prometheus/alertmanager/notify/mattermost"
	"github.com/prometheus/alertmanager/notify/msteams"
	"github.com/prometheus/alertmanager/notify/msteamsv2"
	"github.com/prometheus/alertmanager/notify/opsgenie"
	"github.com/prometheus/alertmanager/notify/pagerduty"
	"github.com/prometheus/alertmanager/notify/pushover"
	"github.com/prometheus/alertmanager/notify/rocketchat"
	amtelegram "github.com/prometheus/alertmanager/notify/telegram"
	"github.com/prometheus/alertmanager/notify/victorops"
	"github.com/prometheus/alertmanager/notify/webex"
	amwebhook "github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/alertmanager/notify/wechat"
	"github.com/prometheus/alertmanager/template"
	promconfig "github.com/prometheus/common/config"

	"github.com/omenhq/omen/notify/alertmanager"
	"github.com/omenhq/omen/notify/email"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/slack"
	"github.com/omenhq/omen/notify/telegram"
	"github.com/omenhq/omen/notify/webhook"
	"github.com/omenhq/omen/store"
)

// channel is one integration of a receiver, ready to send.
type channel struct {
	name     string // "oncall/slack"; "oncall/slack[1]" for the second
	receiver string
	kind     string
	key      string // in the configuration, such as receivers[0].slack_configs[1]
	to       string // what the kind's rate limit counts: the same text is the same destination
	sender   message.Sender
	texts    *rendering // nil: all are built in
	resolved bool       // notify when an incident is over
	machine  bool       // read by programs: a storm is sent in full
	perMin   int        // messages a minute that the channel's owner allows; 0: no limit known
	last     *attempts
}

// send makes one attempt. Where a template of the configuration fails, the
// built-in text goes out; builtIn says why, whatever became of it.
func (c channel) send(ctx context.Context, m message.Message) (builtIn, err error) {
	within, cancel := message.WithTimeout(ctx, message.SendTimeout)
	defer cancel()
	s, builtIn := c.texts.sender(within, m, c.sender)
	if err = s.Send(within, m); err == nil || ctx.Err() == nil { // that Omen stops is not the channel's failure
		c.last.note(time.Now(), err)
	}
	return builtIn, err
}

// perMinute are the limits that channels state in their documentation:
// Telegram "no more than 20 messages per minute to the same group", Slack "1
// per second per channel", Discord 30 a minute per webhook, Microsoft Teams 4
// a second (a minute's worth is far more than we send).
var perMinute = map[string]int{"telegram": 20, "discord": 30, "slack": 60}

// builder makes channels out of receivers. This file alone knows
// Alertmanager's constructors, which change with its minor versions.
type builder struct {
	tmpl     *template.Template
	restored *template.Template // for when a template of the configuration fails
	examples []example
	settings *Settings
	log      *slog.Logger
	store    *store.DB        // nil: nothing is kept
	troubles message.Troubles // nil: nothing is reported
}

// build is every channel of a receiver: a table of Alertmanager's notifiers.
func (b builder) build(r amconfig.Receiver) ([]channel, error) {
	if len(r.SNSConfigs) > 0 {
		// Its client would add Amazon's SDK for SNS to the binary.
		return nil, under("sns_configs", errors.New("not built into Omen; send through an Alertmanager instead"))
	}
	var out []channel
	var failed error
	add := func(kind string, i int, conf amnotify.ResolvedSender, to string, make maker) {
		if failed != nil {
			return
		}
		name := r.Name + "/" + kind + ordinal(i)
		render := message.Renderer{Templates: b.tmpl, Receiver: r.Name, Log: b.log.With("receiver", name)}
		texts := newRendering(kind, conf, len(b.settings.alertmanager.Templates) > 0, render, b.restored, make)
		s, err := make(conf, render)
		if err == nil {
			err = check(conf)
		}
		if err == nil {
			err = texts.check(b.examples)
		}
		key := fmt.Sprintf("%s_configs[%d]", kind, i)
		if failed = under(key, err); failed != nil {
			return
		}
		if to == "" {
			to = name
		}
		out = append(out, channel{
			name: name, receiver: r.Name, kind: kind, key: key, to: kind + " " + to, sender: s, texts: texts, last: &attempts{},
			resolved: conf.SendResolved(), machine: kind == "webhook", perMin: perMinute[kind],
		})
	}
	b.addOwn(r, add)
	for _, c := range r.PagerdutyConfigs {
		c.Severity = cmp.Or(c.Severity, "error") // Alertmanager's default, which its notifier else writes while others read
	}
	addOthers(b, r.Name, add, "pagerduty", r.PagerdutyConfigs, message.Plain, pagerduty.New)
	addOthers(b, r.Name, add, "opsgenie", r.OpsGenieConfigs, message.Plain, opsgenie.New)
	addOthers(b, r.Name, add, "victorops", r.VictorOpsConfigs, message.Plain, victorops.New)
	addOthers(b, r.Name, add, "pushover", r.PushoverConfigs, message.Plain, pushover.New)
	addOthers(b, r.Name, add, "wechat", r.WechatConfigs, message.Markdown, wechat.New)
	addOthers(b, r.Name, add, "discord", r.DiscordConfigs, message.Markdown, discord.New)
	addOthers(b, r.Name, add, "webex", r.WebexConfigs, message.Markdown, webex.New)
	addOthers(b, r.Name, add, "msteams", r.MSTeamsConfigs, message.Markdown, msteams.New)
	addOthers(b, r.Name, add, "msteamsv2", r.MSTeamsV2Configs, message.Markdown, msteamsv2.New)
	addOthers(b, r.Name, add, "jira", r.JiraConfigs, message.Plain, jira.New)
	addOthers(b, r.Name, add, "incidentio", r.IncidentioConfigs, message.Plain, incidentio.New)
	addOthers(b, r.Name, add, "rocketchat", r.RocketchatConfigs, message.Markdown, rocketchat.New)
	addOthers(b, r.Name, add, "mattermost", r.MattermostConfigs, message.Markdown, mattermost.New)
	return out, failed
}

// ordinal tells a receiver's integrations of one kind apart.
func ordinal(i int) string {
	if i == 0 {
		return ""
	}
	return fmt.Sprintf("[%d]", i)
}

// adder adds the i-th channel of a kind, maker makes its sender.
type (
	adder func(kind string, i int, conf amnotify.ResolvedSender, to string, make maker)
	maker func(conf any, r message.Renderer) (message.Sender, error)
)

// addOthers adds the channels that are sent to through one of Alertmanager's
// notifiers.
func addOthers[C amnotify.ResolvedSender, N amnotify.Notifier](
	b builder, receiver string, add adder, kind string, all []C, escape message.Escape,
	newNotifier func(C, *template.Template, *slog.Logger, ...promconfig.HTTPClientOption) (N, error),
) {
	for i, c := range all {
		add(kind, i, c, "", func(conf any, r message.Renderer) (message.Sender, error) {
			c, text := counting(kind, conf.(C))
			n, err := newNotifier(c, r.Templates, r.Log)
			if err != nil {
				return nil, err
			}
			s := alertmanager.NewNotifier(n, receiver, escape)
			if text == "" {
				return s, nil
			}
			return fitted{s, longTexts[kind], text, r, escape}, nil
		})
	}
}

// addOwn adds the channels that Omen has integrations of its own for.
func (b builder) addOwn(r amconfig.Receiver, add adder) {
	for i, c := range r.WebhookConfigs {
		add("webhook", i, c, "", func(conf any, render message.Renderer) (message.Sender, error) {
			return webhook.New(conf.(*amwebhook.WebhookConfig), render, b.settings.own.Signing[r.Name])
		})
	}
	for i, c := range r.TelegramConfigs {
		o := telegram.Options{Name: r.Name + "/telegram" + ordinal(i), Store: b.store, Troubles: b.troubles}
		add("telegram", i, c, fmt.Sprint(c.APIUrl, c.BotToken, c.BotTokenFile, c.ChatID, c.ChatIDFile), func(conf any, render message.Renderer) (message.Sender, error) {
			return telegram.New(conf.(*amtelegram.TelegramConfig), render, o)
		})
	}
	for i, c := range r.EmailConfigs {
		o := email.Options{Name: r.Name + "/email" + ordinal(i), Troubles: b.troubles}
		add("email", i, c, c.To, func(conf any, render message.Renderer) (message.Sender, error) {
			return email.New(conf.(*amconfig.EmailConfig), render, o)
		})
	}
	for i, c := range r.SlackConfigs {
		name := fmt.Sprintf("%s/slack[%d]", r.Name, i)
		add("slack", i, c, fmt.Sprint(c.APIURL, c.APIURLFile, c.AppToken, c.AppTokenFile, c.Channel), func(conf any, render message.Renderer) (message.Sender, error) {
			return slack.New(conf.(*amconfig.SlackConfig), render, name, b.store)
		})
	}
}
