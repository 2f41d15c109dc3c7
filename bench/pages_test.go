package bench

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/replay"
)

// incidentOf is an incident with messages at some samples, each naming a cause.
func incidentOf(from, to int, pages ...replay.Page) *replay.Incident {
	return &replay.Incident{From: from, To: to, Pages: pages}
}

func page(at int, feature string) replay.Page {
	return replay.Page{At: at, Causes: []omen.Cause{{Feature: feature}}}
}

func TestCountPages(t *testing.T) {
	const n = 7 * 1440 // a week of minutes
	segments := []Segment{{Start: 100, End: 109, Blamed: []int{0}}, {Start: 200, End: 209, Blamed: []int{1}}, {Start: 300, End: 309}}
	for _, c := range []struct {
		name                           string
		incidents                      []*replay.Incident
		found, own, right, sent, wrong int
		delays                         []int
	}{
		{"nothing", nil, 0, 0, 0, 0, 0, nil},
		{"recorded only", []*replay.Incident{incidentOf(100, 109)}, 0, 0, 0, 0, 0, nil},
		{"right", []*replay.Incident{incidentOf(101, 108, page(102, "a"))}, 1, 1, 1, 1, 0, []int{120}},
		{"another's cause", []*replay.Incident{incidentOf(101, 108, page(102, "c"))}, 1, 1, 0, 1, 0, []int{120}},
		{"five late", []*replay.Incident{incidentOf(114, 120, page(114, "a"))}, 1, 1, 1, 1, 0, []int{840}},
		{"six late", []*replay.Incident{incidentOf(115, 120, page(115, "a"))}, 0, 0, 0, 1, 1, nil},
		{"sent when it was nearly over", []*replay.Incident{incidentOf(105, 119, page(118, "a"))}, 1, 1, 1, 1, 0, []int{1080}},
		{"before, and goes on over two", []*replay.Incident{incidentOf(90, 250, page(95, "a"))}, 2, 0, 1, 1, 0, []int{0, 0}},
		{"the same, with a message of the second", []*replay.Incident{incidentOf(90, 250, page(95, "a"), page(203, "b"))}, 2, 1, 2, 2, 0, []int{0, 180}},
		{"came back for nothing", []*replay.Incident{incidentOf(100, 130, page(101, "a"), page(125, "a"))}, 1, 1, 1, 2, 1, []int{60}},
		{"far away", []*replay.Incident{incidentOf(700, 720, page(701, "a"))}, 0, 0, 0, 1, 1, nil},
	} {
		p := countPages(synthetic(n, segments), &replay.Timeline{Incidents: c.incidents})
		p.rate()
		if p.Segments != 3 || p.Found != c.found || p.Own != c.own || p.Right != c.right || p.Sent != c.sent || p.False != c.wrong || !cmp.Equal(p.Delays, c.delays) {
			t.Errorf("%s: %+v", c.name, p)
		}
		near(t, c.name+": false a week", float64(p.FalsePerWeek), float64(c.wrong)*n/(n-30), 1e-9)
	}
}

// A data set's numbers are of its segments and messages together, and a method
// that sends nothing has none.
func TestPagesPooled(t *testing.T) {
	sum := Pages{}
	sum.add(Pages{Segments: 3, Found: 1, Own: 1, Sent: 4, False: 1, Drifts: 2, HostWeeks: 1, Delays: []int{60}})
	sum.add(Pages{Segments: 1, Found: 1, Sent: 1, Drifts: 1, HostWeeks: 3, Delays: []int{0}, Promised: 4})
	sum.rate()
	near(t, "notified", float64(sum.Share), .5, 1e-12)
	near(t, "own", float64(sum.OwnShare), .25, 1e-12)
	near(t, "precision", float64(sum.Precision), .8, 1e-12)
	near(t, "F1", float64(sum.F1), 2*.5*.8/1.3, 1e-12)
	near(t, "false a week", float64(sum.FalsePerWeek), .25, 1e-12)
	near(t, "drifts a week", float64(sum.DriftsWeek), .75, 1e-12)
	near(t, "promised", float64(sum.Promised), 4, 0)
	near(t, "delay", float64(sum.DelaySecs), 30, 1e-12)
	none := Pages{}
	none.rate()
	near(t, "F1 of no notifier", float64(none.F1), math.NaN(), 0)
}

