package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

var byAnn = omen.Audit{At: start, By: "ann", Action: "test", Subject: "x"}

func allHosts() []mute.Matcher {
	return []mute.Matcher{{Name: mute.MatchHost, Value: ".*", IsRegex: true, IsEqual: true}}
}

func TestSettings(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	var got struct{ Hidden []int }
	if found, err := db.Setting(ctx, "tuned", &got); found || err != nil {
		t.Fatalf("before: %v, %v", found, err)
	}
	want := struct{ Hidden []int }{[]int{12, 6}}
	for range 2 {
		must.OK(t, db.PutSetting(ctx, "tuned", want))
	}
	if found, err := db.Setting(ctx, "tuned", &got); !found || err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v, %v, %v", found, got, err)
	}
	if err := db.PutSetting(ctx, "bad", func() {}); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("a value that JSON cannot hold: %v", err)
	}
	// One that is damaged is not taken for one that is not there: before, it was.
	found, err := db.Setting(ctx, "tuned", new(int))
	if found || !errors.Is(err, omen.ErrCorrupt) || !strings.Contains(err.Error(), "setting tuned") || !strings.Contains(omen.Hint(err), "'tuned'") || db.Damaged() != 1 {
		t.Errorf("read as another type: %v, %v (hint %q), %d damaged; want an error with its key and how to fix it", found, err, omen.Hint(err), db.Damaged())
	}
	if found, err := db.Kept(ctx, "tuned", new(int)); found || err != nil || db.Damaged() != 1 {
		t.Errorf("what is made anew, read as another type: %v, %v, %d damaged; want it set aside", found, err, db.Damaged())
	}
}

func TestSilencesEndAndAreAudited(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	s := mute.Silence{ID: "s1", Match: allHosts(), From: start, Until: start.Add(time.Hour), By: "ann", Reason: "work"}
	if err := db.PutSilence(ctx, s, omen.Audit{}); !errors.Is(err, omen.ErrInvalid) {
		t.Fatalf("without an audit row: %v", err)
	}
	if all, err := db.Silences(ctx, time.Time{}); err != nil || len(all) != 0 {
		t.Fatalf("stored without its audit row: %v, %v", all, err)
	}
	must.OK(t, db.PutSilence(ctx, s, byAnn))
	for at, want := range map[time.Duration]int{-time.Hour: 1, 0: 1, 59 * time.Minute: 1, time.Hour: 0} {
		if got, err := db.Silences(ctx, start.Add(at)); err != nil || len(got) != want {
			t.Errorf("after %s: %v, %v, want %d", at, got, err, want)
		}
	}
	if got, err := db.Silence(ctx, "s1"); err != nil || cmp.Diff(s, got) != "" {
		t.Errorf("%+v, %v", got, err)
	}
	s.Match = nil
	if err := db.PutSilence(ctx, s, byAnn); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("a silence without matchers: %v", err)
	}
	if rows, err := db.Audit(ctx, "x", 10); err != nil || len(rows) != 1 || rows[0].By != "ann" || !rows[0].At.Equal(start) {
		t.Errorf("audit %+v, %v", rows, err)
	}
}

