package training_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/training"
)

// counted is a fleet whose hosts have samples since begin, and that counts what
// its frames take.
type counted struct {
	begin        map[string]time.Time
	reads        atomic.Int32
	largest, all int64 // bytes
}

func (s *counted) Read(_ context.Context, q series.Query) (*series.Frame, error) {
	features := make([]string, len(q.Exprs))
	for i, e := range q.Exprs {
		features[i] = e.Feature
	}
	f := series.NewFrame(q.Hosts, features, q.Start, q.Step, int(q.End.Sub(q.Start)/q.Step)+1)
	s.reads.Add(1)
	bytes := 8 * int64(len(q.Hosts)) * int64(len(features)) * int64(f.Instants)
	s.largest, s.all = max(s.largest, bytes), s.all+bytes
	for h, name := range q.Hosts {
		for i := range f.Instants {
			if !f.Time(i).Before(s.begin[name]) {
				for c := range features {
					f.Set(h, i, c, 1e6) // an uptime as well
				}
			}
		}
	}
	return f, nil
}

// The begin of a fleet's history is found in frames of a bounded size, whether
// it is two minutes or days ago.
func TestTheBeginOfAFleetsHistoryIsBounded(t *testing.T) {
	schema, err := feature.NewSchema(feature.Node())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	const week = 7 * 24 * time.Hour
	for name, tt := range map[string]struct {
		hosts int
		age   time.Duration
		reads int32 // at most
	}{
		// 42 columns, with the uptime, of 2,000 hosts are 672 kB an instant: 99
		// to a frame, so four frames for 301 instants, at steps of 2010 and 60 s.
		// At 15 s, begins two minutes ago are in the third.
		"young": {2000, 2 * time.Minute, 4 + 4 + 3},
		"old":   {2000, 5 * 24 * time.Hour, 1},
		// Found in the first frame.
		"older than asked for": {2000, 2 * week, 1},
		"one":                  {1, 5 * 24 * time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &counted{begin: map[string]time.Time{}}
			var names []string
			for i := range tt.hosts {
				names = append(names, fmt.Sprintf("host-%04d", i))
				s.begin[names[i]] = at.Add(-tt.age)
			}
			h := training.History{Source: s, Name: "s", Schema: schema, Step: 15 * time.Second}
			firsts, err := h.Firsts(t.Context(), names, at, week)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				late := firsts[name].Sub(s.begin[name])
				if begin, found := firsts[name]; !found || late > max(0, at.Add(-week).Sub(s.begin[name]))+week/300 || tt.age < time.Hour && late > 15*time.Second {
					t.Fatalf("%s begins %s, %t, want %s", name, begin, found, s.begin[name])
				}
			}
			if s.largest > training.FrameBytes {
				t.Errorf("the largest frame has %d bytes", s.largest)
			}
			if n := s.reads.Load(); n > tt.reads {
				t.Errorf("%d reads of %d bytes together, want %d at most", n, s.all, tt.reads)
			}
		})
	}
}

// With one feature, a bounded frame would hold more instants than there is time.
func TestTheBeginOfANarrowProfilesHistory(t *testing.T) {
	schema := must.Get(feature.NewSchema(feature.Profile{Name: "one", By: []string{"instance"}, Features: []feature.Feature{{Name: "x", Expr: "x"}}}))(t)
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	s := &counted{begin: map[string]time.Time{"h": at.Add(-time.Hour)}}
	h := training.History{Source: s, Name: "s", Schema: schema, Step: 15 * time.Second}
	firsts := must.Get(h.Firsts(t.Context(), []string{"h"}, at, 90*24*time.Hour))(t)
	if begin := firsts["h"]; begin.Sub(s.begin["h"]).Abs() > 24*time.Hour {
		t.Errorf("begins %s, want %s", begin, s.begin["h"])
	}
}
