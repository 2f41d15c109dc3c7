package notify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/omenhq/omen/store"
)

// slack sends through an incoming webhook or, with an app's token, through
// Slack's Web API, configured as Alertmanager's slack_configs. Its own notifier
// takes no picture, and updates no message.
type slack struct {
	conf     *amconfig.SlackConfig
	tmpl     *template.Template
	receiver string
	name     string
	client   *http.Client
	plain    *http.Client // without the token: for the URL that an upload goes to
	graphs   *graphs      // nil: none
	store    *store.DB    // where messages to update are kept; nil: none is
	log      *slog.Logger
}

func newSlack(c *amconfig.SlackConfig, b builder, receiver, name string, log *slog.Logger) (*slack, error) {
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
	return &slack{c, b.tmpl, receiver, name, client, plain, b.graphs, b.store, log}, nil
}

type slackRequest struct {
	Channel     string            `json:"channel,omitempty"`
	Timestamp   string            `json:"ts,omitempty"`
	Username    string            `json:"username,omitempty"`
	IconEmoji   string            `json:"icon_emoji,omitempty"`
	IconURL     string            `json:"icon_url,omitempty"`
	LinkNames   bool              `json:"link_names,omitempty"`
	Text        string            `json:"text,omitempty"`
	Attachments []slackAttachment `json:"attachments"`
}

type slackAttachment struct {
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

// maxSlackTitle is how long a title may be, in characters; maxSlackActions how
// many buttons an attachment may have (Slack's reference of secondary
// attachments).
const (
	maxSlackTitle   = 1024
	maxSlackActions = 5
)

// Send implements [Sender]. With a token the picture goes into the message's
// thread, because that needs the message; a message never fails for want of
// it. A webhook can only name a picture that Slack fetches.
func (s *slack) Send(ctx context.Context, m Message) error {
	if s.conf.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.conf.Timeout, fmt.Errorf("no answer within %s", s.conf.Timeout))
		defer cancel()
	}
	target, err := s.target()
	if err != nil {
		return err
	}
	out, err := s.compose(ctx, m)
	if err != nil {
		return refusal{error: fmt.Errorf("render message: %w", err), permanent: true}
	}
	api, isAPI := strings.CutSuffix(target, "chat.postMessage")
	if !isAPI {
		if m.Picture != nil && out.Attachments[0].ImageURL == "" && m.Incident != nil {
			out.Attachments[0].ImageURL = s.graphs.link(m.Incident.ID, m.At)
		}
		_, err := s.post(ctx, target, out)
		return err
	}
	said, err := s.say(ctx, api, out, m)
	if err != nil {
		return err
	}
	if m.Picture != nil && said.Channel != "" && said.Timestamp != "" {
		if err := s.upload(ctx, api, m.Picture, said); err != nil {
			s.log.Warn("slack does not take the picture; its app needs the scope files:write", "err", err)
		}
	}
	return nil
}

// target is where messages are posted.
func (s *slack) target() (string, error) {
	if s.conf.APIURL != nil {
		return s.conf.APIURL.String(), nil
	}
	text, err := secretOf("", s.conf.APIURLFile)
	if err != nil {
		return "", fmt.Errorf("api_url_file: %w", err)
	}
	return text, nil
}

