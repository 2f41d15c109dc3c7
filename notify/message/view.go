package message

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
)

// Names of the alerts about incidents.
const (
	alertAnomaly = "OmenAnomaly"    // a host or many leave their normal behaviour
	alertSource  = "OmenSourceDown" // a source does not answer
	alertOwn     = "OmenTrouble"    // Omen's own trouble
	alertFull    = "OmenForecast"   // a resource is about to be full, or is
)

// Hosts is what messages say of a host beside its incident.
type Hosts interface {
	// Labels are the host's labels, such as role and team, for routes. They
	// must not change while an incident is open.
	Labels(h omen.Host) map[string]string
	// Scores is the host's score history for charts, oldest first, with as many
	// points as a chart can show.
	Scores(ctx context.Context, h omen.Host, from, to time.Time) ([]omen.ScorePoint, error)
	// Used is how much of a resource's limit was used since an instant, oldest
	// first; empty: it is not known.
	Used(r omen.Resource, from time.Time) []omen.UsedPoint
}

// View is how incidents look to receivers: as alerts with labels, which decide
// the route, and annotations, which templates write about.
type View struct {
	External *url.URL // where people reach Omen
	Hosts    Hosts    // nil: no labels of hosts
}

// Notifiable reports whether people are to be notified that the incident is
// open.
func Notifiable(in omen.Incident) bool {
	return in.State != omen.Closed && in.Suppressed == "" && (in.Severity == omen.Warning || in.Severity == omen.Critical)
}

// Values is a set without what is empty, in valid UTF-8.
func Values(all map[model.LabelName]string) model.LabelSet {
	set := model.LabelSet{}
	for name, value := range all {
		if value != "" {
			set[name] = model.LabelValue(strings.ToValidUTF8(value, "\uFFFD"))
		}
	}
	return set
}

// Link is where people read on.
func (v View) Link(incident string) string {
	return v.External.JoinPath("incidents", incident).String()
}

// Labels are the labels of an incident's alert. Those of the host cannot pass
// for one of ours.
func (v View) Labels(in omen.Incident) model.LabelSet {
	name := alertAnomaly
	switch in.Kind {
	case omen.SourceIncident:
		name = alertSource
	case omen.OwnIncident:
		name = alertOwn
	case omen.ForecastIncident:
		name = alertFull
	}
	all := map[model.LabelName]string{
		model.AlertNameLabel: name,
		"instance":           in.Host.Name,
		"severity":           string(in.Severity),
		"profile":            in.Host.Profile,
		"source":             in.Host.Source,
		"kind":               string(in.Kind),
		"incident":           in.ID,
	}
	if in.Trouble != "" {
		all["trouble"] = in.Trouble
	}
	if in.Kind == omen.ForecastIncident && in.Forecast != nil {
		all["resource"], all["where"] = in.Forecast.Name, in.Forecast.Where
	}
	if v.Hosts != nil && in.Host.Name != "" {
		for name, value := range v.Hosts.Labels(in.Host) {
			if _, ours := all[model.LabelName(name)]; !ours && model.LegacyValidation.IsValidLabelName(name) {
				all[model.LabelName(name)] = value
			}
		}
	}
	return Values(all)
}

// Alert is an incident at an instant, as a receiver sees it. The last of changes
// is the newest; an alert without changes repeats what was said.
func (v View) Alert(in omen.Incident, changes []omen.Change, now time.Time) *alert.Alert {
	link := v.Link(in.ID)
	a := &alert.Alert{UpdatedAt: now, Alert: model.Alert{
		Labels:       v.Labels(in),
		Annotations:  v.annotations(in, changes, now),
		StartsAt:     cmp.Or(in.Since, in.OpenedAt, now),
		GeneratorURL: link,
	}}
	if in.State == omen.Closed {
		a.EndsAt = now
		if !in.ClosedAt.IsZero() && in.ClosedAt.Before(now) {
			a.EndsAt = in.ClosedAt
		}
		if a.EndsAt.Before(a.StartsAt) {
			a.StartsAt = a.EndsAt
		}
	}
	return a
}

// Wait has a message name what waits for approval on its incident, each of the
// actions, whatever changes it is about.
func (m *Message) Wait(all []omen.Action) {
	m.Waiting = all
	for _, a := range all {
		notes := m.Alerts[0].Annotations
		for name, line := range map[model.LabelName]string{"action": OneLine(a.Text()), "description": OneLine("Action " + a.Text())} {
			if said := string(notes[name]); !strings.Contains(said, a.ID) {
				notes[name] = model.LabelValue(strings.TrimPrefix(said+"\n"+line, "\n"))
			}
		}
	}
}

func (v View) annotations(in omen.Incident, changes []omen.Change, now time.Time) model.LabelSet {
	causes := shownCauses(in.Causes)
	lines := make([]string, len(causes))
	for i, c := range causes {
		lines[i] = OneLine(c.String())
	}
	head := headline(in)
	summary := head
	if len(lines) > 0 && in.State != omen.Closed {
		summary += ": " + lines[0]
	}
	var pods []string
	if in.Blame != nil && in.State != omen.Closed {
		for _, line := range in.Blame.Lines() {
			pods = append(pods, OneLine(line))
		}
	}
	below, action := append(slices.Clone(lines), pods...), OneLine(in.Remedy)
	if in.State == omen.Closed && in.Actions == 0 { // nothing was done, and nothing waits any more
		action = ""
	}
	if action != "" {
		below = append([]string{"Action " + action}, below...)
	}
	keys := make([]string, len(changes))
	for i, c := range changes {
		keys[i] = c.Key()
	}
	step, comment := "", ""
	if len(changes) > 0 {
		last := changes[len(changes)-1]
		step, comment = string(last.Kind), last.Comment
		if last.Reason == omen.ReasonBlame { // the pods' lines say it
			comment = ""
		}
		if last.Action != nil {
			summary = head + ": " + OneLine(in.Remedy)
		}
	}
	return Values(map[model.LabelName]string{
		"summary":     summary,
		"description": strings.Join(append([]string{detail(in, now)}, below...), "\n"),
		"headline":    head,
		"detail":      detail(in, now),
		"action":      action,
		"host":        Subject(in),
		"causes":      strings.Join(lines, "\n"),
		"clears":      clearing(in),
		"pods":        strings.Join(pods, "\n"),
		"members":     HostNames(in.Members),
		"since":       stamp(in.Since),
		"duration":    lasted(in, now),
		"score":       score(in.Score),
		"peak":        score(in.Peak),
		"grade":       string(in.Grade),
		"icon":        icon(in),
		"link":        v.Link(in.ID),
		"step":        step,
		"comment":     comment,
		"reason":      in.Reason,
		"acked_by":    in.AckedBy,
		"key":         fmt.Sprintf("%s.%d", in.ID, in.ChangeNumber),
		"changes":     strings.Join(keys, " "),
	})
}
