package api

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/remedy"
)

// acting is the world of a loop over a fixture: its manager and one sick host among
// well ones.
type acting struct{ f *fixture }

func (w acting) Look(_ context.Context, f *remedy.Facts) error {
	f.Hosts, f.Sources = map[omen.Host]remedy.Live{}, map[string]remedy.SourceState{web1.Source: {Up: true}}
	for i, name := range []string{web1.Name, "web-2", "web-3", "web-4"} {
		h := web1
		h.Name = name
		f.Hosts[h] = remedy.Live{ScoredAt: f.At, Step: time.Second, Grade: omen.Established, Score: []float64{3, .1, .1, .1}[i]}
	}
	return nil
}

func (w acting) Scores(context.Context, omen.Host, time.Time, time.Time) ([]omen.ScorePoint, error) {
	return nil, nil
}

func (w acting) Act(ctx context.Context, from omen.ActionState, a omen.Action, by string) error {
	_, err := w.f.manager.Do(ctx, incident.Command{Incident: a.Incident, Action: incident.Act, By: by, Do: &a, From: from})
	return err
}

func (w acting) Note(context.Context, mute.Event) error                      { return nil }
func (w acting) Report(context.Context, string, omen.Severity, string) error { return nil }
func (w acting) Resolve(context.Context, string) error                       { return nil }

// nobody is a hand that does nothing.
type nobody struct{}

func (nobody) Resolve(context.Context, omen.Action) (omen.Target, error) {
	return omen.Target{Kind: "url", Name: "awx"}, nil
}
func (nobody) DryRun(context.Context, omen.Action) (string, error)          { return "would ask awx", nil }
func (nobody) Do(context.Context, omen.Action) (string, error)              { return "", nil }
func (nobody) Happened(context.Context, omen.Action) (remedy.Answer, error) { return remedy.Yes, nil }
func (nobody) Undo(context.Context, omen.Action) error                      { return nil }

// loop has one playbook that answers every host of the profile node.
func (f *fixture) loop() *remedy.Loop {
	return remedy.NewLoop(remedy.Options{
		Policy: remedy.Policy{Mode: omen.ModeApprove, Approvers: remedy.Approvers{Users: []string{"ann", "bob"}}, Playbooks: []remedy.Playbook{{
			Name: "ask", Mode: omen.ModeApprove, Match: []mute.Matcher{{Name: "profile", Value: "node", IsEqual: true}}, Does: remedy.Step{Name: remedy.DoWebhook},
		}}},
		Hands: map[string]remedy.Hand{"ask": nobody{}}, Store: f.store, World: acting{f},
	})
}

// actions puts four actions on i1 into the ledger: two that wait, one in doubt, one
// that was done; and opens i9.
func (f *fixture) actions(t *testing.T) {
	t.Helper()
	f.open(t, "i9")
	for i, states := range [][]omen.ActionState{
		{omen.ActionWaiting}, {omen.ActionWaiting},
		{omen.ActionApproved, omen.ActionStarted, omen.ActionUnknown}, {omen.ActionApproved, omen.ActionStarted, omen.ActionDone},
	} {
		a := omen.Action{
			ID: omen.ActionID("i1", "ask", i+1), Incident: "i1", Playbook: "ask", Attempt: i + 1, Group: string(rune('a' + i)), Does: remedy.DoWebhook,
			Host: omen.Host{Source: "other", Profile: "batch", Name: "web-9"}, Target: omen.Target{Kind: "url", Name: string(rune('a' + i))},
			Mode: omen.ModeApprove, At: time.Now().UTC(), Expires: time.Now().Add(time.Hour).UTC(),
		}
		for _, to := range states {
			from := a.State
			must.OK(t, a.Step(to, time.Now(), "because"))
			must.OK(t, acting{f}.Act(t.Context(), from, a, "omen"))
		}
	}
}

// withRemedy is a fixture with an open incident i1 and an action on it that waits.
func withRemedy(t *testing.T) (*fixture, omen.Action) {
	t.Helper()
	f := newFixture(t)
	f.open(t, "i1")
	a := omen.Action{
		ID: omen.ActionID("i1", "ask", 1), Incident: "i1", Playbook: "ask", Attempt: 1, Host: web1, Group: "g", Does: remedy.DoWebhook,
		Target: omen.Target{Kind: "url", Name: "awx"}, Mode: omen.ModeApprove, State: omen.ActionWaiting, Why: "it is time",
		At: time.Now().UTC(), Expires: time.Now().Add(time.Hour).UTC(),
	}
	must.OK(t, acting{f}.Act(t.Context(), "", a, "omen"))
	return f, a
}

