package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
)

// Remedy says what Omen may do about incidents.
type Remedy struct {
	Mode         string      `yaml:"mode,omitempty"` // ceiling of all playbooks: off, suggest, approve, automatic; empty: off
	Approvers    Approvers   `yaml:"approvers,omitempty"`
	Budget       Budget      `yaml:"budget,omitempty"`
	QuietHours   []string    `yaml:"quiet_hours,flow,omitempty"` // names of time_intervals in which nothing is done without a person
	AuditKeyFile string      `yaml:"audit_key_file,omitempty"`   // empty: beside the database
	Kubernetes   *Kubernetes `yaml:"kubernetes,omitempty"`       // left out: the cluster that Omen runs in
	Playbooks    []Playbook  `yaml:"playbooks,omitempty"`
}

// Approvers are the people who may act.
type Approvers struct {
	Users    []string `yaml:"users,flow,omitempty"`    // of the file of --web.config.file
	Telegram []int64  `yaml:"telegram,flow,omitempty"` // user IDs
}

// Budget bounds all playbooks together.
type Budget struct {
	FleetPerHour *int `yaml:"fleet_per_hour,omitempty"` // left out: 5
}

// Kubernetes is how to reach a cluster from outside.
type Kubernetes struct {
	KubeconfigFile string `yaml:"kubeconfig_file,omitempty"`
	Context        string `yaml:"context,omitempty"`
}

// Playbook says which incidents an action answers, and how far it may go.
type Playbook struct {
	Name             string         `yaml:"name"`
	Mode             string         `yaml:"mode,omitempty"` // empty: off
	Match            []string       `yaml:"match,flow"`     // such as profile="workload"
	CausesAll        []string       `yaml:"causes_all,flow,omitempty"`
	Kinds            []string       `yaml:"kinds,flow,omitempty"`                                             // host, forecast; empty: host
	MinSeverity      string         `yaml:"min_severity,omitempty"`                                           // empty: warning
	After            model.Duration `yaml:"after,omitempty" zero:"write at least 1s, or leave it out for 2m"` // 0: 2m
	VerdictHistory   VerdictHistory `yaml:"verdict_history,omitempty"`                                        //
	Learning         bool           `yaml:"learning,omitempty"`                                               // also on the word of a model that still learns
	WhenAcknowledged bool           `yaml:"when_acknowledged,omitempty"`                                      //
	Do               Do             `yaml:"do"`
	Group            string         `yaml:"group,omitempty"` // a label; empty: source and profile
	Limits           PlaybookLimits `yaml:"limits,omitempty"`
	ApproveWithin    model.Duration `yaml:"approve_within,omitempty" zero:"write how long approval may take, or leave it out for 15m"` // 0: 15m
	EffectWithin     model.Duration `yaml:"effect_within,omitempty" zero:"write how long an effect may take, or leave it out for 15m"` // 0: 15m
	Holdout          float64        `yaml:"holdout,omitempty"`
}

// VerdictHistory is what people have to have said before.
type VerdictHistory struct {
	Real int `yaml:"real,omitempty"` // so often that the same was real
}

// PlaybookLimits bound a playbook. What is left out has a default; 0 is a mistake.
type PlaybookLimits struct {
	PerDay       *int            `yaml:"per_day,omitempty"`        // 10
	TargetPerDay *int            `yaml:"target_per_day,omitempty"` // 3
	Cooldown     *model.Duration `yaml:"cooldown,omitempty"`       // 30m
	MinHealthy   *int            `yaml:"min_healthy,omitempty"`    // 2
}

// Do is what a playbook does: exactly one of them. Those with [Settings] are checked
// by the package that carries them out.
type Do struct {
	EvictPod       Settings    `yaml:"evict_pod,omitempty"`
	DeletePod      Settings    `yaml:"delete_pod,omitempty"`
	RolloutRestart Settings    `yaml:"rollout_restart,omitempty"`
	UndoRollout    Settings    `yaml:"undo_rollout,omitempty"`
	Scale          Settings    `yaml:"scale,omitempty"`
	Cordon         Settings    `yaml:"cordon,omitempty"`
	Uncordon       Settings    `yaml:"uncordon,omitempty"`
	SystemdRestart Settings    `yaml:"systemd_restart,omitempty"`
	Script         Settings    `yaml:"script,omitempty"`
	Webhook        *ActionHook `yaml:"webhook,omitempty"`
}

