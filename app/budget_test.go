package app

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

const budgetStep = 5 * time.Minute

// livedDays is so many days of a host up to an instant, with a daily rhythm, and for
// an hour and a half from fault on a busy cpu and an idle disk.
func livedDays(host string, days float64, to, fault time.Time) []series.Curve {
	r := rand.New(rand.NewPCG(7, 7))
	curves := make([]series.Curve, 3)
	for i, name := range []string{"cpu", "load", "disk"} {
		curves[i].Labels = map[string]string{"__name__": name, "instance": host}
	}
	for at := to.Add(-time.Duration(days * 24 * float64(time.Hour))).Truncate(budgetStep); !at.After(to); at = at.Add(budgetStep) {
		cpu := .3 + .1*math.Sin(2*math.Pi*float64(at.Unix())/86400) + .02*r.NormFloat64()
		values := []float64{cpu, cpu/2 + .01*r.NormFloat64(), .5 + .01*r.NormFloat64()}
		if !at.Before(fault) && at.Sub(fault) < 90*time.Minute {
			values[0], values[2] = .95, .1
		}
		for i := range curves {
			curves[i].At, curves[i].Values = append(curves[i].At, at.UnixMilli()), append(curves[i].Values, values[i])
		}
	}
	return curves
}

// A replay takes a host's own history through the rules with both budgets, sets it
// beside what was notified, and says what to write; a host with too little is
// skipped, and one replay runs at a time.
func TestBudgetsReplayOwnHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, "local: {instance: here}\n")
	p, down := runParts(t, file)
	defer func() { must.OK(t, down.run()) }()
	now := time.Now().UTC().Truncate(budgetStep)
	fault := now.Add(-26 * time.Hour)
	raw := tsdb.NewScratch(nil)
	raw.HoldAll(budgetStep, append(livedDays("web-1", 6, now, fault), livedDays("young", 1, now, fault)...))
	defer func() { must.OK(t, raw.Close()) }()
	schema := must.Get(feature.FromColumns("example", []string{"cpu", "load", "disk"}, feature.Feature{Scale: 1}))(t)
	g := &generation{p: p, conf: p.current.conf, loaded: p.current.loaded, slots: make(chan struct{}, 1), watches: []*watched{
		{source: "csv", reader: &series.Reader{Evaluator: raw, Concurrency: 1}, schema: schema, step: budgetStep, learns: 24 * time.Hour},
	}}
	g.budgets = newBudgets(g)
	host := func(name string) omen.Host { return omen.Host{Source: "csv", Profile: "example", Name: name} }
	in := omen.Incident{
		ID: "then", Kind: omen.HostIncident, Host: host("web-1"), State: omen.Closed, Since: fault, ClosedAt: fault.Add(2 * time.Hour), Verdict: omen.Real, ChangeNumber: 1,
	}
	must.OK(t, p.db.Append(t.Context(), omen.Change{Kind: omen.ChangeClosed, At: in.ClosedAt, Incident: in}))

	for _, bad := range []float64{0, -1, math.NaN(), 2000} {
		if err := g.budgets.ReplayBudget(bad); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("a budget of %v: %v", bad, err)
		}
	}
	must.OK(t, g.budgets.ReplayBudget(4))
	if err := g.budgets.ReplayBudget(2); !errors.Is(err, omen.ErrConflict) || omen.Hint(err) == "" {
		t.Errorf("a second one at once: %v", err)
	}
	g.budgets.replay(t.Context(), []omen.Host{host("young"), host("web-1")}, <-g.budgets.asked)
	r := must.Get(g.budgets.Budget())(t).Replay
	if r.State != replayDone || r.Replayed != 1 || r.Skipped != 1 || r.Hosts != 2 || r.Progress != 1 || r.Actual != 1 || math.Abs(float64(r.Days)-5) > .1 || r.Step != api.Number(budgetStep.Seconds()) || r.Err != "" {
		t.Errorf("replayed: %+v", r)
	}
	a, b := r.Outcomes[0], r.Outcomes[1]
	if a.PerHostWeek != 1 || b.PerHostWeek != 4 || a.Notified < 1 || b.Notified < 1 || a.Real != 1 || b.Real != 1 || a.Rejected != 0 {
		t.Errorf("outcomes %+v and %+v, want the fault, which people called real, in both", a, b)
	}
	if want := fmt.Sprintf("Last 5 days, 1 of 2 hosts: %d → %s.", a.Notified, omen.Plural(b.Notified, "notification", "notifications")); r.Text != want {
		t.Errorf("%q, want %q", r.Text, want)
	}
	if r.YAML != "pages:\n  per_host_week: 4\n" {
		t.Errorf("to write: %q", r.YAML)
	}

	must.OK(t, g.budgets.ReplayBudget(.5))
	g.budgets.CancelBudget() // before it has begun
	g.budgets.replay(t.Context(), []omen.Host{host("web-1")}, <-g.budgets.asked)
	if r := must.Get(g.budgets.Budget())(t).Replay; r.State != replayCancelled || time.Time(r.EndedAt).IsZero() {
		t.Errorf("cancelled: %+v", r)
	}
	g.budgets.CancelBudget() // nothing runs
	must.OK(t, g.budgets.ReplayBudget(.5))
	g.budgets.replay(t.Context(), []omen.Host{host("young")}, <-g.budgets.asked)
	if r := must.Get(g.budgets.Budget())(t).Replay; r.State != replayFailed || !strings.Contains(r.Err, "a day of history") {
		t.Errorf("without history: %+v", r)
	}
	must.OK(t, g.budgets.ReplayBudget(.5))
	g.budgets.replay(t.Context(), []omen.Host{host("web-1"), {Source: "gone"}}, <-g.budgets.asked)
	if r := must.Get(g.budgets.Budget())(t).Replay; r.State != replayDone || !strings.HasPrefix(r.Err, "1 host could not be replayed: ") || !strings.Contains(r.Err, "gone") || r.Replayed != 1 {
		t.Errorf("with a host that cannot be read: %+v", r)
	}
}