// compose writes the message as Alertmanager does, and adds the buttons for
// feedback.
func (s *slack) compose(ctx context.Context, m Message) (slackRequest, error) {
	var err error
	data := amnotify.GetTemplateData(notifyContext(ctx, s.receiver, m, escapeSlack), s.tmpl, escaped(m.Alerts, escapeSlack), s.log)
	text := amnotify.TmplText(s.tmpl, data, &err)
	c := s.conf
	title, _ := amnotify.TruncateInRunes(text(c.Title), maxSlackTitle)
	a := slackAttachment{
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
	a.Actions = append(a.Actions, feedbackActions(m)...)
	a.Actions = a.Actions[:min(len(a.Actions), maxSlackActions)]
	return slackRequest{
		Channel: text(c.Channel), Username: text(c.Username), IconEmoji: text(c.IconEmoji), IconURL: text(c.IconURL),
		LinkNames: c.LinkNames, Text: text(c.MessageText), Attachments: []slackAttachment{a},
	}, err
}

// feedbackActions are buttons that open the signed links of an alert, if it
// has them. Buttons of this kind need no port that Slack can reach.
func feedbackActions(m Message) []amconfig.SlackAction {
	if len(m.Alerts) != 1 {
		return nil
	}
	var out []amconfig.SlackAction
	for _, v := range verdicts {
		if link := string(m.Alerts[0].Annotations[model.LabelName(v.annotation)]); link != "" {
			out = append(out, amconfig.SlackAction{Type: "button", Text: v.label, URL: link})
		}
	}
	return out
}

// slackAnswer is what the Web API answers.
type slackAnswer struct {
	OK        bool   `json:"ok"`
	Error     string `json:"error"`
	Channel   string `json:"channel"`
	Timestamp string `json:"ts"`
	UploadURL string `json:"upload_url"`
	FileID    string `json:"file_id"`
}

// say posts a message through the Web API; with update_message it changes the
// one that told of the incident before, if that is still there.
func (s *slack) say(ctx context.Context, api string, out slackRequest, m Message) (slackAnswer, error) {
	about := m.GroupKey
	if m.Incident != nil {
		about = m.Incident.ID
	}
	if !s.conf.UpdateMessage || s.store == nil {
		return s.post(ctx, api+"chat.postMessage", out)
	}
	kept := s.kept(ctx)
	if old, found := kept[about]; found {
		change := out
		change.Channel, change.Timestamp = old.Channel, old.Timestamp
		said, err := s.post(ctx, api+"chat.update", change)
		if err == nil || !permanent(err) {
			return said, err
		}
		s.log.Info("slack message cannot be changed, sending another", "err", err)
	}
	said, err := s.post(ctx, api+"chat.postMessage", out)
	if err == nil && said.Timestamp != "" {
		kept[about] = slackKept{said.Channel, said.Timestamp, m.At}
		s.keep(ctx, kept, m.At)
	}
	return said, err
}

// slackKept is a message that may be changed.
type slackKept struct {
	Channel, Timestamp string
	At                 time.Time
}

// keptFor is how long a message may be changed after it was sent, keptMost how
// many are remembered.
const (
	keptFor  = 14 * 24 * time.Hour
	keptMost = 500
)

func (s *slack) setting() string { return "notify.slack." + s.name }

func (s *slack) kept(ctx context.Context) map[string]slackKept {
	kept := map[string]slackKept{}
	if _, err := s.store.Setting(ctx, s.setting(), &kept); err != nil {
		s.log.Warn("slack messages to change not read", "err", err)
	}
	return kept
}

// keep stores the messages that may be changed, also while stopping: the
// message was sent.
func (s *slack) keep(ctx context.Context, kept map[string]slackKept, now time.Time) {
	var old []string
	for about := range kept {
		old = append(old, about)
	}
	slices.SortFunc(old, func(a, b string) int { return kept[a].At.Compare(kept[b].At) })
	for i, about := range old {
		if now.Sub(kept[about].At) > keptFor || len(old)-i > keptMost {
			delete(kept, about)
		}
	}
	if err := s.store.PutSetting(context.WithoutCancel(ctx), s.setting(), kept); err != nil {
		s.log.Warn("slack message to change not stored", "err", err)
	}
}

// upload puts the picture into a message's thread.
func (s *slack) upload(ctx context.Context, api string, png []byte, to slackAnswer) error {
	const name = "incident.png"
	form := url.Values{"filename": {name}, "length": {fmt.Sprint(len(png))}}
	place, err := s.call(ctx, s.client, api+"files.getUploadURLExternal", "application/x-www-form-urlencoded", []byte(form.Encode()))
	if err != nil {
		return fmt.Errorf("ask where to upload: %w", err)
	}
	if _, err := s.call(ctx, s.plain, place.UploadURL, "application/octet-stream", png); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	body, err := json.Marshal(map[string]any{
		"files":      []map[string]string{{"id": place.FileID, "title": "Score and causes"}},
		"channel_id": to.Channel, "thread_ts": to.Timestamp,
	})
	if err != nil {
		return err
	}
	if _, err := s.call(ctx, s.client, api+"files.completeUploadExternal", "application/json; charset=utf-8", body); err != nil {
		return fmt.Errorf("complete the upload: %w", err)
	}
	return nil
}

func (s *slack) post(ctx context.Context, target string, out slackRequest) (slackAnswer, error) {
	body, err := json.Marshal(out)
	if err != nil {
		return slackAnswer{}, refusal{error: fmt.Errorf("encode message: %w", err), permanent: true}
	}
	return s.call(ctx, s.client, target, "application/json; charset=utf-8", body)
}

// call makes one request and judges the answer: JSON of the Web API, or a
// webhook's and an upload's word in text.
func (s *slack) call(ctx context.Context, client *http.Client, target, kind string, body []byte) (answer slackAnswer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return answer, refusal{error: errors.New("bad slack api_url"), permanent: true}
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("User-Agent", "Omen")
	resp, err := client.Do(req)
	if err != nil {
		return answer, withoutURL(err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer, withoutURL(err)
	}
	if err := refused(resp, text, time.Now()); err != nil {
		return answer, err
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(text, &answer); err != nil {
			return answer, errors.New("answer is not Slack's")
		}
		return answer, slackRefused(answer)
	}
	if word := oneLine(string(text)); word != "ok" && !strings.HasPrefix(word, "OK - ") {
		return answer, refusal{error: fmt.Errorf("slack says %s", word[:min(len(word), 200)]), permanent: true}
	}
	return answer, nil
}

// slackRefused is what an error of the Web API means: those of Slack's own
// trouble pass, the others are the configuration's.
func slackRefused(a slackAnswer) error {
	if a.OK {
		return nil
	}
	r := refusal{error: fmt.Errorf("slack says %s", oneLine(a.Error)), permanent: true}
	switch a.Error {
	case "ratelimited", "rate_limited", "message_limit_exceeded":
		r.permanent, r.after = false, quietAfter429
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "accesslimited", "":
		r.permanent = false
	}
	return r
}
