package main

import (
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

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
	Limit  int `help:"How many incidents at most, up to 500." default:"20"`
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
	fmt.Fprintln(w, "id\thost\tstate\tseverity\tsince\tpeak\tfirst cause")
	for _, in := range all.Incidents {
		cause := in.Summary
		if len(in.Causes) > 0 {
			cause = in.Causes[0].Text
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.1f\t%s\n", in.ID, in.Host.Name, in.State, in.Severity, stamp(time.Time(in.Since)), in.Peak, cause)
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
	height := fmt.Sprintf("peak %.1f times its limit", in.Peak)
	if in.Kind == omen.ForecastIncident {
		height = in.Summary
	}
	fmt.Fprintf(e.out, "%s: %s on %s, %s, since %s, %s\n", in.ID, in.Severity, in.Host.Name, in.State, stamp(time.Time(in.Since)), height)
	if level := float64(in.Level); level > 1 {
		fmt.Fprintf(e.out, "  opened above the host's level of %.3g times its limit\n", level)
	}
	for _, cause := range in.Causes {
		fmt.Fprintf(e.out, "  %3.0f %%  %s\n", 100*cause.Share, cause.Text)
	}
	for _, s := range in.Changes {
		fmt.Fprintf(e.out, "  %s  %-12s %s %s %s\n", time.Time(s.At).UTC().Format("2006-01-02 15:04:05"), s.Kind, s.Reason, s.By, s.Comment)
	}
	return nil
}
