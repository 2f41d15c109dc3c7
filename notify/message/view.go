package notify

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
)

// Names of the alerts that Omen sends.
const (
	alertAnomaly  = "OmenAnomaly"    // a host or many leave their normal behaviour
	alertSource   = "OmenSourceDown" // a source does not answer
	alertOwn      = "OmenTrouble"    // Omen's own trouble
	alertStorm    = "OmenStorm"      // many incidents in one message
	alertWatchdog = "Watchdog"       // the heartbeat
	alertTest     = "OmenTest"       // omen notify test
)

const (
	maxToldCauses  = 5
	maxToldMembers = 10
)

// view is how incidents look to receivers: as alerts with labels, which decide
// the route, and annotations, which templates write about.
type view struct {
	external *url.URL
	labels   func(omen.Host) map[string]string // the host's labels, such as role and team; may be nil
}

// link is where people read on.
func (v view) link(incident string) string {
	return v.external.JoinPath("incidents", incident).String()
}

// labelsOf are the labels of an incident's alert. Those of the host come
// first, so that they cannot pass for one of ours.
func (v view) labelsOf(in omen.Incident) model.LabelSet {
	set := model.LabelSet{}
	if v.labels != nil && in.Host.Name != "" {
		for name, value := range v.labels(in.Host) {
			if model.LegacyValidation.IsValidLabelName(name) && value != "" {
				set[model.LabelName(name)] = model.LabelValue(strings.ToValidUTF8(value, "\uFFFD"))
			}
		}
	}
	name := alertAnomaly
	switch in.Kind {
	case omen.SourceIncident:
		name = alertSource
	case omen.OwnIncident:
		name = alertOwn
	}
	for label, value := range map[model.LabelName]string{
		model.AlertNameLabel: name,
		"instance":           in.Host.Name,
		"severity":           string(in.Severity),
		"profile":            in.Host.Profile,
		"source":             in.Host.Source,
		"kind":               string(in.Kind),
		"incident":           in.ID,
	} {
		delete(set, label)
		if value != "" {
			set[label] = model.LabelValue(strings.ToValidUTF8(value, "\uFFFD"))
		}
	}
	return set
}

