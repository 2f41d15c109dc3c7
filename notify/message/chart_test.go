package notify

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

func history(in omen.Incident) []omen.ScorePoint {
	var points []omen.ScorePoint
	for at := in.Since.Add(-pictureBefore); at.Before(in.Since.Add(10 * time.Minute)); at = at.Add(15 * time.Second) {
		v := .4
		if !at.Before(in.Since) {
			v = 3
		}
		points = append(points, omen.ScorePoint{At: at, Value: v})
	}
	return points
}

func TestTimesOnAnAxisAreWhole(t *testing.T) {
	at := time.Date(2026, 3, 2, 11, 43, 17, 0, time.UTC)
	for length, want := range map[time.Duration]string{
		25 * time.Minute: "11:45 11:50 11:55 12:00 12:05",
		3 * time.Hour:    "12:00 12:30 13:00 13:30 14:00 14:30",
		50 * time.Hour:   "2 Mar 12:00 3 Mar 00:00 3 Mar 12:00 4 Mar 00:00 4 Mar 12:00",
	} {
		var got []string
		for _, tick := range (wholeTimes{}).Ticks(float64(at.Unix()), float64(at.Add(length).Unix())) {
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", length, got, want)
		}
	}
}

func TestPicture(t *testing.T) {
	in := step("a", "web-1", 1, omen.ChangeOpened, noon).Incident
	data, err := picture(in, history(in))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != 1024 || b.Dy() < 600 || b.Dy() > 1000 {
		t.Errorf("picture is %v", b)
	}
	clear := in
	clear.Causes = slices.Clone(in.Causes)
	clear.Causes[0].Clears = false
	if marked, err := picture(clear, history(in)); err != nil || bytes.Equal(marked, data) {
		t.Errorf("what would clear the alert does not show: %v", err)
	}
	if where := os.Getenv("OMEN_NOTIFY_PICTURE"); where != "" {
		if err := os.WriteFile(where, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := picture(in, nil); !errors.Is(err, omen.ErrTooFew) {
		t.Errorf("no points: %v", err)
	}
	in.Causes = nil
	if _, err := picture(in, history(in)); err != nil {
		t.Errorf("no causes: %v", err)
	}
}

// The picture carries the message as its caption; without scores, or where
// Telegram does not take it, the text goes alone.
func TestTelegramPicture(t *testing.T) {
	for name, c := range map[string]struct {
		scores func(in omen.Incident) ([]omen.ScorePoint, error)
		refuse bool
		paths  string
	}{
		"taken":   {func(in omen.Incident) ([]omen.ScorePoint, error) { return history(in), nil }, false, "sendPhoto"},
		"refused": {func(in omen.Incident) ([]omen.ScorePoint, error) { return history(in), nil }, true, "sendPhoto sendMessage"},
		"none":    {func(omen.Incident) ([]omen.ScorePoint, error) { return nil, omen.ErrUnavailable }, false, "sendMessage"},
	} {
		t.Run(name, func(t *testing.T) {
			tg := newSink(t, telegramOK, func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if c.refuse && strings.HasSuffix(r.URL.Path, "/sendPhoto") {
					w.WriteHeader(400)
					_, _ = w.Write([]byte(`{"ok":false,"error_code":400,"description":"Bad Request: PHOTO_INVALID_DIMENSIONS"}`))
					return true
				}
				return false
			})
			db := openStore(t)
			change := opened("a")
			start(t, newRelay(t, db, telegramConfig(tg.URL, ""), func(o *Options) {
				o.Scores = func(context.Context, omen.Host, time.Time, time.Time) ([]omen.ScorePoint, error) {
					return c.scores(change.Incident)
				}
			}))
			eventually(t, 5*time.Second, "cursor", func() bool { readers, _ := db.Readers(t.Context()); return len(readers) == 1 })
			appendAll(t, db, change)
			eventually(t, 10*time.Second, "told", func() bool { return delivered(t, db, "a", "r/telegram", 1) })
			var paths []string
			for _, r := range tg.got() {
				paths = append(paths, strings.TrimPrefix(r.path, "/bot123:secret/"))
			}
			if got := strings.Join(paths, " "); got != c.paths {
				t.Fatalf("called %q, want %q", got, c.paths)
			}
			if name != "taken" {
				return
			}
			_, params, err := mime.ParseMediaType(tg.got()[0].header.Get("Content-Type"))
			if err != nil {
				t.Fatal(err)
			}
			form, err := multipart.NewReader(bytes.NewReader(tg.got()[0].body), params["boundary"]).ReadForm(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(form.Value["caption"][0], "WARNING: web-a") || form.Value["chat_id"][0] != "-42" || len(form.File["photo"]) != 1 {
				t.Errorf("form %v", form.Value)
			}
		})
	}
}

// omen notify test shows what an incident's message looks like, picture
// included, in every channel that takes one.
func TestTestMessagesHavePictures(t *testing.T) {
	tg, api, smtp := newSink(t, telegramOK, nil), newWebAPI(t, nil), newMailSink(t)
	text := yamlOf(`
		|receivers:
		|- name: r
		|  telegram_configs: [{api_url: %q, bot_token: "123:secret", chat_id: -42}]
		|  slack_configs: [{app_token: x, app_url: "%s/api/chat.postMessage"}]
		|  email_configs: [{to: a@b.c, from: d@e.f, smarthost: %q, require_tls: false}]
		|`, tg.URL, api.URL, smtp.Addr().String())
	if err := newRelay(t, nil, text).Test(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	if got := tg.got(); len(got) != 2 || !strings.HasSuffix(got[0].path, "/sendPhoto") || !strings.HasSuffix(got[1].path, "/sendMessage") {
		t.Errorf("telegram: %d requests, first to %s", len(got), got[0].path)
	}
	if paths := strings.Join(api.paths(), " "); paths != "chat.postMessage files.getUploadURLExternal /upload/x files.completeUploadExternal chat.postMessage" {
		t.Errorf("slack: %s", paths)
	}
	mails := smtp.got()
	if len(mails) != 2 {
		t.Fatalf("%d mails", len(mails))
	}
	_, first := mails[0].parts(t)
	_, over := mails[1].parts(t)
	if !strings.HasPrefix(first["image/png"], isPNG) || !strings.Contains(first["text/plain"], "This is a test of receiver r") || over["image/png"] != "" {
		t.Errorf("mails %q, %q", first["text/plain"], over["text/plain"])
	}
	if err := newRelay(t, nil, text+"\nnotify: {pictures: false}\n").Test(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	if _, parts := smtp.got()[2].parts(t); parts["image/png"] != "" {
		t.Error("a picture, though they are off")
	}
}
