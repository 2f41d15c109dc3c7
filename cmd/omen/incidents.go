package main

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
)

type incidentsCmd struct {
	List  incidentsListCmd `cmd:"" help:"List the newest incidents."`
	Show  incidentsShowCmd `cmd:"" help:"Show an incident's causes and timeline."`
	Judge judgeCmd         `cmd:"" help:"Say whether an incident was real; Omen learns from it."`
	Ack   ackCmd           `cmd:"" help:"Acknowledge an incident."`
}

type incidentsListCmd struct {
	Limit  int `help:"How many incidents at most, up to 500." default:"20" least:"1" most:"500"`
	stored `embed:""`
}

func (c *incidentsListCmd) Run(e *env) error {
	var all api.Incidents
	if err := c.get(e, fmt.Sprintf("incidents?limit=%d", c.Limit), &all); err != nil {
		return err
	}
	if len(all.Incidents) == 0 {
		fmt.Fprintln(e.out, "no incident")
		return nil
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\thost\tstate\tseverity\tsince (UTC)\tpeak\tfirst cause")
	for _, in := range all.Incidents {
		cause := summary(in)
		if len(in.Causes) > 0 {
			cause = in.Causes[0].Text
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.1f\t%s\n", in.ID, middle(where(in)), standing(in), in.Severity, stamp(time.Time(in.Since)), in.Peak, cause)
	}
	return w.Flush()
}

type incidentsShowCmd struct {
	Incident string `arg:"" help:"The incident's id."`
	stored   `embed:""`
}

func (c *incidentsShowCmd) Run(e *env) error {
	var in api.IncidentDetail
	if err := c.get(e, "incidents/"+url.PathEscape(c.Incident), &in); err != nil {
		return err
	}
	peak := ""
	if in.Peak > 0 && in.Kind != omen.ForecastIncident {
		peak = fmt.Sprintf(", peak %.1f times its limit", in.Peak)
	}
	fmt.Fprintf(e.out, "%s: %s on %s, %s, since %s UTC%s\n", in.ID, in.Severity, where(in.Incident), standing(in.Incident), stamp(time.Time(in.Since)), peak)
	if in.Summary != "" && len(in.Causes) == 0 {
		fmt.Fprintf(e.out, "  %s\n", summary(in.Incident))
	}
	if level := float64(in.Level); level > 1 {
		fmt.Fprintf(e.out, "  opened above the host's level of %.3g times its limit\n", level)
	}
	if in.Remedy != "" {
		fmt.Fprintf(e.out, "  action %s\n", line(in.Remedy))
	}
	for _, cause := range in.Causes {
		fmt.Fprintf(e.out, "  %3.0f %%  %s\n", 100*cause.Share, cause.Text)
	}
	if in.Blame != nil {
		for _, said := range in.Blame.Lines {
			fmt.Fprintf(e.out, "  %s\n", line(said))
		}
	}
	for _, step := range timeline(in) {
		fmt.Fprintf(e.out, "  %s UTC  %s\n", step.at.UTC().Format(time.DateTime), step.text)
	}
	return nil
}

// summary is an incident's, with times of day in UTC as all that commands print: Omen
// writes it in its own zone, since people are notified of it.
func summary(in api.Incident) string {
	if in.Kind == omen.ForecastIncident && in.Forecast != nil {
		return in.Forecast.Sentence(time.UTC)
	}
	return in.Summary
}

// where is what an incident is about: a host, a source, or Omen itself.
func where(in api.Incident) string {
	return cmp.Or(in.Host.Name, in.Host.Source, "Omen")
}

// standing is an incident's state, and why nobody is notified of it.
func standing(in api.Incident) string {
	if in.Suppressed == "" {
		return string(in.State)
	}
	why := strings.TrimSuffix(strings.TrimPrefix(in.Suppressed, "opened_"), "_suppressed")
	return string(in.State) + " (suppressed: " + strings.ReplaceAll(why, "_", " ") + ")"
}

// step is a line of a timeline.
type step struct {
	at   time.Time
	text string
}

// timeline is an incident's changes and the attempts to notify people, in the
// order in which they happened.
func timeline(in api.IncidentDetail) []step {
	var all []step
	for _, c := range in.Changes {
		all = append(all, step{time.Time(c.At), line(fmt.Sprintf("%-12s", c.Kind), c.Reason, said(c), c.By, c.Comment)})
	}
	for _, d := range in.Deliveries {
		all = append(all, step{time.Time(d.At), line(fmt.Sprintf("%-12s", d.Outcome), d.Receiver, d.Detail)})
	}
	slices.SortStableFunc(all, func(a, b step) int { return a.at.Compare(b.at) })
	return all
}

// said is the verdict of a step judged.
func said(c api.Change) string {
	if c.Kind != omen.ChangeJudged {
		return ""
	}
	return cmp.Or(strings.ReplaceAll(string(c.Verdict), "_", " "), "no verdict")
}

// widest is how many characters of a name a table shows, as the web UI does.
const widest = 60

// middle is a name on one line of a table, without its middle where it is long: what
// stands at its ends tells names apart.
func middle(name string) string {
	all := []rune(line(name))
	if len(all) <= widest {
		return string(all)
	}
	head := widest / 2
	return string(all[:head]) + "…" + string(all[len(all)-(widest-1-head):])
}

// line is one line of what is not empty.
func line(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	return strings.TrimRight(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.Join(parts, " ")), " ")
}
