package api

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func TestMembersOfAFleetIncident(t *testing.T) {
	f := newFixture(t)
	host := func(name string) omen.Host { return omen.Host{Source: "prom", Profile: "node", Name: name} }
	put := func(in omen.Incident) {
		in.Severity, in.OpenedAt, in.ChangeNumber = omen.Warning, in.Since, 1
		must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: in.Since, Incident: in}))
	}
	put(omen.Incident{ID: "fleet", Kind: omen.FleetIncident, Host: host("b"), Members: []omen.Host{host("a"), host("b")}, State: omen.Open, Since: at})
	put(omen.Incident{ID: "late", Kind: omen.HostIncident, Host: host("a"), Fleet: "fleet", State: omen.Open, Since: at.Add(time.Minute), Peak: 4})
	put(omen.Incident{ID: "first", Kind: omen.HostIncident, Host: host("b"), Fleet: "fleet", State: omen.Closed, Reason: omen.ReasonRecovered, Since: at, ClosedAt: at.Add(2 * time.Minute), Peak: 40})
	f.past = []omen.ScorePoint{{At: at.Add(-time.Hour), Value: 9}, {At: at, Value: 0.5}, {At: at.Add(time.Second), Value: 3.456}, {At: at.Add(2 * time.Second), Value: math.NaN()}, {At: at.Add(59 * time.Second), Value: 1}}
	got := read[Members](t, f, "incidents/fleet/members?from=2026-03-01T12:00:00Z&to=2026-03-01T12:02:00Z&points=4")
	if got.Total != 2 || got.Step != 30 || len(got.Members) != 2 {
		t.Fatalf("%+v, want two members with steps of 30 s", got)
	}
	first, late := got.Members[0], got.Members[1]
	if first.Incident != "first" || first.Host.Name != "b" || first.Peak != 40 || !time.Time(first.Back).Equal(at.Add(2*time.Minute)) {
		t.Errorf("first: %+v", first)
	}
	if late.Incident != "late" || !time.Time(late.Back).IsZero() {
		t.Errorf("late: %+v", late)
	}
	same := func(x, y Number) bool { return x == y || math.IsNaN(float64(x)) && math.IsNaN(float64(y)) }
	if want := (List[Number]{3.46, 1, Number(math.NaN()), Number(math.NaN())}); !slices.EqualFunc(first.Scores, want, same) {
		t.Errorf("scores %v, want %v", first.Scores, want)
	}
}

// With points an open incident of hosts has its scores, from before it began until
// now, of the host whose causes it has; a closed one, and one of Omen's own, has none.
func TestStripOfOpenIncidents(t *testing.T) {
	f := newFixture(t)
	host, now := omen.Host{Source: "prom", Profile: "node", Name: "a"}, time.Now()
	put := func(in omen.Incident) {
		in.Severity, in.OpenedAt, in.ChangeNumber = omen.Warning, in.Since, 1
		must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: in.Since, Incident: in}))
	}
	put(omen.Incident{ID: "open", Kind: omen.HostIncident, Host: host, State: omen.Open, Since: now.Add(-20 * time.Minute)})
	put(omen.Incident{ID: "closed", Kind: omen.HostIncident, Host: host, State: omen.Closed, Reason: omen.ReasonRecovered, Since: now.Add(-time.Hour), ClosedAt: now})
	put(omen.Incident{ID: "own", Kind: omen.OwnIncident, State: omen.Open, Since: now.Add(-time.Minute)})
	f.past = []omen.ScorePoint{{At: now.Add(-29 * time.Minute), Value: 0.5}, {At: now.Add(-10 * time.Minute), Value: 12.345}}
	for _, in := range read[Incidents](t, f, "incidents?points=30").Incidents {
		if in.ID != "open" {
			if in.Strip != nil {
				t.Errorf("%s: %+v", in.ID, in.Strip)
			}
			continue
		}
		if s := in.Strip; s == nil || math.Abs(float64(s.Step)-60) > 1 || len(s.Scores) != 30 {
			t.Fatalf("%+v, want 30 steps of a minute", s)
		} else if i := slices.Index(s.Scores, 12.35); i < 19 || i > 20 {
			t.Errorf("its peak is in step %d, want 19 or 20: %v", i, s.Scores)
		}
	}
	if in := read[Incidents](t, f, "incidents?state=active").Incidents; in[0].Strip != nil || in[1].Strip != nil {
		t.Error("nobody asked for scores")
	}
}

func TestStepsShorterThanScoresAreApartHaveNoHoles(t *testing.T) {
	score := func(s int, v float64) omen.ScorePoint {
		return omen.ScorePoint{At: at.Add(time.Duration(s) * time.Second), Value: v}
	}
	none := math.NaN()
	for what, c := range map[string]struct {
		history []omen.ScorePoint
		want    []float64 // of steps of 6 s
	}{
		"every 15 s":              {[]omen.ScorePoint{score(0, 1), score(15, 2), score(30, 3)}, []float64{1, 1, 2, 2, 2, 3, 3, 3, none, none}},
		"a gap stays one":         {[]omen.ScorePoint{score(0, 1), score(15, 2), score(45, 3)}, []float64{1, 1, 2, 2, 2, none, none, 3, 3, 3}},
		"no score is none":        {[]omen.ScorePoint{score(0, 1), score(15, none), score(30, 3)}, []float64{1, 1, 1, none, none, 3, 3, 3, none, none}},
		"one is what it is":       {[]omen.ScorePoint{score(15, 2)}, []float64{none, none, 2, none, none, none, none, none, none, none}},
		"what was before is not":  {[]omen.ScorePoint{score(-15, 9), score(0, 1)}, []float64{1, 1, 1, none, none, none, none, none, none, none}},
		"steps that are not less": {[]omen.ScorePoint{score(0, 1), score(6, 2), score(18, 3)}, []float64{1, 2, none, 3, none, none, none, none, none, none}},
	} {
		var got []float64
		for _, v := range highest(c.history, at, 6*time.Second, 10) {
			got = append(got, float64(v))
		}
		if !slices.EqualFunc(got, c.want, func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) }) {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
}
