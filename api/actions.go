package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/store"
)

// This file is what playbooks do about incidents: the ledger of actions, and what
// people decide. Who decides is always somebody whom the server has checked.

// Target is what an action is done to.
type Target struct {
	Kind      string `json:"kind" doc:"pod, deployment, statefulset, node, unit or url"`
	Namespace string `json:"namespace" doc:"of Kubernetes"`
	Name      string `json:"name"`
	UID       string `json:"uid" doc:"of a Kubernetes object; the invocation of a systemd unit"`
	Replicas  int    `json:"replicas" doc:"wanted, when it was last looked at"`
	Available int    `json:"available"`
	Revision  string `json:"revision" doc:"what an undo goes back to"`
	Detail    string `json:"detail"`
	Text      string `json:"text" doc:"for people: deployment shop/checkout"`
}

func toTarget(t omen.Target) Target {
	return Target{
		Kind: t.Kind, Namespace: t.Namespace, Name: t.Name, UID: t.UID, Replicas: t.Replicas, Available: t.Available,
		Revision: t.Revision, Detail: t.Detail, Text: strings.TrimSpace(t.ID()),
	}
}

// Action is one attempt of a playbook to end an incident.
type Action struct {
	ID         string           `json:"id"`
	Incident   string           `json:"incident"`
	Playbook   string           `json:"playbook"`
	Attempt    int              `json:"attempt" doc:"1 is the first"`
	Host       HostRef          `json:"host"`
	Group      string           `json:"group" doc:"in which one action at a time is allowed"`
	Does       string           `json:"does" doc:"such as rollout_restart"`
	Target     Target           `json:"target"`
	Mode       omen.ActionMode  `json:"mode"`
	State      omen.ActionState `json:"state"`
	Guard      string           `json:"guard" doc:"that refused it"`
	Why        string           `json:"why" doc:"for people: why it is in its state"`
	By         string           `json:"by" doc:"who approved, declined, asked for, resolved or undid it, the last of them; omen: nobody had to"`
	Said       string           `json:"said" doc:"why, in the words of by; empty: by gave no reason"`
	At         Instant          `json:"at" null:"never" doc:"when it was drafted"`
	Expires    Instant          `json:"expires" doc:"until when a waiting one can be approved; null: it does not wait"`
	Started    Instant          `json:"started" doc:"null: it was not"`
	Ended      Instant          `json:"ended" doc:"null: something may still come of it"`
	Overridden List[string]     `json:"overridden" doc:"guards that a person overrode"`
	Receipt    string           `json:"receipt" doc:"what the other side calls it"`
	Err        string           `json:"err"`
	Before     Number           `json:"score_before" doc:"the host's score as it was started"`
	Peak       Number           `json:"peak_after" doc:"the highest score once its own upset was over; 0: not measured"`
	Recovered  Number           `json:"recovered_seconds" doc:"after its start the host was normal again; null: it was not, or that is not known yet"`
	Next       List[string]     `json:"next" doc:"what people can do about it now: approve, decline, resolve, and undo where that can be done"`
}

func toAction(a omen.Action) Action {
	out := Action{
		ID: a.ID, Incident: a.Incident, Playbook: a.Playbook, Attempt: a.Attempt, Host: toRef(a.Host), Group: a.Group, Does: a.Does,
		Target: toTarget(a.Target), Mode: a.Mode, State: a.State, Guard: a.Guard, Why: a.Why, By: a.By, Said: a.Said, At: Instant(a.At),
		Expires: Instant(a.Expires), Started: Instant(a.Started), Ended: Instant(a.Ended), Overridden: a.Overridden,
		Receipt: a.Receipt, Err: a.Err, Before: Number(a.Before), Peak: Number(a.Peak), Recovered: null,
	}
	if a.Recovered > 0 {
		out.Recovered = Number(a.Recovered.Seconds())
	}
	switch a.State {
	case omen.ActionWaiting:
		out.Next = List[string]{"approve", "decline"}
	case omen.ActionUnknown, omen.ActionStuck:
		out.Next = List[string]{"resolve"}
	default:
		if remedy.CanUndo(a) {
			out.Next = List[string]{undo}
		}
	}
	return out
}

