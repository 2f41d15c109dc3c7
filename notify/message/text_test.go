package message

import (
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// A message says that a trouble is over only where it is.
func TestClosingSaysWhatIsKnown(t *testing.T) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	host := omen.Incident{Kind: omen.HostIncident, Host: omen.Host{Source: "prod", Name: "web-1"}}
	source := omen.Incident{Kind: omen.SourceIncident, Host: omen.Host{Source: "prod"}, Members: []omen.Host{host.Host}}
	for _, tt := range []struct {
		in           omen.Incident
		reason, want string
		icon         string
	}{
		{host, omen.ReasonRecovered, "web-1 is back to normal", "✅"},
		{host, omen.ReasonExpired, "web-1: taken as the new normal after 6h0m0s; it may still last", "⚪"},
		{host, omen.ReasonNewModel, "web-1: the new model takes this as normal; it may still last", "⚪"},
		{host, omen.ReasonSettled, "web-1: settled at a new level; it still lasts", "⚪"},
		{host, omen.ReasonHostGone, "web-1 sends nothing any more", "✅"},
		{source, omen.ReasonRecovered, "source prod answers again", "✅"},
		{source, omen.ReasonByOperator, "source prod: closed by an operator", "✅"},
		{source, omen.ReasonHostGone, "source prod: the hosts that send nothing count as gone", "✅"},
	} {
		in := tt.in
		in.State, in.Reason, in.Since, in.ClosedAt = omen.Closed, tt.reason, noon, noon.Add(6*time.Hour)
		if got := headline(in); got != tt.want || icon(in) != tt.icon {
			t.Errorf("%s of a %s: %s %q, want %s %q", tt.reason, in.Kind, icon(in), got, tt.icon, tt.want)
		}
		if over := strings.HasPrefix(detail(in, in.ClosedAt), "Lasted "); over == lastsStill(in) {
			t.Errorf("%s: %q", tt.reason, detail(in, in.ClosedAt))
		}
	}
}