// ask sends a request as a user; empty: nobody has signed in.
func ask(t *testing.T, f *fixture, user, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/api/v1/omen"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if user != "" {
		r.SetBasicAuth(user, "whatever")
		r = SignedIn(r, user)
	}
	w := httptest.NewRecorder()
	f.api.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// Only somebody who has signed in and is an approver decides, once; who comes second
// learns who was first.
func TestWhoDecidesOnActions(t *testing.T) {
	f, a := withRemedy(t)
	for _, c := range []struct {
		user, path, body string
		status           int
		says             string
	}{
		{"", "/actions/" + a.ID + "/approve", "{}", 403, "basic_auth_users"},
		{"eve", "/actions/" + a.ID + "/approve", "{}", 403, "remedy.approvers"},
		{"", "/incidents/i1/act", `{"playbook":"ask"}`, 403, "basic_auth_users"},
		{"eve", "/playbooks/ask/disable", "{}", 403, "remedy.approvers"},
		{"eve", "/remedy/resume", "{}", 403, "remedy.approvers"},
		{"ann", "/actions/aaaa/approve", "{}", 404, ""},
		{"ann", "/actions/" + a.ID + "/resolve", `{"happened":true}`, 409, "waiting"},
		{"ann", "/actions/" + a.ID + "/undo", "{}", 409, "waiting"},
		{"ann", "/actions/" + a.ID + "/approve", "{}", 200, `"state":"approved"`},
		{"bob", "/actions/" + a.ID + "/approve", "{}", 409, "already approved by ann"},
		{"bob", "/actions/" + a.ID + "/decline", "{}", 409, "already approved by ann"},
		{"ann", "/incidents/i1/act", `{"playbook":"ask","override":["paused"]}`, 400, "override"},
		{"ann", "/incidents/i1/act", `{"playbook":"none"}`, 404, ""},
		{"ann", "/playbooks/ask/disable", `{"why":"it is loud"}`, 200, ""},
		{"ann", "/playbooks/ask/disable", "{}", 409, "by ann: it is loud"},
		{"ann", "/playbooks/none/disable", "{}", 404, ""},
		{"ann", "/playbooks/ask/enable", "{}", 200, ""},
		{"", "/remedy/pause", `{"why":"fire"}`, 200, ""},
		{"ann", "/remedy/resume", "{}", 200, ""},
	} {
		status, body := ask(t, f, c.user, "POST", c.path, c.body)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%q: %s %s: %d %s, want %d %q", c.user, c.path, c.body, status, body, c.status, c.says)
		}
	}
	rows := must.Get(f.store.Audit(t.Context(), a.ID, 0))(t)
	if len(rows) != 1 || rows[0].By != "eve" || rows[0].Detail != "approve" {
		t.Errorf("who may not is in the audit: %+v", rows)
	}
}

// Undo is offered where something can be taken back: not what nobody can, nor what the
// playbook's hand of now cannot, nor what nobody carries out any more.
func TestUndoIsOfferedWhereItIsPossible(t *testing.T) {
	f := newFixture(t)
	hands := map[string]remedy.Hand{"ask": nobody{}, "bare": bare{}}
	f.api.remedy = remedy.NewLoop(remedy.Options{Hands: hands, Store: f.store, World: acting{f}})
	for _, c := range []struct {
		playbook, does string
		state          omen.ActionState
		want           string
	}{
		{"ask", remedy.DoWebhook, omen.ActionDone, "undo"}, {"ask", remedy.DoRestart, omen.ActionHelped, "undo"},
		{"ask", remedy.DoEvict, omen.ActionDone, ""}, {"ask", remedy.DoDelete, omen.ActionDone, ""},
		{"ask", remedy.DoUnit, omen.ActionNotHelped, ""}, {"ask", remedy.DoUncordon, omen.ActionMeasuring, ""},
		{"bare", remedy.DoWebhook, omen.ActionDone, ""}, {"gone", remedy.DoWebhook, omen.ActionDone, ""},
		{"ask", remedy.DoWebhook, omen.ActionUndone, ""}, {"bare", remedy.DoWebhook, omen.ActionStuck, "resolve"},
	} {
		a := omen.Action{Playbook: c.playbook, Does: c.does, State: c.state}
		if got := strings.Join(f.api.standing(a).Next, " "); got != c.want {
			t.Errorf("%+v: next %q", c, got)
		}
	}
}