// undo is what can be done next about what was done.
const undo = "undo"

// standing is an action with what can be done about it now, by who carries it out now.
func (a *API) standing(one omen.Action) Action {
	out := toAction(one)
	if a.remedy != nil && !a.remedy.CanUndo(one) {
		out.Next = slices.DeleteFunc(out.Next, func(n string) bool { return n == undo })
	}
	return out
}

// null is what is not known.
var null = Number(math.NaN())

type Actions struct {
	Actions List[Action] `json:"actions" doc:"the newest first"`
}

// ActionStep is one step of an action's life, from the audit.
type ActionStep struct {
	At    Instant          `json:"at" null:"never"`
	By    string           `json:"by"`
	State omen.ActionState `json:"state"`
	Why   string           `json:"why"`
}

// ActionDetail is an action with its whole life.
type ActionDetail struct {
	Action
	Steps List[ActionStep] `json:"steps" doc:"oldest first"`
}

// Decide is the body of what people decide on an action, a playbook, or all.
type Decide struct {
	Why      string `json:"why,omitempty" doc:"kept with it, in the audit, and shown"`
	Happened bool   `json:"happened,omitempty" doc:"of resolve: whether it was done"`
}

// AskAct is the body of a run that a person asks for.
type AskAct struct {
	Playbook string       `json:"playbook"`
	Override List[string] `json:"override,omitempty" doc:"guards to override, by name"`
	Why      string       `json:"why,omitempty"`
}

// forbidden makes of somebody who may not act a 403.
func forbidden(err error) error {
	if errors.Is(err, omen.ErrDenied) {
		return omen.WithHint(fmt.Errorf("%w: %w", errForbidden, err), omen.Hint(err))
	}
	return err
}

// person is who has signed in: nobody else decides, whatever a request says.
func person(r *http.Request) remedy.Person {
	return remedy.Person{User: caller(r).User}
}

func (a *API) actionRoutes() []route {
	decide := func(name, summary string, f func(*http.Request, Decide) (omen.Action, error)) route {
		return route{method: "POST", path: base + "/actions/{id}/" + name, least: RoleOperate, summary: summary, body: Decide{}, answer: ActionDetail{}, handle: a.decide(f)}
	}
	rs := []route{
		{method: "GET", path: base + "/actions", summary: "What playbooks did, would have done and wait for, the newest first", query: []param{
			{"incident", "only those of this incident"}, {"playbook", "only those of this playbook"},
			{"state", "only those in these states; several with commas"}, {"limit", "at most 1000; default 100"},
		}, answer: Actions{}, handle: a.getActions},
		{method: "GET", path: base + "/actions/{id}", summary: "One action with every step of its life", answer: ActionDetail{}, handle: a.getAction},
		decide("approve", "Let a waiting action be carried out, if every guard still allows it", func(r *http.Request, d Decide) (omen.Action, error) {
			return a.remedy.Approve(r.Context(), r.PathValue("id"), person(r), d.Why)
		}),
		decide("decline", "End a waiting action", func(r *http.Request, d Decide) (omen.Action, error) {
			return a.remedy.Decline(r.Context(), r.PathValue("id"), person(r), d.Why)
		}),
		decide("undo", "Take an action's effect back, where that can be done", func(r *http.Request, d Decide) (omen.Action, error) {
			return a.remedy.Undo(r.Context(), r.PathValue("id"), person(r), d.Why)
		}),
		decide("resolve", "Say whether an action was done of which nobody else can tell", func(r *http.Request, d Decide) (omen.Action, error) {
			return a.remedy.Settle(r.Context(), r.PathValue("id"), person(r), d.Happened, d.Why)
		}),
		{method: "POST", path: base + "/incidents/{id}/act", least: RoleOperate, summary: "Run a playbook on an incident; the same guards are asked", body: AskAct{}, answer: ActionDetail{}, handle: a.ask},
		{method: "GET", path: base + "/audit/verify", summary: "Whether the audit is what was written", answer: Chain{}, handle: a.verifyAudit},
		{method: "GET", path: base + "/audit/export", summary: "The whole audit, oldest first, a JSON object a line", answerMedia: mediaLines, raw: a.exportAudit},
	}
	return append(rs, a.playbookRoutes()...)
}

