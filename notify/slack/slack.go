// Package slack sends through an incoming webhook of Slack or, with an app's
// token, through its Web API, configured as Alertmanager's slack_configs. Its
// key type is [Sender]. It needs no port that Slack can reach: buttons are
// links.
package slack

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"

	amconfig "github.com/prometheus/alertmanager/config"
	amnotify "github.com/prometheus/alertmanager/notify"
	promconfig "github.com/prometheus/common/config"

	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/store"
)

// Sender is one entry of slack_configs. Alertmanager's own notifier takes no
// chart.
type Sender struct {
	conf   *amconfig.SlackConfig
	render message.Renderer
	client *http.Client
	plain  *http.Client // without the token: for the URL that an upload goes to
	kept   *kept        // nil: no message is changed
	log    *slog.Logger
}

// New makes a sender. In db, under its name, it remembers the messages that it
// may change; nil: it changes none.
func New(c *amconfig.SlackConfig, r message.Renderer, name string, db *store.DB) (*Sender, error) {
	client, err := promconfig.NewClientFromConfig(*c.HTTPConfig, "slack")
	if err != nil {
		return nil, err
	}
	open := *c.HTTPConfig
	open.Authorization = nil
	plain, err := promconfig.NewClientFromConfig(open, "slack")
	if err != nil {
		return nil, err
	}
	counting := *c
	if counting.Text != "" {
		counting.Text += message.OmittedText
	}
	s := &Sender{conf: &counting, render: r, client: client, plain: plain, log: r.Log}
	if db != nil {
		s.kept = &kept{db, "notify.slack." + name, r.Log}
	}
	return s, nil
}

