package forecast

import (
	"testing"
	"time"
)

// A resource is handed on while it matters, and not before it is known for five
// minutes.
func TestRounds(t *testing.T) {
	begin := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	s, r := New(Full), Rounds{}
	var sudden int
	var first, last time.Duration
	for m := range 24 * 60 {
		at := begin.Add(time.Duration(m) * time.Minute)
		used := .3
		if m >= 600 {
			used = min(.3+float64(m-600)/60, 1)
		}
		if m >= 660 {
			used = .3
		}
		if !s.Observe(at, used, 1) {
			t.Fatal("not observed")
		}
		said := r.Next(s, at, begin, at)
		if said.Known != (m >= 5) {
			t.Fatalf("minute %d: known %v", m, said.Known)
		}
		if said.Sudden {
			sudden++
		}
		if said.Matters {
			if last = time.Duration(m) * time.Minute; first == 0 {
				first = last
			}
		}
		if m > 5+120 && m < 600 && said.Matters {
			t.Fatalf("minute %d: it matters and stands", m)
		}
		if said.Exhausted && !said.Matters {
			t.Fatalf("minute %d: it is full and does not matter", m)
		}
	}
	if sudden != 1 || first != 5*time.Minute || last < 11*time.Hour || last > 16*time.Hour {
		t.Errorf("sudden %d times, mattered from %s to %s", sudden, first, last)
	}
	if said := r.Next(s, begin.Add(25*time.Hour), begin, begin.Add(24*time.Hour)); said.Known {
		t.Error("a forecast without a sample of its round")
	}
}
