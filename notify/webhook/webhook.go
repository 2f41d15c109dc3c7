// Package webhook sends Alertmanager's webhook messages (version 4), with the
// same payload option, and adds a key per message and a signature. Its key type
// is [Sender]. Programs read what it sends: it escapes nothing and sums nothing
// up.
package webhook

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	amwebhook "github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/alertmanager/template"
	promconfig "github.com/prometheus/common/config"

	"github.com/omenhq/omen/notify/message"
)

// Sender is one entry of webhook_configs. Alertmanager's own notifier can
// neither sign nor carry a key per message nor show Retry-After.
type Sender struct {
	conf    *amwebhook.WebhookConfig
	render  message.Renderer
	client  *http.Client
	signing Signing
}

// New makes a sender; the zero Signing signs nothing.
func New(c *amwebhook.WebhookConfig, r message.Renderer, signing Signing) (*Sender, error) {
	client, err := promconfig.NewClientFromConfig(*c.HTTPConfig, "webhook")
	if err != nil {
		return nil, err
	}
	return &Sender{c, r, client, signing}, nil
}

// Send implements [message.Sender].
func (s *Sender) Send(ctx context.Context, m message.Message) error {
	target, body, err := s.compose(ctx, m)
	if err != nil {
		return err
	}
	header, err := s.signing.header(m.Key, m.At, body)
	if err != nil {
		return err
	}
	header.Set("Idempotency-Key", strconv.Quote(m.Key)) // a structured-field string, as its draft says
	ctx, cancel := message.WithTimeout(ctx, s.conf.Timeout)
	defer cancel()
	answer, err := message.Post(ctx, s.client, target, "application/json", body, header)
	if err != nil {
		return err
	}
	return answer.Judge()
}

// compose is where to send and what, by Alertmanager's rules.
func (s *Sender) compose(ctx context.Context, m message.Message) (target string, body []byte, err error) {
	truncated := uint64(0)
	if limit := s.conf.MaxAlerts; limit != 0 && uint64(len(m.Alerts)) > limit {
		truncated = uint64(len(m.Alerts)) - limit
		m.Alerts = m.Alerts[:limit]
	}
	data := s.render.Data(ctx, m, nil)
	var payload any = &amwebhook.Message{Version: "4", Data: data, GroupKey: m.GroupKey, TruncatedAlerts: truncated}
	if s.conf.Payload != nil {
		payload, err = template.DeepCopyWithTemplate(s.conf.Payload, func(text string) (string, error) {
			return s.render.Templates.ExecuteTextString(text, data)
		})
		if err != nil {
			return "", nil, message.Refuse("render payload: %w", err)
		}
	}
	if body, err = json.Marshal(payload); err != nil {
		return "", nil, message.Refuse("encode payload: %w", err)
	}
	if target, err = message.Secret(string(s.conf.URL), s.conf.URLFile); err != nil {
		return "", nil, err
	}
	if target, err = s.render.Templates.ExecuteTextString(target, data); err != nil {
		return "", nil, message.Refuse("render url: %w", err)
	}
	return target, body, nil
}
