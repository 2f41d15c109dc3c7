package incident

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// nightly is an incident of web-1 that went by itself, days ago.
func nightly(begin time.Time, cause string) omen.Incident {
	in := omen.Incident{ID: newID(omen.HostIncident, "web-1", begin), Kind: omen.HostIncident, Host: hostNamed("web-1"),
		State: omen.Closed, Severity: omen.Warning, Since: begin, OpenedAt: begin.Add(30 * time.Second), ClosedAt: begin.Add(20 * time.Minute),
		Reason: omen.ReasonRecovered, Peak: 3, ChangeNumber: 2, Causes: scoreOf("web-1", begin, 3, cause).Causes}
	return in
}

func TestWhatComesOnThreeNightsIsExpected(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Desk, db *store.DB) {
		midnight := time.Now()
		for day := range 2 { // the two nights before this one
			in := nightly(midnight.AddDate(0, 0, -1-day).Add(6*time.Minute), "disk_read")
			if err := db.Append(t.Context(), omen.Change{Kind: omen.ChangeClosed, At: in.ClosedAt, Incident: in, Reason: in.Reason}); err != nil {
				t.Fatal(err)
			}
		}
		job := func(after time.Duration, cause string) omen.Incident {
			time.Sleep(time.Until(midnight.Add(after)))
			offer(t, d, 20, 3, cause, "web-1")
			offer(t, d, 50, .3, cause)
			return incidents(t, db, store.Filter{Limit: 1, Kinds: []omen.IncidentKind{omen.HostIncident}})[0]
		}
		third := job(5*time.Minute, "disk_read")
		if third.Suppressed != "" {
			t.Fatalf("third night: quiet (%s), want told", third.Suppressed)
		}
		patterns, err := db.Patterns(t.Context())
		if err != nil || len(patterns) != 1 || patterns[0].By != "omen" || patterns[0].Incident != third.ID {
			t.Fatalf("patterns %+v, %v: want one, by omen", patterns, err)
		}
		changes, err := db.Changes(t.Context(), third.ID)
		if err != nil || !strings.Contains(changes[len(changes)-1].Comment, "3 days") {
			t.Errorf("the timeline does not say so: %+v, %v", changes, err)
		}
		checkLives(t, changes)
		// It closed at 00:12: from 23:35 to 00:42 it is expected.
		if in := job(36*time.Minute, "disk_read"); in.Suppressed != omen.ReasonFeedback {
			t.Errorf("at its time: suppressed %q, want quiet", in.Suppressed)
		}
		if in := job(time.Hour, "disk_read"); in.Suppressed != "" {
			t.Errorf("at another time: quiet (%s), want told", in.Suppressed)
		}
		if err := d.Revert(t.Context(), patterns[0].ID, "ann"); err != nil {
			t.Fatal(err)
		}
		// Who takes it back wants to be told, and not that the model learns it.
		job(24*time.Hour+5*time.Minute, "disk_read")
		again := job(48*time.Hour+5*time.Minute, "disk_read")
		if again.Suppressed != "" {
			t.Errorf("taken back: quiet (%s), want told", again.Suppressed)
		}
		if changes, err = db.Changes(t.Context(), again.ID); err != nil || changes[len(changes)-1].Kind != omen.ChangeClosed {
			t.Errorf("taken back: the timeline ends with %q, %v", changes[len(changes)-1].Comment, err)
		}
		spans, err := db.ExcludedSpans(t.Context(), again.Host, nil, midnight.AddDate(0, 0, -3), time.Now())
		if err != nil || !slices.ContainsFunc(spans, func(s omen.Span) bool { return s.Why == "incident "+again.ID }) {
			t.Errorf("taken back: the model learns it, %v", err)
		}
	})
}

