package promapi_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/promapi"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Over the API a client reads what the embedded store reads.
func TestSource(t *testing.T) {
	db := sourcetest.Store(t)
	remote := sourcetest.Serve(t, promapi.Handler(db), series.RemoteOptions{})
	sourcetest.Run(t, remote)
	sourcetest.Same(t, db, remote, 0, sourcetest.Instants)
}

// With a delay, what is asked for as now is read a while ago and reported as
// asked for.
func TestRemoteDelay(t *testing.T) {
	r := sourcetest.Serve(t, promapi.Handler(sourcetest.Store(t)), series.RemoteOptions{Delay: 2 * sourcetest.Step})
	f := must.Get(r.Read(t.Context(), series.Query{Exprs: sourcetest.Exprs(), Start: sourcetest.Time(100), End: sourcetest.Time(102), Step: sourcetest.Step}))(t)
	for i := range 3 {
		if got := f.At(0, i, 1); got != sourcetest.LoadOf(0, 98+i) {
			t.Errorf("instant %d: %g, want %g", i, got, sourcetest.LoadOf(0, 98+i))
		}
	}
	if len(f.Failed) > 0 {
		t.Error(f.Failed)
	}
}
