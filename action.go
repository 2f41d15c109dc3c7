package omen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ActionState is where an action stands in its life. [ActionState.Next] says
// what may follow.
type ActionState string

// The states of an action. Those from Helped to Interrupted say what became of
// the incident after it was done.
const (
	ActionSuggested ActionState = "suggested" // shown to people; nothing follows
	ActionRefused   ActionState = "refused"   // a guard refused it
	ActionWaiting   ActionState = "waiting"   // for somebody to approve it
	ActionDeclined  ActionState = "declined"
	ActionExpired   ActionState = "expired" // nobody approved it in time, or before its incident was over
	ActionApproved  ActionState = "approved"
	ActionStarted   ActionState = "started" // durable before the call is made
	ActionDone      ActionState = "done"    // the other side took it
	ActionFailed    ActionState = "failed"  // nothing happened
	ActionUnknown   ActionState = "unknown" // it may have happened: it is observed, and never repeated
	ActionStuck     ActionState = "stuck"   // nobody can tell: a person has to resolve it

	ActionMeasuring    ActionState = "measuring"
	ActionHelped       ActionState = "helped"
	ActionNotHelped    ActionState = "not_helped"
	ActionWorse        ActionState = "worse"
	ActionUnmeasurable ActionState = "unmeasurable" // the host sent too little to tell
	ActionInterrupted  ActionState = "interrupted"  // people or other changes came between

	ActionUndone ActionState = "undone"
)

// steps are the steps of an action's life that are possible.
var steps = map[ActionState][]ActionState{
	"":              {ActionSuggested, ActionRefused, ActionWaiting, ActionApproved},
	ActionWaiting:   {ActionApproved, ActionDeclined, ActionExpired, ActionRefused},
	ActionApproved:  {ActionStarted, ActionRefused, ActionExpired},
	ActionStarted:   {ActionDone, ActionFailed, ActionUnknown},
	ActionUnknown:   {ActionDone, ActionFailed, ActionStuck},
	ActionStuck:     {ActionDone, ActionFailed},
	ActionDone:      {ActionMeasuring, ActionFailed, ActionUndone},
	ActionMeasuring: {ActionHelped, ActionNotHelped, ActionWorse, ActionUnmeasurable, ActionInterrupted, ActionUndone},

	ActionHelped: {ActionUndone}, ActionNotHelped: {ActionUndone}, ActionWorse: {ActionUndone},
	ActionUnmeasurable: {ActionUndone}, ActionInterrupted: {ActionUndone},
}

// Next are the states that may follow; none after an end. Before the first, s is
// empty.
func (s ActionState) Next() []ActionState { return steps[s] }

// Live reports whether an action in this state may still change the world, or
// have changed it without anybody knowing what came of it: while it does, nothing
// else is done to the same group.
func (s ActionState) Live() bool { return slices.Contains(live, s) }

var live = []ActionState{ActionApproved, ActionStarted, ActionUnknown, ActionStuck, ActionDone, ActionMeasuring}

// LiveStates are the states that are [ActionState.Live].
func LiveStates() []ActionState { return slices.Clone(live) }

// UnsettledStates are those to which Omen or a person still has to add a step: the
// live ones, and that of an action that waits for approval.
func UnsettledStates() []ActionState { return append(LiveStates(), ActionWaiting) }

// Target is what an action is done to, as it was when the action was drafted.
// What is empty does not apply.
type Target struct {
	Kind      string `json:"kind"`                // "pod", "deployment", "statefulset", "node", "unit", "url"
	Namespace string `json:"namespace,omitempty"` // of Kubernetes
	Name      string `json:"name"`
	UID       string `json:"uid,omitempty"`      // of a Kubernetes object; the invocation of a systemd unit
	Version   string `json:"version,omitempty"`  // the resourceVersion of a Kubernetes object
	Replicas  int    `json:"replicas,omitempty"` // wanted, before
	Available int    `json:"available,omitempty"`
	Revision  string `json:"revision,omitempty"` // what an undo goes back to
	Detail    string `json:"detail,omitempty"`   // for people: what else is to be known
	// Manual is why people alone may do it, and Omen only suggests it: nothing would
	// bring the pod back, or it would lose data. Empty: it does not apply.
	Manual string `json:"manual,omitempty"`
	// Mark is the ID of the action that last changed it, of this Omen or of another one,
	// and when. Of a unit of systemd, which keeps no such ID, it is empty: it was
	// restarted then, by a person or an Omen. Without an instant nothing is known.
	Mark     string    `json:"mark,omitempty"`
	MarkedAt time.Time `json:"marked_at,omitzero"`
}

// ID names the target without its version: "deployment shop/checkout".
func (t Target) ID() string {
	if t.Namespace != "" {
		return t.Kind + " " + t.Namespace + "/" + t.Name
	}
	return t.Kind + " " + t.Name
}

