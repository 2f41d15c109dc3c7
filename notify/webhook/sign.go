package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// signer signs outgoing webhooks as the Standard Webhooks specification 1.0.0
// says (webhook-id, webhook-timestamp, webhook-signature), with its symmetric
// scheme v1: HMAC-SHA256 over "id.timestamp.body".
type signer struct {
	settings signingSettings
}

// key reads the secret: base64 after the prefix "whsec_", or the bytes as they
// are. The file is read each time, so that a secret can be changed in place.
func (s signer) key() ([]byte, error) {
	secret := string(s.settings.Secret)
	if s.settings.SecretFile != "" {
		text, err := os.ReadFile(s.settings.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("read signing secret: %w", err)
		}
		secret = strings.TrimSpace(string(text))
	}
	encoded, found := strings.CutPrefix(secret, "whsec_")
	if !found {
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("read signing secret: what follows whsec_ is not base64: %w", err)
	}
	return key, nil
}

// sign is the webhook-signature header of a body; empty without a secret.
func (s signer) sign(id string, at time.Time, body []byte) (string, error) {
	if s.settings == (signingSettings{}) {
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
