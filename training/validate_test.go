package detect

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

func TestRenew(t *testing.T) {
	s := columns(t, 8)
	all := synthetic(5, 4*1440, 8, time.Minute)
	renew := func(all []omen.Vector, champion *Model, excluded ...omen.Span) Renewal {
		r, err := Renew(t.Context(), s, all, champion, excluded, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := renew(all[:2*1440], nil)
	if !first.Promoted || first.Model.Grade() != omen.Established {
		t.Fatalf("the first model: promoted %t, %s", first.Promoted, first.Model.Grade())
	}
	incident := omen.Span{From: all[3000].At, To: all[3100].At, Why: "incident"}
	next := renew(all[:3*1440], first.Model, incident)
	if !next.Promoted || next.Model.card.Warm != first.Model.id {
		t.Errorf("a day later: promoted %t (%s), warm from %q", next.Promoted, next.Why, next.Model.card.Warm)
	}
	if next.Model.rows != 3*1440-101 {
		t.Errorf("learned %d samples, want all but the incident's", next.Model.rows)
	}
	short := renew(all[4*1440-300:], next.Model)
	if short.Promoted {
		t.Errorf("five hours instead of three days: promoted, %s", short.Why)
	}
	if grown := renew(all, short.Model); !grown.Promoted || grown.Model.card.Warm != "" {
		t.Errorf("four days after five hours: promoted %t (%s), warm from %q", grown.Promoted, grown.Why, grown.Model.card.Warm)
	}
	if _, err := Renew(t.Context(), s, all[:10], next.Model, nil, nil, Options{}); !errors.Is(err, omen.ErrTooFew) {
		t.Errorf("of ten samples: %v", err)
	}
}

func TestBehaveCountsIncidentsApart(t *testing.T) {
	s := columns(t, 8)
	all := synthetic(6, 2*1440+60, 8, time.Minute)
	m := fitted(t, s, all[:2*1440], Options{})
	for i := 2 * 1440; i < len(all); i++ {
		all[i].Values = slices.Clone(all[i].Values)
		all[i].Values[2] += 2
	}
	after := func(minutes int) time.Time { return all[2*1440].At.Add(time.Duration(minutes) * time.Minute) }
	c := behave(m, all, 60, []omen.Span{
		{From: after(10), To: after(20), Why: "a", Confirmed: true},
		{From: after(21), To: after(25), Why: "a", Confirmed: true}, // of the same incident
		{From: after(26), To: after(30), Why: "nobody judged it"},
	})
	if c.quiet != 39 || c.troubled != 1 || c.noticed != 1 || c.alerts < 30 {
		t.Errorf("conduct %+v: want 39 samples outside the spans, in alert, and the confirmed incident noticed", c)
	}
}

func TestPromotes(t *testing.T) {
	est, learning, prov := omen.Established, omen.Learning, omen.Provisional
	for _, c := range []struct {
		name       string
		old, fresh conduct
		had, has   omen.Grade
		want       bool
	}{
		{"as quiet", conduct{quiet: 1000, alerts: 2}, conduct{quiet: 1000, alerts: 2}, est, est, true},
		{"much louder", conduct{quiet: 1000, alerts: 2}, conduct{quiet: 1000, alerts: 20}, est, est, false},
		{"louder by less than a thousandth of the time", conduct{quiet: 60000, alerts: 49}, conduct{quiet: 60000, alerts: 101}, est, est, true},
		{"louder by more than that", conduct{quiet: 60000, alerts: 49}, conduct{quiet: 60000, alerts: 140}, est, est, false},
		{"blind to what was confirmed", conduct{quiet: 1000, troubled: 2, noticed: 2}, conduct{quiet: 1000, troubled: 2, noticed: 1}, est, est, false},
		{"growing may be louder", conduct{quiet: 1000}, conduct{quiet: 1000, alerts: 30}, prov, learning, true},
		{"but not shout", conduct{quiet: 1000}, conduct{quiet: 1000, alerts: 60}, prov, learning, false},
		{"shrunk", conduct{quiet: 1000}, conduct{quiet: 1000}, learning, prov, false},
		{"shrunk from established", conduct{quiet: 1000, alerts: 20}, conduct{quiet: 1000}, est, learning, false},
		{"shrunk, but the old one shouts", conduct{quiet: 1000, alerts: 60}, conduct{quiet: 1000}, est, learning, true},
		{"nothing quiet to judge by", conduct{}, conduct{}, est, est, true},
	} {
		if got, why := promotes(c.old, c.fresh, c.had, c.has); got != c.want || why == "" {
			t.Errorf("%s: promoted %v because %q", c.name, got, why)
		}
	}
}
