package remedy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/omenhq/omen"
)

// The guards, in the order in which they are asked: the first one that objects
// refuses an action.
const (
	GuardPaused      = "paused"
	GuardMode        = "mode"
	GuardDisabled    = "disabled"
	GuardAsked       = "asked"
	GuardExpired     = "expired"
	GuardEarly       = "too_early"
	GuardOwnTrouble  = "own_trouble"
	GuardSource      = "source_trouble"
	GuardStale       = "stale"
	GuardGrade       = "grade"
	GuardEvidence    = "evidence"
	GuardStorm       = "fleet_or_storm"
	GuardQuiet       = "quiet"
	GuardHours       = "quiet_hours"
	GuardVerdict     = "verdict"
	GuardTaken       = "taken"
	GuardBlame       = "blame"
	GuardSelf        = "self"
	GuardOne         = "one_at_a_time"
	GuardCooldown    = "cooldown"
	GuardBudget      = "budget"
	GuardIneffective = "ineffective"
	GuardTarget      = "target"
	GuardPDB         = "pdb"
	GuardRollout     = "rollout"
	GuardChanged     = "changed_since"
	GuardHealthy     = "min_healthy"
)

// Guard is one reason not to act.
type Guard struct {
	Name  string
	Asks  string // for people: what has to hold
	Never bool   // not even a person overrides it

	refuses func(*draft) string // why, for people; empty: no objection
}

// guards are all of them. Those that may not be overridden are the kill switch and
// the mode, what is not known, what would be done twice, what would harm Omen itself or the
// machinery below it, and what the other side refuses.
var guards = []Guard{
	{GuardPaused, "remediation is not paused", true, paused},
	{GuardMode, "the playbook is configured, and its mode and the ceiling allow it", true, allowed},
	{GuardDisabled, "the playbook is switched on", false, disabled},
	{GuardAsked, "nobody is asked, or has answered, for this incident already", true, asked},
	{GuardExpired, "the approval is recent", true, expired},
	{GuardEarly, "the incident has lasted for a while", false, tooEarly},
	{GuardOwnTrouble, "Omen itself is well", false, ownTrouble},
	{GuardSource, "the host's source answers", false, sourceTrouble},
	{GuardStale, "the host's score is recent", true, stale},
	{GuardGrade, "the model knows the host well enough", false, grade},
	{GuardEvidence, "the incident is open, severe enough, and the host is anomalous now", false, evidence},
	{GuardStorm, "no fleet incident or storm is open in the source, or was a moment ago", false, storm},
	{GuardQuiet, "people are notified of the incident", false, quiet},
	{GuardHours, "a person asks for it or approves it, or no quiet hours hold", false, quietHours},
	{GuardVerdict, "nobody has said that it is not a problem", false, verdict},
	{GuardTaken, "nobody has taken the incident", false, taken},
	{GuardBlame, "a pod is to blame, where the playbook acts on the one that is", true, noBlame},
	{GuardSelf, "it is not what Omen runs on, nor what a cluster or machine needs to run", true, self},
	{GuardOne, "nothing else is being done in the group, or waits to be measured", true, oneAtATime},
	{GuardCooldown, "the last action on the target was a while ago", false, cooling},
	{GuardBudget, "the budgets of the target, the playbook and the fleet are not spent", false, budget},
	{GuardIneffective, "the playbook helped this target before", false, ineffective},
	{GuardTarget, "the target is there, may be touched, and Omen has the right", true, targeted},
	{GuardPDB, "the pod disruption budget allows it", true, refusedAs(GuardPDB)},
	{GuardRollout, "no rollout is in progress", true, refusedAs(GuardRollout)},
	{GuardChanged, "the target is what people were shown", true, changedSince},
	{GuardHealthy, "enough of the group, or of the workload, is well", false, healthy},
}

// Guards are all guards, in the order in which they are asked.
func Guards() []Guard { return slices.Clone(guards) }

func overridable() []string {
	var names []string
	for _, g := range guards {
		if !g.Never {
			names = append(names, g.Name)
		}
	}
	return names
}

// ask asks every guard; first is the one that refuses, if one does: the first that
// objects and that nobody has overridden.
func (d *draft) ask() (says []GuardSays, first GuardSays) {
	says = make([]GuardSays, len(guards))
	for i, g := range guards {
		says[i].Guard = g.Name
		if !slices.Contains(d.policy.granted, g.Name) {
			says[i].Why = g.refuses(d)
		}
		if says[i].Why != "" && first.Why == "" && (g.Never || !slices.Contains(d.action.Overridden, g.Name)) {
			first = says[i]
		}
	}
	return says, first
}

