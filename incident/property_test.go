package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"pgregory.net/rapid"
)

// life draws how hosts behave, tick by tick.
func life(t *rapid.T) [][]float64 {
	hosts, ticks := rapid.IntRange(1, 12).Draw(t, "hosts"), rapid.IntRange(20, 150).Draw(t, "ticks")
	all := make([][]float64, hosts)
	for h := range all {
		for len(all[h]) < ticks {
			level := rapid.SampledFrom([]float64{.3, .9, 1.01, 2, 6, -1}).Draw(t, "level") // -1: silent
			all[h] = append(all[h], repeat(level, rapid.IntRange(1, 30).Draw(t, "length"))...)
		}
		all[h] = all[h][:ticks]
	}
	return all
}

// troubles draws what becomes of each tick: "" it comes, "down" the source
// cannot be read, "none" it does not come.
func troubles(t *rapid.T, ticks int) (all []string) {
	for len(all) < ticks {
		what := rapid.SampledFrom([]string{"", "", "down", "none"}).Draw(t, "trouble")
		all = append(all, slices.Repeat([]string{what}, rapid.IntRange(1, 40).Draw(t, "for"))...)
	}
	return all[:ticks]
}

// round plays one tick.
func round(tr *Tracker, lives [][]float64, troubles []string, i int, step time.Duration) []omen.Change {
	k := tickOf(lives, i, step)
	switch troubles[i] {
	case "none":
		return tr.Idle(k.At)
	case "down":
		k.Err, k.Scores, k.Silent = "timeout", nil, nil
	}
	return tr.Tick(k)
}

func tickOf(lives [][]float64, i int, step time.Duration) omen.Tick {
	k := omen.Tick{Source: "prod", At: noon.Add(time.Duration(i) * step)}
	for h, levels := range lives {
		name := fmt.Sprint("web-", h)
		if levels[i] < 0 {
			k.Silent = append(k.Silent, hostNamed(name))
			continue
		}
		k.Scores = append(k.Scores, scoreOf(name, k.At, levels[i], []string{"cpu", "cpu", "mem"}[h%3]))
	}
	return k
}

func keysOf(changes []omen.Change) (keys []string) {
	for _, c := range changes {
		keys = append(keys, c.Key()+" "+string(c.Kind))
	}
	return keys
}

// checkLives fails unless every incident's changes are numbered without a gap,
// begin with opened, and alternate between open and closed, and no host has two
// incidents open at once.
func checkLives(t interface{ Fatalf(string, ...any) }, changes []omen.Change) {
	last := map[string]omen.Incident{}
	openOf := map[omen.Host]string{}
	for _, c := range changes {
		in, before := c.Incident, last[c.Incident.ID]
		if in.ChangeNumber != before.ChangeNumber+1 {
			t.Fatalf("%s: change %d after %d", in.ID, in.ChangeNumber, before.ChangeNumber)
		}
		wasOpen := before.ID != "" && before.State != omen.Closed
		switch c.Kind {
		case omen.ChangeOpened:
			if before.ID != "" {
				t.Fatalf("%s opened twice", in.ID)
			}
		case omen.ChangeReopened:
			if wasOpen || before.ID == "" {
				t.Fatalf("%s reopened while it was open", in.ID)
			}
		case omen.ChangeCommented, omen.ChangeJudged: // at any time
		default:
			if !wasOpen {
				t.Fatalf("%s %s while it was not open", in.ID, c.Kind)
			}
		}
		if c.Kind == omen.ChangeClosed && in.State != omen.Closed || c.Kind != omen.ChangeClosed && wasOpen && in.State == omen.Closed || in.State == omen.Closed && in.ClosedAt.Before(in.Since) {
			t.Fatalf("%s: %s leaves it %s", in.ID, c.Kind, in.State)
		}
		if in.Kind != omen.FleetIncident {
			of := in.Host // of a source and of Omen itself too: one at a time
			if in.Kind != omen.HostIncident {
				of.Profile = string(in.Kind)
			}
			id := openOf[of]
			switch {
			case in.State == omen.Closed && id == in.ID:
				openOf[of] = ""
			case in.State != omen.Closed && id != "" && id != in.ID:
				t.Fatalf("%s: %s and %s open at once", in.Host, id, in.ID)
			case in.State != omen.Closed:
				openOf[of] = in.ID
			}
		}
		last[in.ID] = in
	}
	for _, in := range last { // a fleet is open as long as one of its members is
		if f := last[in.Fleet]; in.Fleet != "" && in.State != omen.Closed && f.State == omen.Closed {
			t.Fatalf("%s is open and its fleet %s is closed", in.ID, f.ID)
		}
	}
}

