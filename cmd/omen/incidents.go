package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

type incidentsCmd struct {
	List  incidentsListCmd `cmd:"" help:"The newest incidents."`
	Show  incidentsShowCmd `cmd:"" help:"One incident: causes, and everything that happened in its life."`
	Judge judgeCmd         `cmd:"" help:"Say whether an incident was real; Omen learns from it."`
	Ack   ackCmd           `cmd:"" help:"Say that you are looking at an incident."`
}

type incidentsListCmd struct {
	Limit  int `help:"At most so many." default:"20"`
	stored `embed:""`
}

func (c *incidentsListCmd) Run(e *env) error {
	all, err := c.read(e.ctx, e.log)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(e.out, "no incident")
		return nil
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\thost\tstate\tseverity\tsince\tpeak\tfirst cause")
	for _, in := range all {
		cause := in.Summary
		if len(in.Causes) > 0 {
			cause = in.Causes[0].String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.1f\t%s\n", in.ID, in.Host.Name, in.State, in.Severity, stamp(in.Since), in.Peak, cause)
	}
	return w.Flush()
}

func (c *incidentsListCmd) read(ctx context.Context, log *slog.Logger) ([]omen.Incident, error) {
	if c.URL != "" {
		var answer struct{ Incidents []omen.Incident }
		err := ask(ctx, c.URL, fmt.Sprintf("incidents?limit=%d", c.Limit), &answer)
		return answer.Incidents, err
	}
	db, err := openStore(ctx, c.Storage.Path, log)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return db.Incidents(ctx, store.Filter{Limit: c.Limit})
}

type incidentsShowCmd struct {
	Incident string `arg:"" help:"The incident's id."`
	stored   `embed:""`
}

// step is one line of an incident's timeline.
type step struct {
	At      time.Time
	Kind    omen.ChangeKind
	Reason  string
	By      string
	Comment string
}

func (c *incidentsShowCmd) Run(e *env) error {
	in, steps, err := c.read(e.ctx, e.log)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s: %s on %s, %s, since %s, peak %.1f times its limit\n", in.ID, in.Severity, in.Host.Name, in.State, stamp(in.Since), in.Peak)
	for _, cause := range in.Causes {
		fmt.Fprintf(e.out, "  %3.0f %%  %s\n", 100*cause.Share, cause)
	}
	for _, s := range steps {
		fmt.Fprintf(e.out, "  %s  %-12s %s %s %s\n", s.At.UTC().Format("2006-01-02 15:04:05"), s.Kind, s.Reason, s.By, s.Comment)
	}
	return nil
}

func (c *incidentsShowCmd) read(ctx context.Context, log *slog.Logger) (in omen.Incident, steps []step, err error) {
	if c.URL != "" {
		var answer struct {
			omen.Incident
			Changes []step
		}
		err := ask(ctx, c.URL, "incidents/"+url.PathEscape(c.Incident), &answer)
		return answer.Incident, answer.Changes, err
	}
	db, err := openStore(ctx, c.Storage.Path, log)
	if err != nil {
		return in, nil, err
	}
	defer db.Close()
	if in, err = db.Incident(ctx, c.Incident); err != nil {
		return in, nil, err
	}
	changes, err := db.Changes(ctx, c.Incident)
	for _, ch := range changes {
		steps = append(steps, step{ch.At, ch.Kind, ch.Reason, ch.By, ch.Comment})
	}
	return in, steps, err
}
