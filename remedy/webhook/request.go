package webhook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/sign"
	"github.com/omenhq/omen/remedy"
)

// send posts the action's body once and says what became of it.
func (h *Hook) send(ctx context.Context, a omen.Action, address string) (receipt string, err error) {
	body, err := filled(h.set.Body, a)
	if err != nil {
		return "", fmt.Errorf("%w: %w", remedy.ErrRefused, err)
	}
	key, err := h.key()
	if err != nil {
		return "", fmt.Errorf("%w: %w", remedy.ErrRefused, err)
	}
	header := sign.Header(key, a.ID, time.Now(), body)
	header.Set("Content-Type", "application/json")
	if h.set.Idempotent {
		// Go's client sends a request with this header again by itself when a kept
		// connection turns out to be closed.
		header.Set("Idempotency-Key", strconv.Quote(a.ID))
	}
	var left atomic.Bool // a connection was there: from then on it may have been sent
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { left.Store(true) }}
	code, answer, err := h.call(httptrace.WithClientTrace(ctx, trace), h.set.Method, inURL(address, a), body, header)
	if err != nil && !left.Load() {
		return "", fmt.Errorf("%s %s: %w: %w: nothing was sent: %w", h.set.Method, shown(address), remedy.ErrRefused, omen.ErrUnavailable, err)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %w", h.set.Method, shown(address), remedy.ErrUnknown, err)
	}
	if err := judge(code, h.begin(answer)); err != nil {
		return "", fmt.Errorf("%s %s: %w", h.set.Method, shown(address), err)
	}
	if h.set.Receipt == "" {
		return "", nil
	}
	receipt, found := at(answer, h.set.Receipt)
	if why := unfit(receipt); !found || why != "" {
		err = fmt.Errorf("%s %s was accepted, and its answer has %s at %s: %s: %w",
			h.set.Method, shown(address), cmp.Or(why, "nothing"), h.set.Receipt, h.begin(answer), remedy.ErrUnknown)
		return "", omen.WithHint(err, "see what the other side answers, and correct receipt")
	}
	return receipt, nil
}

// maxReceipt bounds what the other side calls a job, in bytes: it is in every row of
// the action and of the audit.
const maxReceipt = 256

// unfit is why a text is no job's name that is kept and asked for; empty: it is one.
func unfit(receipt string) string {
	switch {
	case len(receipt) > maxReceipt:
		return fmt.Sprintf("%d bytes, more than %d,", len(receipt), maxReceipt)
	case strings.ContainsFunc(receipt, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "a text with control characters"
	case receipt == "." || receipt == "..":
		return "a step of a path"
	}
	return ""
}

// await asks until the job has ended or the patience has.
func (h *Hook) await(ctx context.Context, a omen.Action) error {
	ctx, cancel := context.WithTimeout(ctx, h.set.Status.Timeout)
	defer cancel()
	for {
		answer, says, err := h.ask(ctx, a)
		switch {
		case answer == remedy.Yes:
			return nil
		case answer == remedy.No:
			return fmt.Errorf("job %s ended as %q: %w", h.begin([]byte(a.Receipt)), says, remedy.ErrRefused)
		}
		if !omen.Sleep(ctx, h.set.Status.Every) {
			if err != nil {
				says = err.Error()
			}
			return fmt.Errorf("job %s has not ended, last %q: %w", h.begin([]byte(a.Receipt)), h.begin([]byte(says)), remedy.ErrUnknown)
		}
	}
}

// ask asks once how far the job is.
func (h *Hook) ask(ctx context.Context, a omen.Action) (remedy.Answer, string, error) {
	status := h.set.Status
	code, answer, err := h.call(ctx, http.MethodGet, inURL(status.URL, a), nil, http.Header{})
	if err == nil && code/100 != 2 {
		err = fmt.Errorf("answered %d: %s", code, h.begin(answer))
	}
	if err != nil {
		return remedy.CannotTell, "", fmt.Errorf("ask %s: %w: %w", shown(status.URL), omen.ErrUnavailable, err)
	}
	says, found := at(answer, status.Pointer)
	switch {
	case !found:
		return remedy.CannotTell, "", fmt.Errorf("ask %s: its answer has nothing at %s: %s", shown(status.URL), status.Pointer, h.begin(answer))
	case slices.Contains(status.Done, says):
		return remedy.Yes, says, nil
	case slices.Contains(status.Failed, says):
		return remedy.No, says, nil
	}
	return remedy.CannotTell, says, nil
}

// call makes one request.
func (h *Hook) call(ctx context.Context, method, address string, body []byte, header http.Header) (code int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.set.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, bare(err)
	}
	req.Header = header
	req.Header.Set("User-Agent", "Omen")
	req.Header.Set("Accept", "application/json")
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, nil, bare(err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, answer, err
}

// bare is an error without the address, which may hold a secret.
func bare(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// judge says what an answer that begins so means.
func judge(code int, begins string) error {
	says := fmt.Sprintf("answered %d: %s", code, begins)
	switch {
	case code/100 == 2:
		return nil
	case code == http.StatusConflict, code == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %s", remedy.ErrChanged, says)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		err := fmt.Errorf("%w: %w: %s", remedy.ErrRefused, omen.ErrDenied, says)
		return omen.WithHint(err, "give the playbook's http_config the credentials that the other side asks for")
	case code/100 == 3:
		err := fmt.Errorf("%w: %s", remedy.ErrRefused, says)
		return omen.WithHint(err, "it is a redirect, which is not followed: configure the address that it leads to")
	case code/100 == 4 && code != http.StatusRequestTimeout:
		return fmt.Errorf("%w: %s", remedy.ErrRefused, says)
	}
	return fmt.Errorf("%w: %s", remedy.ErrUnknown, says)
}

// begin is the beginning of an answer in one line, without our secrets in it and
// without what would steer a terminal.
func (h *Hook) begin(answer []byte) string {
	text := h.hide.Replace(string(answer[:min(len(answer), 4096)]))
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text[:min(len(text), 200)])
	return strings.Join(strings.Fields(text), " ")
}

// at is what a JSON pointer (RFC 6901) finds in a document, as text; what is a list
// or an object is not found.
func at(document []byte, pointer string) (string, bool) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return "", false
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = unescape.Replace(part)
		switch v := value.(type) {
		case map[string]any:
			inner, found := v[part]
			if !found {
				return "", false
			}
			value = inner
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(v) {
				return "", false
			}
			value = v[i]
		default:
			return "", false
		}
	}
	switch v := value.(type) {
	case string:
		return v, v != ""
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
