package bench

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
)

// A world changes nothing before its moment but a job that was always there, no
// label, and no sample of the series that it is made from; the same one comes
// each time, and every kind comes.
func TestMakeWorld(t *testing.T) {
	all := []*Series{Daily("one"), Daily("seventeen")}
	plain := copied(all[0].Test)
	seen := map[string]bool{}
	for k := range 2 * len(changes) {
		m := makeWorld(all, 0, k)
		kind := m.world.Kind
		seen[kind] = true
		if diff := cmp.Diff(plain, all[0].Test); diff != "" {
			t.Fatalf("%s changed the series itself: %s", kind, diff)
		}
		if !cmp.Equal(m.Labels, all[0].Labels) || !cmp.Equal(m.Segments, all[0].Segments) || m.world.At < len(plain)/10 {
			t.Errorf("%s at %d: other labels, or too early", kind, m.world.At)
		}
		same := cmp.Equal(m.Test[:m.world.At], plain[:m.world.At]) && cmp.Equal(m.Train, all[0].Train)
		if job := kind == "job moves" || kind == "job ends"; same == job {
			t.Errorf("%s: before the change the series is as it was: %v", kind, same)
		}
		if kind != "job ends" && equalSamples(m.Test[m.world.At:], plain[m.world.At:]) || kind == "job ends" && !equalSamples(m.Test[m.world.At:], plain[m.world.At:]) {
			t.Errorf("%s: %s: nothing changed, or too much", kind, m.world.Change)
		}
		for i, v := range m.Test {
			if v.At != plain[i].At || m.Labels[i] && math.IsNaN(v.Values[0]) {
				t.Fatalf("%s: sample %d is at %s, %v", kind, i, v.At, v.Values)
			}
		}
		if again := makeWorld(all, 0, k); !equalSamples(again.Test, m.Test) || !cmp.Equal(again.world, m.world, Numbers()) {
			t.Errorf("%s: another world the second time", kind)
		}
	}
	for _, k := range changes {
		if !seen[k.name] && k.name != "restart" { // noise is not slow
			t.Errorf("no world of kind %q", k.name)
		}
	}
}

func equalSamples(a, b []omen.Vector) bool {
	return slices.EqualFunc(a, b, func(a, b omen.Vector) bool {
		return slices.EqualFunc(a.Values, b.Values, func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) })
	})
}

// The first false message within a day of the change is forgiven, and no other.
func TestPardon(t *testing.T) {
	s := synthetic(4*1440, []Segment{{Start: 1600, End: 1610}})
	m := &made{Series: s, world: World{At: 1500}}
	sent := []message{{at: 100, from: 100, to: 101}, {at: 1601, from: 1600, to: 1602}, {at: 1700, from: 1700, to: 1701}, {at: 1800, from: 1800, to: 1801}}
	got := m.pardon(sent)
	var at []int
	for _, p := range got {
		at = append(at, p.at)
	}
	if !slices.Equal(at, []int{100, 1601, 1800}) || len(sent) != 4 {
		t.Errorf("messages at %v, want without the one at 1700", at)
	}
	if late := []message{{at: 1500 + 1440, from: 1500 + 1440, to: 3000}}; len(m.pardon(late)) != 1 {
		t.Error("a message more than a day after the change is forgiven")
	}
	r := scored(4*1440, 100, 1601, 1700, 1701)
	if got := stretch(s, r, sent, 1500); got.False != 2 || got.NormalAlerts != 2 || got.Normal != 4*1440-1500-11 {
		t.Errorf("since the change: %+v", got)
	}
}

func TestWorlds(t *testing.T) {
	worlds := must.Get(Worlds(t.Context(), []*Series{Daily("one"), Daily("seventeen")}, detect.Options{}, 2, nil))(t)
	if len(worlds) != 4 || worlds[0].Kind == worlds[1].Kind || worlds[0].Kind == worlds[2].Kind && worlds[1].Kind == worlds[3].Kind {
		t.Fatalf("%+v, want four worlds of different kinds", worlds)
	}
	for _, w := range worlds {
		if w.Whole.HostWeeks <= w.Since.HostWeeks || w.Since.HostWeeks != w.Before.HostWeeks && w.Kind != "gaps" || w.Pages.Segments != 1 {
			t.Errorf("%+v", w)
		}
	}
	var out strings.Builder
	must.OK(t, WriteWorlds(&out, []World{
		{Set: "s", Kind: "level", Whole: Stretch{False: 2, HostWeeks: 1, Normal: 10}, Since: Stretch{HostWeeks: .5, Normal: 5}},
		{Set: "s", Kind: "gain", Whole: Stretch{False: 4, HostWeeks: 1, Normal: 10}, Since: Stretch{HostWeeks: .5, Normal: 5}},
	}))
	if lines := strings.Split(out.String(), "\n"); len(lines) != 8 || !slices.Equal(strings.Fields(lines[3])[:4], []string{"mean", "2", "–", "3.00"}) || strings.Fields(lines[6])[3] != "3.00" {
		t.Errorf("the table is\n%s", out.String())
	}
}
