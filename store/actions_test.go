package store

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

var actionAt = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// waiting is an action of group g that waits.
func waiting(incident, group string) omen.Action {
	return omen.Action{
		ID: omen.ActionID(incident, "restart", 1), Incident: incident, Playbook: "restart", Attempt: 1, Group: group,
		Host: omen.Host{Source: "prod", Profile: "node", Name: "web-1"}, Does: "webhook", Target: omen.Target{Kind: "url", Name: "x"},
		Mode: omen.ModeApprove, State: omen.ActionWaiting, At: actionAt,
	}
}

// put makes an action's step durable, as the incident manager does.
func putStep(t *testing.T, db *DB, from omen.ActionState, a omen.Action) error {
	t.Helper()
	return db.AppendAction(t.Context(), from, a, omen.Audit{At: actionAt, By: "ann", Action: "action." + string(a.State), Subject: a.Incident})
}

func steps(t *testing.T, db *DB, a omen.Action, to ...omen.ActionState) omen.Action {
	t.Helper()
	for _, s := range to {
		from := a.State
		must.OK(t, a.Step(s, actionAt, "because"))
		must.OK(t, putStep(t, db, from, a))
	}
	return a
}

// A step is made once, from the state that it was in; who comes second learns who
// was first, and nothing of what would have come with it is written.
func TestActionStepsAreMadeOnce(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	a := waiting("i1", "g")
	must.OK(t, putStep(t, db, "", a))
	if err := putStep(t, db, "", a); !errors.Is(err, omen.ErrConflict) {
		t.Errorf("the same row twice: %v", err)
	}
	approved := a
	approved.By = "ann"
	approved = steps(t, db, approved, omen.ActionApproved)
	declined := a
	declined.By = "bob"
	must.OK(t, declined.Step(omen.ActionDeclined, actionAt, "no"))
	err := db.AppendAction(t.Context(), omen.ActionWaiting, declined, omen.Audit{At: actionAt, By: "bob", Action: "action.declined"}, change(1, 1, omen.ChangeActed))
	if !errors.Is(err, omen.ErrConflict) || !strings.Contains(err.Error(), "already approved by ann") {
		t.Errorf("declined after it was approved: %v", err)
	}
	if head := must.Get(db.Head(t.Context()))(t); head != 0 {
		t.Errorf("the change of the step that was not made is in the journal: head %d", head)
	}
	if got := must.Get(db.Action(t.Context(), a.ID))(t); got.State != omen.ActionApproved || got.By != "ann" {
		t.Errorf("%+v", got)
	}
	if rows := must.Get(db.ActionSteps(t.Context(), a.ID))(t); len(rows) != 2 {
		t.Errorf("%d audit rows, want the two of the steps that were made", len(rows))
	}
	illegal := approved
	illegal.State = omen.ActionHelped
	if err := putStep(t, db, omen.ActionApproved, illegal); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("from approved to helped: %v", err)
	}
}

// While one action of a group may change the world, no other one of it begins.
func TestOneLiveActionInAGroup(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	first, second, other := waiting("i1", "g"), waiting("i2", "g"), waiting("i3", "h")
	for _, a := range []omen.Action{first, second, other} {
		must.OK(t, putStep(t, db, "", a))
	}
	first = steps(t, db, first, omen.ActionApproved, omen.ActionStarted, omen.ActionUnknown, omen.ActionStuck)
	steps(t, db, other, omen.ActionApproved)
	blocked := second
	must.OK(t, blocked.Step(omen.ActionApproved, actionAt, "ok"))
	if err := putStep(t, db, omen.ActionWaiting, blocked); !errors.Is(err, omen.ErrConflict) || !strings.Contains(err.Error(), first.ID) {
		t.Errorf("a second one of the group: %v", err)
	}
	steps(t, db, first, omen.ActionFailed)
	steps(t, db, second, omen.ActionApproved)
}

// What another process started can only come into doubt here.
func TestWhatAnotherProcessStarted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	a := waiting("i1", "g")
	must.OK(t, putStep(t, db, "", a))
	a = steps(t, db, a, omen.ActionApproved, omen.ActionStarted)
	must.OK(t, db.Close())
	db = reopen(t, path)
	defer db.Close()
	done := a
	must.OK(t, done.Step(omen.ActionDone, actionAt, "done"))
	if err := putStep(t, db, omen.ActionStarted, done); !errors.Is(err, omen.ErrConflict) {
		t.Errorf("done by a process that did not start it: %v", err)
	}
	steps(t, db, a, omen.ActionUnknown, omen.ActionDone)
}

