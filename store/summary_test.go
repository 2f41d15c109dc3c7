package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// Of each receiver and outcome the newest attempt counts, by time and not by
// recording; what is older than asked for is left out.
func TestLastDeliveries(t *testing.T) {
	db := openTest(t)
	at := func(receiver, outcome string, minute int, detail string) omen.Delivery {
		return omen.Delivery{Incident: "i1", Key: "i1.1", Receiver: receiver, Outcome: outcome, Detail: detail, At: start.Add(time.Duration(minute) * time.Minute)}
	}
	must.OK(t, db.RecordDelivery(t.Context(),
		at("ops/slack", "delivered", 5, ""), at("ops/slack", "retrying", 9, "answered 500"), at("ops/slack", "retrying", 7, "timeout"),
		at("ops/email", "gave_up", 3, "refused"), at("old/webhook", "delivered", 1, "")))
	got := must.Get(db.LastDeliveries(t.Context(), start.Add(2*time.Minute)))(t)
	want := []omen.Delivery{
		{Receiver: "ops/email", Outcome: "gave_up", Detail: "refused", At: start.Add(3 * time.Minute)},
		{Receiver: "ops/slack", Outcome: "delivered", At: start.Add(5 * time.Minute)},
		{Receiver: "ops/slack", Outcome: "retrying", Detail: "answered 500", At: start.Add(9 * time.Minute)},
	}
	order := cmpopts.SortSlices(func(a, b omen.Delivery) bool { return a.Receiver+a.Outcome < b.Receiver+b.Outcome })
	if diff := cmp.Diff(want, got, order); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Incidents that people were notified of are counted by when they began and what
// was said of them: neither suppressed ones nor parts of a fleet incident, nor
// what is no incident of hosts.
func TestCountNotified(t *testing.T) {
	db, week := openTest(t), 7*24*time.Hour
	put := func(i int, since time.Time, f func(*omen.Incident)) {
		t.Helper()
		c := change(i, 1, omen.ChangeOpened)
		c.Incident.Since = since
		if f != nil {
			f(&c.Incident)
		}
		must.OK(t, db.Append(t.Context(), c))
	}
	put(1, start, nil)
	put(2, start.Add(week-time.Second), func(in *omen.Incident) { in.Verdict = omen.Real })
	put(3, start.Add(week), func(in *omen.Incident) { in.Verdict = omen.Real })
	put(4, start.Add(week), func(in *omen.Incident) { in.Suppressed = omen.ReasonMinor })
	put(5, start.Add(week), func(in *omen.Incident) { in.Fleet, in.Suppressed = "i6", omen.ReasonFleet })
	put(6, start.Add(week), func(in *omen.Incident) {
		in.Kind, in.Members = omen.FleetIncident, []omen.Host{in.Host, {Source: "local", Profile: "node", Name: "web-5"}}
	})
	put(7, start.Add(week), func(in *omen.Incident) { in.Kind = omen.SourceIncident })
	put(8, start.Add(-time.Second), nil)
	put(9, start.Add(2*week), nil)
	got := must.Get(db.CountNotified(t.Context(), omen.Host{}, start, start.Add(2*week), week))(t)
	if diff := cmp.Diff([]NotifiedOf{{0, "", 1}, {0, omen.Real, 1}, {1, "", 1}, {1, omen.Real, 1}}, got); diff != "" {
		t.Errorf("of all hosts (-want +got):\n%s", diff)
	}
	host := omen.Host{Source: "local", Profile: "node", Name: "web-5"}
	got = must.Get(db.CountNotified(t.Context(), host, start, start.Add(2*week), week))(t)
	if diff := cmp.Diff([]NotifiedOf{{1, "", 1}}, got); diff != "" {
		t.Errorf("of a member of a fleet incident (-want +got):\n%s", diff)
	}
}
