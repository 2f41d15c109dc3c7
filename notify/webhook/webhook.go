package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	amnotify "github.com/prometheus/alertmanager/notify"
	amwebhook "github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/alertmanager/template"
	promconfig "github.com/prometheus/common/config"
)

// webhook sends Alertmanager's webhook messages (version 4), with the same
// payload option, and adds a key per message and a signature.
type webhook struct {
	conf     *amwebhook.WebhookConfig
	tmpl     *template.Template
	receiver string
	client   *http.Client
	signer   signer
	log      *slog.Logger
}

func newWebhook(c *amwebhook.WebhookConfig, t *template.Template, receiver string, sign signingSettings, log *slog.Logger) (*webhook, error) {
	client, err := promconfig.NewClientFromConfig(*c.HTTPConfig, "webhook")
	if err != nil {
		return nil, err
	}
	return &webhook{c, t, receiver, client, signer{sign}, log}, nil
}

// maxAnswer bounds what is read of a channel's answer.
const maxAnswer = 64 << 10

// Send implements [Sender].
func (w *webhook) Send(ctx context.Context, m Message) error {
	target, body, err := w.render(ctx, m)
	if err != nil {
		return err
	}
	if w.conf.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.conf.Timeout)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return refusal{error: errors.New("bad webhook url"), permanent: true}
	}
	signature, err := w.signer.sign(m.Key, m.At, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Omen")
	req.Header.Set("Idempotency-Key", strconv.Quote(m.Key)) // a structured-field string, as its draft says
	req.Header.Set("Webhook-Id", m.Key)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(m.At.Unix(), 10))
	if signature != "" {
		req.Header.Set("Webhook-Signature", signature)
	}
	return post(w.client, req, m)
}

// post sends a request and judges the answer.
func post(client *http.Client, req *http.Request, m Message) (err error) {
	resp, err := client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return withoutURL(err)
	}
	return refused(resp, body, m.At)
}

// withoutURL takes the URL out of an error of net/http: tokens are part of it.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// render is where to send and what, by Alertmanager's rules.
func (w *webhook) render(ctx context.Context, m Message) (target string, body []byte, err error) {
	alerts, truncated := m.Alerts, uint64(0)
	if limit := w.conf.MaxAlerts; limit != 0 && uint64(len(alerts)) > limit {
		truncated = uint64(len(alerts)) - limit
		alerts = alerts[:limit]
	}
	data := amnotify.GetTemplateData(notifyContext(ctx, w.receiver, m, strings.Clone), w.tmpl, alerts, w.log)
	var payload any = &amwebhook.Message{Version: "4", Data: data, GroupKey: m.GroupKey, TruncatedAlerts: truncated}
	if w.conf.Payload != nil {
		payload, err = template.DeepCopyWithTemplate(w.conf.Payload, func(text string) (string, error) {
			return w.tmpl.ExecuteTextString(text, data)
		})
		if err != nil {
			return "", nil, refusal{error: fmt.Errorf("render payload: %w", err), permanent: true}
		}
	}
	if body, err = json.Marshal(payload); err != nil {
		return "", nil, refusal{error: fmt.Errorf("encode payload: %w", err), permanent: true}
	}
	target = string(w.conf.URL)
	if w.conf.URLFile != "" {
		text, err := os.ReadFile(w.conf.URLFile)
		if err != nil {
			return "", nil, fmt.Errorf("read url_file: %w", err)
		}
		target = strings.TrimSpace(string(text))
	}
	if target, err = w.tmpl.ExecuteTextString(target, data); err != nil {
		return "", nil, refusal{error: fmt.Errorf("render url: %w", err), permanent: true}
	}
	return target, body, nil
}
