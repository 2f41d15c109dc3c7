// Package remedy answers incidents with actions, and is built to be switched on:
// what it may do, and why it does not, comes first. Start at [Policy.Plan], which
// says for every open incident and playbook what would be done, and which guard
// refuses it; a [Hand] carries an action out.
//
// Planning is level-triggered and pure: it sees open incidents and the live state
// of one instant ([Facts]), never an event of the past, and the zero Policy
// permits nothing. Every budget, cool-down and lock is worked out from action
// rows, so that a restart forgets none. It never acts when it is in doubt: what is
// missing or old in the facts is a reason to refuse.
package remedy

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// Hand carries out one kind of action. Its methods may be called at the same time.
type Hand interface {
	// Resolve finds what the action would be done to, and reads only. A right that
	// is missing is [omen.ErrDenied] and names it; a target that is not there is
	// [omen.ErrNotFound]; one that is never to be touched, such as what another
	// controller owns, is ErrRefused.
	Resolve(context.Context, omen.Action) (omen.Target, error)
	// DryRun says what Do would do, and has the other side check it where it can.
	DryRun(context.Context, omen.Action) (string, error)
	// Do carries the action out once, on the target as it was resolved, and returns
	// what the other side calls it, also where that is known of what is in doubt.
	// Every error is ErrRefused, ErrChanged or ErrUnknown.
	Do(context.Context, omen.Action) (receipt string, err error)
	// Happened observes whether Do had its effect. It changes nothing.
	Happened(context.Context, omen.Action) (Answer, error)
	// Undo takes the effect back; where that cannot be done it is
	// [errors.ErrUnsupported].
	Undo(context.Context, omen.Action) error
}

// undoer is a hand that knows beforehand whether it takes its effects back. One that
// is none finds out when it is asked to.
type undoer interface{ Undoes() bool }

// neverUndone are what nobody can take back: pods do not come back, and what was
// restarted was.
var neverUndone = []string{DoEvict, DoDelete, DoUncordon, DoUnit}

// CanUndo reports whether an action can be taken back, as far as its ledger row says:
// it was done, and by its kind can be.
func CanUndo(a omen.Action) bool {
	return slices.Contains(a.State.Next(), omen.ActionUndone) && !slices.Contains(neverUndone, a.Does)
}

// Refusal is why a hand does not touch a target, under the name of a guard, such as
// [GuardPDB]. It is ErrRefused; one without a name counts as [GuardTarget].
type Refusal struct{ Guard, Why string }

// Error is the reason.
func (r Refusal) Error() string { return r.Why }

// Is reports that a refusal is ErrRefused.
func (Refusal) Is(target error) bool { return target == ErrRefused }

// What became of a call that failed; test with [errors.Is].
var (
	ErrRefused = errors.New("refused")               // nothing happened: the other side does not allow it
	ErrChanged = errors.New("the world has changed") // nothing happened: the target is not what it was
	ErrUnknown = errors.New("outcome unknown")       // it may have happened
)

// Answer is what an observation says.
type Answer int

// The answers. The zero one is the safe one.
const (
	CannotTell Answer = iota
	No
	Yes
)

// Policy is what may be done, as the configuration says.
type Policy struct {
	Mode      omen.ActionMode // ceiling of all playbooks; empty: off
	Approvers Approvers
	PerHour   int   // actions of the fleet in an hour; 0: 5
	Quiet     Hours // in which nothing is done without a person; nil: there are none
	Playbooks []Playbook

	granted []string // guards that a replay cannot ask, and takes as passed
}

// Hours are times of the day or the week.
type Hours interface {
	// Holds is what they are called at an instant at which they hold; empty: they do not.
	Holds(at time.Time) string
}

// Approvers are the people who may approve an action.
type Approvers struct {
	Users    []string // of the web UI
	Telegram []int64  // user IDs
}

// Playbook says which incidents an action answers, and how far it may go.
type Playbook struct {
	Name  string
	Mode  omen.ActionMode
	Match []mute.Matcher // of the labels of [Labels]
	// Causes have to be among the incident's causes that are not trivial.
	Causes       []string
	Kinds        []omen.IncidentKind // empty: host
	MinSeverity  omen.Severity       // empty: warning
	After        time.Duration       // the incident has been open for; 0: 2 min
	Real         int                 // how often the same was called real by people before
	Learning     bool                // also on the word of a model that still learns
	Acknowledged bool                // also when a person has taken the incident
	Does         Step
	Group        string // a label whose value is the group; empty: the source and profile
	Limits       Limits
	ApproveIn    time.Duration // 0: 15 min; at most 2 h
	EffectIn     time.Duration // how long after settling it may take to help; 0: 15 min
	Holdout      float64       // share of incidents that are left alone to compare with, 0…0.5; automatic only
	Closing      Closing       // what closes its incidents and reopens them: by it is measured whether it helped
}