func TestASilenceMayEndInAYearThatNobodySees(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	for _, until := range []time.Time{time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)} {
		s := mute.Silence{ID: "s" + until.Format("2006"), Match: allHosts(), From: start, Until: until, By: "ann", Reason: "decommissioned"}
		must.OK(t, db.PutSilence(ctx, s, byAnn))
		if all, err := db.Silences(ctx, start.Add(time.Hour)); err != nil || len(all) == 0 || cmp.Diff(s, all[len(all)-1]) != "" {
			t.Errorf("until %s: %+v, %v", until, all, err)
		}
	}
	if all, err := db.Events(ctx, time.Date(1, 1, 1, 1, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil || len(all) != 0 {
		t.Fatalf("events before there are any: %v, %v", all, err)
	}
	e := mute.Event{ID: "e1", Kind: mute.EventNote, At: start, Match: allHosts(), By: "ann"}
	must.OK(t, db.PutEvent(ctx, e))
	if all, err := db.Events(ctx, time.Date(1, 1, 1, 1, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil || len(all) != 1 {
		t.Errorf("events of all times: %v, %v", all, err)
	}
}

func TestCalendarsAreReplacedWhole(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	w := func(id string) mute.Window {
		return mute.Window{ID: id, Name: id, Match: allHosts(), Start: "2026-03-01T02:00:00", Duration: time.Hour}
	}
	must.OK(t, db.PutWindow(ctx, w("by hand"), byAnn))
	for _, c := range [][]mute.Window{{w("a"), w("b")}, {w("c")}} {
		must.OK(t, db.PutCalendar(ctx, "ops", c, byAnn))
	}
	bad := w("d")
	bad.Zone = "Mars/Base"
	if err := db.PutCalendar(ctx, "ops", []mute.Window{bad}, byAnn); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("a bad window: %v", err)
	}
	got, err := db.Windows(ctx)
	if err != nil || len(got) != 2 || got[0].ID != "by hand" || got[1].ID != "c" || got[1].Calendar != "ops" {
		t.Fatalf("windows %+v, %v", got, err)
	}
	must.OK(t, db.DeleteWindow(ctx, "c", byAnn))
	if err := db.DeleteWindow(ctx, "c", byAnn); !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestEventsByTime(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	for i, id := range []string{"a", "b", "b", "c"} {
		must.OK(t, db.PutEvent(ctx, mute.Event{ID: id, Kind: mute.EventDeploy, At: start.Add(time.Duration(i) * time.Minute)}))
	}
	got, err := db.Events(ctx, start.Add(time.Minute), start.Add(3*time.Minute))
	if err != nil || len(got) != 1 || got[0].ID != "b" {
		t.Errorf("events %+v, %v: want b, once", got, err)
	}
}

func TestTrainingSpans(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	host := omen.Host{Source: "local", Profile: "node", Name: "web-1"}
	minute := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	add := func(id string, from, to int, f func(*omen.Incident)) {
		c := change(1, 1, omen.ChangeOpened)
		c.Incident.ID, c.Incident.Since, c.Incident.Host = id, minute(from), host
		if to > 0 {
			c.Incident.State, c.Incident.ClosedAt, c.Incident.Reason = omen.Closed, minute(to), omen.ReasonRecovered
		}
		f(&c.Incident)
		must.OK(t, db.Append(ctx, c))
	}
	add("open", 100, 0, func(in *omen.Incident) {})
	add("unjudged", 10, 20, func(in *omen.Incident) {})
	add("confirmed though trivial", 30, 40, func(in *omen.Incident) { in.Verdict, in.Suppressed = omen.Real, omen.ReasonTrivial })
	add("rejected", 42, 44, func(in *omen.Incident) { in.Verdict = omen.NotAProblem })
	add("expected", 44, 46, func(in *omen.Incident) { in.Verdict = omen.Expected })
	add("trivial", 46, 48, func(in *omen.Incident) { in.Suppressed = omen.ReasonTrivial })
	add("the new normal", 48, 50, func(in *omen.Incident) { in.Reason = omen.ReasonExpired })
	add("young and open", 50, 0, func(in *omen.Incident) { in.Suppressed = omen.ReasonColdStart })
	add("another host's", 52, 54, func(in *omen.Incident) { in.Host.Name = "web-2" })
	add("begun before", -10, 2, func(in *omen.Incident) {})
	add("in the backup", 105, 111, func(in *omen.Incident) {})
	add("confirmed in the backup", 106, 109, func(in *omen.Incident) { in.Verdict = omen.Real })
	add("over before", -20, -15, func(in *omen.Incident) { in.State, in.ClosedAt = omen.Closed, minute(-15) })
	for _, s := range []mute.Silence{
		{ID: "kept out", Effect: mute.EffectExclude, Match: allHosts()},
		{ID: "quiet only", Effect: mute.EffectSilence, Match: allHosts()},
		{ID: "another role's", Effect: mute.EffectExclude, Match: []mute.Matcher{{Name: "role", Value: "db", IsEqual: true}}},
	} {
		s.By, s.Reason, s.From, s.Until = "ann", "work", minute(60), minute(70)
		must.OK(t, db.PutSilence(ctx, s, byAnn))
	}
	for _, w := range []mute.Window{
		{ID: "w", Name: "nightly", Match: allHosts(), Start: "2026-03-01T13:20:00", Duration: 5 * time.Minute, Effect: mute.EffectExclude}, // 80 to 85 minutes after noon
		{ID: "b", Name: "backup", Match: allHosts(), Start: "2026-03-01T13:47:00", Duration: 2 * time.Minute, Effect: mute.EffectShift},    // 107 to 109
	} {
		must.OK(t, db.PutWindow(ctx, w, byAnn))
	}
	got, spans, err := db.TrainingSpans(ctx, host, map[string]string{"role": "web"}, time.UTC, start, minute(120))
	if err != nil {
		t.Fatal(err)
	}
	want := []omen.Span{
		{From: minute(60), To: minute(70), Why: "silence kept out"},
		{From: minute(80), To: minute(85), Why: "window nightly"},
		{From: minute(106), To: minute(109), Why: "incident confirmed in the backup", Confirmed: true},
		{From: minute(105), To: minute(107), Why: "incident in the backup"},
		{From: minute(109), To: minute(111), Why: "incident in the backup"},
		{From: minute(100), To: minute(107), Why: "incident open"},
		{From: minute(109), To: minute(120), Why: "incident open"},
		{From: minute(30), To: minute(40), Why: "incident confirmed though trivial", Confirmed: true},
		{From: minute(10), To: minute(20), Why: "incident unjudged"},
		{From: start, To: minute(2), Why: "incident begun before"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	benign := []string{"the new normal", "expected", "rejected"}
	if !slices.EqualFunc(spans, benign, func(s omen.Span, id string) bool { return s.Why == "incident "+id }) {
		t.Errorf("benign: %+v, want %q", spans, benign)
	}
}
