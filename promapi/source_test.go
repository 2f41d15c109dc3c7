package promapi_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/promapi"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
	"github.com/omenhq/omen/tsdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Over the API a client reads what the embedded store reads.
func TestSource(t *testing.T) {
	db := sourcetest.Store(t)
	remote := sourcetest.Serve(t, promapi.Handler(db), series.RemoteOptions{})
	sourcetest.Run(t, remote)
	sourcetest.Same(t, db, remote, 0, sourcetest.Instants)
}

// However far apart samples are, what a query looks back for is a duration that
// the API takes.
func TestOddScrapeIntervals(t *testing.T) {
	for _, every := range []time.Duration{7500 * time.Millisecond, 25 * time.Second, 45 * time.Second, 100 * time.Second} {
		db := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
		t.Cleanup(func() { _ = db.Close() })
		now := time.Now().Truncate(time.Second)
		for i := range 20 {
			must.OK(t, db.Append(t.Context(), []series.Sample{{Name: "x", Labels: map[string]string{"instance": "a"}, At: now.Add(time.Duration(i-19) * every), Value: 1}}))
		}
		r := sourcetest.Serve(t, promapi.Handler(db), series.RemoteOptions{})
		f, err := r.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Start: now, End: now, Step: time.Second})
		if err != nil || len(f.Failed) > 0 || len(f.Hosts) != 1 {
			t.Errorf("each %s: %v, %v", every, f, err)
		}
	}
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

// Series are read whole, in as many pieces as it takes, with their gaps; and so are
// samples.
func TestCurves(t *testing.T) {
	remote := sourcetest.Serve(t, promapi.Handler(sourcetest.Store(t)), series.RemoteOptions{})
	const fine = sourcetest.Step / 30
	curves := must.Get(remote.Curves(t.Context(), "node_load1", series.Range{Start: sourcetest.Start, End: sourcetest.Time(sourcetest.Instants - 1), Step: fine}))(t)
	if len(curves) != 3 {
		t.Fatalf("%d series", len(curves))
	}
	for h, c := range curves {
		if c.Labels["__name__"] != "node_load1" || c.Labels["job"] != "node" {
			t.Errorf("labels %v", c.Labels)
		}
		want := 30*(sourcetest.Instants-1) + 1
		if h == 2 {
			want -= 30*(sourcetest.GapTo-sourcetest.GapFrom+1) - 600 // a sample is looked back for over five minutes
		}
		if len(c.At) != want {
			t.Errorf("%s: %d values, want %d", c.Labels["instance"], len(c.At), want)
		}
		for i, at := range c.At {
			if sample := int(time.UnixMilli(at).Sub(sourcetest.Start) / sourcetest.Step); (h < 2 || sample < sourcetest.GapFrom || sample >= sourcetest.GapTo) && c.Values[i] != sourcetest.LoadOf(h, sample) {
				t.Fatalf("%s at %s: %g", c.Labels["instance"], time.UnixMilli(at), c.Values[i])
			}
		}
	}
	samples := must.Get(remote.Curves(t.Context(), `node_load1{instance="a"}[1m]`, series.Range{Start: sourcetest.Time(10), End: sourcetest.Time(10)}))(t)
	if len(samples) != 1 || len(samples[0].At) != 4 || samples[0].At[3] != sourcetest.Time(10).UnixMilli() {
		t.Errorf("samples %+v", samples)
	}
	if _, err := remote.Curves(t.Context(), "sum(", series.Range{Start: sourcetest.Start}); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("%v", err)
	}
}