// The names of what a playbook can do. Those of workloads are judged by the pods
// that their target has left, all others by the hosts of their group.
const (
	DoEvict    = "evict_pod"
	DoDelete   = "delete_pod"
	DoRestart  = "rollout_restart"
	DoScale    = "scale"
	DoUndo     = "undo_rollout"
	DoCordon   = "cordon"
	DoUncordon = "uncordon"
	DoUnit     = "systemd_restart"
	DoScript   = "script"
	DoWebhook  = "webhook"
)

// WhichBlamed is the setting "which" of a step that acts on the pod that an incident of
// its node is blamed on, or on what runs it.
const WhichBlamed = "blamed"

// Blames reports whether a step acts on what an incident is blamed on. That is inferred:
// whatever a playbook's mode, a person approves it.
func (s Step) Blames() bool { return s.With["which"] == WhichBlamed }

// Step is what a playbook does: the name of a hand, and the settings of that hand.
type Step struct {
	Name string            // such as "rollout_restart"
	With map[string]string // as configured, checked by the hand
}

// Limits bound a playbook; zeros are the defaults.
type Limits struct {
	PerDay       int           // of the playbook; 10
	TargetPerDay int           // of one target; 3
	Cooldown     time.Duration // between two on one target; 30 min, doubled after each that did not help
	MinHealthy   int           // hosts of the group that are well; 2, and always more than half
}

// Facts are everything that a plan is made of, read at one instant. An error in
// any of them means that there are no facts.
type Facts struct {
	At time.Time
	// Incidents are the open ones, fleets', sources' and Omen's own among them, and
	// the fleets' that closed within the last [StormHold].
	Incidents []omen.Incident
	Hosts     map[omen.Host]Live
	Sources   map[string]SourceState
	Actions   []omen.Action         // of the last 30 days and of open incidents, oldest first
	Disabled  map[string]string     // by playbook: why it is off, and who or what switched it off
	Enabled   map[string]time.Time  // by playbook: when a person last switched it on; what was before no longer counts against it
	Paused    string                // why and by whom; empty: it is not
	Muted     map[string]string     // by incident: the silence, window or grace that holds now
	Rejected  map[string]bool       // by incident: people said that it is not a problem
	Verdicts  map[string]int        // by incident: how often the same was called real ([CalledReal])
	Blames    map[string]omen.Blame // by incident of a node of Kubernetes: the pod that it comes from, as judged last
	Own       string                // why Omen itself is not to be trusted: ticks are dropped, the clock was set; empty: it is
	// Self is what Omen runs on, as [omen.Target.ID] says it, and its namespace:
	// "unit omen.service", "node a1", "deployment omen/omen", "namespace omen".
	Self []string
}

// Live is a host at the instant of the facts.
type Live struct {
	Labels   map[string]string
	Score    float64
	Level    float64   // the score above which it alerts; below 1: its limit
	ScoredAt time.Time // zero: never
	Step     time.Duration
	Grade    omen.Grade
	Silent   bool
}

// Anomalous reports whether the host's score is above its limit and its level.
func (l Live) Anomalous() bool { return l.Score > max(1, l.Level) }

// SourceState is a source at the instant of the facts: what its last reads gave, and
// not what they gave before.
type SourceState struct {
	Up  bool   // something of it is read
	Why string // it is not
	// Unread is, by profile, what of its hosts was not read, and why; a profile that
	// is not there was read in full.
	Unread map[string]string
}

// Decision is what a plan says of one incident and one playbook.
type Decision struct {
	Action  omen.Action // its state: suggested, waiting, approved or refused
	Verdict []GuardSays // every guard's, in order
	// New reports whether it is to be written: the same was not said before, and it
	// is not only too early.
	New bool
}

// GuardSays is what one guard says; Why is empty where it has no objection.
type GuardSays struct {
	Guard string `json:"guard"`
	Why   string `json:"why"`
}
