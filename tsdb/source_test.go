package tsdb_test

import (
	"testing"

	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

func TestSource(t *testing.T) {
	db := sourcetest.Store(t)
	sourcetest.Run(t, db)
	sourcetest.Same(t, db, &series.Reader{Evaluator: db, Concurrency: 1, MaxPoints: 7}, 0, sourcetest.Instants)
}
