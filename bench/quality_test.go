package bench

import (
	"slices"
	"testing"

	"github.com/omenhq/omen/detect"
)

// One series end to end: what no method in the table of docs/bench.md but
// Omen's reaches on it, with room for honest changes. The full run is
// `make bench`.
func TestQualityFloor(t *testing.T) {
	all, err := Load(shared(t))
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(s *Series) bool { return s.Name != "omi-4" })
	ds, err := Named([]string{"ran", "original-p99", "zscore"}, detect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{Series: all, Detectors: ds})
	if err != nil {
		t.Fatal(err)
	}
	ran := r.Outcomes[0].Datasets["asd"]
	for _, o := range r.Outcomes[1:] {
		if other := o.Datasets["asd"]; ran.VUSPR <= other.VUSPR || ran.F1 <= other.F1 {
			t.Errorf("VUS-PR %.3f, F1 %.3f; %s has %.3f, %.3f", ran.VUSPR, ran.F1, o.Detector, other.VUSPR, other.F1)
		}
	}
	if ran.FAPerDay > 1 || ran.FalseTime > 0.02 || ran.Recall < 0.5 {
		t.Errorf("%.2f false alarms a day, %.3f of the time, recall %.2f", ran.FAPerDay, ran.FalseTime, ran.Recall)
	}
}
