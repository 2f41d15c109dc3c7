package api

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func TestSimilarIncidents(t *testing.T) {
	f := newFixture(t)
	in := f.open(t, "now")
	db := omen.Host{Source: "prom", Profile: "node", Name: "db"}
	for _, c := range []struct {
		id   string
		days int
		host omen.Host
		only bool // of other causes
	}{{"long-ago", 100, web1, false}, {"last-week", 7, web1, false}, {"other", 1, web1, true}, {"of-db", 2, db, false}} {
		past := in
		past.ID, past.Host, past.State, past.Reason = c.id, c.host, omen.Closed, omen.ReasonRecovered
		past.Since, past.ClosedAt = at.AddDate(0, 0, -c.days), at.AddDate(0, 0, -c.days).Add(time.Hour)
		if c.only {
			past.Causes = []omen.Cause{{Feature: "memory_used", Share: 1, Actual: 2, Expected: 1}}
		}
		must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: past.Since, Incident: past, By: "tracker"}))
		if c.id == "last-week" {
			past.ChangeNumber, past.Verdict = 2, omen.Expected
			must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeJudged, At: past.ClosedAt, Incident: past, By: "ann", Comment: "the backup"}))
		}
	}
	got := read[SimilarIncidents](t, f, "incidents/now/similar").Incidents
	if len(got) != 2 || got[0].ID != "last-week" || got[1].ID != "of-db" {
		t.Fatalf("similar: %+v, want last-week's, then db's", got)
	}
	if said := got[0].Said; len(said) != 1 || said[0].By != "ann" || said[0].Comment != "the backup" || said[0].Verdict != omen.Expected {
		t.Errorf("said of last week's: %+v", said)
	}
	if len(got[1].Said) != 0 {
		t.Errorf("said of db's: %+v, want nothing", got[1].Said)
	}
}

func TestIncidentsOfForecasts(t *testing.T) {
	f := newFixture(t)
	f.open(t, "host")
	full := omen.Incident{ID: "full", Kind: omen.ForecastIncident, Host: web1, State: omen.Open, Severity: omen.Warning, Since: at, OpenedAt: at, ChangeNumber: 1, Reason: omen.ReasonForecast}
	must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: at, Incident: full}))
	if got := read[Incidents](t, f, "incidents?kind=forecast").Incidents; len(got) != 1 || got[0].ID != "full" {
		t.Errorf("incidents of kind forecast: %+v", got)
	}
}
