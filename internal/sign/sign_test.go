package sign

import (
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// The example that the Standard Webhooks specification's reference libraries
// test themselves with.
func TestStandardWebhooksSignature(t *testing.T) {
	key := must.Get(Key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))(t)
	got := Header(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	for name, want := range map[string]string{
		"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
		"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Get(name), want)
		}
	}
}

func TestKeys(t *testing.T) {
	for secret, want := range map[string]string{"": "", "plain": "plain", "whsec_aHVzaA==": "hush"} {
		if got := must.Get(Key(secret))(t); string(got) != want {
			t.Errorf("%q is the key %q, want %q", secret, got, want)
		}
	}
	if _, err := Key("whsec_%%"); err == nil {
		t.Error("a key that is not base64 signs")
	}
	if got := Header(nil, "a", time.Unix(0, 0), nil); got.Get("Webhook-Signature") != "" || got.Get("Webhook-Id") != "a" {
		t.Errorf("without a key: %v", got)
	}
}
