package incident

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

// ofProfile is a profile's tick of source prod: '.' three hosts are scored, 's' all
// are silent, 'x' it cannot be read.
func ofProfile(profile string, at time.Time, mark byte) omen.Tick {
	k := omen.Tick{Source: "prod", Profile: profile, At: at}
	for i := range 3 {
		s := scoreOf(fmt.Sprintf("%s-%d", profile, i), at, .3, "cpu")
		s.Host.Profile = profile
		switch mark {
		case '.':
			k.Scores = append(k.Scores, s)
		case 's':
			k.Silent = append(k.Silent, s.Host)
		}
	}
	if mark == 'x' {
		k.Err = "timeout"
	}
	return k
}

// Of a source in two profiles one is blind: that is one incident of the source,
// whichever profile's tick comes first, until every profile is seen again; and what
// the other has meanwhile is notified, too.
func TestOneBlindProfileOfTwo(t *testing.T) {
	long := func(mark string) string { return strings.Repeat(mark, 20) } // five minutes
	for name, c := range map[string]struct {
		node, pods string
		want       []string
	}{
		"one is blind":            {long(".") + long("."), long(".") + long("s"), []string{"opened 3 opened_hosts_silent"}},
		"and is seen again":       {long(".") + long(".") + long("."), long(".") + long("s") + long("."), []string{"opened 3 opened_hosts_silent", "closed 3 closed_recovered"}},
		"the other is blind, too": {long(".") + long(".") + long("s"), long(".") + long("s") + long("s"), []string{"opened 3 opened_hosts_silent", "escalated 6 opened_hosts_silent"}},
		"then it cannot be read":  {long(".") + long(".") + long("x"), long(".") + long("s") + long("x"), []string{"opened 3 opened_hosts_silent", "escalated 3 opened_source_down"}},
		"neither can be read":     {"." + long("x") + long("."), "." + long("x") + long("."), []string{"opened 0 opened_source_down", "closed 0 closed_recovered"}},
		"only one can be read":    {"." + long("x"), "." + long("."), []string{"opened 0 opened_source_down"}},
	} {
		for _, first := range []string{"node", "pods"} {
			t.Run(name+", "+first+" first", func(t *testing.T) {
				tr := NewTracker(Hysteresis{}, nil)
				var got []string
				for i := range c.node {
					at := noon.Add(time.Duration(i) * 15 * time.Second)
					both := []omen.Tick{ofProfile("node", at, c.node[i]), ofProfile("pods", at, c.pods[i])}
					if first == "pods" {
						both[0], both[1] = both[1], both[0]
					}
					for _, k := range both {
						for _, ch := range tr.Tick(k) {
							got = append(got, fmt.Sprint(ch.Kind, " ", len(ch.Incident.Members), " ", ch.Reason))
						}
					}
				}
				equal(t, got, c.want...)
			})
		}
	}
}

// Most hosts of a profile are silent from when their incident would open until the
// first good tick; that somebody closes the incident ends the incident only. A profile
// of which nothing is heard is not counted: package watch says that it is down.
func TestMostHostsAreSilent(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var got []string
	for i, mark := range "..ssssc.." {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		k, node := omen.Tick{Source: "prod", Profile: "pods", At: at}, ofProfile("node", at, 's')
		for n := range 7 {
			if s := scoreOf(fmt.Sprint("pod-", n), at, .3, "cpu"); mark == '.' || n > 4 {
				k.Scores = append(k.Scores, s)
			} else {
				k.Silent = append(k.Silent, s.Host)
			}
		}
		if mark == 'c' {
			tr.sources["prod"].down.letGo() // as a person's command does
		}
		tr.Tick(k)
		tr.Tick(node)
		if s, ok := tr.Silences()["prod"]; ok {
			got = append(got, fmt.Sprintf("%d: %d of %d since %s", i, s.Hosts, s.Of, s.Since.Sub(noon)))
		}
	}
	equal(t, got, "4: 5 of 7 since 30s", "5: 5 of 7 since 30s", "6: 5 of 7 since 30s")
}

