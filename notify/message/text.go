package message

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
)

const (
	maxShownCauses  = 5
	maxShownMembers = 10
)

// shownCauses are the causes worth reading: those that are not trivial, or
// else, when all are, the largest.
func shownCauses(all []omen.Cause) []omen.Cause {
	shown := slices.DeleteFunc(slices.Clone(all), func(c omen.Cause) bool { return c.Trivial })
	if len(shown) == 0 {
		shown = all
	}
	return shown[:min(len(shown), maxShownCauses)]
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
	return OneLine(strings.Join(names, ", "))
}

// Subject is what the incident is about.
func Subject(in omen.Incident) string {
	switch in.Kind {
	case omen.FleetIncident:
		return omen.Plural(len(in.Members), "host", "hosts")
	case omen.SourceIncident:
		return "source " + in.Host.Source
	case omen.OwnIncident:
		return "Omen"
	}
	return in.Host.Name
}

// headline says in a few words what is the matter.
func headline(in omen.Incident) string {
	subject := Subject(in)
	if in.State == omen.Closed {
		return closing(in, subject)
	}
	switch {
	case in.Kind == omen.SourceIncident || in.Kind == omen.OwnIncident || in.Kind == omen.ForecastIncident:
		if in.Summary != "" {
			subject = in.Summary
		}
	case in.Storm():
		subject += " at once, without a common cause"
	case in.Kind == omen.FleetIncident && in.Host.Name != "":
		subject += ", likely first host " + in.Host.Name
	}
	prefix := strings.ToUpper(string(in.Severity)) + ": "
	if in.State == omen.Acknowledged {
		return prefix + subject + " (acknowledged by " + in.AckedBy + ")"
	}
	return prefix + subject
}

// closing says why an incident is closed: that it is over only where it is.
func closing(in omen.Incident, subject string) string {
	if in.Kind == omen.ForecastIncident && in.Forecast != nil {
		subject = in.Forecast.Title + " on " + subject
	}
	dated := in.Forecast != nil && in.Forecast.Dated()
	switch in.Reason {
	case omen.ReasonWasFull:
		if dated {
			return subject + " had expired, and is renewed"
		}
		return subject + " was full, and is no more"
	case omen.ReasonHostGone:
		if in.Kind == omen.ForecastIncident {
			return subject + " is not measured any more"
		}
		if in.Kind == omen.SourceIncident && len(in.Members) > 0 {
			return subject + ": the hosts that send nothing count as gone"
		}
		return subject + " sends nothing any more"
	case omen.ReasonByOperator:
		return subject + ": closed by an operator"
	case omen.ReasonExpired:
		return subject + ": taken as the new normal after " + lasted(in, in.ClosedAt) + "; it may still last"
	case omen.ReasonSettled:
		return subject + ": settled at a new level" + newLevels(in) + "; it still lasts"
	case omen.ReasonNewModel:
		return subject + ": the new model takes this as normal; it may still last"
	}
	switch in.Kind {
	case omen.SourceIncident:
		return subject + " answers again"
	case omen.OwnIncident:
		if in.Trouble != "" {
			return "Over: " + in.Summary
		}
		return "Omen works again"
	case omen.ForecastIncident:
		if dated {
			return subject + " is renewed"
		}
		return subject + " is not expected to become full any more"
	case omen.FleetIncident:
		return subject + " are back to normal"
	}
	return subject + " is back to normal"
}

// newLevels names the features that are at a new level: " (memory_used 41 %, was 62 %)".
func newLevels(in omen.Incident) string {
	var all []string
	for _, l := range in.NewLevels[:min(len(in.NewLevels), maxShownCauses)] {
		all = append(all, l.Feature+" "+l.Unit.Format(l.Level)+", was "+l.Unit.Format(l.Was))
	}
	if len(all) == 0 {
		return ""
	}
	return OneLine(" (" + strings.Join(all, "; ") + ")")
}

// detail is the line below: since when and how bad, or how long and how bad it
// was.
func detail(in omen.Incident, now time.Time) string {
	if in.State == omen.Closed {
		verb := "Lasted"
		if lastsStill(in) {
			verb = "Open for"
		}
		text := fmt.Sprintf("%s %s (since %s)", verb, lasted(in, now), stamp(in.Since))
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
	case in.State == omen.Closed && lastsStill(in):
		return "⚪"
	case in.State == omen.Closed:
		return "✅"
	case in.Severity == omen.Critical:
		return "🔴"
	}
	return "🟠"
}

// lastsStill reports whether an incident is closed and its trouble, for all that
// is known, is not over.
func lastsStill(in omen.Incident) bool {
	return in.Reason == omen.ReasonExpired || in.Reason == omen.ReasonNewModel || in.Reason == omen.ReasonSettled
}

// HostNames are the names of the first hosts, and how many more there are.
func HostNames(hosts []omen.Host) string {
	names := make([]string, 0, maxShownMembers+1)
	for _, h := range hosts[:min(len(hosts), maxShownMembers)] {
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
	text := d.String()
	for _, none := range []string{"m0s", "h0m"} { // 6h0m0s is 6h
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}

func score(v float64) string {
	return strconv.FormatFloat(v, 'g', 3, 64)
}