func TestActionsAreChosen(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	for i, id := range []string{"i1", "i2", "i3"} {
		a := waiting(id, id)
		a.At = actionAt.Add(time.Duration(i) * time.Hour)
		must.OK(t, putStep(t, db, "", a))
		if id == "i1" {
			steps(t, db, a, omen.ActionDeclined)
		}
	}
	for _, c := range []struct {
		f    ActionFilter
		want string
	}{
		{ActionFilter{}, "i1 i2 i3"},
		{ActionFilter{Newest: 2}, "i2 i3"},
		{ActionFilter{Incident: "i2"}, "i2"},
		{ActionFilter{Playbook: "other"}, ""},
		{ActionFilter{States: []omen.ActionState{omen.ActionWaiting}}, "i2 i3"},
		{ActionFilter{Since: actionAt.Add(2 * time.Hour)}, "i2 i3"}, // i2 is older, and not settled
		{ActionFilter{Since: actionAt, ToPlan: true}, "i2 i3"},      // i1 was settled without being started
	} {
		var got []string
		for _, a := range must.Get(db.Actions(t.Context(), c.f))(t) {
			got = append(got, a.Incident)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.f, got, c.want)
		}
	}
	must.OK(t, db.Append(t.Context(), change(1, 1, omen.ChangeOpened)))
	if all := must.Get(db.Actions(t.Context(), ActionFilter{Since: actionAt.Add(1000 * time.Hour), ToPlan: true}))(t); len(all) != 3 {
		t.Errorf("%+v, want what was declined of an open incident, however long ago, among them", all)
	}
	counts := must.Get(db.CountActions(t.Context()))(t)
	n := map[omen.ActionState]int{}
	for _, c := range counts {
		n[c.State] += c.N
	}
	if n[omen.ActionWaiting] != 3 || n[omen.ActionDeclined] != 1 {
		t.Errorf("counts %+v", counts)
	}
}

// Its condition is written out once in a migration and once here; what Omen or a
// person still has to settle must be found through it.
func TestTheIndexHasTheUnsettledStates(t *testing.T) {
	_, list, _ := strings.Cut(unsettled, "state IN ")
	states := slices.Sorted(strings.SplitSeq(strings.Trim(list, "()"), ", "))
	var want []string
	for _, s := range omen.UnsettledStates() {
		want = append(want, "'"+string(s)+"'")
	}
	if slices.Sort(want); !slices.Equal(states, want) {
		t.Errorf("the index has %s, unsettled are %s", states, want)
	}
	for _, s := range omen.UnsettledStates() {
		if len(s.Next()) == 0 {
			t.Errorf("nothing can follow %s", s)
		}
	}
}

// One damaged action is an error for all: a budget must not be worked out from a
// part.
func TestADamagedActionIsNotLeftOut(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	must.OK(t, putStep(t, db, "", waiting("i1", "g")))
	must.Get(db.write.ExecContext(t.Context(), "UPDATE action SET body = replace(body, 'waiting', 'stuckkk')"))(t)
	if all, err := db.Actions(t.Context(), ActionFilter{}); !errors.Is(err, omen.ErrCorrupt) {
		t.Errorf("%v, %v", all, err)
	}
}

// Retention takes old timelines, and no row of the audit and no action.
func TestRetentionKeepsTheLedger(t *testing.T) {
	db, _ := tampered(t, "")
	defer db.Close()
	must.Get(db.Retain(t.Context(), actionAt.AddDate(10, 0, 0)))(t)
	if got := must.Get(db.Verify(t.Context()))(t); !got.OK() || got.Rows != 3 {
		t.Errorf("%+v", got)
	}
	var b bytes.Buffer
	must.OK(t, db.ExportAudit(t.Context(), &b))
	if n := strings.Count(b.String(), "\n"); n != 3 || !strings.Contains(b.String(), `"action_id":"a`) {
		t.Errorf("%d lines: %s", n, b.String())
	}
}

// No model learns what an action upset.
func TestWhatActionsUpsetIsNotLearned(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	a := waiting("i1", "g")
	must.OK(t, putStep(t, db, "", a))
	a = steps(t, db, a, omen.ActionApproved, omen.ActionStarted)
	for from, want := range map[time.Time]time.Time{actionAt.Add(-time.Hour): actionAt, actionAt.Add(time.Minute): actionAt.Add(time.Minute)} {
		excluded, _, err := db.TrainingSpans(t.Context(), a.Host, nil, time.UTC, from, actionAt.Add(time.Hour))
		if err != nil || len(excluded) != 1 || !excluded[0].From.Equal(want) || !excluded[0].To.Equal(actionAt.Add(time.Hour)) {
			t.Errorf("from %s: %+v, %v", from, excluded, err)
		}
	}
	other := a.Host
	other.Name = "web-2"
	if excluded, _, err := db.TrainingSpans(t.Context(), other, nil, time.UTC, actionAt, actionAt.Add(time.Hour)); err != nil || len(excluded) > 0 {
		t.Errorf("another host: %+v, %v", excluded, err)
	}
}
