package incident

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

const telegramKey = "receiver/oncall/telegram"

// steps runs a script of reports and resolutions, a minute apart, and returns
// what changed.
func steps(tr *Tracker, script string, each func(minute int, at time.Time)) (got []string) {
	for minute, step := range script {
		at := noon.Add(time.Duration(minute) * time.Minute)
		var made []omen.Change
		switch step {
		case 'w':
			made = tr.Report(telegramKey, omen.Warning, "refused", at)
		case 'c':
			made = tr.Report(telegramKey, omen.Critical, "refused", at)
		case 'o':
			made = tr.Report(telegramKey, omen.Warning, "refused otherwise", at)
		case 'r':
			made = tr.Resolve(telegramKey, at)
		}
		for _, c := range append(made, tr.Idle(at)...) {
			got = append(got, fmt.Sprintf("%d %s %s %s", minute, c.Kind, c.Incident.Severity, c.Incident.Summary))
		}
		if each != nil {
			each(minute, at)
		}
	}
	return got
}

func TestATroubleIsOneIncidentUntilItIsResolved(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   []string
	}{
		"nothing to resolve":     {"rr", nil},
		"reported again":         {"www..r", []string{"0 opened warning refused", "5 closed warning refused"}},
		"worse, and never less":  {"wcw.r", []string{"0 opened warning refused", "1 escalated critical refused", "4 closed critical refused"}},
		"another word, not soon": {"wo...oo", []string{"0 opened warning refused", "5 updated warning refused otherwise"}},
		// Each return doubles the minute that closing takes: after the first, what was
		// resolved at 3 waits for two and is reported again at 4.
		"flapping":         {"wrwrw.r......", []string{"0 opened warning refused", "1 closed warning refused", "2 reopened warning refused", "8 closed warning refused"}},
		"again much later": {"wr" + "..........." + "w", []string{"0 opened warning refused", "1 closed warning refused", "13 opened warning refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			equal(t, steps(NewTracker(Hysteresis{}, nil), c.script, nil), c.want...)
		})
	}
}

func TestATroubleClosedByHandStaysClosedUntilItIsResolved(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	got := steps(tr, "wwwrw", func(minute int, at time.Time) {
		if minute == 1 {
			closeAll(t, tr, at)
		}
	})
	equal(t, got, "0 opened warning refused", "4 opened warning refused")
}

// One that had been resolved when it was closed, and only waited whether it comes
// back, is over: the next is another.
func TestATroubleClosedByHandWhenItIsOverMayComeBack(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	got := steps(tr, "wrwr"+"w", func(minute int, at time.Time) {
		if minute == 3 {
			closeAll(t, tr, at)
		}
	})
	equal(t, got, "0 opened warning refused", "1 closed warning refused", "2 reopened warning refused", "4 opened warning refused")
}

// A fact is over as soon as it is resolved, however often it was there; what is measured
// has to stay away for longer each time.
func TestAFactIsOverAtOnce(t *testing.T) {
	for key, want := range map[string]bool{"remedy/audit_key": true, "remedy/disabled/restart": true, "remedy/audit": false, telegramKey: false} {
		tr := NewTracker(Hysteresis{}, nil)
		var last []omen.Change
		for minute := range 6 {
			at := noon.Add(time.Duration(minute) * time.Minute)
			if minute%2 == 0 {
				tr.Report(key, omen.Critical, "it is so", at)
			} else {
				last = tr.Resolve(key, at)
			}
		}
		if closed := len(last) == 1 && last[0].Kind == omen.ChangeClosed; closed != want {
			t.Errorf("%s closes at once the third time: %t, want %t", key, closed, want)
		}
	}
}

// Two keys are two incidents, and neither is a source's.
func TestTroublesAreKeptApart(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	made := append(tr.Report("a", omen.Warning, "a", noon), tr.Report("b", omen.Warning, "b", noon)...)
	made = append(made, tr.Resolve("a", noon.Add(time.Minute))...)
	made = append(made, tr.Watch([]string{"prod"}, noon.Add(2*time.Minute))...)
	if len(made) != 3 || made[2].Incident.Trouble != "a" || made[0].Incident.ID == made[1].Incident.ID || len(tr.sources) != 0 {
		t.Errorf("%+v, sources %v", made, tr.sources)
	}
}

// What is open, how often it came back and what an operator closed outlive a
// restart.
func TestATroubleOutlivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	closed := false
	for run, want := range []int{1, 1, 2} {
		inBubble(t, path, func(t *testing.T, d *Manager, db *store.DB) {
			time.Sleep(time.Duration(run) * time.Hour) // the bubble's clock begins anew
			if err := d.Report(t.Context(), telegramKey, omen.Warning, "refused"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			found := incidents(t, db, store.Filter{})
			if len(found) != 1 || found[0].Kind != omen.OwnIncident || found[0].ChangeNumber != want || found[0].State == omen.Closed != closed {
				t.Fatalf("run %d: %+v", run, found)
			}
			if run == 1 {
				if _, err := d.Do(t.Context(), Command{Incident: found[0].ID, Action: CloseNow, By: "ann"}); err != nil {
					t.Fatal(err)
				}
				closed = true
			}
		})
	}
	inBubble(t, path, func(t *testing.T, d *Manager, db *store.DB) {
		synctest.Wait()
		for _, bad := range []error{d.Report(t.Context(), "", omen.Warning, "x"), d.Report(t.Context(), "x", "loud", "x"), d.Report(t.Context(), "x", omen.Warning, "")} {
			if !errors.Is(bad, omen.ErrInvalid) {
				t.Errorf("%v, want ErrInvalid", bad)
			}
		}
	})
}
