package app

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// warm is a store with a score every ten seconds of each of some hosts, of up to 50
// minutes ago until now, and the heat map's last hour by minutes.
func warm(t *testing.T, hosts int) (h *heat, from, now time.Time) {
	t.Helper()
	s, _ := stored(t)
	g := &generation{p: &process{tsdb: s.tsdb}}
	now = time.Now().Truncate(time.Minute).Add(-30 * time.Second) // no second is another minute's
	from = now.Truncate(time.Minute).Add(-59 * time.Minute)
	for at := now.Add(-50 * time.Minute); !at.After(now); at = at.Add(10 * time.Second) {
		var scores []omen.Score
		for i := range hosts {
			scores = append(scores, omen.Score{Host: numbered(i), At: at, Value: float64(i) / 10})
		}
		must.OK(t, g.Record(t.Context(), scores))
	}
	return newHeat(s.tsdb), from, now
}

func numbered(i int) omen.Host {
	return omen.Host{Source: "prom", Profile: "node", Name: fmt.Sprintf("web-%d", i)}
}

// A cell has the highest score of its minute, one without a score is 0, and one
// sample above the limit is seen.
func TestHeatHasTheHighestScoreOfEachCell(t *testing.T) {
	h, from, now := warm(t, 2)
	g := &generation{p: &process{tsdb: h.db}}
	must.OK(t, g.Record(t.Context(), []omen.Score{{Host: numbered(2), At: now.Add(-90 * time.Second), Value: 47}}))
	got := must.Get(h.read(t.Context(), from, time.Minute, 60, time.Minute, now))(t)
	if !got.Read.Equal(from) || len(got.Hosts) != 3 {
		t.Fatalf("read from %s, %d hosts, want all from %s on, and 3", got.Read, len(got.Hosts), from)
	}
	cell := int(now.Add(-90*time.Second).Sub(from) / time.Minute)
	for i, code := range got.Hosts[numbered(2)] {
		if want := map[bool]uint8{true: api.HeatCode(47)}[i == cell]; code != want {
			t.Errorf("cell %d is %d, want %d", i, code, want)
		}
	}
	if row := got.Hosts[numbered(1)]; row[0] != 0 || row[58] != api.HeatCode(0.1) || row[59] != api.HeatCode(0.1) {
		t.Errorf("web-1: %v, want none at first and %d at last", row, api.HeatCode(0.1))
	}
}

// What reaches further back than what was read before is read as a whole.
func TestHeatThatBeginsEarlier(t *testing.T) {
	h, from, now := warm(t, 2)
	whole := must.Get(newHeat(h.db).read(t.Context(), from, time.Minute, 60, time.Minute, now))(t)
	must.Get(h.read(t.Context(), from.Add(30*time.Minute), time.Minute, 30, time.Minute, now))(t)
	got := must.Get(h.read(t.Context(), from, time.Minute, 60, time.Minute, now))(t)
	if !got.Read.Equal(from) || !bytes.Equal(got.Hosts[numbered(1)], whole.Hosts[numbered(1)]) {
		t.Errorf("read from %s: %v, want %v", got.Read, got.Hosts[numbered(1)], whole.Hosts[numbered(1)])
	}
}

// However little is read at once, each answer comes further back, has nothing wrong
// of what it has read, and the last one is that of a store read as a whole.
func TestHeatIsReadInParts(t *testing.T) {
	h, from, now := warm(t, 3)
	whole := must.Get(newHeat(h.db).read(t.Context(), from, time.Minute, 60, time.Minute, now))(t)
	h.most = 1
	for last := now.Add(time.Minute); ; {
		got := must.Get(h.read(t.Context(), from, time.Minute, 60, time.Minute, now))(t)
		if !got.Read.Before(last) {
			t.Fatalf("it was read from %s on, and then from %s", last, got.Read)
		}
		last = got.Read
		unread := int(last.Sub(from) / time.Minute)
		for i := range 3 {
			if !bytes.Equal(got.Hosts[numbered(i)][unread:], whole.Hosts[numbered(i)][unread:]) {
				t.Fatalf("from %s on: %v, want %v", last, got.Hosts[numbered(i)], whole.Hosts[numbered(i)])
			}
		}
		if unread == 0 {
			return
		}
	}
}