// An hour that comes again is neither trouble of the source nor of Omen's scoring,
// opens and closes nothing, and lets no host's incident go for gone.
func TestAnHourThatComesAgainIsNoTroubleOfTheSource(t *testing.T) {
	tr, at := NewTracker(Hysteresis{}, nil), noon
	var made []omen.Change
	play := func(n int, k func() omen.Tick) {
		for range n {
			made = append(made, tr.Tick(k())...)
			made = append(made, tr.Idle(at)...)
			at = at.Add(15 * time.Second)
		}
	}
	bad := func() omen.Tick {
		k := ofProfile("node", at, '.')
		k.Scores[0].Value, k.Scores[0].Unsmoothed = 3, 3
		return k
	}
	play(20, bad)
	at = at.Add(-time.Hour)
	tr.ClockSet(-time.Hour)
	play(4*60, func() omen.Tick { return omen.Tick{Source: "prod", Profile: "node", At: at, Relived: true} })
	play(20, func() omen.Tick {
		k := ofProfile("node", at, '.')
		k.Scores, k.Young = nil, 3
		return k
	})
	play(4, bad)
	for _, c := range made {
		if c.Incident.Kind != omen.HostIncident || c.Kind == omen.ChangeClosed {
			t.Errorf("%s of %s: %s", c.Kind, c.Incident.Kind, c.Incident.Summary)
		}
	}
	if len(made) == 0 || len(tr.open) != 1 {
		t.Errorf("%d changes, %d open, want the host's incident, open", len(made), len(tr.open))
	}
}

// Each profile's gone hosts are looked for, whichever source's tick comes first in
// a minute.
func TestGoneHostsOfEveryProfileAreClosed(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var got []string
	for i := range 4 * 70 {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		node, pods := ofProfile("node", at, '.'), ofProfile("pods", at, '.')
		pods.Scores[0].Value, pods.Scores[0].Unsmoothed = 3, 3
		if i > 5 {
			pods.Silent, pods.Scores = []omen.Host{pods.Scores[0].Host}, pods.Scores[1:]
		}
		for _, c := range append(tr.Tick(node), tr.Tick(pods)...) {
			if c.Kind != omen.ChangeEscalated && c.Kind != omen.ChangeUpdated {
				got = append(got, fmt.Sprint(c.Kind, " ", c.Reason))
			}
		}
	}
	if len(got) != 2 || got[1] != "closed closed_host_gone" {
		t.Errorf("%q, want one opened, and closed as gone", got)
	}
}

// What an operator closed while it lasts stays closed over a reload, for a source
// as for a stall; and a trouble that is over but for whether it comes back closes
// after one.
func TestWhatOfASourceWasClosedByHandStaysClosedOverAReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	blind := func(t *testing.T, m *Manager, n int) {
		for range n {
			must.OK(t, m.Offer(t.Context(), omen.Tick{Source: "prod", Profile: "node", At: time.Now(), Err: "timeout"}))
			time.Sleep(15 * time.Second)
		}
		synctest.Wait()
	}
	var began time.Time
	inBubble(t, path, func(t *testing.T, m *Manager, db *store.DB) {
		blind(t, m, 10)
		found := incidents(t, db, store.Filter{})
		if len(found) != 1 {
			t.Fatalf("%+v", found)
		}
		must.Get(m.Do(t.Context(), Command{Incident: found[0].ID, Action: CloseNow, By: "ann"}))(t)
		blind(t, m, 4)
		began = time.Now()
	})
	inBubble(t, path, func(t *testing.T, m *Manager, db *store.DB) {
		time.Sleep(time.Until(began))
		blind(t, m, 10)
		if n := len(incidents(t, db, store.Filter{})); n != 1 {
			t.Errorf("%d incidents, want the one that was closed by hand", n)
		}
	})
	path = filepath.Join(t.TempDir(), "omen.db")
	inBubble(t, path, func(t *testing.T, m *Manager, db *store.DB) {
		must.OK(t, m.Offer(t.Context(), ofProfile("node", time.Now(), '.')))
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		found := incidents(t, db, store.Filter{})
		if len(found) != 1 || found[0].Kind != omen.OwnIncident {
			t.Fatalf("%+v", found)
		}
		must.Get(m.Do(t.Context(), Command{Incident: found[0].ID, Action: CloseNow, By: "ann"}))(t)
		began = time.Now()
	})
	inBubble(t, path, func(t *testing.T, m *Manager, db *store.DB) {
		time.Sleep(time.Until(began) + 20*time.Minute)
		must.OK(t, m.Offer(t.Context(), ofProfile("node", time.Now(), '.')))
		synctest.Wait()
		if n := len(incidents(t, db, store.Filter{})); n != 1 {
			t.Errorf("%d incidents, want the one that was closed by hand", n)
		}
	})
}

