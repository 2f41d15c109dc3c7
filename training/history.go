package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

const (
	// warmSteps is the recent history that a stream starts from: the slowest
	// of its averages forgets within a few hundred samples.
	warmSteps = 300
	// readRows bounds the instants of one read, so that a long history does
	// not hold the source's engine for long.
	readRows = 10_000
)

// history reads the named hosts' samples from start to end, host by host.
func (w *Watch) history(ctx context.Context, names []string, start, end time.Time) (map[string][]omen.Vector, error) {
	out := map[string][]omen.Vector{}
	lookback := (w.o.Schema.Lookback() + w.o.Step - 1).Truncate(w.o.Step)
	for from := start; !from.After(end); {
		to := from.Add((readRows - 1) * w.o.Step)
		if to.After(end) {
			to = end
		}
		frame, err := w.o.Source.Read(ctx, w.narrow(w.query(from.Add(-lookback), to, w.o.Step), names))
		if err != nil {
			return nil, fmt.Errorf("read history %s to %s: %w", from.Format(time.RFC3339), to.Format(time.RFC3339), err)
		}
		for _, name := range names {
			i := frame.Host(name)
			if i < 0 {
				continue
			}
			for _, v := range w.o.Schema.History(frame, w.o.Name, i) {
				if !v.At.Before(from) {
					out[name] = append(out[name], v)
				}
			}
		}
		from = to.Add(w.o.Step)
	}
	for name, all := range out {
		w.markShifts(name, all)
	}
	return out, nil
}

// maxNarrow bounds the hosts that a query names; for more it asks for all.
const maxNarrow = 200

// narrow asks for some hosts only. An expression that Prometheus' parser does
// not know, such as one in VictoriaMetrics' own dialect, is asked as it is.
func (w *Watch) narrow(q series.Query, names []string) series.Query {
	if len(names) > maxNarrow {
		return q
	}
	narrow, err := q.Only(names)
	if err != nil {
		w.log.Debug("query not narrowed to hosts", "count", len(names), "err", err)
	}
	return narrow
}

// recent is one host's latest samples up to at.
func (w *Watch) recent(ctx context.Context, name string, at time.Time) ([]omen.Vector, error) {
	all, err := w.history(ctx, []string{name}, at.Add(-(warmSteps-1)*w.o.Step), at)
	if err != nil {
		return nil, err
	}
	return trimSilent(all[name]), nil
}

// recentAll is the named hosts' latest samples up to at, for the streams of
// stored models. With no models nothing is read.
func (w *Watch) recentAll(ctx context.Context, at time.Time, names []string, models int) (map[string][]omen.Vector, error) {
	if models == 0 {
		return nil, nil
	}
	out, err := w.history(ctx, names, at.Add(-(warmSteps-1)*w.o.Step), at)
	for name := range out {
		out[name] = trimSilent(out[name])
	}
	return out, err
}

// firstInstants is how finely the begin of history is looked for.
const firstInstants = 300

// firsts is when the named hosts' samples begin within the history to learn
// from: looked for coarsely, and where that says "lately", once more finely.
func (w *Watch) firsts(ctx context.Context, at time.Time, names []string) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for span, first := w.o.History, true; ; first = false {
		step := max(w.o.Step, (span / firstInstants).Truncate(w.o.Step))
		frame, err := w.o.Source.Read(ctx, w.narrow(w.query(at.Add(-firstInstants*step), at, step), names))
		if err != nil {
			return nil, fmt.Errorf("find the begin of history: %w", err)
		}
		lately := 0
		for h, name := range frame.Hosts {
			begin, found := w.begin(frame, h)
			if known, ok := out[name]; found && (first || !ok || begin.Before(known)) {
				out[name] = begin
			}
			if !found || at.Sub(begin) < 3*step {
				lately++
			}
		}
		if lately == 0 && len(frame.Hosts) > 0 || step == w.o.Step {
			return out, nil
		}
		span = 10 * step
	}
}

// begin is the first instant of a frame at which a host is not silent.
func (w *Watch) begin(f *series.Frame, h int) (time.Time, bool) {
	for _, v := range w.o.Schema.History(f, w.o.Name, h) {
		if !feature.Silent(v) {
			return v.At, true
		}
	}
	return time.Time{}, false
}
