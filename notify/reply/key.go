package reply

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// Key is the key under which Omen signs what it sends: it is made once
// and never leaves the store.
type Key struct {
	store *store.DB
	mu    sync.Mutex
	key   []byte
}

const (
	settingKey = "notify.feedback_key"
	macLen     = 12 // bytes: 96 bits
)

// NewKey is the key of a store; nothing is read yet.
func NewKey(db *store.DB) *Key { return &Key{store: db} }

// Get reads the key, and makes it the first time.
func (k *Key) Get(ctx context.Context) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key != nil {
		return k.key, nil
	}
	var key []byte
	found, err := k.store.Setting(ctx, settingKey, &key)
	if err != nil {
		return nil, fmt.Errorf("read the key of signed links: %w", err)
	}
	if found && len(key) < sha256.Size {
		return nil, omen.WithHint(fmt.Errorf("read the key of signed links: it has %d bytes, want %d: %w", len(key), sha256.Size, omen.ErrCorrupt),
			k.store.Mend(settingKey)+"; links that were sent are void then")
	}
	if !found {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // documented never to fail
		if err := k.store.PutSetting(ctx, settingKey, key); err != nil {
			return nil, fmt.Errorf("store the key of signed links: %w", err)
		}
	}
	k.key = key
	return key, nil
}

// have is the key if it was read, else nil.
func (k *Key) have() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.key
}

// sign is a MAC (HMAC-SHA256, RFC 2104) of 96 bits. What a MAC is for is part
// of what it covers, so that none can be used for another purpose.
func sign(key []byte, purpose, body string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + "\x00" + body))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:macLen])
}
