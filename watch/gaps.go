package watch

import (
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/series"
)

const (
	gapLong    = 15 * time.Minute // how long a feature has no value until that is said…
	gapSamples = 20               // …and for how many samples
	gapEvery   = time.Minute      // how often it is looked for
)

// gaps follows which features of a host have values. A feature that its model does
// without, since it had none in training, is said on the model's card; here are those
// that are missing since, and those with a counter that has no rate.
type gaps struct {
	used  []string   // what the serving model uses
	last  []int64    // when each feature last had a value, in seconds since 1970, in schema order
	shown []omen.Gap // replaced, never changed: others have read it
}

// longGap is how long a feature has no value until that is said.
func (w *Watch) longGap() time.Duration { return max(gapLong, gapSamples*w.o.Step) }

// see takes in a host's values. After a silence all features begin anew, and as long as
// the source refuses its query a feature does, which is said of the source. failed is
// of each feature, or empty: none.
func (g *gaps) see(values []float64, failed []bool, at time.Time, anew bool) {
	if anew || len(g.last) != len(values) {
		g.last = slices.Repeat([]int64{at.Unix()}, len(values))
	}
	for i, v := range values {
		if !math.IsNaN(v) || i < len(failed) && failed[i] {
			g.last[i] = at.Unix()
		}
	}
}

// serve takes up what another model uses.
func (g *gaps) serve(m *detect.Model) { g.used = m.Card().Active }

// reviewGaps looks, once a minute, which features of hosts have had no value for long.
// The caller holds mu.
func (w *Watch) reviewGaps(f *series.Frame, at time.Time) {
	if at.Sub(w.gapsAt).Abs() < gapEvery {
		return
	}
	w.gapsAt = at
	before, hosts := w.gapped, 0
	var one *host
	for _, h := range w.hosts {
		if !h.seen.Equal(at) {
			continue // it is silent, which is said of it
		}
		found := w.gapsOf(h, f, at)
		if !slices.Equal(found, h.gaps.shown) {
			h.gaps.shown = found
		}
		if slices.ContainsFunc(found, func(g omen.Gap) bool { return g.Used }) {
			if hosts++; one == nil || h.id.Name < one.id.Name {
				one = h
			}
		}
	}
	switch w.gapped = hosts; {
	case before == 0 && hosts > 0:
		first := slices.IndexFunc(one.gaps.shown, func(g omen.Gap) bool { return g.Used })
		w.log.Info("features of hosts have no values", "count", hosts, "host", one.id.Name, "why", one.gaps.shown[first].String())
	case before > 0 && hosts == 0:
		w.log.Info("all features of hosts have values again")
	}
}

// gapsOf are a host's features without a value for long, in schema order. What was
// never there counts only while its counters are.
func (w *Watch) gapsOf(h *host, f *series.Frame, at time.Time) (found []omen.Gap) {
	for i, spec := range w.o.Schema.Features() {
		since := w.local(time.Unix(h.gaps.last[i], 0))
		if at.Sub(since) < w.longGap() {
			continue
		}
		stepping, used := w.o.Schema.Stepping(f, h.id.Name, at, i), slices.Contains(h.gaps.used, spec.Name)
		if stepping || used {
			found = append(found, omen.Gap{Feature: spec.Name, Since: since, Stepping: stepping, Used: used})
		}
	}
	return found
}