// ActionMode says how far a playbook may go.
type ActionMode string

// The modes, from the least to the most.
const (
	ModeOff       ActionMode = "off"
	ModeSuggest   ActionMode = "suggest"
	ModeApprove   ActionMode = "approve"
	ModeAutomatic ActionMode = "automatic"
)

// Action is one attempt of a playbook to end an incident. The store keeps it
// with each step of its life.
type Action struct {
	ID       string      `json:"id"` // [ActionID]
	Incident string      `json:"incident"`
	Playbook string      `json:"playbook"`
	Attempt  int         `json:"attempt"` // 1 is the first
	Host     Host        `json:"host"`
	Group    string      `json:"group"` // in which one action at a time is allowed
	Does     string      `json:"does"`  // such as "rollout_restart", "systemd_restart"
	Target   Target      `json:"target"`
	Mode     ActionMode  `json:"mode"`
	Blamed   PodRef      `json:"blamed,omitzero"` // the pod that the incident is blamed on, where the action is on that
	State    ActionState `json:"state"`
	Guard    string      `json:"guard,omitempty"` // that refused it
	Why      string      `json:"why"`             // for people: why it is in its state
	By       string      `json:"by,omitempty"`    // who approved, declined, asked for, resolved or undid it, the last of them
	Said     string      `json:"said,omitempty"`  // why, in the words of By; empty: By gave no reason

	At      time.Time `json:"at"`               // when it was drafted
	Expires time.Time `json:"expires,omitzero"` // of a waiting one; of one that a person approved: when
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"` // when its last state was reached

	Overridden []string `json:"overridden,omitempty"` // guards that a person overrode
	Receipt    string   `json:"receipt,omitempty"`    // what the other side called it
	Err        string   `json:"err,omitempty"`
	Before     float64  `json:"before,omitempty"` // the score as it was started
	Peak       float64  `json:"peak,omitempty"`   // the highest score after it
	// Recovered is how long after its start the host was normal again; 0: it was not.
	Recovered time.Duration `json:"recovered,omitempty"`
	Sampled   time.Duration `json:"sampled,omitempty"` // the time between the host's samples, by which its effect is measured
}

// ByPerson reports whether a person approved, declined or asked for it.
func (a Action) ByPerson() bool { return a.By != "" && a.By != "omen" }

// Text says for people what an action does and how far it is; empty: it was refused
// before anybody approved it, which is not worth a word beside an incident.
func (a Action) Text() string {
	what := strings.ReplaceAll(a.Does, "_", " ")
	if a.Target.Name != "" {
		what += " of " + a.Target.ID()
	}
	what += " (playbook " + a.Playbook + ")"
	switch a.State {
	case ActionDeclined, ActionExpired, ActionFailed: // why it is in these is said beside it
	default:
		if a.Said != "" {
			what += ", " + a.By + ": " + a.Said
		}
	}
	switch a.State {
	case ActionRefused:
		if a.By == "" {
			return ""
		}
		return "approved by " + a.By + " and refused by guard " + a.Guard + ", " + a.Why + ": " + what
	case ActionSuggested:
		return "suggested: " + what
	case ActionWaiting:
		return "waits for approval until " + a.Expires.UTC().Format("15:04") + " UTC: " + what + "; omen actions approve " + a.ID
	case ActionApproved, ActionStarted:
		return "under way: " + what
	case ActionMeasuring:
		return "done, whether it helps is being measured: " + what
	case ActionFailed:
		return "failed: " + what + ": " + a.Why
	case ActionUnknown:
		return "may have been done, and is observed: " + what
	case ActionStuck:
		return "nobody can tell whether it was done: " + what + "; omen actions resolve " + a.ID
	case ActionDeclined:
		return a.Why + ": " + what
	case ActionExpired:
		return a.Why + ": " + what
	}
	return strings.ReplaceAll(string(a.State), "_", " ") + ": " + what
}

// ActionID is the ID of a playbook's n-th attempt at an incident. It is the same
// wherever and whenever it is worked out, so that two planners make one row.
func ActionID(incident, playbook string, attempt int) string {
	sum := sha256.Sum256([]byte(incident + "\x00" + playbook + "\x00" + strconv.Itoa(attempt)))
	return "a" + hex.EncodeToString(sum[:6])
}

// Step moves an action to its next state, or reports [ErrConflict].
func (a *Action) Step(to ActionState, at time.Time, why string) error {
	if !slices.Contains(a.State.Next(), to) {
		return fmt.Errorf("action %s: it is %s and cannot become %s: %w", a.ID, a.State, to, ErrConflict)
	}
	a.State, a.Why = to, why
	switch {
	case to == ActionStarted:
		a.Started = at.UTC()
	case len(to.Next()) == 0 || !to.Live():
		a.Ended = at.UTC()
	}
	return nil
}