func TestLivesAreWellFormedAndRepeatable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lives := life(t)
		step := rapid.SampledFrom([]time.Duration{time.Second, 15 * time.Second, time.Minute}).Draw(t, "step")
		troubles := troubles(t, len(lives[0]))
		var runs [2][]omen.Change
		for r := range runs {
			tr := NewTracker(Hysteresis{}, nil)
			for i := range lives[0] {
				runs[r] = append(runs[r], round(tr, lives, troubles, i, step)...)
			}
		}
		checkLives(t, runs[0])
		if diff := gocmp.Diff(keysOf(runs[0]), keysOf(runs[1])); diff != "" {
			t.Fatalf("the same scores gave other changes:\n%s", diff)
		}
	})
}

func TestOperatorsDoNotBreakLives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lives := life(t)
		troubles := troubles(t, len(lives[0]))
		tr := NewTracker(Hysteresis{}, nil)
		var all []omen.Change
		for i := range lives[0] {
			all = append(all, round(tr, lives, troubles, i, 15*time.Second)...)
			known := projection(all)
			if len(known) == 0 || rapid.IntRange(0, 3).Draw(t, "act") > 0 {
				continue
			}
			in := known[rapid.IntRange(0, len(known)-1).Draw(t, "which")]
			do := rapid.SampledFrom([]Action{Acknowledge, Release, Comment, CloseNow, Judge}).Draw(t, "action")
			c := Command{Incident: in.ID, Action: do, By: "ann", Comment: "hm",
				Verdict: rapid.SampledFrom([]omen.Verdict{omen.NoVerdict, omen.Real, omen.Expected}).Draw(t, "verdict")}
			changes, err := tr.Prepare(in, c, noon.Add(time.Duration(i)*15*time.Second))
			if err != nil {
				continue // the state does not allow it
			}
			if rapid.Bool().Draw(t, "stored") { // otherwise the store failed, and nothing has happened
				tr.Commit(changes)
				all = append(all, changes...)
			}
		}
		checkLives(t, all)
	})
}

func TestACrashContinuesEveryIncident(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lives := life(t)
		troubles := troubles(t, len(lives[0]))
		crash := rapid.IntRange(1, len(lives[0])-1).Draw(t, "crash")
		tr := NewTracker(Hysteresis{}, nil)
		var all []omen.Change
		noted := rapid.IntRange(0, crash).Draw(t, "noted") // the journal is never behind; the memory may be
		var memory Memory
		var seen map[string]Seen
		for i := range lives[0] {
			if i == noted {
				memory, seen = tr.Memory(), tr.Seen()
			}
			if i == crash {
				tr = NewTracker(Hysteresis{}, nil)
				tr.Restore(projection(all))
				tr.RestoreSeen(seen)
				tr.Recall(memory)
			}
			all = append(all, round(tr, lives, troubles, i, 15*time.Second)...)
		}
		checkLives(t, all)
	})
}

// projection is what the store would give back.
func projection(changes []omen.Change) (all []omen.Incident) {
	last := map[string]omen.Incident{}
	for _, c := range changes {
		last[c.Incident.ID] = c.Incident
	}
	for _, in := range last {
		all = append(all, in)
	}
	slices.SortFunc(all, func(a, b omen.Incident) int { return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID)) })
	return all
}

// ofHosts leaves out what is of sources and Omen: a source of one host that is
// silent has none.
func ofHosts(changes []omen.Change) []omen.Change {
	return slices.DeleteFunc(changes, func(c omen.Change) bool { return c.Incident.Kind != omen.HostIncident })
}

func TestOneHostsFateDoesNotDependOnOthers(t *testing.T) {
	// Metamorphic: few hosts (no fleet), together or each alone.
	rapid.Check(t, func(t *rapid.T) {
		lives := life(t)
		lives = lives[:min(len(lives), 3)]
		together := NewTracker(Hysteresis{}, nil)
		got := map[string][]string{}
		for i := range lives[0] {
			for _, c := range ofHosts(together.Tick(tickOf(lives, i, 15*time.Second))) {
				got[c.Incident.Host.Name] = append(got[c.Incident.Host.Name], keysOf([]omen.Change{c})...)
			}
		}
		for h := range lives {
			alone, want := NewTracker(Hysteresis{}, nil), []string(nil)
			name := fmt.Sprint("web-", h)
			for i := range lives[h] {
				k := tickOf(lives, i, 15*time.Second)
				k.Scores = slices.DeleteFunc(k.Scores, func(s omen.Score) bool { return s.Host.Name != name })
				k.Silent = slices.DeleteFunc(k.Silent, func(h omen.Host) bool { return h.Name != name })
				want = append(want, keysOf(ofHosts(alone.Tick(k)))...)
			}
			if diff := gocmp.Diff(want, got[name]); diff != "" {
				t.Fatalf("%s alone (-) and beside others (+):\n%s", name, diff)
			}
		}
	})
}
