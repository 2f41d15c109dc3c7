package remedy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// Defaults of a policy, and what bounds it; docs/remediation.md gives the reasons.
const (
	perHour      = 5
	perDay       = 10
	targetPerDay = 3
	cooldown     = 30 * time.Minute
	minHealthy   = 2
	openFor      = 2 * time.Minute
	approveIn    = 15 * time.Minute
	effectIn     = 15 * time.Minute

	longestApproval = 2 * time.Hour
	longestEffect   = 6 * time.Hour
	longestAfter    = 24 * time.Hour
	longestCooldown = 7 * 24 * time.Hour
)

var (
	modes      = []omen.ActionMode{omen.ModeOff, omen.ModeSuggest, omen.ModeApprove, omen.ModeAutomatic}
	severities = []omen.Severity{omen.Info, omen.Warning, omen.Critical}
	plainName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9])?$`)
)

// reach ranks a mode: 0 is off, and so is what is no mode.
func reach(m omen.ActionMode) int { return max(0, slices.Index(modes, m)) }

// mode is how far a playbook may go below the policy's ceiling, and by what it does.
func (p *Policy) mode(b *Playbook) omen.ActionMode {
	most := reach(omen.ModeAutomatic)
	if b.Does.Blames() {
		most = reach(omen.ModeApprove)
	}
	return modes[min(reach(p.Mode), reach(b.Mode), most)]
}

// Playbook is the playbook of a name.
func (p Policy) Playbook(name string) (Playbook, bool) {
	i := slices.IndexFunc(p.Playbooks, func(b Playbook) bool { return b.Name == name })
	if i < 0 {
		return Playbook{}, false
	}
	return p.Playbooks[i], true
}

// Effective is how far a playbook may go, by its own mode and the ceiling of all;
// one that there is not is off.
func (p Policy) Effective(playbook string) omen.ActionMode {
	b, _ := p.Playbook(playbook)
	return p.mode(&b)
}

// Settle is how long after its start an action's own upset is not judged: two
// minutes, or three times the lag of a score, which takes in a third of each new
// sample and so lags by three steps.
func (b Playbook) Settle(step time.Duration) time.Duration { return max(2*time.Minute, 9*step) }

// Horizon is how long after its start an action may take to help.
func (b Playbook) Horizon(step time.Duration) time.Duration {
	return b.Settle(step) + cmp.Or(b.EffectIn, effectIn)
}

// group is in whose name one action at a time is allowed: the value of the
// playbook's label, within its source, or the host's source and profile.
func (b *Playbook) group(h omen.Host, labels map[string]string) string {
	if value := labels[b.Group]; b.Group != "" && value != "" {
		return h.Source + "/" + b.Group + "=" + value
	}
	return h.Source + "/" + h.Profile
}

// answers is a test of whether the playbook is meant for an incident. One whose
// matchers do not compile is meant for none.
func (b *Playbook) answers(hosts map[omen.Host]Live) func(*omen.Incident) bool {
	holds, err := mute.Compile(b.Match)
	labels := func(h omen.Host) map[string]string { return hosts[h].Labels }
	return func(in *omen.Incident) bool {
		kinds := b.Kinds
		if len(kinds) == 0 {
			kinds = []omen.IncidentKind{omen.HostIncident}
		}
		if err != nil || !slices.Contains(kinds, in.Kind) || !holds.HoldsForAll(in, mute.Subjects(in, labels)) {
			return false
		}
		for _, name := range b.Causes {
			if !slices.ContainsFunc(in.Causes, func(c omen.Cause) bool { return c.Feature == name && !c.Trivial }) {
				return false
			}
		}
		return true
	}
}

// Validate reports a policy that cannot be meant, as [omen.ErrInvalid]: all that
// is wrong with it, each with its playbook.
func (p Policy) Validate() error {
	var wrong []error
	bad := func(hint, format string, args ...any) {
		wrong = append(wrong, omen.WithHint(fmt.Errorf(format+": %w", append(args, omen.ErrInvalid)...), hint))
	}
	if p.Mode != "" && !slices.Contains(modes, p.Mode) {
		bad("it is off, suggest, approve or automatic", "remedy mode %q", p.Mode)
	}
	if p.PerHour < 0 {
		bad("leave it out for 5", "remedy budget of %d actions per hour", p.PerHour)
	}
	seen := map[string]bool{}
	for i := range p.Playbooks {
		b := &p.Playbooks[i]
		if seen[b.Name] {
			bad("give each playbook a name of its own", "playbook %s: the name is taken", b.Name)
		}
		seen[b.Name] = true
		b.validate(bad)
		if p.mode(b) == omen.ModeApprove && len(p.Approvers.Users)+len(p.Approvers.Telegram) == 0 {
			bad("name them in remedy.approvers, or set the mode to suggest", "playbook %s: its mode is approve, and nobody may approve", b.Name)
		}
	}
	return errors.Join(wrong...)
}

func (b *Playbook) validate(bad func(hint, format string, args ...any)) {
	if !plainName.MatchString(b.Name) {
		bad("use up to 64 small letters, digits, dots, dashes and underscores", "playbook name %q", b.Name)
	}
	if b.Mode != "" && !slices.Contains(modes, b.Mode) {
		bad("it is off, suggest, approve or automatic", "playbook %s: mode %q", b.Name, b.Mode)
	}
	if len(b.Match) == 0 {
		bad(`say which incidents it answers, such as profile="workload"`, "playbook %s: no match", b.Name)
	}
	if _, err := mute.Compile(b.Match); err != nil {
		bad(omen.Hint(err), "playbook %s: %w", b.Name, err)
	}
	for _, k := range b.Kinds {
		if k != omen.HostIncident && k != omen.ForecastIncident {
			bad("only incidents of a host are acted on: host, forecast", "playbook %s: kind %q", b.Name, k)
		}
	}
	if b.MinSeverity != "" && !slices.Contains(severities[1:], b.MinSeverity) {
		bad("it is warning or critical", "playbook %s: severity %q", b.Name, b.MinSeverity)
	}
	if b.Does.Name == "" {
		bad("say what it does, such as rollout_restart", "playbook %s: it does nothing", b.Name)
	}
	for _, d := range []struct {
		what     string
		is, most time.Duration
	}{
		{"after", b.After, longestAfter}, {"approve within", b.ApproveIn, longestApproval},
		{"effect", b.EffectIn, longestEffect}, {"cooldown", b.Limits.Cooldown, longestCooldown},
	} {
		if d.is < 0 || d.is > d.most {
			bad("it is a duration up to "+omen.Soon(d.most), "playbook %s: %s of %s", b.Name, d.what, d.is)
		}
	}
	for _, n := range []struct {
		what string
		is   int
	}{
		{"per_day", b.Limits.PerDay}, {"target_per_day", b.Limits.TargetPerDay}, {"min_healthy", b.Limits.MinHealthy}, {"real", b.Real},
	} {
		if n.is < 0 {
			bad("leave it out for the default", "playbook %s: %s of %d", b.Name, n.what, n.is)
		}
	}
	if math.IsNaN(b.Holdout) || b.Holdout < 0 || b.Holdout > 0.5 {
		bad("it is a share from 0 to 0.5", "playbook %s: holdout of %g", b.Name, b.Holdout)
	}
	if b.Holdout > 0 && b.Mode != omen.ModeAutomatic {
		bad("set its mode to automatic, or leave holdout out", "playbook %s: a holdout, and its mode is %s", b.Name, cmp.Or(b.Mode, omen.ModeOff))
	}
}
