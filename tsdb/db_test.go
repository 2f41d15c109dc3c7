package tsdb

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		writeUntilKilled(dir)
	}
	// Prometheus' log leaves its goroutine behind when it is closed on a full disk,
	// before its last page could be written: as a process ends, not as it recovers.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/prometheus/prometheus/tsdb/wlog.(*WL).run"))
}

// begin is the tests' first instant.
var begin = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// openAt opens a store whose clock is a variable.
func openAt(t testing.TB, dir string, now *time.Time) *DB {
	t.Helper()
	db := must.Get(Open(Options{Dir: dir, Retention: 365 * 24 * time.Hour, Now: func() time.Time { return *now },
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}))(t)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// one is a host's single sample.
func one(host string, at time.Time, v float64) series.Sample {
	return series.Sample{Name: "x", Labels: map[string]string{"instance": host}, At: at, Value: v}
}

// valueAt reads x of every host at an instant.
func valueAt(t *testing.T, s series.Source, promQL string, at time.Time) map[string]float64 {
	t.Helper()
	f := must.Get(s.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: promQL}}, Start: at, End: at}))(t)
	values := map[string]float64{}
	for h, host := range f.Hosts {
		values[host] = f.At(h, 0, 0)
	}
	return values
}

func TestSecondOmenIsKeptOff(t *testing.T) {
	dir := t.TempDir()
	now := begin
	openAt(t, dir, &now)
	_, err := Open(Options{Dir: dir})
	if !errors.Is(err, omen.ErrLocked) {
		t.Fatalf("err %v, want one that wraps ErrLocked", err)
	}
	if want := strconv.Itoa(os.Getpid()); !strings.Contains(err.Error(), want) || !strings.Contains(omen.Hint(err), "--storage.path") {
		t.Errorf("err %q with hint %q, want the process %s and what to do", err, omen.Hint(err), want)
	}
}

func TestOpenWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must.OK(t, os.WriteFile(file, nil, 0o644))
	_, err := Open(Options{Dir: filepath.Join(file, "data")})
	if err == nil || !strings.Contains(omen.Hint(err), "--storage.path") {
		t.Errorf("err %v with hint %q, want a hint that names the flag", err, omen.Hint(err))
	}
}

func TestSamplesSurviveRestart(t *testing.T) {
	dir := t.TempDir()
	now := begin
	db := openAt(t, dir, &now)
	must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, 1), one("b", now, 2)}))
	must.OK(t, db.Close())
	if _, err := db.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Start: now, End: now}); !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("read from a closed store: %v", err)
	}
	db = openAt(t, dir, &now)
	if got := valueAt(t, db, "x", now); got["a"] != 1 || got["b"] != 2 {
		t.Errorf("after a restart %v", got)
	}
}

// A clock a year ahead must not push the TSDB's head away from under all other
// hosts, and neither may one a day behind.
func TestOneBadClockTouchesNobodyElse(t *testing.T) {
	now := begin
	db := openAt(t, t.TempDir(), &now)
	for i := range 5 {
		now = begin.Add(time.Duration(i) * 15 * time.Second)
		err := db.Append(t.Context(), []series.Sample{
			one("ahead", now.AddDate(1, 0, 0), 9), one("behind", now.AddDate(0, 0, -1), 9), one("good", now, float64(i)), one("edge", now.Add(10*time.Minute), 1),
		})
		if !errors.Is(err, omen.ErrPartial) || !strings.Contains(err.Error(), "2 of 4") || omen.Hint(err) == "" {
			t.Fatalf("append %d: %v, want two of four refused, with a hint", i, err)
		}
	}
	if got := valueAt(t, db, "x", now); got["good"] != 4 || len(got) != 1 {
		t.Errorf("at the end %v, want the good host alone", got)
	}
	if h := db.Health(); h.Refused != 10 || h.Appended != 10 {
		t.Errorf("refused %d and appended %d, want 10 and 10", h.Refused, h.Appended)
	}
	// The same sample again is out of order: refused, and nothing breaks.
	if err := db.Append(t.Context(), []series.Sample{one("good", now, 7)}); !errors.Is(err, omen.ErrPartial) {
		t.Errorf("a second value at one instant: %v", err)
	}
	if err := db.Append(t.Context(), []series.Sample{{At: now}}); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("a sample without a name: %v", err)
	}
}

