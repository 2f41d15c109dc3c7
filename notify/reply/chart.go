package notify

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// secretKey is the key under which Omen signs what it sends: it is made once
// and never leaves the store.
type secretKey struct {
	store *store.DB
	mu    sync.Mutex
	key   []byte
}

// get reads the key, and makes it the first time.
func (k *secretKey) get(ctx context.Context) ([]byte, error) {
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
	if !found || len(key) < sha256.Size {
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
func (k *secretKey) have() []byte {
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

// graphs serves the pictures of incidents to channels that fetch them, such as
// Slack's webhooks, and signs the links to them.
type graphs struct {
	store    *store.DB
	key      *secretKey
	external *url.URL
	public   bool // external can be reached from outside, as far as its form tells
	scores   Scores
	expire   time.Duration
	drawing  chan struct{} // a token for each picture being drawn; bound maxDrawing, owner serve, full: refused
}

// maxDrawing bounds what link holders can make Omen draw at once.
const maxDrawing = 2

const graphPurpose = "omen graph v1"

// link is the signed address of an incident's picture; empty: there is none.
func (g *graphs) link(incident string, now time.Time) string {
	if g == nil || !g.public || g.scores == nil {
		return ""
	}
	key := g.key.have()
	if key == nil {
		return ""
	}
	ends := strconv.FormatInt(now.Add(g.expire).Unix(), 36)
	to := g.external.JoinPath("api/v1/omen/incidents", incident, "graph.png")
	to.RawQuery = url.Values{"sig": {ends + "." + sign(key, graphPurpose, incident+"."+ends)}}.Encode()
	return to.String()
}

// valid reports whether a signature is ours, for this incident, and not over.
func (g *graphs) valid(ctx context.Context, incident, sig string, now time.Time) (bool, error) {
	key, err := g.key.get(ctx)
	if err != nil {
		return false, err
	}
	ends, mac, _ := strings.Cut(sig, ".")
	if !hmac.Equal([]byte(mac), []byte(sign(key, graphPurpose, incident+"."+ends))) {
		return false, nil
	}
	at, err := strconv.ParseInt(ends, 36, 64)
	return err == nil && now.Before(time.Unix(at, 0)), nil
}

// Graph is the PNG graph of an incident's score and causes as it is now, for
// the signed links in messages. A signature that is not good for this incident
// is [omen.ErrDenied], nothing to draw [omen.ErrNotFound] or [omen.ErrTooFew],
// too much at once [omen.ErrUnavailable].
func (r *Relay) Graph(ctx context.Context, incident, sig string) ([]byte, error) {
	return r.graphs.draw(ctx, incident, sig, time.Now())
}

// draw is the picture of an incident as it is now.
func (g *graphs) draw(ctx context.Context, incident, sig string, now time.Time) ([]byte, error) {
	if g == nil || g.scores == nil {
		return nil, fmt.Errorf("graph of incident %s: pictures are off: %w", incident, omen.ErrNotFound)
	}
	good, err := g.valid(ctx, incident, sig, now)
	if err != nil {
		return nil, err
	}
	if !good {
		return nil, fmt.Errorf("graph of incident %s: the link is not valid: %w", incident, omen.ErrDenied)
	}
	select {
	case g.drawing <- struct{}{}:
		defer func() { <-g.drawing }()
	default:
		return nil, fmt.Errorf("graph of incident %s: %d are being drawn: %w", incident, maxDrawing, omen.ErrUnavailable)
	}
	in, err := g.store.Incident(ctx, incident)
	if err != nil {
		return nil, err
	}
	return drawn(ctx, g.scores, in, now)
}

// reachable reports whether a URL may be fetched from outside: not one of this
// machine, of a private network, or of a name without a dot.
func reachable(u *url.URL) bool {
	host := u.Hostname()
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsGlobalUnicast() && !ip.IsPrivate()
	}
	return strings.Contains(host, ".") && !strings.HasSuffix(host, ".local") && !strings.HasSuffix(host, ".localhost")
}
