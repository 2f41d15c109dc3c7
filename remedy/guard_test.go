package remedy

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// cases are what each guard refuses, and what it does not ("").
var cases = []struct {
	name, guard string
	edit        func(*world)
}{
	{"nothing is wrong", "", func(*world) {}},
	{"paused", GuardPaused, func(w *world) { w.f.Paused = "by ann: release night" }},
	{"switched off", GuardDisabled, func(w *world) { w.f.Disabled = map[string]string{"restart": "by omen: it does not help"} }},
	{"another one switched off", "", func(w *world) { w.f.Disabled = map[string]string{"other": "by ann"} }},
	{"not configured", GuardMode, func(w *world) { w.p.Playbooks = nil }},
	{"approved by itself, and the ceiling fell", GuardMode, func(w *world) { w.written(omen.ActionApproved); w.p.Mode = omen.ModeApprove }},
	{"approved by ann over everything, and the ceiling fell", GuardMode, func(w *world) {
		w.a.By, w.a.Overridden = "ann", overridable()
		w.written(omen.ActionApproved)
		w.p.Mode = omen.ModeSuggest
	}},
	{"approved by ann, and the ceiling fell less", "", func(w *world) { w.a.By = "ann"; w.written(omen.ActionApproved); w.p.Mode = omen.ModeApprove }},
	{"somebody is asked", GuardAsked, func(w *world) {
		w.f.Actions = append(w.f.Actions, omen.Action{ID: "x", Incident: "i1", Playbook: "restart", State: omen.ActionWaiting})
	}},
	{"somebody declined", GuardAsked, func(w *world) {
		w.f.Actions = append(w.f.Actions, omen.Action{ID: "x", Incident: "i1", Playbook: "restart", State: omen.ActionDeclined, By: "ann"})
	}},
	{"somebody declined, and ann asks", "", func(w *world) {
		w.a.By = "ann"
		w.f.Actions = append(w.f.Actions, omen.Action{ID: "x", Incident: "i1", Playbook: "restart", State: omen.ActionDeclined, By: "bob"})
	}},
	{"nobody answered", GuardAsked, func(w *world) {
		w.f.Actions = append(w.f.Actions, omen.Action{ID: "x", Incident: "i1", Playbook: "restart", State: omen.ActionExpired})
	}},
	{"it was over before anybody answered, and is open again", "", func(w *world) {
		w.f.Actions = append(w.f.Actions, omen.Action{ID: "x", Incident: "i1", Playbook: "restart", State: omen.ActionExpired, Guard: GuardEvidence})
	}},
	{"it waits for an hour", GuardExpired, func(w *world) { w.a.Expires = w.f.At; w.written(omen.ActionWaiting) }},
	{"it waits", "", func(w *world) { w.a.By = ""; w.a.Expires = w.f.At.Add(time.Second); w.written(omen.ActionWaiting) }},
	{"approved, and never started", GuardExpired, func(w *world) { w.a.At = w.f.At.Add(-6 * time.Minute); w.written(omen.ActionApproved) }},
	{"approved in the future", GuardExpired, func(w *world) { w.a.At = w.f.At.Add(time.Hour); w.written(omen.ActionApproved) }},
	{"open for a minute", GuardEarly, func(w *world) { w.in().OpenedAt = w.f.At.Add(-time.Minute) }},
	{"opened in the future", GuardEarly, func(w *world) { w.in().OpenedAt = w.f.At.Add(time.Hour) }},
	{"open for as long as asked", GuardEarly, func(w *world) { w.p.Playbooks[0].After = 6 * time.Minute }},
	{"ticks are dropped", GuardOwnTrouble, func(w *world) { w.f.Own = "ticks are dropped" }},
	{"an incident of Omen's own", GuardOwnTrouble, func(w *world) { w.another(omen.Incident{ID: "o", State: omen.Open}, omen.OwnIncident) }},
	{"one that says what is chronic", "", func(w *world) {
		w.another(omen.Incident{ID: "o", State: omen.Open, Trouble: "remedy/chronic/shop"}, omen.OwnIncident)
	}},
	{"one of a receiver", "", func(w *world) {
		w.another(omen.Incident{ID: "o", State: omen.Open, Trouble: "receiver/oncall/email/recipient"}, omen.OwnIncident)
	}},
	{"one of the audit", GuardOwnTrouble, func(w *world) {
		w.another(omen.Incident{ID: "o", State: omen.Open, Trouble: "remedy/audit"}, omen.OwnIncident)
	}},
	{"one that nothing is known of", GuardOwnTrouble, own("file systems of tomorrow")},
	{"one of what is stored", GuardOwnTrouble, own("storage")},
	{"one of damaged rows", GuardOwnTrouble, own("storage/damage")},
	{"one of the clock", GuardOwnTrouble, own("clock")},
	{"one of crashes", GuardOwnTrouble, own("crashes")},
	{"one of calendars", GuardOwnTrouble, own("calendars")},
	{"one of hosts of one name", GuardOwnTrouble, own("collisions/prod")},
	{"one of a disk that is nearly full", "", own("storage/space")},
	{"one of a mount of Omen's machine that hangs", "", func(w *world) {
		own("file systems")(w)
		w.a.Does = DoRestart
	}},
	{"one of a mount, and a script is to run on that machine", GuardOwnTrouble, func(w *world) {
		own("file systems")(w)
		w.a.Does = DoScript
	}},
	{"one of a mount, and a unit of that machine is to be restarted", GuardOwnTrouble, own("file systems")},
	{"the source is down", GuardSource, func(w *world) { w.f.Sources["prod"] = SourceState{Why: "refuses connections"} }},
	{"the source answers in part", GuardSource, func(w *world) {
		w.f.Sources["prod"] = SourceState{Up: true, Unread: map[string]string{"node": "feature cpu: timed out"}}
	}},
	{"the source answers in part of another profile", "", func(w *world) {
		w.f.Sources["prod"] = SourceState{Up: true, Unread: map[string]string{"postgres": "feature connections: timed out"}}
	}},
	{"nothing is known of the source", GuardSource, func(w *world) { w.f.Sources = nil }},
	{"an incident of the source", GuardSource, func(w *world) {
		w.another(omen.Incident{ID: "s", State: omen.Open, Host: omen.Host{Source: "prod"}}, omen.SourceIncident)
	}},
	{"an incident of another source", "", func(w *world) {
		w.another(omen.Incident{ID: "s", State: omen.Open, Host: omen.Host{Source: "test"}}, omen.SourceIncident)
	}},
	{"four steps old", GuardStale, func(w *world) { w.live(func(l *Live) { l.ScoredAt = noon.Add(-time.Minute) }) }},
	{"three steps old", "", func(w *world) { w.live(func(l *Live) { l.ScoredAt = noon.Add(-45 * time.Second) }) }},
	{"five fast steps old", "", func(w *world) {
		w.live(func(l *Live) { l.Step, l.ScoredAt = time.Second, noon.Add(-5*time.Second) })
	}},
	{"of the future", GuardStale, func(w *world) { w.live(func(l *Live) { l.ScoredAt = noon.Add(time.Hour) }) }},
	{"never scored", GuardStale, func(w *world) { w.live(func(l *Live) { l.ScoredAt = time.Time{} }) }},
	{"no step", GuardStale, func(w *world) { w.live(func(l *Live) { l.Step = 0 }) }},
	{"silent", GuardStale, func(w *world) { w.live(func(l *Live) { l.Silent = true }) }},
	{"no number", GuardStale, func(w *world) { w.live(func(l *Live) { l.Score = math.NaN() }) }},
	{"unknown host", GuardStale, func(w *world) { delete(w.f.Hosts, node("web-1")) }},
	{"opened by a learning model", GuardGrade, func(w *world) { w.in().Grade = omen.Learning }},
	{"opened by a learning model, with consent", "", func(w *world) { w.in().Grade = omen.Learning; w.p.Playbooks[0].Learning = true }},
	{"a provisional model, with consent", GuardGrade, func(w *world) {
		w.live(func(l *Live) { l.Grade = omen.Provisional })
		w.p.Playbooks[0].Learning = true
	}},
	{"no grade", GuardGrade, func(w *world) { w.in().Grade = "" }},
	{"over", GuardEvidence, func(w *world) { w.in().State = omen.Closed }},
	{"gone", GuardEvidence, func(w *world) { w.f.Incidents = nil }},
	{"not severe", GuardEvidence, func(w *world) { w.in().Severity = omen.Info }},
	{"not severe enough", GuardEvidence, func(w *world) { w.p.Playbooks[0].MinSeverity = omen.Critical }},
	{"normal now", GuardEvidence, func(w *world) { w.live(func(l *Live) { l.Score = 1 }) }},
	{"below its level now", GuardEvidence, func(w *world) { w.live(func(l *Live) { l.Level = 3.5 }) }},
	{"no longer what the playbook answers", GuardEvidence, func(w *world) { w.p.Playbooks[0].Causes = []string{"cpu_user"} }},
	{"with all causes asked for", "", func(w *world) { w.p.Playbooks[0].Causes = []string{"memory_used"} }},
	{"part of a fleet's", GuardStorm, func(w *world) { w.in().Fleet = "f" }},
	{"a fleet's is open", GuardStorm, func(w *world) {
		w.another(omen.Incident{ID: "f", State: omen.Open, Members: []omen.Host{node("db-1")}}, omen.FleetIncident)
	}},
	{"a storm was a moment ago", GuardStorm, func(w *world) {
		w.another(omen.Incident{ID: "f", State: omen.Closed, ClosedAt: noon.Add(-9 * time.Minute), Members: []omen.Host{node("db-1")}}, omen.FleetIncident)
	}},
	{"a storm was ten minutes ago", "", func(w *world) {
		w.another(omen.Incident{ID: "f", State: omen.Closed, ClosedAt: noon.Add(-10 * time.Minute), Members: []omen.Host{node("db-1")}}, omen.FleetIncident)
	}},
	{"a storm elsewhere", "", func(w *world) {
		w.another(omen.Incident{ID: "f", State: omen.Open, Members: []omen.Host{{Source: "test", Name: "a"}}}, omen.FleetIncident)
	}},
	{"silenced", GuardQuiet, func(w *world) { w.f.Muted = map[string]string{"i1": "silence s1"} }},
	{"suppressed", GuardQuiet, func(w *world) { w.in().Suppressed = omen.ReasonMinor }},
	{"people hear of it by another", "", func(w *world) { w.in().Suppressed = omen.ReasonSameCause }},
	{"a rejected pattern", GuardVerdict, func(w *world) { w.f.Rejected = map[string]bool{"i1": true} }},
	{"called none", GuardVerdict, func(w *world) { w.in().Verdict = omen.NotAProblem }},
	{"called real too rarely", GuardVerdict, func(w *world) { w.p.Playbooks[0].Real, w.f.Verdicts = 2, map[string]int{"i1": 1} }},
	{"called real often enough", "", func(w *world) { w.p.Playbooks[0].Real, w.f.Verdicts = 2, map[string]int{"i1": 2} }},
	{"acknowledged", GuardTaken, func(w *world) { w.in().State, w.in().AckedBy = omen.Acknowledged, "ann" }},
	{"assigned", GuardTaken, func(w *world) { w.in().Assignee = "ann" }},
	{"acknowledged, which is allowed", "", func(w *world) { w.in().State, w.p.Playbooks[0].Acknowledged = omen.Acknowledged, true }},
	{"Omen's own unit", GuardSelf, func(w *world) { w.now.Name, w.f.Self = "o.service", []string{"unit o.service"} }},
	{"the machine's bus", GuardSelf, func(w *world) { w.now.Name = "dbus.service" }},
	{"a login", GuardSelf, func(w *world) { w.now.Name = "getty@tty1.service" }},
	{"a service with a dot in its name", "", func(w *world) { w.now.Name = "org.example.shop.service" }},
	{"a slice", GuardSelf, func(w *world) { w.now.Name = "user.slice" }},
	{"the cluster's namespace", GuardSelf, func(w *world) { w.now.Namespace = "kube-system" }},
	{"the cluster's namespace, by label", GuardSelf, func(w *world) {
		w.a.Does = DoRestart
		w.now = omen.Target{}
		w.looked = errors.New("not looked at")
		w.live(func(l *Live) { l.Labels = map[string]string{"namespace": "kube-system"} })
	}},
	{"Omen's namespace", GuardSelf, func(w *world) { w.now.Namespace, w.f.Self = "omen", []string{"namespace omen"} }},
	{"a daemonset", GuardSelf, func(w *world) { w.now.Kind = "daemonset" }},
	{"a hand says so", GuardSelf, func(w *world) { w.looked = Refusal{GuardSelf, "it is annotated omen.dev/exclude"} }},
	{"another one in the group", GuardOne, func(w *world) {
		w.f.Actions = []omen.Action{row("r", omen.ActionMeasuring, node("web-2"), noon.Add(-time.Hour))}
	}},
	{"another one, measured", "", func(w *world) {
		w.f.Actions = []omen.Action{row("r", omen.ActionHelped, node("web-2"), noon.Add(-time.Hour))}
	}},
	{"another one in the group, stuck, a month ago", GuardOne, func(w *world) {
		w.f.Actions = []omen.Action{row("r", omen.ActionStuck, node("web-2"), noon.Add(-29*24*time.Hour))}
	}},
	{"another one on the host, by another grouping", GuardOne, func(w *world) {
		r := row("r", omen.ActionStarted, node("web-1"), noon.Add(-time.Minute))
		r.Group, r.Playbook = "prod/role=web", "other"
		w.f.Actions = []omen.Action{r}
	}},
	{"another one whose group has the host", GuardOne, func(w *world) {
		r := row("r", omen.ActionStarted, omen.Host{Source: "prod", Profile: "process", Name: "a"}, noon.Add(-time.Minute))
		r.Group, r.Playbook = "prod/role=web", "other"
		w.p.Playbooks = append(w.p.Playbooks, Playbook{Name: "other", Group: "role"})
		w.live(func(l *Live) { l.Labels = map[string]string{"role": "web"} })
		w.f.Actions = []omen.Action{r}
	}},
	{"another one in another group", "", func(w *world) {
		r := row("r", omen.ActionStarted, omen.Host{Source: "test", Profile: "node", Name: "a"}, noon.Add(-time.Minute))
		r.Group = "test/node"
		w.f.Actions = []omen.Action{r}
	}},
	{"twenty minutes after the last", GuardCooldown, func(w *world) { w.ago(omen.ActionHelped, 20*time.Minute) }},
	{"half an hour after the last", "", func(w *world) { w.ago(omen.ActionHelped, 30*time.Minute) }},
	{"half an hour after one that did not help", GuardCooldown, func(w *world) { w.ago(omen.ActionNotHelped, 30*time.Minute) }},
	{"an hour after one that did not help", "", func(w *world) { w.ago(omen.ActionNotHelped, time.Hour) }},
	{"after one of the future", GuardCooldown, func(w *world) { w.ago(omen.ActionHelped, -time.Hour) }},
	{"after one that failed", GuardCooldown, func(w *world) { w.ago(omen.ActionFailed, time.Minute) }},
	{"after one that was only refused", "", func(w *world) {
		r := row("r", omen.ActionRefused, node("web-1"), time.Time{})
		r.At = noon.Add(-time.Minute)
		w.f.Actions = []omen.Action{r}
	}},
	{"three on the target today", GuardBudget, func(w *world) { w.ago(omen.ActionHelped, 23*time.Hour, 10*time.Hour, 5*time.Hour) }},
	{"two on the target today", "", func(w *world) { w.ago(omen.ActionHelped, 24*time.Hour, 10*time.Hour, 5*time.Hour) }},
	{"ten of the playbook today", GuardBudget, func(w *world) {
		for i := range 10 {
			w.f.Actions = append(w.f.Actions, row(fmt.Sprint("r", i), omen.ActionHelped, node(fmt.Sprint("db-", i)), noon.Add(-time.Duration(2+i)*time.Hour)))
		}
	}},
	{"five of the fleet this hour", GuardBudget, func(w *world) {
		for i := range 5 {
			r := row(fmt.Sprint("r", i), omen.ActionHelped, omen.Host{Source: "test", Name: fmt.Sprint(i)}, noon.Add(-50*time.Minute))
			r.Playbook, r.Group = "other", "test/"
			w.f.Actions = append(w.f.Actions, r)
		}
	}},
	{"three in a row did not help", GuardIneffective, func(w *world) {
		w.ago(omen.ActionNotHelped, 4*24*time.Hour, 3*24*time.Hour, 2*24*time.Hour)
	}},
	{"three in a row could not be measured", GuardIneffective, func(w *world) {
		w.ago(omen.ActionUnmeasurable, 4*24*time.Hour, 3*24*time.Hour, 2*24*time.Hour)
	}},
	{"three in a row, and then ann switched it on", "", func(w *world) {
		w.ago(omen.ActionNotHelped, 4*24*time.Hour, 3*24*time.Hour, 2*24*time.Hour)
		w.f.Enabled = map[string]time.Time{"restart": noon.Add(-24 * time.Hour)}
	}},
	{"two in a row did not help", "", func(w *world) {
		w.ago(omen.ActionNotHelped, 4*24*time.Hour, 3*24*time.Hour)
		w.f.Actions = append(w.f.Actions, row("h", omen.ActionHelped, node("web-1"), noon.Add(-2*24*time.Hour)))
	}},
	{"the target is not there", GuardTarget, func(w *world) {
		w.now, w.looked = omen.Target{}, fmt.Errorf("unit shop.service: %w", omen.ErrNotFound)
	}},
	{"the hand found nothing", GuardTarget, func(w *world) { w.now = omen.Target{} }},
	{"a refusal without a guard's name", GuardTarget, func(w *world) { w.looked = Refusal{"scaled", "an autoscaler owns it"} }},
	{"a disruption budget", GuardPDB, func(w *world) { w.looked = fmt.Errorf("pod a: %w", Refusal{GuardPDB, "no disruption is left"}) }},
	{"a rollout", GuardRollout, func(w *world) { w.looked = Refusal{GuardRollout, "1 of 3 replicas are updated"} }},
	{"nobody has looked which pod it is", GuardBlame, func(w *world) { w.blamed("") }},
	{"no pod is to blame", GuardBlame, func(w *world) { w.blamed(""); w.f.Blames["i1"] = omen.Blame{At: noon, Why: "two rose"} }},
	{"a pod is to blame", "", func(w *world) { w.blamed("a") }},
	{"another pod is to blame now", GuardBlame, func(w *world) { w.blamed("a"); w.a.Blamed.Pod = "b" }},
	{"which pod it was an hour ago", GuardBlame, func(w *world) {
		w.blamed("a")
		b := w.f.Blames["i1"]
		b.At = noon.Add(-time.Hour)
		w.f.Blames["i1"] = b
	}},
	{"people alone do it, and ann approved it", GuardTarget, func(w *world) { w.a.By = "ann"; w.written(omen.ActionApproved); w.now.Manual = "it is bare" }},
	{"in quiet hours", GuardHours, func(w *world) { w.p.Quiet = hours{noon} }},
	{"after quiet hours", "", func(w *world) { w.p.Quiet = hours{noon.Add(-time.Minute)} }},
	{"in quiet hours, and ann asks", "", func(w *world) { w.p.Quiet, w.a.By = hours{noon}, "ann" }},
	{"another Omen just acted on it", GuardCooldown, func(w *world) { w.now.Mark, w.now.MarkedAt = "a0123456789ab", noon.Add(-time.Minute) }},
	{"somebody just restarted it", GuardCooldown, func(w *world) { w.now.MarkedAt = noon.Add(-time.Minute) }},
	{"somebody restarted it a while ago", "", func(w *world) { w.now.MarkedAt = noon.Add(-time.Hour) }},
	{"it was restarted by an action of an hour ago, whose cool-down is over", "", func(w *world) {
		w.ago(omen.ActionHelped, 2*time.Minute)
		w.p.Playbooks[0].Limits.Cooldown = time.Minute
		w.f.Actions[len(w.f.Actions)-1].Target = w.now
		w.now.MarkedAt = noon.Add(-50 * time.Second)
	}},
	{"somebody just restarted it, long after an action on it", GuardCooldown, func(w *world) {
		w.ago(omen.ActionHelped, 2*time.Hour)
		w.f.Actions[len(w.f.Actions)-1].Target = w.now
		w.now.MarkedAt = noon.Add(-time.Minute)
	}},
	{"another Omen acted on it a while ago", "", func(w *world) { w.now.Mark, w.now.MarkedAt = "a0123456789ab", noon.Add(-time.Hour) }},
	{"this Omen marked it, and the mark is a minute younger", "", func(w *world) {
		w.ago(omen.ActionHelped, 31*time.Minute)
		w.now.Mark, w.now.MarkedAt = "r0", noon.Add(-29*time.Minute)
	}},
	{"refused twice right before its start", GuardCooldown, func(w *world) { w.refused(GuardRollout, time.Hour, 10*time.Second) }},
	{"refused twice, the last time a while ago", "", func(w *world) { w.refused(GuardRollout, time.Hour, 2*time.Minute) }},
	{"refused seven times, the last time a while ago", GuardCooldown, func(w *world) {
		w.refused(GuardRollout, 7*time.Hour, 6*time.Hour, 5*time.Hour, 4*time.Hour, 3*time.Hour, 2*time.Hour, 20*time.Minute)
	}},
	{"refused once by each of two guards", "", func(w *world) { w.refused(GuardRollout, time.Second); w.refused(GuardPDB, time.Second) }},
	{"restarted meanwhile", GuardChanged, func(w *world) { w.written(omen.ActionApproved); w.now.UID = "invocation-2" }},
	{"scaled meanwhile", GuardChanged, func(w *world) { w.written(omen.ActionApproved); w.now.Replicas = 2 }},
	{"rolled out meanwhile", GuardChanged, func(w *world) { w.written(omen.ActionApproved); w.now.Revision = "2" }},
	{"another one meanwhile", GuardChanged, func(w *world) { w.written(omen.ActionApproved); w.now.Name = "other.service" }},
	{"its status changed meanwhile", "", func(w *world) { w.written(omen.ActionApproved); w.now.Version = "12346" }},
	{"half of the group is ill", GuardHealthy, func(w *world) {
		w.f.Hosts[node("web-2")], w.f.Hosts[node("web-3")] = ill(noon), Live{Silent: true}
	}},
	{"most of the group is well", "", func(w *world) { w.f.Hosts[node("web-2")] = ill(noon) }},
	{"the only host of its group", "", func(w *world) { w.f.Hosts = map[omen.Host]Live{node("web-1"): ill(noon)} }},
	{"the only host of its group, two asked for", GuardHealthy, func(w *world) {
		w.f.Hosts = map[omen.Host]Live{node("web-1"): ill(noon)}
		w.p.Playbooks[0].Limits.MinHealthy = 2
	}},
	{"one of two", GuardHealthy, func(w *world) {
		w.f.Hosts = map[omen.Host]Live{node("web-1"): ill(noon), node("web-2"): well(noon)}
	}},
	{"two pods of a workload are missing", GuardHealthy, func(w *world) {
		w.a.Does, w.now = DoRestart, omen.Target{Kind: "deployment", Namespace: "shop", Name: "cart", Replicas: 3, Available: 1}
	}},
	{"one pod of a workload is missing", "", func(w *world) {
		w.a.Does, w.now = DoRestart, omen.Target{Kind: "deployment", Namespace: "shop", Name: "cart", Replicas: 3, Available: 2}
	}},
}