func TestRecurring(t *testing.T) {
	at := time.Date(2026, 3, 5, 2, 30, 0, 0, time.UTC)
	back := func(days int, after time.Duration, change func(*omen.Incident)) omen.Incident {
		in := nightly(time.Date(2026, 3, 5-days, 2, 0, 0, 0, time.UTC).Add(after), "disk_read")
		if change != nil {
			change(&in)
		}
		return in
	}
	two := []omen.Incident{back(0, 0, nil), back(1, 10*time.Minute, nil)}
	fleet := func(day int, change func(*omen.Incident)) []omen.Incident {
		f := back(day, 0, change)
		f.ID, f.Kind = fmt.Sprint("fleet-", day), omen.FleetIncident
		return []omen.Incident{f, back(day, 0, func(in *omen.Incident) { in.Fleet, in.Suppressed = f.ID, omen.ReasonFleet })}
	}
	for _, c := range []struct {
		name  string
		past  []omen.Incident
		known []omen.Pattern
		want  bool
	}{
		{"three nights", append(two[:2:2], back(2, -10*time.Minute, nil)), nil, true},
		{"three nights of a week", append(two[:2:2], back(7, 0, nil)), nil, true},
		{"two nights", two, nil, false},
		{"twice in one of two nights", append(two[:2:2], back(1, 20*time.Minute, nil)), nil, false},
		{"too long ago", append(two[:2:2], back(9, 0, nil)), nil, false},
		{"at another time", append(two[:2:2], back(2, 3*time.Hour, nil)), nil, false},
		{"another cause", append(two[:2:2], back(2, 0, func(in *omen.Incident) { in.Causes[0].Feature = "net_rx" })), nil, false},
		{"the other direction", append(two[:2:2], back(2, 0, func(in *omen.Incident) { in.Causes[0].Actual = .1 })), nil, false},
		{"one was acknowledged", append(two[:2:2], back(2, 0, func(in *omen.Incident) { in.AckedBy = "ann" })), nil, false},
		{"one was assigned", append(two[:2:2], back(2, 0, func(in *omen.Incident) { in.Assignee = "ann" })), nil, false},
		{"one has a ticket", append(two[:2:2], back(2, 0, func(in *omen.Incident) { in.Links = []string{"https://t/1"} })), nil, false},
		{"one was closed by hand", append(two[:2:2], back(2, 0, func(in *omen.Incident) { in.Reason = omen.ReasonByOperator })), nil, false},
		{"one was silenced", append(two[:2:2], back(2, 0, func(in *omen.Incident) { in.Suppressed = omen.ReasonSilenced })), nil, false},
		{"one of four was confirmed", append(two[:2:2], back(2, 0, nil), back(3, 0, func(in *omen.Incident) { in.Verdict = omen.Real })), nil, false},
		{"in a fleet each night", append(append(fleet(0, nil), fleet(1, nil)...), fleet(2, nil)...), nil, true},
		{"and one fleet was acknowledged", append(append(fleet(0, nil), fleet(1, nil)...), fleet(2, func(in *omen.Incident) { in.AckedBy = "ann" })...), nil, false},
		{"taken back before", append(two[:2:2], back(2, 0, nil)), []omen.Pattern{{Host: hostNamed("web-1"), By: "omen", Reverted: "ann",
			Causes: []omen.CauseSign{{Feature: "disk_read", Up: true}}}}, false},
		{"its like is confirmed", append(two[:2:2], back(2, 0, nil)), []omen.Pattern{{Host: hostNamed("web-1"), By: "ann", Verdict: omen.Real,
			Causes: []omen.CauseSign{{Feature: "disk_read", Up: true}}}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, got := Recurring(back(0, 0, nil), c.past, c.known, time.UTC, at)
			if got != c.want {
				t.Errorf("%t, want %t (%+v)", got, c.want, p)
			}
		})
	}
	long := back(0, 0, func(in *omen.Incident) { in.ClosedAt = in.Since.Add(13 * time.Hour) })
	if _, ok := Recurring(long, []omen.Incident{long, back(1, 0, nil), back(2, 0, nil)}, nil, time.UTC, long.ClosedAt); ok {
		t.Error("what lasts half a day has no time of day")
	}
}
