package api

import (
	"net/http"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// PlaybookEffect is what a playbook was good for.
type PlaybookEffect struct {
	Measured     int    `json:"measured" doc:"helped, not helped or worse"`
	Helped       int    `json:"helped"`
	NotHelped    int    `json:"not_helped"`
	Worse        int    `json:"worse"`
	Unmeasurable int    `json:"unmeasurable" doc:"the host sent too little to tell"`
	Interrupted  int    `json:"interrupted" doc:"people or other changes came between"`
	Recovery     Number `json:"recovery_seconds" doc:"the median time until the host was normal, where it helped; null: it never did"`
	Benefit      Number `json:"benefit" doc:"by how much more often incidents ended in time than those like them that were left alone, -1 to 1; null: not enough to compare"`
	Low          Number `json:"benefit_low" doc:"with probability .95 it is at least this"`
	High         Number `json:"benefit_high" doc:"and at most this"`
	Controls     int    `json:"controls" doc:"incidents that were left alone and are compared with"`
	Text         string `json:"text" doc:"the same for people"`
	Promote      string `json:"promote" doc:"why people may let it act by itself; empty: there is no reason to"`
}

func toEffect(e remedy.Effect) PlaybookEffect {
	out := PlaybookEffect{
		Measured: e.Measured, Helped: e.Helped, NotHelped: e.NotHelped, Worse: e.Worse, Unmeasurable: e.Unmeasurable, Interrupted: e.Interrupted,
		Recovery: null, Benefit: null, Low: null, High: null, Controls: e.Benefit.Controls, Text: e.Benefit.Why, Promote: e.Promote,
	}
	if e.Recovery > 0 {
		out.Recovery = Number(e.Recovery.Seconds())
	}
	if b := e.Benefit; b.Known {
		out.Benefit, out.Low, out.High = Number(b.Value), Number(b.Low), Number(b.High)
	}
	return out
}

type Playbook struct {
	Name     string          `json:"name"`
	Does     string          `json:"does"`
	Match    List[Matcher]   `json:"match"`
	Mode     omen.ActionMode `json:"mode" doc:"how far it may go, under the ceiling of all"`
	Disabled string          `json:"disabled" doc:"who or what switched it off, and why; empty: it is on"`
	GivenUp  List[string]    `json:"given_up" doc:"what it is no longer done to, since its last three actions there did not help; enabling it lets it begin there again"`
	Today    int             `json:"started_today" doc:"within 24 hours"`
	PerDay   int             `json:"per_day" doc:"how many may be"`
	Effect   PlaybookEffect  `json:"effect"`
}

type Playbooks struct {
	Mode      omen.ActionMode `json:"mode" doc:"the ceiling of all playbooks"`
	Paused    string          `json:"paused" doc:"who paused all actions, and why; empty: they are not paused"`
	Trouble   string          `json:"trouble" doc:"why nothing is planned now; empty: it is"`
	Playbooks List[Playbook]  `json:"playbooks"`
	Guards    List[Guard]     `json:"guards" doc:"in the order in which they are asked"`
}

type Guard struct {
	Name        string `json:"name"`
	Asks        string `json:"asks" doc:"what has to hold"`
	Overridable bool   `json:"overridable" doc:"a person may override it by its name"`
}

// GuardSays is what one guard says of an action.
type GuardSays struct {
	Guard string `json:"guard"`
	Why   string `json:"why" doc:"why it objects; empty: it does not"`
}

// Planned is what a playbook would do about an incident now.
type Planned struct {
	Action Action          `json:"action"`
	Guards List[GuardSays] `json:"guards" doc:"every guard, in the order in which they are asked"`
}

type Plan struct {
	Plan List[Planned] `json:"plan" doc:"one for each playbook that answers the incident; the target is not looked for"`
}

// Tried is what a playbook would do on one host.
type Tried struct {
	Playbook string  `json:"playbook"`
	Host     HostRef `json:"host"`
	Target   Target  `json:"target"`
	Text     string  `json:"text" doc:"what would be done"`
	Err      string  `json:"err" doc:"why it could not be, such as a missing right"`
	Hint     string  `json:"hint"`
}

type RemedyCheck struct {
	Tried List[Tried] `json:"tried"`
}

func (a *API) playbookRoutes() []route {
	act := func(least Role, path, summary string, f func(*http.Request, Decide) error) route {
		return route{method: "POST", path: base + path, least: least, summary: summary, body: Decide{}, answer: Done{}, handle: a.switches(f)}
	}
	return []route{
		{method: "GET", path: base + "/playbooks", summary: "The playbooks: how far they may go, what they were good for", answer: Playbooks{}, handle: a.getPlaybooks},
		{method: "GET", path: base + "/incidents/{id}/plan", summary: "What every playbook would do about an incident, and what each guard says; nothing is changed", answer: Plan{}, handle: a.getPlan},
		{method: "POST", path: base + "/remedy/check", least: RoleOperate, summary: "Look for the target of every playbook on the hosts of now, and what would be done; nothing is changed", body: Decide{}, answer: RemedyCheck{}, handle: a.checkRemedy},
		act(RoleOperate, "/playbooks/{name}/disable", "Switch a playbook off", func(r *http.Request, d Decide) error {
			return a.remedy.Switch(r.Context(), person(r), func(by string) error { return a.remedy.Disable(r.Context(), r.PathValue("name"), by, d.Why) })
		}),
		act(RoleAdmin, "/playbooks/{name}/enable", "Switch a playbook on again, and let it begin again where it has given up", func(r *http.Request, d Decide) error {
			return a.remedy.Switch(r.Context(), person(r), func(by string) error { return a.remedy.Enable(r.Context(), r.PathValue("name"), by, d.Why) })
		}),
		act(RoleOperate, "/remedy/pause", "The kill switch: nothing is started until it is resumed, also after a restart", func(r *http.Request, d Decide) error {
			return a.remedy.Pause(r.Context(), author(r, ""), d.Why) // nobody has to be an approver to stop it
		}),
		act(RoleAdmin, "/remedy/resume", "End a pause", func(r *http.Request, d Decide) error {
			return a.remedy.Switch(r.Context(), person(r), func(by string) error { return a.remedy.Resume(r.Context(), by, d.Why) })
		}),
	}
}

// switches answers what people switch.
func (a *API) switches(f func(*http.Request, Decide) error) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var in Decide
		if err := decode(r, &in); err != nil {
			return nil, err
		}
		if err := a.acts(); err != nil {
			return nil, err
		}
		if err := f(r, in); err != nil {
			return nil, forbidden(err)
		}
		return Done{true}, nil
	}
}