// Settings are what a step is told; nil: the step is not there.
type Settings map[string]string

// IsZero reports a step that is not there: one without settings is printed.
func (s Settings) IsZero() bool { return s == nil }

// ActionHook asks another program by HTTP. What is wrong inside is said by the
// package that sends it.
type ActionHook struct {
	URL        Address                      `yaml:"url"`
	Method     string                       `yaml:"method,omitempty"`
	HTTPConfig *promconfig.HTTPClientConfig `yaml:"http_config,omitempty"`
	Secret     promconfig.Secret            `yaml:"secret,omitempty"`
	SecretFile string                       `yaml:"secret_file,omitempty"`
	Body       any                          `yaml:"body,omitempty"`
	Receipt    string                       `yaml:"receipt,omitempty"`
	Idempotent bool                         `yaml:"idempotent,omitempty"`
	Timeout    model.Duration               `yaml:"timeout,omitempty" zero:"write how long a request may take, or leave it out"`
	Status     *HookStatus                  `yaml:"status,omitempty"`
	UndoURL    Address                      `yaml:"undo_url,omitempty"`
}

// HookStatus is where the other program says how far it is.
type HookStatus struct {
	URL     Address        `yaml:"url"`
	Pointer string         `yaml:"pointer"`
	Done    []string       `yaml:"done,flow"`
	Failed  []string       `yaml:"failed,flow"`
	Every   model.Duration `yaml:"every,omitempty" zero:"write at least 1s, or leave it out"`
	Timeout model.Duration `yaml:"timeout,omitempty" zero:"write how long it may take, or leave it out"`
}

// Steps are the steps that are there, by name.
func (d Do) Steps() map[string]Settings {
	all := map[string]Settings{
		"evict_pod": d.EvictPod, "delete_pod": d.DeletePod, "rollout_restart": d.RolloutRestart, "undo_rollout": d.UndoRollout,
		"scale": d.Scale, "cordon": d.Cordon, "uncordon": d.Uncordon, "systemd_restart": d.SystemdRestart, "script": d.Script,
	}
	maps.DeleteFunc(all, func(_ string, s Settings) bool { return s == nil })
	if d.Webhook != nil {
		all["webhook"] = Settings{}
	}
	return all
}

// Step is the name of the one that is there, and its settings.
func (d Do) Step() (name string, with Settings) {
	for name, with := range d.Steps() {
		return name, with
	}
	return "", nil
}

// Mode, severities and kinds that are known.
var (
	actionModes    = []string{"", "off", "suggest", "approve", "automatic"}
	actionSeverity = []string{"", "info", "warning", "critical"}
	actionKinds    = []string{"host", "forecast"}
)

func (c *Config) checkRemedy(w *walker) {
	r := &c.Remedy
	w.oneOf("remedy.mode", &r.Mode, actionModes, "write off, suggest, approve or automatic")
	w.checkLimit("remedy.budget.fleet_per_hour", r.Budget.FleetPerHour, "5")
	for i, user := range r.Approvers.Users {
		if strings.TrimSpace(user) == "" {
			w.at(fmt.Sprintf("remedy.approvers.users[%d]", i), "is empty: write a user of the file of --web.config.file")
		}
		if user == "omen" {
			w.at(fmt.Sprintf("remedy.approvers.users[%d]", i), "omen is what Omen itself is called in the ledger: give that person another user name")
		}
	}
	for i, id := range r.Approvers.Telegram {
		if id <= 0 {
			w.at(fmt.Sprintf("remedy.approvers.telegram[%d]", i), "%d is no user ID: ask @userinfobot for it; a name can be changed by anybody", id)
		}
	}
	if k := r.Kubernetes; k != nil && k.KubeconfigFile == "" {
		w.at("remedy.kubernetes.kubeconfig_file", "is missing: name a file, or leave kubernetes out in a cluster")
	}
	seen := map[string]bool{}
	for i := range r.Playbooks {
		c.checkPlaybook(w, fmt.Sprintf("remedy.playbooks[%d].", i), &r.Playbooks[i], seen)
	}
}

