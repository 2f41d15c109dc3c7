package forecast

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// A resource is handed on for two hours, and while it matters.
func TestRounds(t *testing.T) {
	begin := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	s, r := New(Full), Rounds{}
	var sudden int
	first, last := time.Duration(-1), time.Duration(0)
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
		f, known := s.Forecast(at)
		became, matters := r.Next(at, f, known)
		if became {
			sudden++
		}
		if matters {
			if last = time.Duration(m) * time.Minute; first < 0 {
				first = last
			}
		}
		if m > 120 && m < 600 && matters {
			t.Fatalf("minute %d: it matters and stands", m)
		}
		if f.Exhausted && !matters {
			t.Fatalf("minute %d: it is full and does not matter", m)
		}
	}
	if sudden != 1 || first != 0 || last < 11*time.Hour || last > 16*time.Hour {
		t.Errorf("sudden %d times, mattered from %s to %s", sudden, first, last)
	}
	if _, matters := r.Next(begin.Add(25*time.Hour), omen.Forecast{Exhausted: true}, false); matters {
		t.Error("what has no forecast matters")
	}
	if became, _ := r.Next(begin.Add(26*time.Hour), omen.Forecast{Exhausted: true}, true); became {
		t.Error("nobody knows when it became full")
	}
}
