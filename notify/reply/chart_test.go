package reply

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// history is of every host.
type history struct{ message.Hosts }

func (history) Scores(_ context.Context, _ omen.Host, from, to time.Time) ([]omen.ScorePoint, error) {
	return []omen.ScorePoint{{At: from, Value: .5}, {At: to, Value: 3}}, nil
}

func (history) Used(_ omen.Resource, from time.Time) []omen.UsedPoint {
	return []omen.UsedPoint{{At: from, Share: .2}, {At: from.Add(time.Hour), Share: .4}}
}

// A link to a chart opens this incident's chart alone, and not for ever.
func TestChartLinks(t *testing.T) {
	db := messagetest.Store(t)
	now := time.Now().UTC()
	messagetest.Append(t, db, messagetest.Step("a", "web-1", 1, omen.ChangeOpened, now), messagetest.Step("b", "web-2", 1, omen.ChangeOpened, now))
	o := options(t, db, "https://omen.example.org/sub")
	must.Get(o.Key.Get(t.Context()))(t)
	charts := NewCharts(o, true, history{})
	if link := charts.Link("a", now); !strings.HasPrefix(link, "https://omen.example.org/sub/api/v1/omen/incidents/a/graph.png?sig=") {
		t.Errorf("link %q", link)
	}
	sigOf := func(incident string, at time.Time) string {
		u := must.Get(url.Parse(charts.Link(incident, at)))(t)
		return u.Query().Get("sig")
	}
	good, other := sigOf("a", now), "A"
	if strings.HasSuffix(good, other) {
		other = "B"
	}
	if png, err := charts.Draw(t.Context(), "a", good, now); err != nil || !strings.HasPrefix(string(png), messagetest.PNG) {
		t.Errorf("%d bytes, %v", len(png), err)
	}
	token, _ := New(o, nil).token("a", "r", now)
	for what, c := range map[string]struct {
		incident, sig string
		kind          error
	}{
		"another incident": {"b", good, omen.ErrDenied}, "none": {"a", "", omen.ErrDenied}, "forged": {"a", good[:len(good)-1] + other, omen.ErrDenied},
		"cut": {"a", good[1:], omen.ErrDenied}, "a button's token": {"a", token, omen.ErrDenied}, "longer": {"a", "zz" + good, omen.ErrDenied},
		"over": {"a", sigOf("a", now.Add(-time.Hour-time.Second)), omen.ErrDenied}, "unknown": {"none", sigOf("none", now), omen.ErrNotFound},
	} {
		if _, err := charts.Draw(t.Context(), c.incident, c.sig, now); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", what, err, c.kind)
		}
	}
	charts.drawing <- struct{}{}
	charts.drawing <- struct{}{}
	if _, err := charts.Draw(t.Context(), "a", good, now); !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("while others are drawn: %v", err)
	}
}

// Channels are sent to fetch a chart only where they can.
func TestChartsThatNobodyCanFetch(t *testing.T) {
	for external, public := range map[string]bool{
		"https://omen.example.org": false, "http://127.0.0.1:9909": true, "http://localhost": true, "http://omen:9909": true, "http://10.0.0.7": true, "http://[::1]:1": true,
	} {
		o := options(t, messagetest.Store(t), external)
		must.Get(o.Key.Get(t.Context()))(t)
		if link := NewCharts(o, public, history{}).Link("a", time.Now()); link != "" {
			t.Errorf("%s, configured %v: channels are sent to %s", external, public, link)
		}
	}
}
