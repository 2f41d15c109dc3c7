package main

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
)

type actionsCmd struct {
	List    actionsListCmd    `cmd:"" help:"List what playbooks did, would have done and wait for."`
	Show    actionsShowCmd    `cmd:"" help:"Show an action with every step of its life."`
	Approve actionsApproveCmd `cmd:"" help:"Let a waiting action be carried out."`
	Decline actionsDeclineCmd `cmd:"" help:"End a waiting action."`
	Undo    actionsUndoCmd    `cmd:"" help:"Take an action's effect back, where that can be done."`
	Resolve actionsResolveCmd `cmd:"" help:"Say whether an action was done of which nobody else can tell."`
	Verify  actionsVerifyCmd  `cmd:"" help:"Check that the audit is what was written; exits with 1 if it is not."`
	Export  actionsExportCmd  `cmd:"" help:"Write the whole audit, a JSON object a line."`
}

type actionsListCmd struct {
	Limit    int    `help:"How many actions at most, up to 1000." default:"20" least:"1" most:"1000"`
	Incident string `help:"Only those of this incident." placeholder:"ID"`
	State    string `help:"Only those in this state, such as waiting." placeholder:"STATE"`
	stored   `embed:""`
}

func (c *actionsListCmd) Run(e *env) error {
	q := url.Values{"limit": {fmt.Sprint(c.Limit)}}
	if c.Incident != "" {
		q.Set("incident", c.Incident)
	}
	if c.State != "" {
		q.Set("state", c.State)
	}
	var all api.Actions
	if err := c.get(e, "actions?"+q.Encode(), &all); err != nil {
		return err
	}
	if len(all.Actions) == 0 {
		fmt.Fprintln(e.out, "no action")
		return nil
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\tat (UTC)\tstate\thost\tplaybook\tdoes\ttarget\tincident\twhy")
	for _, a := range all.Actions {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.ID, stamp(time.Time(a.At)), state(a), middle(a.Host.Name), a.Playbook, a.Does, cmp.Or(a.Target.Text, "-"), a.Incident, line(a.Why))
	}
	return w.Flush()
}

// state is an action's state, with the guard that refused it or until when it waits.
func state(a api.Action) string {
	switch {
	case a.Guard != "":
		return string(a.State) + " (" + a.Guard + ")"
	case a.State == omen.ActionWaiting:
		return "waiting until " + time.Time(a.Expires).UTC().Format(time.TimeOnly) + " UTC"
	}
	return string(a.State)
}

type actionsShowCmd struct {
	Action string `arg:"" help:"The action's id."`
	stored `embed:""`
}

func (c *actionsShowCmd) Run(e *env) error {
	var a api.ActionDetail
	if err := c.get(e, "actions/"+url.PathEscape(c.Action), &a); err != nil {
		return err
	}
	show(e, a)
	return nil
}

func show(e *env, a api.ActionDetail) {
	fmt.Fprintf(e.out, "%s: %s, %s on %s, playbook %s, incident %s of %s\n", a.ID, state(a.Action), a.Does, cmp.Or(a.Target.Text, "no target"), a.Playbook, a.Incident, line(a.Host.Name))
	for _, s := range a.Steps {
		fmt.Fprintf(e.out, "  %s UTC  %s\n", time.Time(s.At).UTC().Format(time.DateTime), line(fmt.Sprintf("%-12s", s.State), s.By+":", s.Why))
	}
	for _, next := range a.Next {
		arguments := a.ID
		if next == "resolve" {
			arguments += " done|not-done"
		}
		fmt.Fprintf(e.out, "next: omen actions %s %s\n", next, arguments)
	}
}

// signed is somebody who decides: Omen has to know who it is.
type signed struct {
	URL    string `help:"The running Omen." default:"${localhost}" name:"url"`
	signIn `embed:""`
	Why    string `help:"Why: kept with it in the audit, and shown." empty:""`
}

// post asks for something and reads the answer.
func (s signed) post(e *env, path string, body, into any) error {
	c, err := s.as(api.NewClient(s.URL))
	if err != nil {
		return err
	}
	return c.Post(e.ctx, path, body, into)
}

// onAction is a decision on one action.
type onAction struct {
	Action string `arg:"" help:"The action's id."`
	signed `embed:""`
}

func (c *onAction) decide(e *env, what string, body api.Decide) error {
	body.Why = c.Why
	var a api.ActionDetail
	if err := c.post(e, "actions/"+url.PathEscape(c.Action)+"/"+what, body, &a); err != nil {
		return err
	}
	show(e, a)
	return nil
}

type actionsApproveCmd struct{ onAction }

func (c *actionsApproveCmd) Run(e *env) error { return c.decide(e, "approve", api.Decide{}) }

