package app

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
)

// Quiet hours are named time intervals of the same file.
func TestQuietHoursAreTimeIntervals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, "remedy: {quiet_hours: [nights]}\ntime_intervals: [{name: nights, time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}]}]}]\n")
	l := must.Get(load(file, nil, time.Now()))(t)
	if h := l.policy.Quiet; h == nil || h.Holds(time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)) != "nights" || h.Holds(time.Date(2026, 11, 29, 7, 0, 0, 0, time.UTC)) != "" {
		t.Errorf("quiet hours %v", h)
	}
	write(t, file, "remedy: {quiet_hours: [nights]}\n")
	if _, err := load(file, nil, time.Now()); err == nil || !strings.Contains(err.Error(), "remedy.quiet_hours") {
		t.Errorf("an interval that there is not: %v", err)
	}
}

// A source that is partial says nothing of hosts that are read in full now: only what
// of their own profile was not read keeps from acting on them.
func TestWhatIsNotReadKeepsFromActing(t *testing.T) {
	node, workload := must.Get(feature.NewSchema(feature.Node()))(t), must.Get(feature.NewSchema(feature.Workload()))(t)
	cpu := node.Names()[0]
	for name, c := range map[string]struct {
		node, workload omen.SourceStatus
		up             bool
		unread         string // profiles
	}{
		"both up":              {omen.SourceStatus{State: omen.SourceUp}, omen.SourceStatus{State: omen.SourceUp}, true, ""},
		"hosts are refused":    {omen.SourceStatus{State: omen.SourcePartial, RefusedHosts: 2}, omen.SourceStatus{State: omen.SourceUp}, true, ""},
		"no host of a profile": {omen.SourceStatus{State: omen.SourceUp}, omen.SourceStatus{State: omen.SourcePartial, Err: "no host"}, true, ""},
		"a limit is not read":  {omen.SourceStatus{State: omen.SourcePartial, FailedFeatures: map[string]string{"some_limit": "x"}}, omen.SourceStatus{State: omen.SourceUp}, true, ""},
		"a feature is not":     {omen.SourceStatus{State: omen.SourcePartial, FailedFeatures: map[string]string{cpu: "timed out"}}, omen.SourceStatus{State: omen.SourceUp}, true, "node"},
		"a profile is blind":   {omen.SourceStatus{State: omen.SourceUp}, omen.SourceStatus{State: omen.SourceDown, Err: "none sends"}, true, "workload"},
		"all are down":         {omen.SourceStatus{State: omen.SourceDown, Err: "refused"}, omen.SourceStatus{State: omen.SourceStarting}, false, "node workload"},
	} {
		s := answering(answering(remedy.SourceState{}, node, c.node), workload, c.workload)
		var unread []string
		for _, profile := range []string{"node", "workload"} {
			if s.Unread[profile] != "" {
				unread = append(unread, profile)
			}
		}
		if s.Up != c.up || s.Up == (s.Why != "") || strings.Join(unread, " ") != c.unread {
			t.Errorf("%s: %+v, want up %t and unread %q", name, s, c.up, c.unread)
		}
	}
}

// What people called real is read once for all incidents of a kind.
func TestVerdictsAreReadOnceForAKind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, "local: {instance: here}\nremedy: {playbooks: [{name: p, verdict_history: {real: 1}, match: ['source=\"local\"'], do: {webhook: {url: 'http://127.0.0.1:1/'}}}]}\n")
	p, down := runParts(t, file)
	defer func() { must.OK(t, down.run()) }()
	now := time.Now().UTC().Truncate(time.Second)
	of := func(id string, kind omen.IncidentKind, since time.Time, state omen.IncidentState) omen.Incident {
		return omen.Incident{
			ID: id, Kind: kind, Host: omen.Host{Source: "local", Profile: "node", Name: id}, State: state, Since: since, ClosedAt: since.Add(time.Minute), Verdict: omen.Real, ChangeNumber: 1,
			Causes: []omen.Cause{{Feature: "memory_used", Share: 1, Actual: 9, Expected: 1, Upper: 2}},
		}
	}
	put := func(in omen.Incident) {
		must.OK(t, p.db.Append(t.Context(), omen.Change{Kind: omen.ChangeClosed, At: in.ClosedAt, Incident: in}))
	}
	put(of("past", omen.HostIncident, now.Add(-time.Hour), omen.Closed))
	w, f, past := world{&generation{p: p, loaded: p.current.loaded}}, remedy.Facts{At: now, Verdicts: map[string]int{}}, map[omen.IncidentKind][]omen.Incident{}
	must.OK(t, w.called(t.Context(), &f, of("a", omen.HostIncident, now, omen.Open), past))
	put(of("later", omen.HostIncident, now.Add(-time.Minute), omen.Closed))
	must.OK(t, w.called(t.Context(), &f, of("b", omen.HostIncident, now, omen.Open), past))
	must.OK(t, w.called(t.Context(), &f, of("c", omen.FleetIncident, now, omen.Open), past))
	if f.Verdicts["a"] != 1 || f.Verdicts["b"] != 1 || f.Verdicts["c"] != 0 {
		t.Errorf("called real: %v, want the one of before for a and b", f.Verdicts)
	}
}

// What holds actions back is decided by the names of troubles that are reported here:
// one that is renamed holds back, and this fails.
func TestWhichTroubleHoldsActionsBack(t *testing.T) {
	for trouble, want := range map[string]bool{
		troubleStorage: true, troubleSpace: false, troubleDamage: true, troubleCrashes: true, troubleCalendars: true,
		troubleMounts: false, troubleParts: true, troubleClock: true, troubleCollisions + "prod": true,
	} {
		facts := remedy.Facts{Incidents: []omen.Incident{{ID: "o", Kind: omen.OwnIncident, State: omen.Open, Trouble: trouble}}}
		says := remedy.Policy{}.Check(facts, omen.Action{Does: remedy.DoRestart}, omen.Target{}, nil).Verdict
		if got := slices.ContainsFunc(says, func(g remedy.GuardSays) bool { return g.Guard == remedy.GuardOwnTrouble && g.Why != "" }); got != want {
			t.Errorf("%s holds back: %v, want %v", trouble, got, want)
		}
	}
}
