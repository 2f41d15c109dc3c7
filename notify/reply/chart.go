package reply

import (
	"context"
	"crypto/hmac"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// Charts serves the charts of incidents to channels that fetch them, such as
// Slack's webhooks, and signs the links to them. A nil *Charts has none.
type Charts struct {
	Options
	public  bool          // channels can reach External, as far as its form tells
	hosts   message.Hosts // nil: charts are off
	drawing chan struct{} // a token for each chart being drawn; bound maxDrawing, owner Draw, full: refused
}

// NewCharts makes the charts of a store's incidents. Public says that External
// was configured; hosts is nil where charts are off.
func NewCharts(o Options, public bool, hosts message.Hosts) *Charts {
	return &Charts{o, public && reachable(o.External), hosts, make(chan struct{}, maxDrawing)}
}

// maxDrawing bounds what link holders can make Omen draw at once.
const maxDrawing = 2

const chartPurpose = "omen graph v1"

// Link is the signed address of an incident's chart; empty: there is none.
func (c *Charts) Link(incident string, now time.Time) string {
	if c == nil || !c.public || c.hosts == nil {
		return ""
	}
	key := c.Key.have()
	if key == nil {
		return ""
	}
	ends := strconv.FormatInt(now.Add(c.Expire).Unix(), 36)
	to := c.External.JoinPath("api/v1/omen/incidents", incident, "graph.png")
	to.RawQuery = url.Values{"sig": {ends + "." + sign(key, chartPurpose, incident+"."+ends)}}.Encode()
	return to.String()
}

// valid reports whether a signature is ours, for this incident, and not over.
func (c *Charts) valid(ctx context.Context, incident, sig string, now time.Time) (bool, error) {
	key, err := c.Key.Get(ctx)
	if err != nil {
		return false, err
	}
	ends, mac, _ := strings.Cut(sig, ".")
	if !hmac.Equal([]byte(mac), []byte(sign(key, chartPurpose, incident+"."+ends))) {
		return false, nil
	}
	at, err := strconv.ParseInt(ends, 36, 64)
	return err == nil && now.Before(time.Unix(at, 0)), nil
}

// Draw is the PNG chart of an incident's score and causes as it is now, for the
// signed links in messages. A signature that is not good for this incident is
// [omen.ErrDenied], nothing to draw [omen.ErrNotFound] or [omen.ErrTooFew], too
// much at once [omen.ErrUnavailable].
func (c *Charts) Draw(ctx context.Context, incident, sig string, now time.Time) ([]byte, error) {
	if c == nil || c.hosts == nil {
		return nil, fmt.Errorf("chart of incident %s: charts are off: %w", incident, omen.ErrNotFound)
	}
	good, err := c.valid(ctx, incident, sig, now)
	if err != nil {
		return nil, err
	}
	if !good {
		return nil, fmt.Errorf("chart of incident %s: the link is not valid: %w", incident, omen.ErrDenied)
	}
	select {
	case c.drawing <- struct{}{}:
		defer func() { <-c.drawing }()
	default:
		return nil, fmt.Errorf("chart of incident %s: %d are being drawn: %w", incident, maxDrawing, omen.ErrUnavailable)
	}
	in, err := c.Store.Incident(ctx, incident)
	if err != nil {
		return nil, err
	}
	return message.Draw(ctx, c.hosts, in, now)
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