func TestATroubleThatIsOverClosesAfterAReload(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var all []omen.Change
	for minute, step := range "wrwr" { // after the first return it closes two minutes later
		at := noon.Add(time.Duration(minute) * time.Minute)
		if step == 'w' {
			all = append(all, tr.Report(telegramKey, omen.Warning, "refused", at)...)
		} else {
			all = append(all, tr.Resolve(telegramKey, at)...)
		}
	}
	tr = restarted(tr, all)
	if made := tr.Idle(noon.Add(4 * time.Minute)); len(made) != 0 {
		t.Errorf("%+v, too soon", made)
	}
	if made := tr.Idle(noon.Add(5*time.Minute + time.Second)); len(made) != 1 || made[0].Kind != omen.ChangeClosed {
		t.Errorf("%+v, want it closed", made)
	}
}

// Where a fleet scales, hosts go one by one and others come in their place: for an
// hour more are silent than send samples, and nothing is wrong. If most of those that
// send fall silent, something is.
func TestHostsThatAreReplacedAreNoOutage(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	const live, every, gone = 20, 30 * time.Second, time.Hour
	name := func(n int) omen.Host { return omen.Host{Source: "prod", Profile: "node", Name: fmt.Sprint("ip-", n)} }
	at, fallen := noon, 0
	pass := func(d time.Duration) (opened []omen.Change) {
		for end := at.Add(d); at.Before(end); at = at.Add(15 * time.Second) {
			k := omen.Tick{Source: "prod", Profile: "node", At: at}
			newest := int(at.Sub(noon) / every)
			for n := max(-live, newest-live-int(gone/every)); n < newest; n++ {
				if n >= newest-live+fallen {
					k.Scores = append(k.Scores, omen.Score{Host: name(n), At: at, Value: .3, Unsmoothed: .3})
				} else {
					k.Silent = append(k.Silent, name(n))
				}
			}
			opened = append(opened, tr.Tick(k)...)
		}
		return opened
	}
	if got := pass(3 * time.Hour); len(got) > 0 {
		t.Fatalf("%d changes, the first %s of %q; want none while as many hosts as ever send samples", len(got), got[0].Kind, got[0].Incident.Summary)
	}
	seen := tr.Seen()
	tr = NewTracker(Hysteresis{}, nil) // Omen starts again
	tr.RestoreSeen(seen)
	if got := pass(10 * time.Minute); len(got) > 0 {
		t.Fatalf("after a restart %d changes, the first %s of %q", len(got), got[0].Kind, got[0].Incident.Summary)
	}
	fallen = 15
	if got := pass(2 * time.Minute); len(got) != 1 || got[0].Reason != omen.ReasonPartition {
		t.Errorf("changes %+v, want one: 15 of 20 hosts fell silent", got)
	}
}
