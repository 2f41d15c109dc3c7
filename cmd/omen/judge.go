package main

import (
	"fmt"
	"net/url"
	"os/user"

	"github.com/omenhq/omen"
)

// asked is what commands that change something at a running Omen have in common.
type asked struct {
	Incident string `arg:"" help:"The incident's id."`
	URL      string `help:"The running Omen." default:"${localhost}" name:"url"`
	By       string `help:"Who says it; by default the user who runs this."`
	Comment  string `help:"Free text for the timeline."`
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

func (c asked) path(action string) string {
	return "incidents/" + url.PathEscape(c.Incident) + "/" + action
}

type ackCmd struct{ asked }

func (c *ackCmd) Run(e *env) error {
	var in omen.Incident
	if err := tell(e.ctx, c.URL, c.path("ack"), map[string]any{"by": c.author(), "comment": c.Comment}, &in); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s is acknowledged by %s\n", in.ID, in.AckedBy)
	return nil
}

type judgeCmd struct {
	asked
	Verdict string `arg:"" enum:"real,not-a-problem,expected,none" help:"One of ${enum}; expected means at this time of day, none takes the verdict back."`
	Role    bool   `help:"It holds on every host of the same role."`
	Force   bool   `help:"Even if incidents that somebody confirmed would have been missed."`
	Preview bool   `help:"Only say what would change."`
}

// previewed is the part of the API's answer that people are shown.
type previewed struct {
	Previews []struct {
		Pattern struct {
			Host struct{ Name string }
			Text string
		}
		Vanish, Lost []omen.Incident
	}
}

func (c *judgeCmd) Run(e *env) error {
	verdict := map[string]omen.Verdict{"real": omen.Real, "not-a-problem": omen.NotAProblem, "expected": omen.Expected}[c.Verdict]
	body := map[string]any{"by": c.author(), "comment": c.Comment, "verdict": verdict, "role": c.Role, "force": c.Force}
	if verdict != omen.NoVerdict {
		var p previewed
		if err := tell(e.ctx, c.URL, c.path("verdict/preview"), body, &p); err != nil {
			return err
		}
		c.show(e, p)
	}
	if c.Preview {
		return nil
	}
	var in omen.Incident
	if err := tell(e.ctx, c.URL, c.path("verdict"), body, &in); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s is judged %s by %s\n", in.ID, c.Verdict, c.author())
	return nil
}

// show lists which incidents of the last 90 days nobody would have been told of.
func (c *judgeCmd) show(e *env, p previewed) {
	for _, one := range p.Previews {
		fmt.Fprintf(e.out, "%s, %s: %d incidents of the last 90 days would not have been told\n", one.Pattern.Host.Name, one.Pattern.Text, len(one.Vanish))
		lost := map[string]bool{}
		for _, in := range one.Lost {
			lost[in.ID] = true
		}
		for _, in := range one.Vanish {
			note := ""
			if lost[in.ID] {
				note = "  CONFIRMED AS REAL"
			}
			fmt.Fprintf(e.out, "  %s  %s  %s%s\n", in.ID, stamp(in.Since), in.Summary, note)
		}
	}
}
