package webhook

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/internal/sign"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

func newSender(t testing.TB, config string, signing Signing) *Sender {
	t.Helper()
	return must.Get(New(messagetest.Receiver(t, "webhook_configs: [%s]", config).WebhookConfigs[0], messagetest.Renderer(t), signing))(t)
}

func TestSuite(t *testing.T) {
	messagetest.Suite{
		New: func(t testing.TB, url string) message.Sender { return newSender(t, "{url: '"+url+"'}", Signing{}) },
		Read: func(t testing.TB, r messagetest.Request) messagetest.Taken {
			if r.Header.Get("Idempotency-Key") != `"`+r.Header.Get("Webhook-Id")+`"` {
				t.Errorf("two keys: %v", r.Header)
			}
			return messagetest.Taken{Key: r.Header.Get("Webhook-Id"), Text: messagetest.Texts(t, r.Body)}
		},
		Programs: true,
	}.Run(t)
}

func TestWebhookIsSigned(t *testing.T) {
	hook := messagetest.NewServer(t, "", nil)
	file := filepath.Join(t.TempDir(), "secret")
	must.OK(t, os.WriteFile(file, []byte("whsec_aHVzaA==\n"), 0o600))
	m := messagetest.About(messagetest.Opened())
	must.OK(t, newSender(t, "{url: '"+hook.URL+"'}", Signing{SecretFile: file}).Send(t.Context(), m))
	got := hook.Got()[0]
	id := got.Header.Get("Webhook-Id")
	want := sign.Header([]byte("hush"), id, m.At, got.Body).Get("Webhook-Signature")
	if got.Header.Get("Webhook-Signature") != want || id != "a.1" {
		t.Errorf("signed %q as %q, want %q", id, got.Header.Get("Webhook-Signature"), want)
	}
	for _, bad := range []Signing{{Secret: "whsec_%%"}, {SecretFile: "/does/not/exist"}} {
		if _, err := bad.header("a", m.At, nil); err == nil {
			t.Errorf("%v signs", bad)
		}
	}
}

func TestPayload(t *testing.T) {
	hook := messagetest.NewServer(t, "", nil)
	s := newSender(t, `{url: "`+hook.URL+`/{{ .CommonLabels.instance }}", payload: {text: "{{ .CommonAnnotations.host }}", n: 3}}`, Signing{})
	must.OK(t, s.Send(t.Context(), messagetest.About(messagetest.Opened())))
	if got := hook.Got()[0]; got.Path != "/web-1" || string(got.Body) != `{"n":3,"text":"web-1"}` {
		t.Errorf("%s to %s", got.Body, got.Path)
	}
}

func TestMaxAlerts(t *testing.T) {
	hook := messagetest.NewServer(t, "", nil)
	m := messagetest.About(messagetest.Opened(), messagetest.Opened(), messagetest.Opened())
	must.OK(t, newSender(t, "{max_alerts: 2, url: '"+hook.URL+"'}", Signing{}).Send(t.Context(), m))
	type sent struct {
		Alerts    []struct{}
		Truncated int `json:"truncatedAlerts"`
	}
	if got := messagetest.Decode[sent](t, hook.Got()[0].Body); len(got.Alerts) != 2 || got.Truncated != 1 {
		t.Errorf("%+v", got)
	}
}