// alert is an incident at an instant, as a receiver is told of it. The last of
// changes is the newest; an alert without changes repeats what was said.
func (v view) alert(in omen.Incident, changes []omen.Change, now time.Time) *alert.Alert {
	link := v.link(in.ID)
	a := &alert.Alert{UpdatedAt: now, Alert: model.Alert{
		Labels:       v.labelsOf(in),
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

func (v view) annotations(in omen.Incident, changes []omen.Change, now time.Time) model.LabelSet {
	causes := toldCauses(in.Causes)
	lines := make([]string, len(causes))
	for i, c := range causes {
		lines[i] = oneLine(c.String())
	}
	head := headline(in)
	summary := head
	if len(lines) > 0 && in.State != omen.Closed {
		summary += ": " + lines[0]
	}
	keys := make([]string, len(changes))
	for i, c := range changes {
		keys[i] = c.Key()
	}
	step, comment := "", ""
	if len(changes) > 0 {
		step, comment = string(changes[len(changes)-1].Kind), changes[len(changes)-1].Comment
	}
	set := model.LabelSet{}
	for name, value := range map[model.LabelName]string{
		"summary":     summary,
		"description": strings.Join(append([]string{detail(in, now)}, lines...), "\n"),
		"headline":    head,
		"detail":      detail(in, now),
		"host":        who(in),
		"causes":      strings.Join(lines, "\n"),
		"clears":      clearing(in),
		"members":     members(in.Members),
		"since":       stamp(in.Since),
		"duration":    lasted(in, now),
		"score":       score(in.Score),
		"peak":        score(in.Peak),
		"grade":       string(in.Grade),
		"icon":        icon(in),
		"link":        v.link(in.ID),
		"step":        step,
		"comment":     comment,
		"reason":      in.Reason,
		"acked_by":    in.AckedBy,
		"key":         fmt.Sprintf("%s.%d", in.ID, in.ChangeNumber),
		"changes":     strings.Join(keys, " "),
	} {
		if value != "" {
			set[name] = model.LabelValue(strings.ToValidUTF8(value, "\uFFFD"))
		}
	}
	return set
}

// toldCauses are the causes worth reading: those that are not trivial, or
// else, when all are, the largest.
func toldCauses(all []omen.Cause) []omen.Cause {
	told := slices.DeleteFunc(slices.Clone(all), func(c omen.Cause) bool { return c.Trivial })
	if len(told) == 0 {
		told = all
	}
	return told[:min(len(told), maxToldCauses)]
}

// clearing names the causes whose return to what is expected would clear the
// alert; of one cause alone that is no news.
func clearing(in omen.Incident) string {
	if in.State == omen.Closed || len(in.Causes) < 2 {
		return ""
	}
	var names []string
	for _, c := range in.Causes {
		if c.Clears {
			names = append(names, c.Feature)
		}
	}
	return oneLine(strings.Join(names, ", "))
}

// who is what the incident is about.
func who(in omen.Incident) string {
	switch in.Kind {
	case omen.FleetIncident:
		return fmt.Sprintf("%d hosts", len(in.Members))
	case omen.SourceIncident:
		return "source " + in.Host.Source
	case omen.OwnIncident:
		return "Omen"
	}
	return in.Host.Name
}

// headline says in a few words what is the matter.
func headline(in omen.Incident) string {
	subject := who(in)
	if in.State == omen.Closed {
		switch in.Kind {
		case omen.SourceIncident:
			return subject + " answers again"
		case omen.OwnIncident:
			return "Omen is well again"
		}
		switch in.Reason {
		case omen.ReasonHostGone:
			return subject + " is gone"
		case omen.ReasonByOperator:
			return subject + ": closed by an operator"
		case omen.ReasonMerged:
			return subject + ": merged into another incident"
		case omen.ReasonExpired:
			return subject + ": nobody took it up, it counts as normal from now on"
		}
		if in.Kind == omen.FleetIncident {
			return subject + " are back to normal"
		}
		return subject + " is back to normal"
	}
	switch {
	case in.Kind == omen.SourceIncident || in.Kind == omen.OwnIncident:
		if in.Summary != "" {
			subject = in.Summary
		}
	case in.Kind == omen.FleetIncident && len(in.Causes) == 0: // a storm
		subject += " at once, without a common cause"
	case in.Kind == omen.FleetIncident && in.Host.Name != "":
		subject += ", likely first " + in.Host.Name
	}
	prefix := strings.ToUpper(string(in.Severity)) + ": "
	if in.State == omen.Acknowledged {
		return prefix + subject + " (acknowledged by " + in.AckedBy + ")"
	}
	return prefix + subject
}

// detail is the line below: since when and how bad, or how long and how bad it
// was.
func detail(in omen.Incident, now time.Time) string {
	if in.State == omen.Closed {
		text := fmt.Sprintf("Lasted %s (since %s)", lasted(in, now), stamp(in.Since))
		if in.Peak > 0 {
			text += fmt.Sprintf(", peak score %s, was %s", score(in.Peak), in.Severity)
		}
		return text
	}
	text := "Since " + stamp(in.Since)
	if in.Score > 0 {
		text += fmt.Sprintf(", score %s (limit 1, peak %s)", score(in.Score), score(max(in.Score, in.Peak)))
	}
	return text
}

func icon(in omen.Incident) string {
	switch {
	case in.State == omen.Closed:
		return "✅"
	case in.Severity == omen.Critical:
		return "🔴"
	}
	return "🟠"
}

func members(hosts []omen.Host) string {
	names := make([]string, 0, maxToldMembers+1)
	for _, h := range hosts[:min(len(hosts), maxToldMembers)] {
		names = append(names, h.Name)
	}
	if more := len(hosts) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// lasted is how long the incident has lasted, to the second.
func lasted(in omen.Incident, now time.Time) string {
	end := now
	if in.State == omen.Closed && !in.ClosedAt.IsZero() {
		end = in.ClosedAt
	}
	d := max(0, end.Sub(in.Since)).Round(time.Second)
	if in.Since.IsZero() {
		return ""
	}
	if d >= 24*time.Hour {
		return fmt.Sprintf("%dd %dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
	return d.String()
}

func score(v float64) string {
	return strconv.FormatFloat(v, 'g', 3, 64)
}
