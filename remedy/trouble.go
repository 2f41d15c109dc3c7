package remedy

import (
	"slices"
	"strings"
)

// The keys of troubles of remediation itself.
const (
	troubleLoop  = "remedy"
	troubleAudit = "remedy/audit"
	troubleKey   = "remedy/audit_key"
	troubleStuck = "remedy/stuck/"       // and an action's ID
	troubleOff   = "remedy/disabled/"    // and a playbook's name
	troubleOften = "remedy/chronic/"     // and a playbook's name, a host and a target, as known has it
	troubleSpent = "remedy/ineffective/" // as troubleOften
)

// harmless are the troubles of Omen's own with which it judges and acts as safely as
// without: a key, or the beginning of keys that ends in a slash. Every other one holds
// actions back, one that this table does not know included. That is so, of those that
// there are today, of "storage" (nothing is kept), "storage/damage" (the row that is
// gone may be a silence, or an action), "crashes" and "clock" (what was seen before is
// not known), "this machine" (its processors or disks are not measured), "calendars" (a window that cannot be read may forbid it), "collisions/"
// (hosts that are not judged are not counted among those of a group that are unwell),
// [troubleAudit], [troubleKey], and a source of which nothing is scored, which has no key.
var harmless = []struct {
	key   string
	holds []string // what is held back nevertheless: Does of actions
}{
	{"receiver/", nil},                           // one channel cannot notify: that says nothing of what is seen, the other channels notify, and the ledger has what is done
	{troubleLoop, nil},                           // nothing could be planned: it is over once something is
	{troubleStuck, nil},                          // its group alone waits, by the guard one_at_a_time
	{troubleOff, nil},                            // the playbook alone, by the guard disabled
	{troubleOften, nil},                          // people have to repair the target
	{troubleSpent, nil},                          // the playbook on that target alone, by the guard ineffective
	{"storage/space", nil},                       // nearly full: everything is still stored, and "storage" says it once it is not
	{"file systems", []string{DoUnit, DoScript}}, // a mount of this machine hangs: all else of it, and all other hosts, are measured; a unit that uses it may not stop, nor a script that touches it end, even by systemd's SIGKILL
}

// holdsBack reports whether a trouble of Omen's own is a reason not to do something.
func holdsBack(trouble, does string) bool {
	for _, h := range harmless {
		if trouble == h.key || strings.HasSuffix(h.key, "/") && strings.HasPrefix(trouble, h.key) {
			return slices.Contains(h.holds, does)
		}
	}
	return true
}
