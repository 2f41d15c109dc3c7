package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// alertStorm is the alert of many incidents in one message.
const alertStorm = "OmenStorm"

// tally counts what a storm's message is about.
type tally struct {
	opened, closed int // since the message before
	open, critical int // now
	hosts          []omen.Host
	since          time.Time
}

func (t *tally) add(e *entry) {
	over := e.in.State == omen.Closed
	switch due := len(e.due) > 0; {
	case due && over:
		t.closed++
	case due:
		t.opened++
		t.hosts = append(t.hosts, omen.Host{Name: message.Subject(e.in)})
	}
	if !over {
		t.open++
		if e.in.Severity == omen.Critical {
			t.critical++
		}
	}
	if !e.in.Since.IsZero() && e.in.Since.Before(t.since) {
		t.since = e.in.Since
	}
}

// headline says what happened since the message before, or that it is over.
func (t *tally) headline() string {
	if t.open == 0 {
		return "The storm is over: " + omen.Plural(t.closed, "incident", "incidents") + " closed"
	}
	var parts []string
	if t.opened > 0 {
		parts = append(parts, omen.Plural(t.opened, "incident", "incidents")+" opened")
	}
	if t.closed > 0 {
		parts = append(parts, fmt.Sprintf("%d closed", t.closed))
	}
	return "STORM: " + strings.Join(parts, ", ")
}

// stormAlert says in one alert what a storm's message is about. It fires while
// any of the storm's incidents is open.
func (q *queue) stormAlert(out *batch, now time.Time) *alert.Alert {
	t := tally{since: now}
	for _, g := range out.groups {
		for _, e := range g.members {
			t.add(e)
		}
	}
	severity, icon := omen.Warning, "🌩"
	if t.critical > 0 {
		severity = omen.Critical
	}
	link := q.rules.view.External.JoinPath("incidents").String()
	a := &alert.Alert{UpdatedAt: now, Alert: model.Alert{StartsAt: t.since, GeneratorURL: link}}
	if t.open == 0 {
		icon, a.EndsAt = "✅", now
	}
	a.Labels = model.LabelSet{model.AlertNameLabel: alertStorm, "severity": model.LabelValue(severity)}
	a.Annotations = message.Values(map[model.LabelName]string{
		"summary":     t.headline(),
		"headline":    t.headline(),
		"description": t.headline(),
		"detail":      fmt.Sprintf("%d open now, %d of them critical; at most one message a minute", t.open, t.critical),
		"members":     message.HostNames(t.hosts),
		"icon":        icon,
		"link":        link,
		"opened":      fmt.Sprint(t.opened),
		"closed":      fmt.Sprint(t.closed),
		"open":        fmt.Sprint(t.open),
		"key":         messageKey(out, now),
	})
	return a
}