// Marks of slow drifts count where they touch no segment.
func TestDriftsOutsideOfSegments(t *testing.T) {
	s := synthetic(1000, []Segment{{Start: 100, End: 109}})
	p := countPages(s, &replay.Timeline{Drifts: []replay.Drift{{From: 20, Found: 90}, {From: 90, Found: 101}, {From: 112, Found: 130}, {From: 500, Found: 560}}})
	if p.Drifts != 2 || p.Sent != 0 {
		t.Errorf("%d marks outside and %d messages, want 2 and none", p.Drifts, p.Sent)
	}
}

// Samples are ranked by the raw score and alerts are what the detector says they
// are, so that a limit that moves changes the second and not the first.
func TestRankedByRaw(t *testing.T) {
	s := synthetic(300, []Segment{{Start: 100, End: 109}})
	for i := range s.Test {
		s.Test[i].Values = []float64{float64(i % 7), 0, 0}
	}
	r := scored(300)
	r.Raw, r.Alerts = make([]float64, 300), make([]bool, 300)
	r.Scores[50], r.Scores[105] = 9, .5
	r.Raw[50], r.Raw[105] = 1, 5
	r.Alerts[105] = true
	m := measure(s, r).Metrics
	plain := measure(s, &Scored{Scores: r.Raw}).Metrics
	if m.VUSPR != plain.VUSPR || m.AUCPR != plain.AUCPR {
		t.Errorf("VUS-PR %v, AUC-PR %v; of the raw score %v, %v", m.VUSPR, m.AUCPR, plain.VUSPR, plain.AUCPR)
	}
	if m.Recall != 1 || m.Precision != 1 || slices.Contains(r.Alerts[:100], true) {
		t.Errorf("recall %v, precision %v, want both 1: the only alert is in the segment", m.Recall, m.Precision)
	}
}

// A segment of which people were not notified counts where it came furthest; one
// of which they were counts nowhere.
func TestMissed(t *testing.T) {
	g := Segment{Start: 100, End: 109}
	suppressed := func(reason string) *replay.Incident {
		in := incidentOf(101, 108)
		in.Suppressed = reason
		return in
	}
	higher := suppressed(omen.ReasonFeedback)
	higher.Peak = 9
	for _, c := range []struct {
		name      string
		score     float64 // of sample 105
		alert     bool
		severe    bool
		incidents []*replay.Incident
		want      Missed
	}{
		{"nothing", .5, false, false, nil, Missed{Limit: 1}},
		{"below the level", 2, false, false, nil, Missed{Level: 1}},
		{"too short", 2, true, false, nil, Missed{Samples: 1}},
		{"trivial", 2, true, false, []*replay.Incident{suppressed(omen.ReasonTrivial)}, Missed{Trivial: 1}},
		{"young", 2, true, false, []*replay.Incident{suppressed(omen.ReasonColdStart)}, Missed{Young: 1}},
		{"below the page level", 2, true, false, []*replay.Incident{suppressed(omen.ReasonMinor)}, Missed{Minor: 1}},
		{"at the page level, briefly", 2, true, true, []*replay.Incident{suppressed(omen.ReasonMinor)}, Missed{Severe: 1}},
		{"the higher of two", 2, true, true, []*replay.Incident{suppressed(omen.ReasonMinor), higher}, Missed{Learned: 1}},
		{"otherwise", 2, true, true, []*replay.Incident{suppressed(omen.ReasonSameCause)}, Missed{Other: 1}},
		{"an incident elsewhere", 2, true, false, []*replay.Incident{incidentOf(115, 120)}, Missed{Samples: 1}},
		{"notified", 2, true, true, []*replay.Incident{incidentOf(101, 108, page(102, "a"))}, Missed{}},
	} {
		r := scored(300)
		r.Alerts, r.Severe = make([]bool, 300), make([]bool, 300)
		r.Scores[105], r.Alerts[105], r.Severe[105] = c.score, c.alert, c.severe
		r.Timeline = &replay.Timeline{Incidents: c.incidents}
		if got := missedOf(synthetic(300, []Segment{g}), r); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	var sum Missed
	each := Missed{1, 2, 3, 4, 5, 6, 7, 8, 9}
	sum.add(each)
	sum.add(each)
	if want := (Missed{2, 4, 6, 8, 10, 12, 14, 16, 18}); sum != want {
		t.Errorf("sum %+v", sum)
	}
	if n := missed[0].of(Metrics{}); !math.IsNaN(float64(n)) {
		t.Errorf("of a method that notifies nobody %v", n)
	}
}