// This machine's own clock was hours ahead and is set back, as at the boot of
// a machine whose hardware clock keeps local time.
func TestClockSetBack(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"some hours": 5 * time.Hour, "a year": 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			now := begin
			db := openAt(t, t.TempDir(), &now)
			appendNow := func(v float64) {
				t.Helper()
				must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, v)}))
			}
			appendNow(1)
			now = begin.Add(ahead)
			for i := range 4 {
				appendNow(float64(100 + i))
				now = now.Add(time.Hour)
			}
			if err := db.prom.Compact(t.Context()); err != nil { // what the TSDB does by itself every minute
				t.Fatal(err)
			}
			now = begin.Add(15 * time.Second)
			appendNow(2)
			now = now.Add(15 * time.Second)
			appendNow(3)
			if db.Health().Reopened != 1 {
				t.Errorf("reopened %d times, want once", db.Health().Reopened)
			}
			if got := valueAt(t, db, "sum_over_time(x[1h])", now)["a"]; got != 1+2+3 {
				t.Errorf("sum of the samples up to now is %g, want 6", got)
			}
			if got := valueAt(t, db, "count_over_time(x[2y])", begin.Add(ahead+24*time.Hour))["a"]; got != 3 {
				t.Errorf("%g samples in all, want 3: those of the future are gone", got)
			}
		})
	}
}

// Where a fleet scales, hosts that ended a while ago do not make the window longer:
// they have few samples in the span that is looked at.
func TestWindowFollowsTheHostsThatAreThere(t *testing.T) {
	now := begin
	db := openAt(t, t.TempDir(), &now)
	for i := range 120 { // half an hour: one host stays, another one each three minutes lives for five
		now = begin.Add(time.Duration(i) * 15 * time.Second)
		batch := []series.Sample{one("stays", now, float64(i))}
		for born := range 10 {
			if first := born * 12; i >= first && i < first+20 {
				batch = append(batch, one(fmt.Sprint("comes-", born), now, float64(i)))
			}
		}
		must.OK(t, db.Append(t.Context(), batch))
	}
	f := must.Get(db.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "rate(x[$window])"}}, Start: now, End: now, Step: 15 * time.Second}))(t)
	// A minute holds four samples: of hosts that are younger than five they are known to be at most 20 s apart.
	if f.Window < time.Minute || f.Window > 80*time.Second {
		t.Errorf("window %s, want 1m to 1m20s: samples are 15 s apart", f.Window)
	}
	if why, _ := series.Repeated(15*time.Second, f.Scrape); why != "" {
		t.Errorf("samples are taken to be %s apart", f.Scrape)
	}
}

// Samples that were not taken for a while, as while Omen was started again, do not make
// those before and since come more seldom: models that learned with another range of
// rates would not serve any more.
func TestAGapIsNoInterval(t *testing.T) {
	for gap := time.Duration(0); gap <= 4*time.Minute; gap += 3 * time.Second {
		now := begin
		db := openAt(t, t.TempDir(), &now)
		for i := range 300 {
			if now = now.Add(time.Second); i == 298 {
				now = now.Add(gap)
			}
			must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, float64(i))}))
		}
		f := must.Get(db.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "rate(x[$window])"}}, Start: now, End: now, Step: time.Second}))(t)
		if why, _ := series.Repeated(time.Second, f.Scrape); why != "" {
			t.Errorf("two seconds after a gap of %s: %s", gap, why)
		}
		if f.Sure && f.Window > 5*time.Second {
			t.Errorf("two seconds after a gap of %s it is sure of %s", gap, f.Window)
		}
	}
}

// The window follows the data's own interval, from the first seconds on.
func TestWindowFollowsTheData(t *testing.T) {
	for name, tt := range map[string]struct {
		every   time.Duration
		samples int
		step    time.Duration
		want    time.Duration
		scrape  time.Duration // 0: it is not known beyond doubt
	}{
		"nothing yet":            {time.Second, 0, time.Second, 4 * time.Second, 0},
		"each second":            {time.Second, 100, time.Second, 4 * time.Second, time.Second},
		"first seconds":          {time.Second, 4, time.Second, 6800 * time.Millisecond, 0}, // 5 s hold 4 samples: 1.7 s apart at most
		"coarse data":            {30 * time.Second, 60, 15 * time.Second, 2 * time.Minute, 30 * time.Second},
		"coarse steps":           {15 * time.Second, 60, time.Minute, 4 * time.Minute, 15 * time.Second},
		"once in a minute":       {time.Minute, 60, 15 * time.Second, 4 * time.Minute, time.Minute},
		"each five minutes":      {5 * time.Minute, 14, 15 * time.Second, 20 * time.Minute, 5 * time.Minute},
		"each ten minutes":       {10 * time.Minute, 14, 10 * time.Minute, time.Hour, 0}, // half an hour holds three
		"five minutes, some yet": {5 * time.Minute, 5, 15 * time.Second, 30 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			now := begin
			db := openAt(t, t.TempDir(), &now)
			for i := range tt.samples {
				now = begin.Add(time.Duration(i) * tt.every)
				must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, float64(i))}))
			}
			f := must.Get(db.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "rate(x[$window])"}}, Start: now, End: now, Step: tt.step}))(t)
			if f.Window != tt.want || f.Sure != (tt.samples > 15) || f.Scrape != tt.scrape {
				t.Errorf("window %s, sure %t, samples each %s; want %s, %s, and to be sure of many samples", f.Window, f.Sure, f.Scrape, tt.want, tt.scrape)
			}
		})
	}
}
