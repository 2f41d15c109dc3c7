package incident

import (
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/mute"
)

// Whether people were ever notified is on the incident, for what looks back at it: an
// incident that was silenced has a severity, too, and keeps it when it comes back
// trivial.
func TestWhenPeopleWereFirstNotifiedIsKept(t *testing.T) {
	const step = 15 * time.Second
	for name, silenced := range map[string]bool{"notified": false, "silenced": true} {
		tr := NewTracker(Hysteresis{}, nil)
		if silenced {
			tr.SetRules(Rules{Rules: mute.Rules{Silences: []mute.Silence{{ID: "s", By: "ann", Reason: "known", From: noon, Until: noon.Add(15 * time.Minute)}}}})
		}
		all := feed(tr, step, join(repeat(9, 40), repeat(.3, 40))...) // it closes with the silence
		opened, closed := all[0], all[len(all)-1]
		if closed.Kind != omen.ChangeClosed || closed.Incident.Severity == omen.Info {
			t.Fatalf("%s: ends with %s, %s", name, closed.Kind, closed.Incident.Severity)
		}
		for i := range 30 { // it comes back, too small to matter
			s := scoreOf("web-1", noon.Add(time.Duration(80+i)*step), 3, "cpu")
			s.Causes[0].Trivial = true
			all = append(all, tr.Observe(s)...)
		}
		last := all[len(all)-1].Incident
		if last.ID != closed.Incident.ID || last.Suppressed != omen.ReasonTrivial {
			t.Fatalf("%s: %s, suppressed by %q; want it back, and trivial", name, last.ID, last.Suppressed)
		}
		want := opened.At
		if silenced {
			want = time.Time{}
		}
		if !last.NotifiedAt.Equal(want) || feedback.Weak(last) == silenced {
			t.Errorf("%s: notified at %s, want %s; weak: %t", name, last.NotifiedAt, want, feedback.Weak(last))
		}
	}
}

// A member of a fleet that goes on with a trouble of its own was notified of with
// the fleet.
func TestAMemberThatGoesAloneWasNotifiedOf(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	at := noon
	f := &fleet{in: &omen.Incident{ID: "f", NotifiedAt: at}}
	tr.fleets["f"] = f
	for _, c := range []struct{ own, want time.Time }{{time.Time{}, at}, {at.Add(-time.Hour), at.Add(-time.Hour)}} {
		in := &omen.Incident{Fleet: "f", NotifiedAt: c.own}
		if tr.goAlone(in); in.Fleet != "" || !in.NotifiedAt.Equal(c.want) {
			t.Errorf("%q, notified at %s, want %s", in.Fleet, in.NotifiedAt, c.want)
		}
	}
}

// What was open over the upgrade to an Omen that keeps it was notified of, unless it
// is suppressed.
func TestARestoredIncidentOfBeforeWasNotifiedOf(t *testing.T) {
	for why, want := range map[string]time.Time{"": noon, omen.ReasonSilenced: {}} {
		tr := NewTracker(Hysteresis{}, nil)
		host := omen.Host{Source: "s", Profile: "p", Name: "web-1"}
		tr.Restore([]omen.Incident{{ID: "i", Kind: omen.HostIncident, Host: host, State: omen.Open, Severity: omen.Critical, Since: noon, OpenedAt: noon, UpdatedAt: noon, Suppressed: why}})
		if got := tr.open["i"].NotifiedAt; !got.Equal(want) {
			t.Errorf("suppressed by %q: notified at %s, want %s", why, got, want)
		}
	}
}