func TestGuards(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cases {
		seen[c.guard] = true
		t.Run(c.name, func(t *testing.T) {
			p, f := ready()
			planned := p.Plan(f)
			if len(planned) != 1 || planned[0].Action.State != omen.ActionApproved || !planned[0].New {
				t.Fatalf("the plan to begin with: %+v", planned)
			}
			w := world{p: p, f: f, a: planned[0].Action, now: shop}
			c.edit(&w)
			d := w.p.Check(w.f, w.a, w.now, w.looked)
			if len(d.Verdict) != len(guards) {
				t.Errorf("%d of %d guards were asked", len(d.Verdict), len(guards))
			}
			if c.guard == "" {
				if d.Action.State != w.a.State || d.Action.Target != w.now {
					t.Errorf("it is %s by %s: %s", d.Action.State, d.Action.Guard, d.Action.Why)
				}
				return
			}
			if d.Action.State != omen.ActionRefused || d.Action.Guard != c.guard || d.Action.Why == "" {
				t.Errorf("it is %s by %q (%s), want refused by %s", d.Action.State, d.Action.Guard, d.Action.Why, c.guard)
			}
		})
	}
	for _, g := range Guards() {
		if !seen[g.Name] {
			t.Errorf("guard %s refuses nothing in any case", g.Name)
		}
		if g.Asks == "" {
			t.Errorf("guard %s does not say what it asks", g.Name)
		}
	}
}

