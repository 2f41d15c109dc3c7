package app

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
	"github.com/omenhq/omen/watch"
)

// counted is a source that keeps how many hosts each answer held.
type counted struct {
	series.Source
	mu    sync.Mutex
	hosts []int
}

func (c *counted) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	f, err := c.Source.Read(ctx, q)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.hosts = append(c.hosts, len(f.Hosts))
	}
	return f, err
}

// The history of a span that is too long to be scored again is read of its host alone,
// however many others the source has, and is that host's.
func TestCoarseHistoryReadsOneHost(t *testing.T) {
	to := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	now := to
	db := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir(), Now: func() time.Time { return now }}))(t)
	defer func() { must.OK(t, db.Close()) }()
	from := to.Add(-(watch.MaxRescored + 3600) * time.Second)
	for at := from; !at.After(to); at = at.Add(time.Minute) {
		now = at
		var batch []series.Sample
		for i := range 5 {
			h := numbered(i)
			batch = append(batch, series.Sample{Name: "mem", Labels: map[string]string{"instance": h.Name}, At: at, Value: float64(10 * i)})
		}
		must.OK(t, db.Append(t.Context(), batch))
	}
	schema := must.Get(feature.NewSchema(feature.Profile{Name: "node", By: []string{"instance"}, Features: []feature.Feature{{Name: "mem", Expr: "sum by ($by) (mem)"}}}))(t)
	source := &counted{Source: db}
	g := &generation{watches: []*watched{{source: "prom", schema: schema, reader: source, step: time.Second}}}
	got := must.Get(g.Features(t.Context(), numbered(3), []string{"mem"}, from, to, 300))(t)
	if !slices.Equal(source.hosts, []int{1}) {
		t.Errorf("answers held %v hosts, want one of one", source.hosts)
	}
	if len(got.Features) != 1 || len(got.Features[0].Actual) < 200 || got.NoBand == "" {
		t.Fatalf("%d histories, no band %q", len(got.Features), got.NoBand)
	}
	for i, v := range got.Features[0].Actual {
		if v != 30 {
			t.Fatalf("point %d is %v, want 30", i, v)
		}
	}
	if _, err := g.Features(t.Context(), omen.Host{Source: "prom", Profile: "other", Name: "web-3"}, []string{"mem"}, from, to, 300); err == nil {
		t.Error("a profile that is not watched has a history")
	}
}
