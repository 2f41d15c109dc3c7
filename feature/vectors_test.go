package feature

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC) // a Monday

const window = 4 * time.Second

func testSchema(t testing.TB) *Schema {
	t.Helper()
	s := must.Get(NewSchema(Profile{
		Name:   "test",
		Uptime: "uptime",
		Features: []Feature{
			{Name: "busy", Expr: "rate(busy[$window])", Unit: omen.Ratio, Scale: 0.5},
			{Name: "busy_change", Unit: omen.Ratio, Rule: Rule{Kind: Change, Of: "busy", Over: 2 * time.Second}},
			{Name: "used", Expr: "used", Unit: omen.Bytes, Scale: 100},
			{Name: "used_rate", Unit: omen.BytesPerSecond, Rule: Rule{Kind: Rate, Of: "used", Over: 2 * time.Second}},
			{Name: "used_mean", Unit: omen.Bytes, Rule: Rule{Kind: Mean, Of: "used", Over: 4 * time.Second}},
			{Name: "used_dev", Unit: omen.Bytes, Rule: Rule{Kind: Spread, Of: "used", Over: 4 * time.Second}},
			{Name: "used_by_busy", Unit: omen.Bytes, Rule: Rule{Kind: Quotient, Of: "used", Per: "busy"}},
			{Name: "full", Rule: Rule{Kind: Above, Of: "used", Limit: 50}},
			{Name: "hour", Rule: Rule{Kind: HourOfDay, Zone: "Asia/Kolkata"}},
			{Name: "weekday", Rule: Rule{Kind: Weekday}},
		},
	}))(t)
	return s
}

// frame has one host, one instant a second; rows are busy, used, uptime.
func frame(rows ...[3]float64) *series.Frame {
	f := series.NewFrame([]string{"web-1"}, []string{"busy", "used", UptimeColumn}, start, time.Second, len(rows))
	f.Window = window
	for i, r := range rows {
		copy(f.Row(0, i), r[:])
	}
	return f
}

func same(a, b float64) bool {
	return a == b || (math.IsNaN(a) && math.IsNaN(b)) || math.Abs(a-b) < 1e-9
}

func check(t *testing.T, s *Schema, v omen.Vector, want map[string]float64) {
	t.Helper()
	for name, w := range want {
		if got := v.Values[s.Index(name)]; !same(got, w) {
			t.Errorf("%s = %v, want %v", name, got, w)
		}
	}
}

var nan = math.NaN()

func TestBaseFeaturesComeFirst(t *testing.T) {
	s := testSchema(t)
	if s.Index("busy") != 0 || s.Index("used") != 1 || s.Index("busy_change") != 2 || s.Index("nobody") != -1 {
		t.Errorf("order is %v, want the read features before the derived ones", s.Names())
	}
	exprs := s.Exprs()
	if len(exprs) != 3 || exprs[2].Feature != UptimeColumn || exprs[2].PromQL != "uptime" {
		t.Errorf("asks for %v, want busy, used and the uptime", exprs)
	}
	if s.Lookback() != 4*time.Second {
		t.Errorf("looks back %s, want 4s: the longest span", s.Lookback())
	}
}

func TestDerived(t *testing.T) {
	s := testSchema(t)
	f := frame([3]float64{0.2, 10, 99}, [3]float64{0.4, 20, 100}, [3]float64{0.5, 60, 101}, [3]float64{0.8, 30, 102})
	check(t, s, s.AppendVectors(nil, f, "local", start.Add(3*time.Second))[0], map[string]float64{
		"busy":         0.8,
		"busy_change":  0.8 - 0.4,
		"used_rate":    (30 - 20) / 2.0,
		"used_mean":    (10 + 20 + 60 + 30) / 4.0,
		"used_dev":     math.Sqrt((400 + 100 + 900 + 0) / 3.0), // about the mean of 30
		"used_by_busy": 30 / 0.8,
		"full":         0,
		"hour":         9, // 04:00 UTC is 09:30 in Kolkata
		"weekday":      0, // Monday
	})
	check(t, s, s.AppendVectors(nil, f, "local", start.Add(2*time.Second))[0], map[string]float64{
		"busy_change": 0.5 - 0.2,
		"used_mean":   nan, // the frame does not reach back four instants
		"full":        1,
	})
}

func TestRollingWithGaps(t *testing.T) {
	s := testSchema(t)
	f := frame([3]float64{0.1, nan, 99}, [3]float64{0.1, 20, 100}, [3]float64{0.1, nan, 101}, [3]float64{0.1, 40, 102}, [3]float64{0.1, nan, 103}, [3]float64{0.1, nan, 104})
	h := s.History(f, "local", 0)
	check(t, s, h[3], map[string]float64{"used_mean": 30, "used_dev": math.Sqrt(200), "used_rate": 10})
	check(t, s, h[5], map[string]float64{"used_mean": nan, "used_dev": nan}) // one of four is there
}

