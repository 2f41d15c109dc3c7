package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"

	"github.com/omenhq/omen/notify/message"
)

// Signing is how a receiver's webhooks are signed: as the Standard Webhooks
// specification 1.0.0 says (webhook-id, webhook-timestamp, webhook-signature),
// with its symmetric scheme v1: HMAC-SHA256 over "id.timestamp.body".
type Signing struct {
	Secret     promconfig.Secret `yaml:"secret"`
	SecretFile string            `yaml:"secret_file"`
}

// key reads the secret: base64 after the prefix "whsec_", or the bytes as they
// are.
func (s Signing) key() ([]byte, error) {
	secret, err := message.Secret(string(s.Secret), s.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("sign webhook: %w", err)
	}
	encoded, found := strings.CutPrefix(secret, "whsec_")
	if !found {
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("sign webhook: what follows whsec_ in the secret is not base64: %w", err)
	}
	return key, nil
}

// sign is the webhook-signature header of a body; empty without a secret.
func (s Signing) sign(id string, at time.Time, body []byte) (string, error) {
	if s == (Signing{}) {
		return "", nil
	}
	key, err := s.key()
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, strconv.FormatInt(at.Unix(), 10))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