func (c *Config) checkPlaybook(w *walker, key string, p *Playbook, seen map[string]bool) {
	w.checkName(key+"name", p.Name, seen)
	w.oneOf(key+"mode", &p.Mode, actionModes, "write off, suggest, approve or automatic")
	acts := func(mode string) bool { return mode == "approve" || mode == "automatic" }
	if a := c.Remedy.Approvers; acts(p.Mode) && acts(c.Remedy.Mode) && len(a.Users)+len(a.Telegram) == 0 && !w.wrong("remedy.approvers") {
		w.at(key+"mode", "it needs somebody who may approve, undo and resolve: name them in remedy.approvers, or write suggest")
	}
	if len(p.Match) == 0 {
		w.at(key+"match", `is missing: say which incidents, such as [profile="workload", namespace="shop"]`)
	}
	for i, k := range p.Kinds {
		if !slices.Contains(actionKinds, k) {
			w.at(fmt.Sprintf("%skinds[%d]", key, i), "%q is not acted on: write host or forecast", k)
		}
	}
	if !slices.Contains(actionSeverity, p.MinSeverity) {
		w.at(key+"min_severity", "%q is no severity: write warning or critical", p.MinSeverity)
	}
	if p.VerdictHistory.Real < 0 {
		w.at(key+"verdict_history.real", "%d is below 0: leave it out", p.VerdictHistory.Real)
	}
	switch names := slices.Sorted(maps.Keys(p.Do.Steps())); {
	case len(names) == 0:
		w.at(key+"do", "is missing: write exactly one, such as rollout_restart: {}")
	case len(names) > 1:
		w.at(key+"do", "has %s: write exactly one", strings.Join(names, " and "))
	}
	if h := p.Do.Webhook; h != nil && h.Secret != "" && h.SecretFile != "" {
		w.at(key+"do.webhook.secret", "is given beside secret_file: write one of them")
	}
	if h := p.Do.Webhook; h != nil && h.Status != nil && h.Status.Every != 0 && time.Duration(h.Status.Every) < time.Second {
		w.at(key+"do.webhook.status.every", "%s is too often for the other side: write at least 1s", h.Status.Every)
	}
	w.checkLimit(key+"limits.per_day", p.Limits.PerDay, "10")
	w.checkLimit(key+"limits.target_per_day", p.Limits.TargetPerDay, "3")
	w.checkLimit(key+"limits.min_healthy", p.Limits.MinHealthy, "2")
	if d := p.Limits.Cooldown; d != nil && *d <= 0 {
		w.at(key+"limits.cooldown", "%s would be no cool-down at all: write one such as 30m, or leave it out for that", *d)
	}
	for name, d := range map[string]model.Duration{"approve_within": p.ApproveWithin} {
		if time.Duration(d) > 2*time.Hour {
			w.at(key+name, "%s is too long: write at most 2h, since approval is about what is so now", d)
		}
	}
	if p.Holdout < 0 || p.Holdout > .5 {
		w.at(key+"holdout", "%v is no share from 0 to 0.5", p.Holdout)
	}
}

// checkLimit refuses 0: whether it means none or no limit would be a guess.
func (w *walker) checkLimit(key string, n *int, without string) {
	if n != nil && *n < 1 {
		w.at(key, "%d is no limit: write at least 1, or leave it out for %s", *n, without)
	}
}

// setDirectory makes file names relative to the configuration's directory.
func (r *Remedy) setDirectory(within func(string) string) {
	r.AuditKeyFile = within(r.AuditKeyFile)
	if r.Kubernetes != nil {
		r.Kubernetes.KubeconfigFile = within(r.Kubernetes.KubeconfigFile)
	}
	for i := range r.Playbooks {
		if h := r.Playbooks[i].Do.Webhook; h != nil {
			h.SecretFile = within(h.SecretFile)
		}
	}
}
