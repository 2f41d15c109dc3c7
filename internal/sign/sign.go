// Package sign signs what Omen posts to other programs, as the Standard Webhooks
// specification 1.0.0 says (webhook-id, webhook-timestamp, webhook-signature), with
// its symmetric scheme v1: HMAC-SHA256 over "id.timestamp.body". Start at [Header].
// It reads no file and checks nobody's signature.
package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Key is the key that a secret stands for: base64 after the prefix "whsec_", or
// the bytes as they are.
func Key(secret string) ([]byte, error) {
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

// Header are the headers of a body that is sent as id at an instant; without a key
// there is no signature.
func Header(key []byte, id string, at time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	header := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}}
	if len(key) > 0 {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.", id, stamp)
		mac.Write(body)
		header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return header
}