type request struct {
	Channel     string       `json:"channel,omitempty"`
	Timestamp   string       `json:"ts,omitempty"`
	Username    string       `json:"username,omitempty"`
	IconEmoji   string       `json:"icon_emoji,omitempty"`
	IconURL     string       `json:"icon_url,omitempty"`
	LinkNames   bool         `json:"link_names,omitempty"`
	Text        string       `json:"text,omitempty"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Title      string                 `json:"title,omitempty"`
	TitleLink  string                 `json:"title_link,omitempty"`
	Pretext    string                 `json:"pretext,omitempty"`
	Text       string                 `json:"text"`
	Fallback   string                 `json:"fallback"`
	CallbackID string                 `json:"callback_id"`
	Fields     []amconfig.SlackField  `json:"fields,omitempty"`
	Actions    []amconfig.SlackAction `json:"actions,omitempty"`
	ImageURL   string                 `json:"image_url,omitempty"`
	ThumbURL   string                 `json:"thumb_url,omitempty"`
	Footer     string                 `json:"footer"`
	Color      string                 `json:"color,omitempty"`
	MrkdwnIn   []string               `json:"mrkdwn_in,omitempty"`
}

// maxText is how long an attachment's text may be, in characters: Slack cuts
// messages at 40,000, of which the rest of ours takes less than a twentieth.
const maxText = 38_000

// maxTitle is how long a title may be, in characters; maxActions how many
// buttons an attachment may have (Slack's reference of secondary attachments).
const (
	maxTitle   = 1024
	maxActions = 5
)

// Send implements [message.Sender]. With a token the chart goes into the
// message's thread, because that needs the message; a message never fails for
// want of it. A webhook can only name a chart that Slack fetches.
func (s *Sender) Send(ctx context.Context, m message.Message) error {
	ctx, cancel := message.WithTimeout(ctx, s.conf.Timeout)
	defer cancel()
	target, err := s.target()
	if err != nil {
		return err
	}
	if m, err = message.Fit(m, func(m message.Message) (bool, error) {
		text, err := s.render.Templates.ExecuteTextString(s.conf.Text, s.render.Data(ctx, m, escape))
		return utf8.RuneCountInString(text) <= maxText, err
	}); err != nil {
		return message.Refuse("render message: %w", err)
	}
	out, err := s.compose(ctx, m)
	if err != nil {
		return message.Refuse("render message: %w", err)
	}
	api, isAPI := strings.CutSuffix(target, "chat.postMessage")
	if !isAPI {
		if m.Chart != nil {
			out.Attachments[0].ImageURL = cmp.Or(out.Attachments[0].ImageURL, m.ChartURL)
		}
		_, err := s.post(ctx, target, out)
		return err
	}
	sent, err := s.say(ctx, api, out, m)
	if err != nil {
		return err
	}
	if m.Chart != nil && sent.Channel != "" && sent.Timestamp != "" {
		if err := s.upload(ctx, api, m.Chart, sent); err != nil {
			s.log.Warn("slack does not take the chart; its app needs the scope files:write", "err", err)
		}
	}
	return nil
}

// target is where messages are posted.
func (s *Sender) target() (string, error) {
	if s.conf.APIURL != nil {
		return s.conf.APIURL.String(), nil
	}
	return message.Secret("", s.conf.APIURLFile)
}

// escape follows Slack's "escaping text": the three characters that begin its
// markup, such as <!channel>. An @ is kept from becoming a mention where
// link_names is on.
func escape(s string) string { return escaper.Replace(message.Plain(s)) }

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "@\u2060")

// compose writes the message as Alertmanager does, and adds the buttons, as
// links.
func (s *Sender) compose(ctx context.Context, m message.Message) (request, error) {
	var err error
	data := s.render.Data(ctx, m, escape)
	text := amnotify.TmplText(s.render.Templates, data, &err)
	c := s.conf
	title, _ := amnotify.TruncateInRunes(text(c.Title), maxTitle)
	a := attachment{
		Title: title, TitleLink: text(c.TitleLink), Pretext: text(c.Pretext), Text: text(c.Text), Fallback: text(c.Fallback),
		CallbackID: text(c.CallbackID), ImageURL: text(c.ImageURL), ThumbURL: text(c.ThumbURL), Footer: text(c.Footer),
		Color: text(c.Color), MrkdwnIn: c.MrkdwnIn,
	}
	if len(a.MrkdwnIn) == 0 {
		a.MrkdwnIn = []string{"fallback", "pretext", "text"}
	}
	for _, f := range c.Fields {
		short := cmp.Or(f.Short, &c.ShortFields)
		a.Fields = append(a.Fields, amconfig.SlackField{Title: text(f.Title), Value: text(f.Value), Short: short})
	}
	for _, action := range c.Actions {
		done := amconfig.SlackAction{
			Type: text(action.Type), Text: text(action.Text), URL: text(action.URL), Style: text(action.Style),
			Name: text(action.Name), Value: text(action.Value),
		}
		if confirm := action.ConfirmField; confirm != nil {
			done.ConfirmField = &amconfig.SlackConfirmationField{
				Title: text(confirm.Title), Text: text(confirm.Text), OkText: text(confirm.OkText), DismissText: text(confirm.DismissText),
			}
		}
		a.Actions = append(a.Actions, done)
	}
	if len(m.Waiting) > 0 { // where people sign in: no link decides on an action
		a.Actions = append(a.Actions, amconfig.SlackAction{Type: "button", Text: "Approve or decline", URL: m.Alerts[0].GeneratorURL})
	}
	for _, r := range m.Replies {
		if r.Link == "" {
			continue
		}
		a.Actions = append(a.Actions, amconfig.SlackAction{Type: "button", Text: r.Label, URL: r.Link})
	}
	a.Actions = a.Actions[:min(len(a.Actions), maxActions)]
	return request{
		Channel: text(c.Channel), Username: text(c.Username), IconEmoji: text(c.IconEmoji), IconURL: text(c.IconURL),
		LinkNames: c.LinkNames, Text: text(c.MessageText), Attachments: []attachment{a},
	}, err
}
