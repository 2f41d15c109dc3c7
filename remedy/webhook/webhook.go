// Package webhook carries actions out by asking another program, such as AWX,
// Rundeck, StackStorm or Event-Driven Ansible, with a signed HTTP request. Start at
// [New]; [Hook] implements [remedy.Hand].
//
// The request's webhook-id is the action's ID. A 2xx means that the other side took
// it; whether it did it is known only where [Settings.Status] says where to ask. A
// request whose answer got lost is not sent again unless it is said to be
// idempotent. It knows no other program's API, follows no redirect, and fills
// fields into a configured body: it has no language of templates.
package webhook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/sign"
	"github.com/omenhq/omen/remedy"
)

// Settings are a webhook as it is configured. In URLs and in the strings of a body
// {field} is filled in: one of [Fields].
type Settings struct {
	URL        string
	Method     string // empty: POST
	HTTP       promconfig.HTTPClientConfig
	Secret     string // that signs; base64 after "whsec_", or the bytes as they are
	SecretFile string // read at each request
	Body       any    // as of JSON or YAML: maps by string, lists, scalars; nil: [Sent]
	Receipt    string // JSON pointer (RFC 6901) into the answer; empty: there is no receipt
	Idempotent bool   // the other side does a webhook-id once: what is in doubt is sent again
	Timeout    time.Duration
	Status     *Status
	UndoURL    string // posted to like URL to take the effect back; empty: it cannot be taken back
}

// Status is where the other side says how far it is.
type Status struct {
	URL     string
	Pointer string   // JSON pointer into the answer
	Done    []string // what is there once it is done
	Failed  []string // what is there once it has failed; anything else: it is not finished
	Every   time.Duration
	Timeout time.Duration
}

// Where the settings say nothing.
const (
	timeout       = 10 * time.Second
	statusEvery   = 5 * time.Second
	statusTimeout = 5 * time.Minute
	tries         = 3 // of an idempotent request
)

// methods are those that a request may have. GET is none: net/http sends it again by
// itself when a kept connection has ended.
var methods = []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// maxAnswer bounds what is read of an answer: a job's description of AWX has some
// ten kilobytes.
const maxAnswer = 1 << 20

// Hook is one configured webhook.
type Hook struct {
	set    Settings
	client *http.Client
	hide   *strings.Replacer // takes secrets out of what is shown
}

// New checks the settings; it calls nobody.
func New(set Settings) (*Hook, error) {
	set.Method = cmp.Or(set.Method, http.MethodPost)
	set.Timeout = cmp.Or(set.Timeout, timeout)
	if set.Status != nil {
		status := *set.Status
		status.Every, status.Timeout = cmp.Or(status.Every, statusEvery), cmp.Or(status.Timeout, statusTimeout)
		set.Status = &status
	}
	if err := set.check(); err != nil {
		return nil, err
	}
	client, err := promconfig.NewClientFromConfig(set.HTTP, "remedy")
	if err != nil {
		return nil, fmt.Errorf("webhook %s: http_config: %w", shown(set.URL), err)
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Hook{set, client, set.secrets()}, nil
}

func (s Settings) check() error {
	invalid := func(key, format string, args ...any) error {
		return fmt.Errorf("webhook %s: %s: %s: %w", shown(s.URL), key, fmt.Sprintf(format, args...), omen.ErrInvalid)
	}
	if !slices.Contains(methods, s.Method) {
		return invalid("method", "%q is none of %s", s.Method, strings.Join(methods, ", "))
	}
	urls := map[string]string{"url": s.URL, "undo_url": s.UndoURL}
	if s.Status != nil {
		urls["status.url"] = s.Status.URL
		switch {
		case s.Status.Pointer == "" || !strings.HasPrefix(s.Status.Pointer, "/"):
			return invalid("status.pointer", "%q is no JSON pointer such as /status", s.Status.Pointer)
		case len(s.Status.Done) == 0 || len(s.Status.Failed) == 0:
			return invalid("status", "done and failed have to say how a job ends, such as done: [successful], failed: [failed, error, canceled]")
		case slices.ContainsFunc(s.Status.Done, func(says string) bool { return slices.Contains(s.Status.Failed, says) }):
			return invalid("status", "done and failed have the same word: nobody could tell which it is")
		case strings.Contains(s.Status.URL, "{receipt}") && s.Receipt == "":
			return invalid("status.url", "has {receipt}: say where it is in the answer, by receipt: /job")
		}
	}
	for key, u := range urls {
		if u == "" && key == "undo_url" {
			continue
		}
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return invalid(key, "want an address such as https://awx.example.org/api/v2/job_templates/7/launch/")
		}
		if err := unknownField(u); err != nil {
			return invalid(key, "%v", err)
		}
	}
	if s.Receipt != "" && !strings.HasPrefix(s.Receipt, "/") {
		return invalid("receipt", "%q is no JSON pointer such as /job", s.Receipt)
	}
	if s.Secret != "" && s.SecretFile != "" {
		return invalid("secret", "secret and secret_file are both given")
	}
	if _, err := sign.Key(s.Secret); err != nil {
		return invalid("secret", "%v", err)
	}
	if _, err := fill(s.Body, func(text string) (string, error) { return text, unknownField(text) }); err != nil {
		return invalid("body", "%v", err)
	}
	if _, err := encode(s.Body); err != nil { // such as NaN, of which JSON knows nothing
		return invalid("body", "%v", err)
	}
	return nil
}