type actionsDeclineCmd struct{ onAction }

func (c *actionsDeclineCmd) Run(e *env) error { return c.decide(e, "decline", api.Decide{}) }

type actionsUndoCmd struct{ onAction }

func (c *actionsUndoCmd) Run(e *env) error { return c.decide(e, "undo", api.Decide{}) }

type actionsResolveCmd struct {
	onAction
	Happened string `arg:"" enum:"done,not-done" help:"One of ${enum}: what you see when you look."`
}

func (c *actionsResolveCmd) Run(e *env) error {
	return c.decide(e, "resolve", api.Decide{Happened: c.Happened == "done"})
}

type actionsVerifyCmd struct{ stored }

func (c *actionsVerifyCmd) Run(e *env) error {
	var chain api.Chain
	if err := c.get(e, "audit/verify", &chain); err != nil {
		return err
	}
	if chain.NoKey {
		why, _, _ := strings.Cut(chain.Why, "; ") // what to do is the hint
		return omen.WithHint(fmt.Errorf("verify the audit: %s, so that it cannot be said whether its %s what was written; nothing says that they were changed", why, omen.Plural(chain.Rows, "row is", "rows are")),
			"put the key file back as it was (remedy.audit_key_file says where it is; without that it is omen.db.key beside the database): until then nothing is acted on; if it is lost for good, docs/remediation.md says what to do under The audit")
	}
	if !chain.OK {
		at := ""
		if chain.Broken > 0 {
			at = fmt.Sprintf(" row %d:", chain.Broken)
		}
		return omen.WithHint(fmt.Errorf("verify the audit:%s %s: %w", at, chain.Why, omen.ErrCorrupt),
			"compare with an earlier export or backup; nothing is acted on until the audit is as it was written; what to do if its key is lost for good, docs/remediation.md says under The audit")
	}
	fmt.Fprintf(e.out, "the audit is what was written: %s in the chain, head %s\n", omen.Plural(chain.Rows, "row", "rows"), cmp.Or(chain.Head, "none"))
	if chain.Unchained > 0 {
		fmt.Fprintf(e.out, "%s older than the chain, and taken as they are\n", omen.Plural(chain.Unchained, "row is", "rows are"))
	}
	return nil
}

type actionsExportCmd struct{ stored }

func (c *actionsExportCmd) Run(e *env) error { return c.copy(e, "audit/export", e.out) }

type remedyCmd struct {
	Replay remedyReplayCmd `cmd:"" help:"Show when playbooks would have acted on past incidents, and which guards would have refused."`
	Check  remedyCheckCmd  `cmd:"" help:"Look for the target of every playbook on today's hosts, and for missing rights; nothing is changed."`
	Pause  remedyPauseCmd  `cmd:"" help:"The kill switch: nothing is started until it is resumed, also after a restart."`
	Resume remedyResumeCmd `cmd:"" help:"End a pause."`
}

type remedyCheckCmd struct{ signed }

func (c *remedyCheckCmd) Run(e *env) error {
	var all api.RemedyCheck
	if err := c.post(e, "remedy/check", api.Decide{}, &all); err != nil {
		return err
	}
	if len(all.Tried) == 0 {
		fmt.Fprintln(e.out, "no playbook answers any host of now")
		return nil
	}
	bad := 0
	for _, t := range all.Tried {
		if t.Err == "" {
			fmt.Fprintf(e.out, "ok    %s on %s: %s\n", t.Playbook, t.Host.Name, line(cmp.Or(t.Text, t.Target.Text)))
			continue
		}
		bad++
		fmt.Fprintf(e.out, "wrong %s on %s: %s\n", t.Playbook, t.Host.Name, line(t.Err))
		if t.Hint != "" {
			fmt.Fprintf(e.out, "      hint: %s\n", line(t.Hint))
		}
	}
	if bad > 0 {
		return fmt.Errorf("check playbooks: %d of %s could not be acted on: %w", bad, omen.Plural(len(all.Tried), "host", "hosts"), omen.ErrUnavailable)
	}
	return nil
}

type remedyPauseCmd struct{ signed }

func (c *remedyPauseCmd) Run(e *env) error {
	if err := c.post(e, "remedy/pause", api.Decide{Why: c.Why}, &api.Done{}); err != nil {
		return err
	}
	fmt.Fprintln(e.out, "actions are paused: nothing is started until omen remedy resume")
	return nil
}

type remedyResumeCmd struct{ signed }

func (c *remedyResumeCmd) Run(e *env) error {
	if err := c.post(e, "remedy/resume", api.Decide{Why: c.Why}, &api.Done{}); err != nil {
		return err
	}
	fmt.Fprintln(e.out, "actions are no longer paused")
	return nil
}