func TestBudgetText(t *testing.T) {
	of := func(days float64, replayed, hosts int, now, other api.BudgetOutcome) string {
		return budgetText(api.BudgetReplay{Days: api.Number(days), Replayed: replayed, Hosts: hosts, Outcomes: api.List[api.BudgetOutcome]{now, other}})
	}
	for _, c := range []struct{ got, want string }{
		{of(30, 4, 4, api.BudgetOutcome{Notified: 3}, api.BudgetOutcome{Notified: 9, Real: 1}), "Last 30 days: 3 → 9 notifications, 1 more of those people called real."},
		{of(11.6, 50, 200, api.BudgetOutcome{Notified: 4, Real: 2, Rejected: 2}, api.BudgetOutcome{Notified: 1, Real: 2}), "Last 12 days, 50 of 200 hosts: 4 → 1 notification, 2 fewer of those people called no problem."},
		{of(1, 1, 1, api.BudgetOutcome{}, api.BudgetOutcome{}), "Last 1 day: 0 → 0 notifications."},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// A quarter of the history, and no more than serve learns from, is not replayed;
// what then leaves less than a day is too little.
func TestDivide(t *testing.T) {
	all := make([]omen.Vector, 0, 1000)
	for i := range 10*24 + 1 {
		all = append(all, omen.Vector{At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour)})
	}
	for _, c := range []struct {
		samples, past, lived int
		learns               time.Duration
	}{
		{241, 60, 181, 7 * 24 * time.Hour}, {241, 24, 217, 24 * time.Hour}, {30, 0, 0, 24 * time.Hour}, {0, 0, 0, time.Hour},
	} {
		if past, lived := divide(all[:c.samples], c.learns); len(past) != c.past || len(lived) != c.lived {
			t.Errorf("%d hours: %d and %d, want %d and %d", c.samples, len(past), len(lived), c.past, c.lived)
		}
	}
}