// byPerson reports whether a person asked for the action or approved it.
func (d *draft) byPerson() bool { return d.action.By != "" && d.action.By != byOmen }

func paused(d *draft) string {
	if d.facts.Paused == "" {
		return ""
	}
	return "remediation is paused: " + d.facts.Paused
}

func allowed(d *draft) string {
	a := &d.action
	if !d.configured {
		return "the configuration has no such playbook any more"
	}
	need := omen.ModeSuggest
	switch {
	case d.exists && a.State != omen.ActionSuggested && a.By == byOmen:
		need = omen.ModeAutomatic
	case d.exists && a.State != omen.ActionSuggested:
		need = omen.ModeApprove
	}
	if mode := d.policy.mode(d.book); reach(mode) < reach(need) {
		return "its mode is now " + string(mode)
	}
	return ""
}

func disabled(d *draft) string {
	if why, off := d.facts.Disabled[d.book.Name]; off {
		return "the playbook is switched off: " + why
	}
	return ""
}

// asked has nothing to say of a person's own request but that another row of the
// same incident and playbook is under way.
func asked(d *draft) string {
	for _, row := range d.facts.Actions {
		if row.Incident != d.action.Incident || row.Playbook != d.action.Playbook || row.ID == d.action.ID {
			continue
		}
		again := !d.exists && !d.byPerson()
		switch {
		case row.State == omen.ActionWaiting:
			return "somebody is asked already, by action " + row.ID
		case row.State.Live():
			return fmt.Sprintf("action %s is %s", row.ID, row.State)
		case row.State == omen.ActionDeclined && again:
			return row.By + " declined it for this incident"
		case row.State == omen.ActionExpired && row.Guard == "" && again: // with one the incident was over, and is open again
			return "nobody answered for this incident in time: ask again by hand"
		case row.State == omen.ActionSuggested && row.Target.Manual != "" && row.Blamed == d.action.Blamed && again:
			return "it was suggested for this incident, and people alone do it: " + row.Target.Manual
		}
	}
	return ""
}

// lateStart is how long after its approval an action may still be started: later
// it would act on what was known then.
const lateStart = approveIn / 3

func expired(d *draft) string {
	a, at := &d.action, d.facts.At
	if !d.exists {
		return ""
	}
	switch {
	case a.State == omen.ActionWaiting && !a.Expires.IsZero() && !at.Before(a.Expires):
		return "nobody approved it in time"
	case a.State == omen.ActionApproved && at.After(omen.Later(a.At, a.Expires).Add(lateStart)):
		return "it was approved, and not started in time"
	case at.Before(a.At.Add(-omen.ClockSet)):
		return "it was drafted in the future: the clock was set back"
	}
	return ""
}

// refusedAs is the guard of what a hand refuses under its name.
func refusedAs(name string) func(*draft) string {
	return func(d *draft) string {
		var r Refusal
		if errors.As(d.lookErr, &r) && r.Guard == name {
			return r.Why
		}
		return ""
	}
}

func targeted(d *draft) string {
	if !d.looked {
		return "" // it is looked up before the action is written
	}
	var r Refusal
	switch {
	case errors.As(d.lookErr, &r) && slices.Contains([]string{GuardSelf, GuardPDB, GuardRollout}, r.Guard):
		return "" // that guard says it
	case d.lookErr != nil:
		return d.lookErr.Error()
	case d.action.Target.Manual != "" && (d.exists || d.byPerson()):
		return "people alone do it: " + d.action.Target.Manual
	case d.action.Target.Name == "":
		return "nothing is known of the target"
	}
	return ""
}

// changedSince compares what was shown with what is there. The version that a
// cluster counts up at each change of an object's status is not compared: the call
// itself is bound to the one that was just read.
func changedSince(d *draft) string {
	was, is := d.shown, d.action.Target
	switch {
	case !d.looked || d.lookErr != nil || was.Name == "" || is.Name == "":
		return ""
	case was.ID() != is.ID():
		return fmt.Sprintf("it was %s, and is %s", was.ID(), is.ID())
	case was.UID != is.UID:
		return is.ID() + " was replaced or restarted meanwhile"
	case was.Revision != is.Revision:
		return is.ID() + " was rolled out meanwhile"
	case was.Replicas != is.Replicas:
		return fmt.Sprintf("%s was scaled from %d to %d meanwhile", is.ID(), was.Replicas, is.Replicas)
	}
	return ""
}
