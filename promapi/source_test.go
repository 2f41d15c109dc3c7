package promapi_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omenhq/omen/promapi"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
	"github.com/omenhq/omen/tsdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// filled is an embedded store that holds the fixture.
func filled(t *testing.T) *tsdb.DB {
	t.Helper()
	now := sourcetest.Start
	db, err := tsdb.Open(tsdb.Options{Dir: t.TempDir(), Retention: 365 * 24 * time.Hour, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	sourcetest.Fill(t, &now, db)
	return db
}

// Over any server's query API a client reads what the embedded store reads.
func TestSources(t *testing.T) {
	db := filled(t)
	t.Run("own API", func(t *testing.T) {
		remote := sourcetest.Serve(t, promapi.Handler(db), series.RemoteOptions{})
		sourcetest.Run(t, remote)
		sourcetest.Same(t, db, remote, 0, sourcetest.Instants)
		pieces := &series.Reader{Evaluator: remote, Concurrency: 1, MaxPoints: 7}
		sourcetest.Same(t, db, pieces, 0, sourcetest.Instants)
	})
	t.Run("Prometheus", func(t *testing.T) {
		remote := prometheusFixture(t)
		sourcetest.Run(t, remote)
		// Away from the series' ends: how a rate extrapolates there, and how
		// long a lookback lasts, depends on Prometheus' version.
		sourcetest.Same(t, db, remote, 8, sourcetest.GapFrom)
	})
	t.Run("VictoriaMetrics", func(t *testing.T) { sourcetest.Run(t, victoriaFixture(t)) })
}

// With a delay, what is asked for as now is read a while ago and reported as
// asked for.
func TestRemoteDelay(t *testing.T) {
	r := sourcetest.Serve(t, promapi.Handler(filled(t)), series.RemoteOptions{Delay: 2 * sourcetest.Step})
	f, err := r.Read(t.Context(), series.Query{Exprs: sourcetest.Exprs(), Start: sourcetest.Time(100), End: sourcetest.Time(102), Step: sourcetest.Step})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if got := f.At(0, i, 1); got != sourcetest.LoadOf(0, 98+i) {
			t.Errorf("instant %d: %g, want %g", i, got, sourcetest.LoadOf(0, 98+i))
		}
	}
	if len(f.Failed) > 0 {
		t.Error(f.Failed)
	}
}
