package tsdb

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	promtsdb "github.com/prometheus/prometheus/tsdb"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// A compaction that fails again and again is said until one succeeds, and logged once;
// before, only Prometheus' own lines in the log told of it.
func TestACompactionThatFailsIsSaid(t *testing.T) {
	var log strings.Builder
	now := begin
	registry := prometheus.NewRegistry()
	db := must.Get(Open(Options{Dir: t.TempDir(), Now: func() time.Time { return now }, Registry: registry,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo}))}))(t)
	defer func() { must.OK(t, db.Close()) }()
	db.prom.DisableCompactions() // those of its own, beside the ones here
	must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, 1)}))
	if db.Health().CompactionDue {
		t.Error("of one sample a compaction is due")
	}
	for range 4 {
		now = now.Add(50 * time.Minute)
		must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, 1)}))
	}
	head := db.prom.Head()
	block := promtsdb.NewRangeHead(head, head.MinTime(), head.MaxTime())
	full := promtsdb.DefaultOptions()
	c := must.Get(db.newCompactor(t.Context(), nil, slog.New(slog.DiscardHandler), []int64{full.MinBlockDuration}, nil, full))(t)
	place := filepath.Join(t.TempDir(), "blocks")
	must.OK(t, os.WriteFile(place, nil, 0o600)) // where the block's folder would be
	for range 3 {
		if _, err := c.Write(place, block, block.MinTime(), block.MaxTime(), nil); err == nil {
			t.Fatal("a block was written below a file")
		}
		now = now.Add(time.Minute)
	}
	h := db.Health()
	if h.FailedCompactions != 3 || h.Compaction == nil || !strings.Contains(h.Compaction.Error(), now.Add(-3*time.Minute).UTC().Format(time.RFC3339)) || h.Err != nil {
		t.Errorf("after three that failed: %+v", h)
	}
	expect := func(failing, failed string) {
		t.Helper()
		must.OK(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP omen_storage_compaction_failing Whether samples in memory could not be written as a block of the embedded metrics store the last time.
# TYPE omen_storage_compaction_failing gauge
omen_storage_compaction_failing `+failing+`
# HELP omen_storage_compactions_failed_total Blocks of the embedded metrics store that could not be written or joined.
# TYPE omen_storage_compactions_failed_total counter
omen_storage_compactions_failed_total `+failed+`
`), "omen_storage_compaction_failing", "omen_storage_compactions_failed_total"))
	}
	expect("1", "3")
	if got := strings.Count(log.String(), "cannot be compacted"); got != 1 {
		t.Errorf("logged %d times, want once:\n%s", got, log.String())
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	db.noteCompaction(context.Cause(over))
	db.noteJoin(2, context.Cause(over))
	if db.Health().FailedCompactions != 3 {
		t.Error("a compaction that was ended with its store passes for one that failed")
	}
	must.OK(t, os.Remove(place))
	must.Get(c.Write(place, block, block.MinTime(), block.MaxTime(), nil))(t)
	expect("0", "3")
	if db.Health().Compaction != nil || strings.Count(log.String(), "compacted again") != 1 {
		t.Errorf("after one that did not fail: %+v, logged\n%s", db.Health(), log.String())
	}
	db.noteJoin(2, errors.New("two that overlap"))
	if expect("0", "4"); db.Health().Compaction != nil || strings.Count(log.String(), "stay apart") != 1 {
		t.Errorf("after blocks that could not be joined: %+v, logged\n%s", db.Health(), log.String())
	}
}
