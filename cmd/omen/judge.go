package main

import (
	"fmt"
	"net/url"
	"os/user"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
)

// asked is what commands that change something at a running Omen have in common.
type asked struct {
	Incident string `arg:"" help:"The incident's id."`
	By       string `help:"Author; by default the current user." empty:""`
	Comment  string `help:"Text for the timeline." empty:""`
	at       `embed:""`
}

func (c asked) author() string {
	if c.By != "" {
		return c.By
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "cli"
}

// post asks for an action on the incident.
func (c asked) post(e *env, action string, body api.Act, into any) error {
	body.By, body.Comment = c.author(), c.Comment
	asks, err := c.running(e)
	if err != nil {
		return err
	}
	return asks.Post(e.ctx, "incidents/"+url.PathEscape(c.Incident)+"/"+action, body, into)
}

type ackCmd struct{ asked }

func (c *ackCmd) Run(e *env) error {
	var in api.IncidentDetail
	if err := c.post(e, "ack", api.Act{}, &in); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s is acknowledged by %s\n", in.ID, in.AckedBy)
	return nil
}

type judgeCmd struct {
	asked
	Verdict string `arg:"" enum:"real,not-a-problem,expected,none" help:"One of ${enum}; expected means at this time of day, none takes the verdict back."`
	Role    bool   `help:"Apply it to every host of the same role."`
	Force   bool   `help:"Apply it even if it would have suppressed confirmed incidents."`
	Preview bool   `help:"Only show what would change."`
}

func (c *judgeCmd) Run(e *env) error {
	verdict := map[string]omen.Verdict{"real": omen.Real, "not-a-problem": omen.NotAProblem, "expected": omen.Expected}[c.Verdict]
	body := api.Act{Verdict: verdict, Role: c.Role, Force: c.Force}
	if verdict != omen.NoVerdict {
		var p api.Previews
		if err := c.post(e, "verdict/preview", body, &p); err != nil {
			return err
		}
		c.show(e, p)
	}
	if c.Preview {
		return nil
	}
	var in api.IncidentDetail
	if err := c.post(e, "verdict", body, &in); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s is judged %s by %s\n", in.ID, c.Verdict, c.author())
	return nil
}

// show lists which incidents of the last 90 days would have been suppressed.
func (c *judgeCmd) show(e *env, p api.Previews) {
	for _, one := range p.Previews {
		fmt.Fprintf(e.out, "%s, %s: %s of the last 90 days would have been suppressed\n", one.Pattern.Host.Name, one.Pattern.Text, omen.Plural(len(one.Vanish), "incident", "incidents"))
		lost := map[string]bool{}
		for _, in := range one.Lost {
			lost[in.ID] = true
		}
		for _, in := range one.Vanish {
			note := ""
			if lost[in.ID] {
				note = "  CONFIRMED AS REAL"
			}
			fmt.Fprintf(e.out, "  %s  %s  %s%s\n", in.ID, stamp(time.Time(in.Since))+" UTC", summary(in), note)
		}
	}
}
