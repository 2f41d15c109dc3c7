package remedy

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// ineffectiveAfter is how many actions in a row that did not help stop a playbook
// for their target.
const ineffectiveAfter = 3

// ofWorkload reports whether an action is on pods that a controller keeps running.
func ofWorkload(does string) bool {
	return slices.Contains([]string{DoEvict, DoDelete, DoRestart, DoScale, DoUndo}, does)
}

// self never lets go what Omen or everything else runs on.
func self(d *draft) string {
	t := d.action.Target
	namespace := t.Namespace
	if ofWorkload(d.action.Does) {
		namespace = cmp.Or(namespace, d.live.Labels["namespace"])
	}
	switch {
	case namespace != "" && strings.HasPrefix(namespace, "kube-"):
		return "namespace " + namespace + " is the cluster's own"
	case namespace != "" && slices.Contains(d.facts.Self, "namespace "+namespace):
		return "Omen itself runs in namespace " + namespace
	case t.Kind == "daemonset":
		return "every node needs its daemonset " + t.Name
	case t.Name != "" && slices.Contains(d.facts.Self, t.ID()):
		return "Omen itself runs on " + t.ID()
	case t.Kind == "unit" && Machinery(t.Name):
		return "the machine needs unit " + t.Name
	}
	return refusedAs(GuardSelf)(d)
}

// machinery are patterns of services that other services, or the people who are
// logged in, run on; and Omen's own.
var machinery = []string{"systemd-*", "dbus*", "polkit*", "init", "user@*", "getty@*", "serial-getty@*", "emergency", "rescue", "omen"}

// Machinery reports whether a systemd unit is what a machine needs to run, which no
// action touches.
func Machinery(unit string) bool {
	kind := path.Ext(unit)
	if kind != "" && kind != ".service" {
		return true // a slice, target, mount or socket takes others with it
	}
	return slices.ContainsFunc(machinery, func(pattern string) bool {
		ok, err := path.Match(pattern, strings.TrimSuffix(unit, kind))
		return ok || err != nil
	})
}

// healthy asks that what is left can bear it: of a workload all pods but one are
// available, of a group of hosts more than half and at least two others are well.
// A host that is alone in its group takes nobody with it.
func healthy(d *draft) string {
	if ofWorkload(d.action.Does) {
		t := d.action.Target
		if d.looked && d.lookErr == nil && t.Available < t.Replicas-1 {
			return fmt.Sprintf("only %d of %d pods are available", t.Available, t.Replicas)
		}
		return ""
	}
	well, all := 0, 0
	mine := d.book.group(d.action.Host, d.live.Labels)
	for h, l := range d.facts.Hosts {
		if h.Source != d.action.Host.Source || d.book.group(h, l.Labels) != mine {
			continue
		}
		all++
		if !l.Silent && !l.Anomalous() && l.Score >= 0 && h != d.action.Host {
			well++
		}
	}
	if all <= 1 && d.book.Limits.MinHealthy == 0 {
		return ""
	}
	if need := max(cmp.Or(d.book.Limits.MinHealthy, minHealthy), all/2+1); well < need {
		return fmt.Sprintf("only %d of the %d hosts of its group are well, %d have to be", well, all, need)
	}
	return ""
}

// inGroup reports whether a row is of the draft's group, as either playbook draws
// it, or on its host or target.
func (d *draft) inGroup(row *omen.Action) bool {
	a := &d.action
	if row.Group == a.Group || row.Host == a.Host || sameTarget(row.Target, a.Target) {
		return true
	}
	if d.book.group(row.Host, d.facts.Hosts[row.Host].Labels) == a.Group {
		return true
	}
	theirs, ok := d.policy.Playbook(row.Playbook)
	return ok && theirs.group(a.Host, d.live.Labels) == row.Group
}

// sameTarget reports whether two targets are known and the same; an address that
// is called is none. Which source shows it does not matter: one Omen acts in one cluster
// and on its own machine only, which several sources may watch.
func sameTarget(a, b omen.Target) bool {
	return a.Name != "" && a.Kind != "url" && a.ID() == b.ID()
}

func oneAtATime(d *draft) string {
	for i := range d.facts.Actions {
		row := &d.facts.Actions[i]
		if row.ID != d.action.ID && row.State.Live() && d.inGroup(row) {
			return fmt.Sprintf("action %s on %s is %s", row.ID, cmp.Or(row.Target.Name, row.Host.Name), row.State)
		}
	}
	return ""
}

// onTarget are the rows that were started, or are approved, on the draft's target:
// the same one, or of the same playbook on the same host; oldest first.
func (d *draft) onTarget() (rows []*omen.Action) {
	for i := range d.facts.Actions {
		row := &d.facts.Actions[i]
		same := sameTarget(row.Target, d.action.Target) || row.Host == d.action.Host && row.Playbook == d.action.Playbook
		if same && row.ID != d.action.ID && spends(row) {
			rows = append(rows, row)
		}
	}
	return rows
}

// spends reports whether a row counts against budgets: it was started, or will be.
func spends(row *omen.Action) bool {
	return !row.Started.IsZero() || row.State == omen.ActionApproved
}

