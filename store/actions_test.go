package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// Steps that are made while the audit is walked are no change of it.
func TestVerifyBesideSteps(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		for i := range 100 {
			if err := putStep(t, db, "", waiting(fmt.Sprint("i", i), fmt.Sprint("g", i))); err != nil {
				t.Error(err)
			}
		}
	})
	done := make(chan struct{})
	go func() { writer.Wait(); close(done) }()
	for {
		if c := must.Get(db.Verify(t.Context()))(t); !c.OK() {
			t.Fatalf("%+v", c)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// tampered is a database with three audit rows, one of them of an action, in which
// somebody who has not the key has done something.
func tampered(t *testing.T, harm string) (*DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "a", Subject: "s"}))
	must.OK(t, putStep(t, db, "", waiting("i1", "g")))
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "bob", Action: "b", Subject: "s"}))
	if harm != "" {
		must.Get(db.write.ExecContext(t.Context(), harm))(t)
	}
	return db, path
}

func TestVerifyNamesTheFirstRowThatWasChanged(t *testing.T) {
	sum := "sum = omen_sum(at, by, action, subject, detail, action_id, prev, mac)"
	for _, c := range []struct {
		name, harm string
		broken     int64
		why        string
	}{
		{"nothing", "", 0, ""},
		{"an author", "UPDATE audit SET by = 'eve' WHERE seq = 2", 2, "not what was written"},
		{"an author, and the checksum", "UPDATE audit SET by = 'eve', " + strings.ReplaceAll(sum, "by", "'eve'") + " WHERE seq = 2", 2, "not what was written"},
		{"a row is gone", "DELETE FROM audit WHERE seq = 2", 3, "another than when it was written"},
		{"a row out of the chain", "INSERT INTO audit (at, by, action, subject, detail) VALUES (1, 'eve', 'x', '', '')", 4, "not in the chain"},
		{"the chain was taken out", "UPDATE audit SET mac = NULL, prev = NULL", 1, "not in the chain"},
		{"an action", "UPDATE action SET body = replace(body, 'webhook', 'evict_pod')", 0, "not as its last audit row has it"},
		{"an action is gone", "DELETE FROM action", 0, "there are 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, _ := tampered(t, c.harm)
			defer db.Close()
			got := must.Get(db.Verify(t.Context()))(t)
			if got.Broken != c.broken || got.OK() != (c.why == "") || !strings.Contains(got.Why, c.why) {
				t.Errorf("%+v, want row %d: %s", got, c.broken, c.why)
			}
			if c.harm == "" && (got.Rows != 3 || len(got.Head) != 64) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Without its key a chain proves nothing: a key that is made anew does not make it
// whole.
func TestTheKeyIsOutsideOfTheDatabase(t *testing.T) {
	db, path := tampered(t, "")
	must.OK(t, db.Close())
	key := must.Get(os.ReadFile(path + ".key"))(t)
	if info := must.Get(os.Stat(path + ".key"))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	text := must.Get(os.ReadFile(path))(t)
	if secret := bytes.Fields(key)[1]; bytes.Contains(text, secret) || bytes.Contains(text, must.Get(parseKey(key))(t).secret) {
		t.Error("the key is in the database")
	}
	must.OK(t, os.Remove(path+".key"))
	db = reopen(t, path)
	if got := must.Get(db.Verify(t.Context()))(t); got.Broken != 1 {
		t.Errorf("without a key: %+v", got)
	}
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "c"}))
	if got := must.Get(db.Verify(t.Context()))(t); got.OK() {
		t.Errorf("with another key: %+v", got)
	}
	must.OK(t, db.Close())
	must.OK(t, os.WriteFile(path+".key", key, 0o600))
	db = reopen(t, path)
	defer db.Close()
	if got := must.Get(db.Verify(t.Context()))(t); got.Broken != 4 { // that was signed by the other one
		t.Errorf("with its key: %+v", got)
	}
}

// A key that somebody else made does not say from which row on it signs: that is
// remembered, so that a ledger whose sums were all taken out is not taken for one
// from before there were any; nor is one with steps of actions in it, key or not.
func TestTheStartOfSigningIsRemembered(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "omen.db"), filepath.Join(t.TempDir(), "audit.key")
	must.OK(t, os.WriteFile(key, []byte("0123456789abcdef\n"), 0o600))
	db := reopen(t, path)
	again := func() Chain {
		t.Helper()
		must.OK(t, db.Close())
		db = reopen(t, path)
		db.SetAuditKeyFile(key)
		return must.Get(db.Verify(t.Context()))(t)
	}
	defer func() { must.OK(t, db.Close()) }()
	must.Get(db.write.ExecContext(t.Context(), "INSERT INTO audit (at, by, action, subject, detail) VALUES (1, 'ann', 'x', '', '')"))(t)
	if got := again(); !got.OK() || got.Unchained != 1 {
		t.Errorf("before anything is signed: %+v", got)
	}
	for range 2 {
		must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "a"}))
	}
	if got := again(); !got.OK() || got.Unchained != 1 || got.Rows != 2 {
		t.Errorf("signed: %+v", got)
	}
	must.Get(db.write.ExecContext(t.Context(), "UPDATE audit SET mac = NULL, prev = NULL"))(t)
	if got := again(); got.Broken != 2 || !strings.Contains(got.Why, "not in the chain") {
		t.Errorf("all sums are gone: %+v, want row 2", got)
	}
	note := must.Get(os.ReadFile(path + ".chain"))(t)
	must.OK(t, os.WriteFile(path+".chain", bytes.Replace(note, []byte(" 1 "), []byte(" 3 "), 1), 0o600))
	if got := again(); got.OK() || !strings.Contains(got.Why, "where the chain begins") {
		t.Errorf("the note was changed, too: %+v", got)
	}
}

// Steps of actions came with the chain: without their sums they are none.
func TestUnsignedStepsAreABreak(t *testing.T) {
	db, path := tampered(t, "UPDATE audit SET mac = NULL, prev = NULL")
	must.OK(t, db.Close())
	must.OK(t, os.Remove(path+".key"))
	db = reopen(t, path)
	defer db.Close()
	if got := must.Get(db.Verify(t.Context()))(t); got.Broken != 2 {
		t.Errorf("%+v, want row 2, the action's", got)
	}
}

func TestAuditKeyFiles(t *testing.T) {
	for text, good := range map[string]bool{
		"omen-audit-key 00112233445566778899aabbccddeeff 7\n": true, "0123456789abcdef\n": true,
		"short": false, "": false, "omen-audit-key zz 7": false, "omen-audit-key 0011 7": false,
	} {
		if _, err := parseKey([]byte(text)); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What was written before there was a chain is taken as it is, and counted.
func TestAuditFromBeforeTheChain(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	for range 3 {
		must.Get(db.write.ExecContext(t.Context(), "INSERT INTO audit (at, by, action, subject, detail) VALUES (1, 'ann', 'x', '', '')"))(t)
	}
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "a"}))
	if got := must.Get(db.Verify(t.Context()))(t); !got.OK() || got.Unchained != 3 || got.Rows != 1 {
		t.Errorf("%+v", got)
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