// An hour that moves on keeps what was read, takes up what came late and what is new,
// and who was given an answer keeps it as it was.
func TestHeatMovesOn(t *testing.T) {
	h, from, now := warm(t, 2)
	g := &generation{p: &process{tsdb: h.db}}
	before := must.Get(h.read(t.Context(), from, time.Minute, 60, 5*time.Minute, now))(t)
	row := bytes.Clone(before.Hosts[numbered(1)])
	must.OK(t, g.Record(t.Context(), []omen.Score{{Host: numbered(2), At: now.Add(-4 * time.Minute), Value: 12}}))
	if same := must.Get(h.read(t.Context(), from, time.Minute, 60, 5*time.Minute, now.Add(time.Second)))(t); len(same.Hosts) != 2 {
		t.Errorf("a second later the store was read again: %d hosts", len(same.Hosts))
	}
	after := must.Get(h.read(t.Context(), from.Add(time.Minute), time.Minute, 60, 5*time.Minute, now.Add(time.Minute)))(t)
	if got := after.Hosts[numbered(1)]; !bytes.Equal(got[:59], row[1:]) || got[59] != 0 {
		t.Errorf("moved by a minute: %v, want %v and none", got, row[1:])
	}
	if !bytes.Contains(after.Hosts[numbered(2)], []byte{api.HeatCode(12)}) {
		t.Errorf("what came late: %v, want %d in it", after.Hosts[numbered(2)], api.HeatCode(12))
	}
	if !bytes.Equal(before.Hosts[numbered(1)], row) {
		t.Error("an answer that was given has changed")
	}
	if late := must.Get(h.read(t.Context(), from.Add(2*time.Hour), time.Minute, 60, time.Minute, now.Add(2*time.Hour)))(t); len(late.Hosts) != 0 {
		t.Errorf("two hours later there are %d hosts", len(late.Hosts))
	}
}

// BenchmarkHeat reads an hour of 1,000 hosts at 15 s: at first, again a minute later,
// and as the query engine does.
func BenchmarkHeat(b *testing.B) {
	db := must.Get(tsdb.Open(tsdb.Options{Dir: b.TempDir()}))(b)
	b.Cleanup(func() { must.OK(b, db.Close()) })
	g, now := &generation{p: &process{tsdb: db}}, time.Now().Truncate(time.Minute)
	for at := now.Add(-59 * time.Minute); at.Before(now); at = at.Add(15 * time.Second) {
		scores := make([]omen.Score, 1000)
		for i := range scores {
			scores[i] = omen.Score{Host: numbered(i), At: at, Value: float64(at.Unix()*int64(i)%997) / 997}
		}
		must.OK(b, g.Record(b.Context(), scores))
	}
	from := now.Add(-time.Hour)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			must.Get(newHeat(db).read(b.Context(), from, time.Minute, 60, 10*time.Minute, now))(b)
		}
	})
	b.Run("again", func(b *testing.B) {
		h := newHeat(db)
		for i := 0; b.Loop(); i++ {
			must.Get(h.read(b.Context(), from, time.Minute, 60, 10*time.Minute, now.Add(time.Duration(i)*time.Minute)))(b)
		}
	})
	b.Run("engine", func(b *testing.B) {
		q := series.Query{Exprs: []series.Expr{{Feature: "score", PromQL: "max by ($by) (max_over_time(" + scoreMetric + "[$window]))"}}, Start: from.Add(time.Minute), End: now, Step: time.Minute, Window: time.Minute}
		for b.Loop() {
			must.Get(db.Read(b.Context(), q))(b)
		}
	})
}

// Spans that somebody chose are read by themselves, however little at once and while
// others are asked for, and what is long over is read once.
func TestHeatOfChosenSpans(t *testing.T) {
	h, from, now := warm(t, 3)
	whole := must.Get(newHeat(h.db).read(t.Context(), from, time.Minute, 60, time.Minute, now))(t)
	h.most = 1
	parts := []struct{ first, n int }{{10, 30}, {20, 30}} // of the hour's minutes
	for round, left := 0, len(parts); left > 0; round++ {
		if round > 100 {
			t.Fatal("two spans that are asked for in turns are never read as a whole")
		}
		left = 0
		must.Get(h.read(t.Context(), from, time.Minute, 60, time.Minute, now))(t)
		for _, p := range parts {
			begin := from.Add(time.Duration(p.first) * time.Minute)
			got := must.Get(h.read(t.Context(), begin, time.Minute, p.n, time.Minute, now))(t)
			if got.Read.After(begin) {
				left++
				continue
			}
			for i := range 3 {
				if want := whole.Hosts[numbered(i)][p.first : p.first+p.n]; !bytes.Equal(got.Hosts[numbered(i)], want) {
					t.Fatalf("minutes %d to %d: %v, want %v", p.first, p.first+p.n, got.Hosts[numbered(i)], want)
				}
			}
		}
	}
	g := &generation{p: &process{tsdb: h.db}}
	must.OK(t, g.Record(t.Context(), []omen.Score{{Host: numbered(9), At: from.Add(15 * time.Minute), Value: 12}}))
	begin := from.Add(10 * time.Minute)
	if again := must.Get(h.read(t.Context(), begin, time.Minute, 30, time.Minute, now.Add(time.Hour)))(t); len(again.Hosts) != 3 {
		t.Errorf("what is long over was read again: %d hosts", len(again.Hosts))
	}
	for i := range 2 * heatFixed {
		must.Get(h.read(t.Context(), from.Add(time.Duration(i)*time.Minute), time.Minute, 5, time.Minute, now))(t)
	}
	if len(h.fixed) > heatFixed {
		t.Errorf("%d chosen spans are kept, want %d at most", len(h.fixed), heatFixed)
	}
	if again := must.Get(h.read(t.Context(), begin, time.Minute, 30, time.Minute, now))(t); len(again.Hosts) != 4 && again.Read.Equal(begin) {
		t.Errorf("read anew it has %d hosts, want that which came since, too", len(again.Hosts))
	}
}