func (a *API) getPlaybooks(r *http.Request) (any, error) {
	if err := a.acts(); err != nil {
		return nil, err
	}
	all, err := a.remedy.Standings(r.Context())
	if err != nil {
		return nil, err
	}
	mode, paused, err := a.remedy.Ceiling(r.Context())
	if err != nil {
		return nil, err
	}
	out := Playbooks{Mode: mode, Paused: paused, Trouble: a.remedy.Health().Err, Playbooks: each(all, func(s remedy.Standing) Playbook {
		return Playbook{
			Name: s.Playbook.Name, Does: s.Playbook.Does.Name, Match: each(s.Playbook.Match, toMatcher), Mode: s.Mode,
			Disabled: s.Disabled, GivenUp: s.GivenUp, Today: s.Today, PerDay: s.PerDay, Effect: toEffect(s.Effect),
		}
	})}
	out.Guards = each(remedy.Guards(), func(g remedy.Guard) Guard { return Guard{g.Name, g.Asks, !g.Never} })
	return out, nil
}

func (a *API) getPlan(r *http.Request) (any, error) {
	if err := a.acts(); err != nil {
		return nil, err
	}
	all, err := a.remedy.Plan(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return Plan{each(all, func(d remedy.Decision) Planned {
		return Planned{toAction(d.Action), each(d.Verdict, func(g remedy.GuardSays) GuardSays { return GuardSays(g) })}
	})}, nil
}

func (a *API) checkRemedy(r *http.Request) (any, error) {
	if err := decode(r, &Decide{}); err != nil {
		return nil, err
	}
	if err := a.acts(); err != nil {
		return nil, err
	}
	all, err := a.remedy.Try(r.Context())
	if err != nil {
		return nil, err
	}
	return RemedyCheck{each(all, func(t remedy.Tried) Tried {
		return Tried{t.Playbook, toRef(t.Host), toTarget(t.Target), t.Text, t.Err, t.Hint}
	})}, nil
}
