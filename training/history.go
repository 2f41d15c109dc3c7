package training

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

const (
	// readRows bounds the instants of one read, so that a long history does
	// not hold the source's engine for long.
	readRows = 10_000
	// maxNarrow bounds the hosts that a query names; for more it asks for all.
	maxNarrow = 200
	// firstInstants is how finely the begin of history is looked for.
	firstInstants = 300
)

// History reads hosts' past samples from a source. All but Window and Log are
// required.
type History struct {
	Source series.Source
	Name   string // the source's name
	Schema *feature.Schema
	Step   time.Duration
	Window time.Duration // what $window becomes; 0: the source chooses
	Log    *slog.Logger  // nil: silent
}

// Query is what to ask the source for, for the instants start…end.
func (h History) Query(start, end time.Time, step time.Duration) series.Query {
	return series.Query{Exprs: h.Schema.Exprs(), By: h.Schema.By(), Start: start, End: end, Step: step, Window: h.Window}
}

// Read is the named hosts' samples from start to end, in time order; the
// instants at which a host said nothing are left out.
func (h History) Read(ctx context.Context, names []string, start, end time.Time) (map[string][]omen.Vector, error) {
	out := map[string][]omen.Vector{}
	lookback := (h.Schema.Lookback() + h.Step - 1).Truncate(h.Step)
	for from := start; !from.After(end); {
		to := from.Add((readRows - 1) * h.Step)
		if to.After(end) {
			to = end
		}
		frame, err := h.Source.Read(ctx, h.narrow(h.Query(from.Add(-lookback), to, h.Step), names))
		if err != nil {
			return nil, fmt.Errorf("read history %s to %s: %w", from.Format(time.RFC3339), to.Format(time.RFC3339), err)
		}
		for _, name := range names {
			i := frame.Host(name)
			if i < 0 {
				continue
			}
			for _, v := range h.Schema.History(frame, h.Name, i) {
				if !v.At.Before(from) && !feature.Silent(v) {
					out[name] = append(out[name], v)
				}
			}
		}
		from = to.Add(h.Step)
	}
	return out, nil
}

// narrow asks for some hosts only. An expression that Prometheus' parser does
// not know, such as one in VictoriaMetrics' own dialect, is asked as it is.
func (h History) narrow(q series.Query, names []string) series.Query {
	if len(names) > maxNarrow {
		return q
	}
	narrow, err := q.Only(names)
	if err != nil && h.Log != nil {
		h.Log.Debug("query not narrowed to hosts", "count", len(names), "err", err)
	}
	return narrow
}

// Firsts is when the named hosts' samples begin, within span before at: looked
// for coarsely, and once more finely where they are recent.
func (h History) Firsts(ctx context.Context, names []string, at time.Time, span time.Duration) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for first := true; ; first = false {
		step := max(h.Step, (span / firstInstants).Truncate(h.Step))
		frame, err := h.Source.Read(ctx, h.narrow(h.Query(at.Add(-firstInstants*step), at, step), names))
		if err != nil {
			return nil, fmt.Errorf("find the begin of history: %w", err)
		}
		recent := 0
		for i, name := range frame.Hosts {
			begin, found := h.begin(frame, i)
			if known, ok := out[name]; found && (first || !ok || begin.Before(known)) {
				out[name] = begin
			}
			if !found || at.Sub(begin) < 3*step {
				recent++
			}
		}
		if recent == 0 && len(frame.Hosts) > 0 || step == h.Step {
			return out, nil
		}
		span = 10 * step
	}
}

// begin is the first instant of a frame at which a host is not silent.
func (h History) begin(f *series.Frame, host int) (time.Time, bool) {
	for _, v := range h.Schema.History(f, h.Name, host) {
		if !feature.Silent(v) {
			return v.At, true
		}
	}
	return time.Time{}, false
}