func TestCleaning(t *testing.T) {
	s := testSchema(t)
	inf := math.Inf(1)
	for _, c := range []struct {
		what       string
		busy, want float64
	}{
		{"in range", 0.5, 0.5},
		{"a ratio slightly above one is clamped", 1.2, 1},
		{"a ratio slightly below zero is clamped", -0.1, 0},
		{"an absurd ratio is a gap", 40, nan},
		{"a negative ratio is a gap", -0.6, nan},
		{"infinite is a gap", inf, nan},
		{"negative infinite is a gap", -inf, nan},
		{"the largest number is a gap", math.MaxFloat64, nan},
		{"a stale marker is a gap", math.Float64frombits(0x7ff0000000000002), nan},
	} {
		v := s.AppendVectors(nil, frame([3]float64{c.busy, 5, 100}), "local", start)[0]
		if got := v.Values[0]; !same(got, c.want) {
			t.Errorf("%s: %v becomes %v, want %v", c.what, c.busy, got, c.want)
		}
	}
	check(t, s, s.AppendVectors(nil, frame([3]float64{0, 1e300, 100}), "local", start)[0], map[string]float64{"used": nan, "used_by_busy": nan})
	check(t, s, s.AppendVectors(nil, frame([3]float64{0, 5, 100}), "local", start)[0], map[string]float64{"used_by_busy": nan})
}

// Right after boot a rate's window would reach behind it and count the work of
// booting as though it had been done within the window.
func TestRebootIsAGapInRates(t *testing.T) {
	s := testSchema(t)
	f := frame([3]float64{0.1, 10, 5000}, [3]float64{1, 20, 2}, [3]float64{0.3, 30, 3.9}, [3]float64{0.1, 40, 4.9})
	h := s.History(f, "local", 0)
	check(t, s, h[0], map[string]float64{"busy": 0.1})
	check(t, s, h[1], map[string]float64{"busy": nan, "used": 20, "busy_change": nan})
	check(t, s, h[2], map[string]float64{"busy": nan, "used": 30})
	check(t, s, h[3], map[string]float64{"busy": 0.1, "used": 40, "busy_change": nan})
	if up, ok := s.Uptime(f, 0, 3); !ok || up != 4900*time.Millisecond {
		t.Errorf("uptime is %s, %t; want 4.9s", up, ok)
	}
}

// A rate lives on within its window after the host has gone, and falls.
func TestHostWithoutUptimeIsSilent(t *testing.T) {
	s := testSchema(t)
	f := frame([3]float64{0.4, 10, 100}, [3]float64{0.2, nan, nan})
	h := s.History(f, "local", 0)
	if Silent(h[0]) || !Silent(h[1]) {
		t.Errorf("silent is %t then %t, want false then true: %v", Silent(h[0]), Silent(h[1]), h)
	}
	f.Failed[UptimeColumn] = errors.New("query timed out")
	check(t, s, s.History(f, "local", 0)[1], map[string]float64{"busy": 0.2})
}

func TestFrameWithoutFeatureOrInstant(t *testing.T) {
	s := testSchema(t)
	f := series.NewFrame([]string{"a", "b"}, []string{"used"}, start, 0, 1) // neither busy nor uptime
	f.Set(0, 0, 0, 7)
	vs := s.AppendVectors(nil, f, "prod", start)
	if len(vs) != 2 || vs[1].Host != (omen.Host{Source: "prod", Profile: "test", Name: "b"}) {
		t.Fatalf("got %v, want a vector for a and for b", vs)
	}
	check(t, s, vs[0], map[string]float64{"busy": nan, "used": 7, "used_rate": nan})
	if Silent(vs[0]) || !Silent(vs[1]) {
		t.Errorf("silent: %t, %t; want only b, which has the hour and nothing else", Silent(vs[0]), Silent(vs[1]))
	}
	for _, at := range []time.Time{start.Add(-time.Second), start.Add(time.Second), start.Add(time.Millisecond)} {
		if got := s.AppendVectors(nil, f, "prod", at); len(got) != 0 {
			t.Errorf("at %s: got %v from a frame that lacks the instant", at, got)
		}
	}
}

// What is scored live must be what history would have shown: a short frame that
// reaches back by Lookback gives the same vectors as a long one.
func TestLiveEqualsHistory(t *testing.T) {
	s := testSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64Range(-1, 100), rapid.SampledFrom([]float64{nan, math.Inf(1), 1e300, 0, 0.5}))
		n := rapid.IntRange(5, 30).Draw(t, "instants")
		long := series.NewFrame([]string{"h"}, []string{"used", UptimeColumn, "busy"}, start, time.Second, n)
		long.Window = window
		for i := range n {
			for j := range 3 {
				long.Set(0, i, j, value.Draw(t, "v"))
			}
		}
		history := s.History(long, "x", 0)
		for i := 4; i < n; i++ {
			live := series.NewFrame(long.Hosts, long.Features, long.Time(i-4), time.Second, 5)
			live.Window = window
			for k := range 5 {
				copy(live.Row(0, k), long.Row(0, i-4+k))
			}
			got := s.AppendVectors(nil, live, "x", long.Time(i))[0]
			for j, w := range history[i].Values {
				if !same(got.Values[j], w) {
					t.Fatalf("instant %d, %s: live %v, history %v", i, s.Features()[j].Name, got.Values[j], w)
				}
				f := s.Features()[j]
				if w < f.Min || w > f.Max || math.IsInf(w, 0) {
					t.Fatalf("%s = %v is outside %v…%v", f.Name, w, f.Min, f.Max)
				}
			}
		}
	})
}