// spentAt is when it did.
func spentAt(row *omen.Action) time.Time {
	if row.Started.IsZero() {
		return row.At
	}
	return row.Started
}

// failures is how many of the latest rows in a row did not help, as far as that
// is known; a person who switches the playbook on begins again.
func failures(rows []*omen.Action, since time.Time) (n int) {
	for i := len(rows) - 1; i >= 0; i-- {
		switch rows[i].State {
		case omen.ActionHelped:
			return n
		case omen.ActionNotHelped, omen.ActionWorse, omen.ActionUnmeasurable:
			if spentAt(rows[i]).Before(since) {
				return n
			}
			n++
		}
	}
	return n
}

// refusedAgain says when what Omen approved itself was refused right before its start
// by the same guard more than once: it is tried more and more seldom, or each pass
// would write another approval and its refusal.
func refusedAgain(d *draft) string {
	if d.byPerson() {
		return ""
	}
	times, last := map[string]int{}, map[string]time.Time{}
	for i := range d.facts.Actions {
		row := &d.facts.Actions[i]
		if row.Incident == d.action.Incident && row.Playbook == d.action.Playbook && row.State == omen.ActionRefused && row.By == byOmen {
			times[row.Guard]++
			last[row.Guard] = omen.Later(last[row.Guard], row.Ended)
		}
	}
	for _, guard := range slices.Sorted(maps.Keys(times)) {
		n := times[guard] - 2 // a plan's own refusal is written once
		if n < 0 {
			continue
		}
		wait := min(cooldown, time.Minute<<min(n, 10))
		if d.facts.At.Sub(last[guard]) < wait {
			return fmt.Sprintf("guard %s refused it %d times right before its start, the last time less than %s ago", guard, n+1, omen.Soon(wait))
		}
	}
	return ""
}

// cooling looks at rows of the future too: the clock was set back since.
func cooling(d *draft) string {
	if why := refusedAgain(d); why != "" {
		return why
	}
	rows := d.onTarget()
	wait := cmp.Or(d.book.Limits.Cooldown, cooldown) << min(failures(rows, d.facts.Enabled[d.book.Name]), ineffectiveAfter)
	for _, row := range rows {
		if ago := d.facts.At.Sub(spentAt(row)); ago < wait {
			return fmt.Sprintf("action %s was %s ago, less than %s", row.ID, omen.Soon(max(0, ago)), omen.Soon(wait))
		}
	}
	return another(d)
}

// another says when another Omen, whose ledger is not ours, or a person has just acted
// on the target. Where both look at once, the target's version lets the first one
// through.
func another(d *draft) string {
	t := d.action.Target
	ours := func(row omen.Action) bool {
		if t.Mark != "" {
			return row.ID == t.Mark
		}
		return sameTarget(row.Target, t) && !row.Started.IsZero() && !row.Started.After(t.MarkedAt) && t.MarkedAt.Sub(row.Started) < doWithin
	}
	if t.MarkedAt.IsZero() || slices.ContainsFunc(d.facts.Actions, ours) {
		return ""
	}
	what := t.ID() + " was restarted, by somebody or by another Omen,"
	if t.Mark != "" {
		what = "action " + t.Mark + " of another Omen was"
	}
	wait := cmp.Or(d.book.Limits.Cooldown, cooldown)
	if ago := d.facts.At.Sub(t.MarkedAt); ago < wait {
		return fmt.Sprintf("%s %s ago, less than %s", what, omen.Soon(max(0, ago)), omen.Soon(wait))
	}
	return ""
}

func budget(d *draft) string {
	within := func(row *omen.Action, span time.Duration) bool { return d.facts.At.Sub(spentAt(row)) < span }
	const day = 24 * time.Hour
	target, book, fleet := 0, 0, 0
	for _, row := range d.onTarget() {
		if within(row, day) {
			target++
		}
	}
	for i := range d.facts.Actions {
		row := &d.facts.Actions[i]
		if row.ID == d.action.ID || !spends(row) {
			continue
		}
		if row.Playbook == d.action.Playbook && within(row, day) {
			book++
		}
		if within(row, time.Hour) {
			fleet++
		}
	}
	l := d.book.Limits
	switch {
	case target >= cmp.Or(l.TargetPerDay, targetPerDay):
		return omen.Plural(target, "action", "actions") + " on the target within a day"
	case book >= cmp.Or(l.PerDay, perDay):
		return omen.Plural(book, "action", "actions") + " of the playbook within a day"
	case fleet >= cmp.Or(d.policy.PerHour, perHour):
		return omen.Plural(fleet, "action", "actions") + " within an hour"
	}
	return ""
}

func ineffective(d *draft) string {
	rows := d.onTarget()
	mine := slices.DeleteFunc(rows, func(row *omen.Action) bool { return row.Playbook != d.action.Playbook })
	if n := failures(mine, d.facts.Enabled[d.book.Name]); n >= ineffectiveAfter {
		return fmt.Sprintf("its last %d actions on this target did not help", n)
	}
	return ""
}
