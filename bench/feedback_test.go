package bench

import (
	"os"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/replay"
)

// nuisance is two days to learn from and three of test: four harmless jumps of
// metric d, never at the same time of day, and two faults of a and c after the
// first of them.
func nuisance() *Series {
	s := Daily("nuisance")
	more := *s
	more.Name = "nuisance"
	perDay := s.PerDay()
	last := s.Test[len(s.Test)-1].At
	for i := range perDay {
		v := s.Test[i]
		v.At, v.Values = last.Add(time.Duration(i+1)*s.Step), append([]float64{}, v.Values...)
		more.Test, more.Labels = append(more.Test, v), append(more.Labels, false)
	}
	for i := range more.Labels {
		more.Labels[i] = false
		more.Test[i].Values = append([]float64{}, s.Test[i%perDay].Values...)
	}
	for _, at := range []int{70, 250, 450, 640} {
		for i := at; i < at+15; i++ {
			more.Test[i].Values[3] = 2.5
		}
	}
	for _, at := range []int{360, 750} {
		for i := at; i < at+20; i++ {
			more.Test[i].Values[0], more.Test[i].Values[2] = .95, .1
			more.Labels[i] = true
		}
	}
	more.Segments = segmentsOf(more.Labels)
	return &more
}

// An operator who calls the first jump harmless is not notified of it again,
// and is notified of the faults as before.
func TestFeedback(t *testing.T) {
	s := nuisance()
	all := map[int]*replay.Timeline{}
	v := &verdictsOn{s: s, asked: 1}
	all[0] = must.Get(replaySeries(t.Context(), s, detect.Options{}, replay.Options{}))(t)
	all[1] = must.Get(replaySeries(t.Context(), s, detect.Options{}, replay.Options{Operator: v}))(t)
	if v.given != 1 || v.since == 0 {
		t.Fatalf("%d verdicts given of 1, in force since %d", v.given, v.since)
	}
	first := shown(all[1])[0]
	if first.Verdict != omen.NotAProblem || s.isTrue(first) {
		t.Fatalf("the first incident is %+v, want the harmless jump", first)
	}
	var with, without Service
	with.add(s, all[1], v.since, true)
	without.add(s, all[0], v.since, true)
	with.rate()
	without.rate()
	if without.False == 0 || with.False >= without.False {
		t.Errorf("notified of %d harmless jumps with the verdict, %d without", with.False, without.False)
	}
	if with.Found != 2 || with.Segments != 2 || !(with.F1 > without.F1) {
		t.Errorf("%d of %d faults found; F1 %v, without %v", with.Found, with.Segments, with.F1, without.F1)
	}
	path := must.Get(PlotTimeline(t.TempDir(), all[1], s.Features))(t)
	if info, err := os.Stat(path); err != nil || info.Size() < 10_000 {
		t.Errorf("plot: %v, %v", info, err)
	}
}