// Resolve names the address; it calls nobody.
func (h *Hook) Resolve(context.Context, omen.Action) (omen.Target, error) {
	return omen.Target{Kind: "url", Name: shown(h.set.URL)}, nil
}

// DryRun says what would be sent. There is no way to try another program's
// interface without using it.
func (h *Hook) DryRun(_ context.Context, a omen.Action) (string, error) {
	body, err := filled(masked(h.set.Body), a)
	if err != nil {
		return "", err
	}
	signed := "not signed"
	if h.set.Secret != "" || h.set.SecretFile != "" {
		signed = "signed"
	}
	text := strings.ReplaceAll(string(body), `\u003csecret\u003e`, hidden) // as JSON has it
	return fmt.Sprintf("would send %s %s (%s) with %s", h.set.Method, shown(h.set.URL), signed, text), nil
}

// Do sends the request once, or again with the same ID while its outcome is in
// doubt and it is idempotent, and waits until Status says that the job has ended. A
// receipt may come with ErrUnknown: with it [Hook.Happened] can ask on.
func (h *Hook) Do(ctx context.Context, a omen.Action) (receipt string, err error) {
	for try := 1; ; try++ {
		receipt, err = h.send(ctx, a, h.set.URL)
		if !errors.Is(err, remedy.ErrUnknown) || !h.set.Idempotent || try == tries {
			break
		}
		if !omen.Sleep(ctx, time.Duration(try)*time.Second) {
			break
		}
	}
	if err != nil || h.set.Status == nil {
		return receipt, err
	}
	a.Receipt = receipt
	return receipt, h.await(ctx, a)
}

// Happened asks once, where there is somebody to ask.
func (h *Hook) Happened(ctx context.Context, a omen.Action) (remedy.Answer, error) {
	switch {
	case h.set.Status == nil && a.Receipt != "":
		return remedy.Yes, nil // it was taken, and there is no more to know
	case h.set.Status == nil, a.Receipt == "" && strings.Contains(h.set.Status.URL, "{receipt}"):
		return remedy.CannotTell, nil
	}
	answer, _, err := h.ask(ctx, a)
	return answer, err
}

// Undoes reports whether there is an undo URL.
func (h *Hook) Undoes() bool { return h.set.UndoURL != "" }

// Undo posts to the undo URL.
func (h *Hook) Undo(ctx context.Context, a omen.Action) error {
	if h.set.UndoURL == "" {
		return fmt.Errorf("webhook %s has no undo_url: %w", shown(h.set.URL), errors.ErrUnsupported)
	}
	_, err := h.send(ctx, a, h.set.UndoURL)
	return err
}

// key reads the secret, empty if there is none.
func (h *Hook) key() ([]byte, error) {
	secret := h.set.Secret
	if h.set.SecretFile != "" {
		text, err := os.ReadFile(h.set.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("sign webhook: %w", err)
		}
		if secret = strings.TrimSpace(string(text)); secret == "" {
			return nil, omen.WithHint(fmt.Errorf("sign webhook: %s is empty: %w", h.set.SecretFile, omen.ErrInvalid), "write the secret into it, or leave secret_file out")
		}
	}
	return sign.Key(secret)
}

// encode is a body's JSON.
func encode(body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode body: %w", err)
	}
	return text, nil
}
