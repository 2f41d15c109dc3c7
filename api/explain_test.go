package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// samples are scores of web-1 at a 1 s step, the last of them at the moment at.
func samples(level float64, values ...float64) Judged {
	j := Judged{Step: time.Second, Opens: incident.Evidence{Samples: 3, For: 5 * time.Second}, Lasting: 15 * time.Minute}
	for i, v := range values {
		j.Scores = append(j.Scores, omen.Score{Host: web1, At: at.Add(time.Duration(i-len(values)+1) * time.Second), Value: v, Unsmoothed: v, Level: level, PageLevel: 4, Model: "m1", Grade: omen.Established,
			Causes: []omen.Cause{{Feature: "disk_write", Share: 1}}})
	}
	return j
}

// Why people were (not) notified at a moment: the first thing that did not hold.
func TestWhyNotNotified(t *testing.T) {
	incidentOf := func(f *fixture, change func(*omen.Incident)) {
		in := omen.Incident{ID: "i1", Kind: omen.HostIncident, Host: web1, State: omen.Open, Severity: omen.Warning, Since: at.Add(-time.Minute), OpenedAt: at.Add(-50 * time.Second), Peak: 9, ChangeNumber: 1,
			Causes: []omen.Cause{{Feature: "disk_write", Share: 1}}}
		change(&in)
		must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: in.OpenedAt, Incident: in}))
	}
	forecastOf := func(f *fixture, change func(*omen.Incident)) {
		incidentOf(f, func(in *omen.Incident) {
			in.Kind, in.Causes, in.Summary = omen.ForecastIncident, nil, "/var on web-1 is full in 3 h"
			change(in)
		})
	}
	deliver := func(f *fixture, incident, outcome string, after time.Duration) {
		must.OK(t, f.store.RecordDelivery(t.Context(), omen.Delivery{Incident: incident, Key: incident + ".1", Receiver: "ops/webhook", At: at.Add(after), Outcome: outcome, Detail: "refused"}))
	}
	none := func(*omen.Incident) {}
	for name, tt := range map[string]struct {
		judged   Judged
		set      func(*fixture)
		notified bool
		question Question // of the last step
		text     string
		incident string
	}{
		"normal":             {samples(1, 0.3, 0.4), nil, false, "score", "0.4, and the limit is 1", ""},
		"below the level":    {samples(2, 1.4, 1.4), nil, false, "score", "not above 2", ""},
		"in large numbers":   {samples(1e5, 66200, 66200), nil, false, "score", "the score was 66.2k: above the limit, and not above 100k", ""},
		"nothing sent":       {Judged{Step: time.Second}, nil, false, "sample", "sent nothing", ""},
		"sent nothing since": {Judged{Step: time.Second, Scores: []omen.Score{{At: at.Add(-time.Minute), Model: "m1"}}}, nil, false, "sample", "sent nothing", ""},
		"source down": {Judged{Step: time.Second}, func(f *fixture) {
			must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: at, Incident: omen.Incident{ID: "s1", Kind: omen.SourceIncident, Host: omen.Host{Source: "prom"}, State: omen.Open, Since: at.Add(-time.Hour), Summary: "source prom cannot be read", ChangeNumber: 1}}))
		}, false, "sample", "source prom cannot be read", "s1"},
		"no model":       {Judged{Step: time.Second, Scores: []omen.Score{{At: at}}}, nil, false, "model", "no model judged it", ""},
		"not for long":   {samples(1, 0.2, 3, 3), nil, false, "evidence", "2 samples over 1s; an incident takes 3 over 5s", ""},
		"off the record": {samples(1, 3, 3, 3, 3, 3, 3, 3, 3), nil, false, "incident", "no incident is on record", ""},
		"closed by hand": {samples(1, 3, 3, 3, 3, 3, 3, 3, 3), func(f *fixture) {
			incidentOf(f, func(in *omen.Incident) {
				in.State, in.ClosedAt, in.Reason = omen.Closed, at.Add(-10*time.Second), omen.ReasonByOperator
			})
		}, false, "incident", "was closed by hand", "i1"},
		"notified":             {samples(1, 9), func(f *fixture) { incidentOf(f, none); deliver(f, "i1", "delivered", -40*time.Second) }, true, "delivered", "ops/webhook was notified", "i1"},
		"delivered later":      {samples(1, 9), func(f *fixture) { incidentOf(f, none); deliver(f, "i1", "delivered", time.Minute) }, false, "delivered", "reached no receiver", "i1"},
		"refused":              {samples(1, 9), func(f *fixture) { incidentOf(f, none); deliver(f, "i1", "gave_up", -time.Second) }, false, "delivered", "ops/webhook gave up, refused", "i1"},
		"opened a moment on":   {samples(1, 9), func(f *fixture) { incidentOf(f, func(in *omen.Incident) { in.OpenedAt = at.Add(3 * time.Second) }) }, false, "evidence", "opened later", "i1"},
		"below the page level": {samples(1, 2), func(f *fixture) { incidentOf(f, func(in *omen.Incident) { in.Suppressed = omen.ReasonMinor }) }, false, "suppressed", "page level 4, from which the page budget is kept, and had not lasted 15 min", "i1"},
		"silenced": {samples(1, 9), func(f *fixture) {
			must.OK(t, f.store.PutSilence(t.Context(), mute.Silence{ID: "q", Match: []mute.Matcher{{Name: "host", Value: web1.Name, IsEqual: true}}, From: at.Add(-time.Hour), Until: at.Add(time.Hour), By: "ann", Reason: "disk is replaced"}, omen.Audit{At: at, By: "ann", Action: "silence.create", Subject: "q"}))
			must.OK(t, f.store.PutSilence(t.Context(), mute.Silence{ID: "r", Match: []mute.Matcher{{Name: "host", Value: "other", IsEqual: true}}, From: at.Add(-time.Hour), Until: at.Add(time.Hour), By: "bob", Reason: "another"}, omen.Audit{At: at, By: "ann", Action: "silence.create", Subject: "q"}))
			incidentOf(f, func(in *omen.Incident) { in.Suppressed = omen.ReasonSilenced })
		}, false, "suppressed", `muted by the silence "disk is replaced" of ann`, "i1"},
		"part of a fleet": {samples(1, 9), func(f *fixture) {
			must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: at.Add(-30 * time.Second), Incident: omen.Incident{ID: "f1", Kind: omen.FleetIncident, Host: web1, Members: []omen.Host{web1, {Source: "prom", Profile: "node", Name: "b"}}, State: omen.Open, Since: at.Add(-time.Minute), ChangeNumber: 1}}))
			incidentOf(f, func(in *omen.Incident) { in.Suppressed, in.Fleet = omen.ReasonFleet, "f1" })
			deliver(f, "f1", "delivered", -20*time.Second)
		}, true, "delivered", "ops/webhook was notified", "i1"},
		"a forecast": {samples(1, 0.3), func(f *fixture) { forecastOf(f, none); deliver(f, "i1", "delivered", -40*time.Second) }, true, "delivered", "ops/webhook was notified", "i1"},
		"a forecast, silenced": {samples(1, 0.3), func(f *fixture) {
			forecastOf(f, func(in *omen.Incident) { in.Suppressed = omen.ReasonSilenced })
		}, false, "suppressed", "it was muted", "i1"},
		"a forecast that opened later": {samples(1, 0.3), func(f *fixture) {
			forecastOf(f, func(in *omen.Incident) { in.OpenedAt = at.Add(3 * time.Second) })
		}, false, "score", "0.3, and the limit is 1", ""},
		"a forecast, and a score above the limit": {samples(1, 0.2, 3, 3), func(f *fixture) { forecastOf(f, none); deliver(f, "i1", "delivered", -40*time.Second) }, true, "evidence", "2 samples over 1s; an incident takes 3 over 5s", "i1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.judged = tt.judged
			if tt.set != nil {
				tt.set(f)
			}
			e := read[Explanation](t, f, fmt.Sprintf("/hosts/web-1:9100/explain?at=%d", at.Unix()))
			last := e.Steps[len(e.Steps)-1]
			if e.Notified != tt.notified || last.Met != (tt.notified && last.Question == AskedDelivered) || last.Question != tt.question || !strings.Contains(last.Text, tt.text) || e.Incident != tt.incident {
				t.Errorf("notified %t by incident %q: %+v", e.Notified, e.Incident, e.Steps)
			}
			for _, s := range e.Steps[:len(e.Steps)-1] {
				if !s.Met {
					t.Errorf("%s is not met, and there is more: %s", s.Question, s.Text)
				}
			}
		})
	}
	f := newFixture(t)
	for _, q := range []string{"at=soon", fmt.Sprintf("at=%d", time.Now().Add(time.Hour).Unix())} {
		if status, body, _ := f.call(t, "GET", "/api/v1/omen/hosts/web-1:9100/explain?"+q, ""); status != 400 {
			t.Errorf("%s: %d %s, want 400", q, status, body)
		}
	}
}
