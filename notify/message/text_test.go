package message

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/alert"

	omen "github.com/omenhq/omen"
)

// A message says that a trouble is over only where it is.
func TestClosingSaysWhatIsKnown(t *testing.T) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	host := omen.Incident{Kind: omen.HostIncident, Host: omen.Host{Source: "prod", Name: "web-1"}}
	source := omen.Incident{Kind: omen.SourceIncident, Host: omen.Host{Source: "prod"}, Members: []omen.Host{host.Host}}
	full := omen.Incident{Kind: omen.ForecastIncident, Host: host.Host, Forecast: &omen.Outlook{Title: "/var"}}
	for _, tt := range []struct {
		in           omen.Incident
		reason, want string
		icon         string
	}{
		{host, omen.ReasonRecovered, "web-1 is back to normal", "✅"},
		{host, omen.ReasonExpired, "web-1: taken as the new normal after 6h; it may still last", "⚪"},
		{host, omen.ReasonNewModel, "web-1: the new model takes this as normal; it may still last", "⚪"},
		{host, omen.ReasonSettled, "web-1: settled at a new level; it still lasts", "⚪"},
		{host, omen.ReasonHostGone, "web-1 sends nothing any more", "✅"},
		{full, omen.ReasonRecovered, "/var on web-1 is not expected to become full any more", "✅"},
		{full, omen.ReasonWasFull, "/var on web-1 was full, and is no more", "✅"},
		{full, omen.ReasonHostGone, "/var on web-1 is not measured any more", "✅"},
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

// A forecast's message is its sentence, and its alert says of what it is.
func TestAForecastsMessage(t *testing.T) {
	in := omen.Incident{
		ID: "f", Kind: omen.ForecastIncident, Host: omen.Host{Source: "prod", Profile: "node", Name: "web-1"}, State: omen.Open, Severity: omen.Warning,
		Summary:  "/var on web-1 is full in 3 h (1½–6 h): fills 2.1 GB/h since 14:05, at 83 % now",
		Forecast: &omen.Outlook{Resource: omen.Resource{Name: "filesystem_space", Where: "/var"}, Title: "/var"},
	}
	a := View{External: &url.URL{Scheme: "http", Host: "omen"}}.Alert(in, nil, time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC))
	if a.Labels["alertname"] != "OmenForecast" || a.Labels["resource"] != "filesystem_space" || a.Labels["where"] != "/var" || a.Labels["instance"] != "web-1" {
		t.Errorf("labels %v", a.Labels)
	}
	if want := "WARNING: " + in.Summary; string(a.Annotations["summary"]) != want {
		t.Errorf("says %q, want %q", a.Annotations["summary"], want)
	}
}

// What waited for approval when an incident ended is not said of one that is over;
// what was done is. What waits is named once, whatever was said before.
func TestActionsAreNamed(t *testing.T) {
	v := View{External: &url.URL{Scheme: "https", Host: "omen.example"}}
	waits := func(id string) omen.Action {
		return omen.Action{ID: id, Playbook: "p" + id, Does: "systemd_restart", State: omen.ActionWaiting}
	}
	for want, in := range map[string]omen.Incident{
		waits("a1").Text() + "\n" + waits("a2").Text(): {State: omen.Open, Remedy: waits("a1").Text()},
		"":     {State: omen.Closed, Remedy: waits("a1").Text()},
		"done": {State: omen.Closed, Remedy: "done", Actions: 1},
	} {
		m := Message{Alerts: []*alert.Alert{v.Alert(in, nil, time.Now())}}
		if in.State == omen.Open {
			m.Wait([]omen.Action{waits("a1"), waits("a2")})
		}
		if got := string(m.Alerts[0].Annotations["action"]); got != want {
			t.Errorf("%s: %q, want %q", in.State, got, want)
		}
		description := string(m.Alerts[0].Annotations["description"])
		for line := range strings.SplitSeq(want, "\n") {
			if strings.Count(description, "Action "+line) != min(1, len(line)) {
				t.Errorf("%s: %q does not say %q once", in.State, description, line)
			}
		}
	}
}

// Below a path prefix the links lead below it.
func TestLinksKeepThePathOfTheExternalURL(t *testing.T) {
	v := View{External: &url.URL{Scheme: "https", Host: "omen.example", Path: "/ops/omen"}}
	if got := v.Link("i1"); got != "https://omen.example/ops/omen/incidents/i1" {
		t.Errorf("the link is %s", got)
	}
}