// bare is a hand that takes nothing back, and knows it.
type bare struct{ nobody }

func (bare) Undoes() bool { return false }

// Why somebody decided is in the answer, and in the step.
func TestWhyIsShown(t *testing.T) {
	f, a := withRemedy(t)
	status, body := ask(t, f, "ann", "POST", "/actions/"+a.ID+"/approve", `{"why":"it leaks"}`)
	if status != 200 || !strings.Contains(body, `"said":"it leaks"`) || !strings.Contains(body, `"why":"approved by ann: it leaks"`) {
		t.Errorf("%d %s", status, body)
	}
	if in := read[IncidentDetail](t, f, "/incidents/i1"); !strings.HasSuffix(in.Remedy, ", ann: it leaks") {
		t.Errorf("the incident says %q", in.Remedy)
	}
}

// The incident API does not reach what the loop does.
func TestActionsAreNotReachableAsActs(t *testing.T) {
	f, _ := withRemedy(t)
	if status, body := ask(t, f, "ann", "POST", "/incidents/i1/act", `{"action":"act"}`); status != 400 {
		t.Errorf("%d %s", status, body)
	}
}

func TestReadingActions(t *testing.T) {
	f, a := withRemedy(t)
	all := read[Actions](t, f, "/actions?state=waiting,approved")
	if len(all.Actions) != 1 || all.Actions[0].ID != a.ID || all.Actions[0].Target.Text != "url awx" || strings.Join(all.Actions[0].Next, " ") != "approve decline" {
		t.Errorf("%+v", all)
	}
	if none := read[Actions](t, f, "/actions?state=helped"); len(none.Actions) != 0 {
		t.Errorf("%+v", none)
	}
	if status, _ := ask(t, f, "", "GET", "/actions?state=sleeping", ""); status != 400 {
		t.Errorf("an unknown state: %d", status)
	}
	one := read[ActionDetail](t, f, "/actions/"+a.ID)
	if len(one.Steps) != 1 || one.Steps[0].State != omen.ActionWaiting || one.Steps[0].By != "omen" {
		t.Errorf("%+v", one)
	}
	in := read[IncidentDetail](t, f, "/incidents/i1")
	last := in.Changes[len(in.Changes)-1]
	if last.Kind != omen.ChangeActed || last.Reason != "action_waiting" || last.Action == nil || last.Action.ID != a.ID {
		t.Errorf("the timeline's last step: %+v", last)
	}
	if chain := read[Chain](t, f, "/audit/verify"); !chain.OK || chain.Rows == 0 {
		t.Errorf("%+v", chain)
	}
	_, lines := ask(t, f, "", "GET", "/audit/export", "")
	for line := range strings.Lines(lines) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	books := read[Playbooks](t, f, "/playbooks")
	if len(books.Playbooks) != 1 || books.Playbooks[0].Mode != omen.ModeApprove || len(books.Guards) == 0 || books.Paused != "" {
		t.Errorf("%+v", books)
	}
	plan := read[Plan](t, f, "/incidents/i1/plan")
	if len(plan.Plan) != 1 || len(plan.Plan[0].Guards) != len(books.Guards) {
		t.Errorf("%+v", plan)
	}
	if status, _ := ask(t, f, "", "GET", "/incidents/none/plan", ""); status != 404 {
		t.Errorf("the plan of an unknown incident: %d", status)
	}
	_, tried := ask(t, f, "", "POST", "/remedy/check", "{}")
	if !strings.Contains(tried, "would ask awx") {
		t.Errorf("check: %s", tried)
	}
}

// Without a loop, as over a directory, the ledger is read and nothing is decided.
func TestWithoutALoop(t *testing.T) {
	f := newFixture(t)
	f.api.remedy = nil
	if all := read[Actions](t, f, "/actions"); len(all.Actions) != 0 {
		t.Errorf("%+v", all)
	}
	for _, path := range []string{"/actions/a1/approve", "/remedy/pause", "/remedy/check"} {
		if status, body := ask(t, f, "ann", "POST", path, "{}"); status != 501 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}
