package notify

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// The example that the Standard Webhooks specification's reference libraries
// test themselves with.
func TestStandardWebhooksSignature(t *testing.T) {
	s := signer{signingSettings{Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}
	got, err := s.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWebhookIsSigned(t *testing.T) {
	hook := newSink(t, "", nil)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("whsec_aHVzaA==\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sendOne(t, "receivers:\n"+webhookReceiver("r", hook.URL)+"notify: {signing: {r: {secret_file: "+file+"}}}\n"); err != nil {
		t.Fatal(err)
	}
	got := hook.got()[0]
	id, body := got.header.Get("Webhook-Id"), got.body
	want, err := signer{signingSettings{Secret: "hush"}}.sign(id, noon.Add(time.Second), body)
	if err != nil || got.header.Get("Webhook-Signature") != want || id != "a.1" {
		t.Errorf("signed %q as %q, want %q", id, got.header.Get("Webhook-Signature"), want)
	}
	for _, bad := range []signingSettings{{Secret: "whsec_%%"}, {SecretFile: "/does/not/exist"}} {
		if _, err := (signer{bad}).sign("a", noon, nil); err == nil {
			t.Errorf("%v signs", bad)
		}
	}
}

func TestWebhookPayload(t *testing.T) {
	hook := newSink(t, "", nil)
	err := sendOne(t, `receivers: [{name: r, webhook_configs: [{url: "`+hook.URL+`/{{ .CommonLabels.instance }}", payload: {text: "{{ .CommonAnnotations.host }}", n: 3}}]}]`,
		func(c *omen.Change) { c.Incident.Host.Name = "web-1" })
	if err != nil {
		t.Fatal(err)
	}
	if got := hook.got()[0]; got.path != "/web-1" || string(got.body) != `{"n":3,"text":"web-1"}` {
		t.Errorf("%s to %s", got.body, got.path)
	}
}