// mediaLines is a JSON object a line.
const mediaLines = "application/jsonl"

// acts reports an API without a loop, such as one over a directory.
func (a *API) acts() error {
	if a.remedy == nil {
		return fmt.Errorf("actions: there is no running Omen here: %w", errors.ErrUnsupported)
	}
	return nil
}

func (a *API) getActions(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit, err := intParam(q.Get("limit"), "limit", 100, 1, 1000)
	if err != nil {
		return nil, err
	}
	f := store.ActionFilter{Incident: q.Get("incident"), Playbook: q.Get("playbook"), Newest: limit}
	for s := range strings.SplitSeq(q.Get("state"), ",") {
		if s == "" {
			continue
		}
		if !slices.Contains(actionStates, omen.ActionState(s)) {
			return nil, fmt.Errorf("state=%s: there is no such state: %w", s, omen.ErrInvalid)
		}
		f.States = append(f.States, omen.ActionState(s))
	}
	all, err := a.store.Actions(r.Context(), f)
	slices.Reverse(all)
	return Actions{each(all, a.standing)}, err
}

func (a *API) getAction(r *http.Request) (any, error) { return a.action(r, r.PathValue("id")) }

func (a *API) action(r *http.Request, id string) (ActionDetail, error) {
	one, err := a.store.Action(r.Context(), id)
	if err != nil {
		return ActionDetail{}, err
	}
	rows, err := a.store.ActionSteps(r.Context(), id)
	if err != nil {
		return ActionDetail{}, err
	}
	out := ActionDetail{Action: a.standing(one)}
	for _, row := range rows {
		var was omen.Action
		if err := json.Unmarshal([]byte(row.Detail), &was); err != nil {
			return ActionDetail{}, fmt.Errorf("audit row %d of action %s: %w: %w", row.Seq, id, omen.ErrCorrupt, err)
		}
		out.Steps = append(out.Steps, ActionStep{At: Instant(row.At), By: row.By, State: was.State, Why: was.Why})
	}
	return out, nil
}

// decide answers what people decide on an action.
func (a *API) decide(f func(*http.Request, Decide) (omen.Action, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var in Decide
		if err := decode(r, &in); err != nil {
			return nil, err
		}
		if err := a.acts(); err != nil {
			return nil, err
		}
		one, err := f(r, in)
		if err != nil {
			return nil, forbidden(err)
		}
		return a.action(r, one.ID)
	}
}

func (a *API) ask(r *http.Request) (any, error) {
	var in AskAct
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if err := a.acts(); err != nil {
		return nil, err
	}
	one, err := a.remedy.Ask(r.Context(), r.PathValue("id"), in.Playbook, in.Override, in.Why, person(r))
	if err != nil {
		return nil, forbidden(err)
	}
	return a.action(r, one.ID)
}

// Chain says whether the audit is what was written.
type Chain struct {
	OK        bool   `json:"ok"`
	Rows      int    `json:"rows" doc:"in the chain"`
	Unchained int    `json:"unchained" doc:"from before there was a chain: taken as they are"`
	Head      string `json:"head" doc:"the last row's sum; note it elsewhere, and what is cut off at the end shows, too"`
	Broken    int64  `json:"broken" doc:"the first row that is not what was written; 0: there is none"`
	Why       string `json:"why"`
	NoKey     bool   `json:"no_key" doc:"its key is not there, or another is in its place: whether its rows are what was written cannot be said"`
}

func (a *API) verifyAudit(r *http.Request) (any, error) {
	verify := a.store.Verify
	if a.remedy != nil {
		verify = a.remedy.Verify // which acts on nothing while it is broken
	}
	c, err := verify(r.Context())
	return Chain{OK: c.OK(), Rows: c.Rows, Unchained: c.Unchained, Head: c.Head, Broken: c.Broken, Why: c.Why, NoKey: c.NoKey}, err
}

func (a *API) exportAudit(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", mediaLines)
	w.Header().Set("Cache-Control", "no-store")
	if err := a.store.ExportAudit(r.Context(), w); err != nil {
		a.log.Error("audit not exported", "err", err)
		panic(http.ErrAbortHandler) // the client must not take a part for all
	}
}
