package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/store"
)

// answer is what the Web API answers.
type answer struct {
	OK        bool   `json:"ok"`
	Error     string `json:"error"`
	Channel   string `json:"channel"`
	Timestamp string `json:"ts"`
	UploadURL string `json:"upload_url"`
	FileID    string `json:"file_id"`
}

// say posts a message through the Web API; with update_message it changes the
// incident's earlier message, if that is still there.
func (s *Sender) say(ctx context.Context, api string, out request, m message.Message) (answer, error) {
	if !s.conf.UpdateMessage || s.kept == nil {
		return s.post(ctx, api+"chat.postMessage", out)
	}
	about := m.GroupKey
	if m.Incident != nil {
		about = m.Incident.ID
	}
	all := s.kept.all(ctx)
	if old, found := all[about]; found {
		change := out
		change.Channel, change.Timestamp = old.Channel, old.Timestamp
		sent, err := s.post(ctx, api+"chat.update", change)
		if err == nil || !message.Permanent(err) {
			return sent, err
		}
		s.log.Info("slack message cannot be changed, sending another", "err", err)
	}
	sent, err := s.post(ctx, api+"chat.postMessage", out)
	if err == nil && sent.Timestamp != "" {
		all[about] = place{sent.Channel, sent.Timestamp, m.At}
		s.kept.put(ctx, all, m.At)
	}
	return sent, err
}

// kept remembers, in the store, the messages that may be changed.
type kept struct {
	store   *store.DB
	setting string
	log     *slog.Logger
}

// place is where a message is.
type place struct {
	Channel, Timestamp string
	At                 time.Time
}

// keptFor is how long a message may be changed after it was sent, keptMost how
// many are remembered.
const (
	keptFor  = 14 * 24 * time.Hour
	keptMost = 500
)

// all are the messages by what they are about.
func (k *kept) all(ctx context.Context) map[string]place {
	all := map[string]place{}
	if _, err := k.store.Kept(ctx, k.setting, &all); err != nil {
		k.log.Warn("slack messages to change not read", "err", err)
	}
	return all
}

// put stores all but the old, also while stopping: the message was sent.
func (k *kept) put(ctx context.Context, all map[string]place, now time.Time) {
	var old []string
	for about := range all {
		old = append(old, about)
	}
	slices.SortFunc(old, func(a, b string) int { return all[a].At.Compare(all[b].At) })
	for i, about := range old {
		if now.Sub(all[about].At) > keptFor || len(old)-i > keptMost {
			delete(all, about)
		}
	}
	if err := k.store.PutSetting(context.WithoutCancel(ctx), k.setting, all); err != nil {
		k.log.Warn("slack message to change not stored", "err", err)
	}
}

// upload puts the chart into a message's thread.
func (s *Sender) upload(ctx context.Context, api string, png []byte, to answer) error {
	const name = "incident.png"
	form := url.Values{"filename": {name}, "length": {fmt.Sprint(len(png))}}
	place, err := s.call(ctx, s.client, api+"files.getUploadURLExternal", "application/x-www-form-urlencoded", []byte(form.Encode()))
	if err != nil {
		return fmt.Errorf("ask where to upload: %w", err)
	}
	if _, err := s.call(ctx, s.plain, place.UploadURL, "application/octet-stream", png); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	_, err = s.post(ctx, api+"files.completeUploadExternal", map[string]any{
		"files":      []map[string]string{{"id": place.FileID, "title": "Score and causes"}},
		"channel_id": to.Channel, "thread_ts": to.Timestamp,
	})
	if err != nil {
		return fmt.Errorf("complete the upload: %w", err)
	}
	return nil
}

func (s *Sender) post(ctx context.Context, target string, out any) (answer, error) {
	body, err := json.Marshal(out)
	if err != nil {
		return answer{}, message.Refuse("encode message: %w", err)
	}
	return s.call(ctx, s.client, target, "application/json; charset=utf-8", body)
}

// call makes one request and judges the answer: JSON of the Web API, or a
// webhook's and an upload's word in text.
func (s *Sender) call(ctx context.Context, client *http.Client, target, contentType string, body []byte) (a answer, err error) {
	got, err := message.Post(ctx, client, target, contentType, body, nil)
	if err != nil {
		return a, err
	}
	if err := got.Judge(); err != nil {
		return a, err
	}
	if strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(got.Body, &a); err != nil {
			return a, errors.New("the answer is not Slack's")
		}
		return a, judge(a)
	}
	if word := message.OneLine(string(got.Body)); word != "ok" && !strings.HasPrefix(word, "OK - ") {
		return a, message.Refuse("slack answered %s", word[:min(len(word), 200)])
	}
	return a, nil
}

// judge is what an error of the Web API means: those of Slack's own trouble
// pass, the others are the configuration's.
func judge(a answer) error {
	if a.OK {
		return nil
	}
	r := message.Refusal{Err: fmt.Errorf("slack answered %s", message.OneLine(a.Error)), Permanent: true}
	switch a.Error {
	case "ratelimited", "rate_limited", "message_limit_exceeded":
		r.Permanent, r.After = false, message.DefaultRetryAfter
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "accesslimited", "":
		r.Permanent = false
	}
	return r
}