// One Omen acts in one cluster and on its own machine: a target is the same one, whichever
// source shows it. A plan, which has looked up no target, does not know.
func TestATargetIsTheSameByAnySource(t *testing.T) {
	p, f := ready()
	w := world{p: p, f: f, a: p.Plan(f)[0].Action, now: shop}
	w.ago(omen.ActionNotHelped, 4*24*time.Hour, 3*24*time.Hour, 2*24*time.Hour)
	for i := range w.f.Actions {
		w.f.Actions[i].Host.Source, w.f.Actions[i].Target = "other", shop
	}
	if d := w.p.Check(w.f, w.a, w.now, nil); d.Action.Guard != GuardIneffective {
		t.Errorf("%s by %q, want refused by %s", d.Action.State, d.Action.Guard, GuardIneffective)
	}
}

// Whatever a plan can know, it refuses just as a check does.
func TestPlanAsksTheSame(t *testing.T) {
	for _, c := range cases {
		p, f := ready()
		w := world{p: p, f: f, a: p.Plan(f)[0].Action, now: shop}
		before := w.a
		c.edit(&w)
		if w.a.ID != before.ID || w.a.State != before.State || w.a.Does != before.Does || w.a.By != before.By || w.now != shop || w.looked != nil {
			continue // of one action alone, or of its target
		}
		for _, d := range w.p.Plan(w.f) {
			if c.guard == "" && d.Action.State != omen.ActionApproved || c.guard != "" && d.Action.State == omen.ActionApproved {
				t.Errorf("%s: planned as %s by %q, want guard %q", c.name, d.Action.State, d.Action.Guard, c.guard)
			}
		}
	}
}

// What docs/remediation.md says of the guards is what they are, in their order.
func TestGuardsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/remediation.md")
	if err != nil {
		t.Fatal(err)
	}
	var said, want []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) == 5 && (cells[3] == " yes " || cells[3] == " no ") {
			said = append(said, strings.Trim(cells[1], " `")+cells[3])
		}
	}
	for _, g := range Guards() {
		want = append(want, g.Name+map[bool]string{true: " no ", false: " yes "}[g.Never])
	}
	if !slices.Equal(said, want) {
		t.Errorf("the page says\n%q\nand they are\n%q", said, want)
	}
}
