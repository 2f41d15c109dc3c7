package webhook

import (
	"fmt"
	"net/http"
	"time"

	promconfig "github.com/prometheus/common/config"

	"github.com/omenhq/omen/internal/sign"
	"github.com/omenhq/omen/notify/message"
)

// Signing is how a receiver's webhooks are signed; see package sign.
type Signing struct {
	Secret     promconfig.Secret `yaml:"secret"`
	SecretFile string            `yaml:"secret_file"`
}

// header are the headers of a signed body; without a secret those of one that is
// not signed.
func (s Signing) header(id string, at time.Time, body []byte) (http.Header, error) {
	secret, err := message.Secret(string(s.Secret), s.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("sign webhook: %w", err)
	}
	key, err := sign.Key(secret)
	if err != nil {
		return nil, err
	}
	return sign.Header(key, id, at, body), nil
}
