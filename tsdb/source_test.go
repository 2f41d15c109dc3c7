package tsdb

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		writeUntilKilled(dir)
	}
	// Prometheus' log leaves its goroutine behind when it is closed on a full
	// disk, before its last page could be written: one for each time the disk
	// becomes full.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/prometheus/prometheus/tsdb/wlog.(*WL).run"))
}

// openAt opens a store whose clock is a variable.
func openAt(t testing.TB, dir string, now *time.Time) *DB {
	t.Helper()
	db, err := Open(Options{Dir: dir, Retention: 365 * 24 * time.Hour, Now: func() time.Time { return *now },
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestSource(t *testing.T) {
	now := sourcetest.Start
	db := openAt(t, t.TempDir(), &now)
	sourcetest.Fill(t, &now, db)
	sourcetest.Run(t, db)
}

// The window follows the data's own interval, from the first seconds on.
func TestWindowFollowsTheData(t *testing.T) {
	for name, tt := range map[string]struct {
		every   time.Duration
		samples int
		step    time.Duration
		want    time.Duration
	}{
		"nothing yet":      {time.Second, 0, time.Second, 4 * time.Second},
		"each second":      {time.Second, 100, time.Second, 4 * time.Second},
		"first seconds":    {time.Second, 4, time.Second, 6800 * time.Millisecond}, // 5 s hold 4 samples: 1.7 s apart at most
		"coarse data":      {30 * time.Second, 60, 15 * time.Second, 2 * time.Minute},
		"coarse steps":     {15 * time.Second, 60, time.Minute, 4 * time.Minute},
		"once in a minute": {time.Minute, 60, 15 * time.Second, 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			now := sourcetest.Start
			db := openAt(t, t.TempDir(), &now)
			for i := range tt.samples {
				now = sourcetest.Start.Add(time.Duration(i) * tt.every)
				if err := db.Append(context.Background(), []series.Sample{one("a", now, float64(i))}); err != nil {
					t.Fatal(err)
				}
			}
			f, err := db.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "rate(x[$window])"}}, Start: now, End: now, Step: tt.step})
			if err != nil {
				t.Fatal(err)
			}
			if f.Window != tt.want {
				t.Errorf("window %s, want %s", f.Window, tt.want)
			}
		})
	}
}
