package incident

import (
	"fmt"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// together plays n hosts for some time at a 15 s step from an instant on, all
// with the same score.
func together(tr *Tracker, n int, from time.Time, d time.Duration, value float64, causes ...string) (all []omen.Change) {
	for at := from; at.Before(from.Add(d)); at = at.Add(15 * time.Second) {
		k := omen.Tick{Source: "prod", At: at}
		for h := range n {
			s := scoreOf(fmt.Sprint("web-", h), at, value, causes[0])
			s.Causes[0].Share = 1 / float64(len(causes))
			for _, c := range causes[1:] {
				more := s.Causes[0]
				more.Feature = strings.ReplaceAll(c, "*", fmt.Sprint(h))
				s.Causes = append(s.Causes, more)
			}
			s.Causes[0].Feature = strings.ReplaceAll(causes[0], "*", fmt.Sprint(h))
			k.Scores = append(k.Scores, s)
		}
		all = append(all, tr.Tick(k)...)
	}
	return all
}

// ofFleet are the changes of fleet incidents that people are notified of, or all.
func ofFleet(all []omen.Change, quietToo bool) (found []omen.Change) {
	for _, c := range all {
		if c.Incident.Kind == omen.FleetIncident && (quietToo || c.Incident.Suppressed == "") {
			found = append(found, c)
		}
	}
	return found
}

func TestAFleetSaysWhatItsMembersShare(t *testing.T) {
	// Every host's largest cause is another; what they share is the second.
	tr := NewTracker(Hysteresis{}, nil)
	all := ofFleet(together(tr, 8, noon, time.Minute, 3, "a-*", "iowait"), false)
	if len(all) != 1 || all[0].Incident.Causes[0].Feature != "iowait" || !strings.Contains(all[0].Incident.Summary, "first: iowait") {
		t.Fatalf("%+v, want one fleet incident, iowait first", all)
	}
	// It is known by the same after a restart: a host with that cause joins.
	again := NewTracker(Hysteresis{}, nil)
	var open []omen.Incident
	for _, in := range tr.open {
		open = append(open, *in)
	}
	again.Restore(open)
	more := together(again, 9, noon.Add(time.Minute), 2*time.Minute, 3, "b-*", "iowait")
	for _, c := range more {
		if c.Incident.Host.Name == "web-8" && c.Incident.Fleet == "" {
			t.Errorf("the ninth host is not part of the fleet: %s %s", c.Kind, c.Incident.Suppressed)
		}
	}
}

func TestAFleetIsSilencedAsItOpens(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	tr.SetRules(Rules{Rules: mute.Rules{Silences: []mute.Silence{{ID: "s", By: "ann", Reason: "known", From: noon, Until: noon.Add(time.Hour),
		Match: []mute.Matcher{{Name: mute.MatchKind, Value: "fleet", IsEqual: true}}}}}})
	all := together(tr, 8, noon, 10*time.Minute, 3, "iowait")
	if notified, recorded := ofFleet(all, false), ofFleet(all, true); len(notified) != 0 || len(recorded) == 0 {
		t.Errorf("notified %d, recorded %d changes of a silenced fleet", len(notified), len(recorded))
	}
}

func TestAnExpiredFleetSaysSo(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	all := ofFleet(together(tr, 8, noon, 25*time.Hour, 1.5, "iowait"), true)
	last := all[len(all)-1]
	if last.Kind != omen.ChangeClosed || last.Reason != omen.ReasonExpired {
		t.Errorf("last change %s %s, want closed_expired: else its time is never learned", last.Kind, last.Reason)
	}
}

func TestAnAcknowledgedFleetsMembersDoNotExpire(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	fleet := ofFleet(together(tr, 8, noon, time.Hour, 1.5, "iowait"), false)[0].Incident
	changes := must.Get(tr.Prepare(fleet, Command{Incident: fleet.ID, Action: Acknowledge, By: "ann"}, noon.Add(time.Hour)))(t)
	tr.Commit(changes)
	for _, c := range together(tr, 8, noon.Add(time.Hour), 25*time.Hour, 1.5, "iowait") {
		if c.Kind == omen.ChangeClosed {
			t.Fatalf("%s closed as %s", c.Incident.Kind, c.Reason)
		}
	}
}

func TestAFleetClosedByHandIsNotTakenUpAgain(t *testing.T) {
	// Another fleet with the same first onset has another name: the journal keeps
	// one change per name and number.
	tr := NewTracker(Hysteresis{}, nil)
	first := ofFleet(together(tr, 8, noon, time.Minute, 3, "iowait"), false)[0].Incident
	changes, err := tr.Prepare(first, Command{Incident: first.ID, Action: CloseNow, By: "ann"}, noon.Add(time.Minute))
	if err != nil || len(changes) != 9 {
		t.Fatalf("%d changes, %v; want the fleet's and eight members'", len(changes), err)
	}
	tr.Commit(changes)
	var late []*track // hosts whose incidents have the same onset and notify only now
	for h := range 6 {
		k := tr.track(hostNamed(fmt.Sprint("late-", h)))
		in := first.Clone()
		in.ID, in.Kind, in.Host, in.Members, in.ChangeNumber, in.State = tr.newID(omen.HostIncident, k.host.ID(), noon), omen.HostIncident, k.host, nil, 0, omen.Open
		k.in, k.at = &in, noon
		tr.notify(k, omen.ChangeOpened, omen.ReasonAnomalous)
		late = append(late, k)
	}
	tr.group(noon.Add(90 * time.Second))
	second := tr.open[late[0].in.Fleet]
	if second == nil || second.ID == first.ID || second.ChangeNumber != 1 {
		t.Errorf("second fleet %+v, want another than %s", second, first.ID)
	}
}
