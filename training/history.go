package training

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

const (
	// readRows bounds the instants of one read, so that a long history does
	// not hold the source's engine for long.
	readRows = 10_000
	// firstInstants is how finely the begin of history is looked for.
	firstInstants = 300
	// FrameBytes bounds the frames that are read for many hosts.
	FrameBytes = 64 << 20
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
// instants at which a host said nothing are left out. It fails if a feature
// cannot be read that a later or a smaller question may give: who learned
// without it would take its absence for normal. The error wraps
// [series.ErrTooMuch] if fewer hosts may help.
func (h History) Read(ctx context.Context, names []string, start, end time.Time) (map[string][]omen.Vector, error) {
	out := map[string][]omen.Vector{}
	lookback := (h.Schema.Lookback() + h.Step - 1).Truncate(h.Step)
	for from := start; !from.After(end); {
		to := from.Add((readRows - 1) * h.Step)
		if to.After(end) {
			to = end
		}
		q := h.Query(from.Add(-lookback), to, h.Step)
		q.Hosts = names
		frame, err := h.Source.Read(ctx, q)
		if err == nil {
			err = h.missing(frame)
		}
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

// missing is why a frame is not to be learned from; nil if it is. A feature
// whose expression the source refuses, or whose answer is usable though not
// whole, is no reason: it is the same for what is scored.
func (h History) missing(f *series.Frame) error {
	var refused []string
	for _, name := range slices.Sorted(maps.Keys(f.Failed)) {
		err := f.Failed[name]
		if errors.Is(err, series.ErrTooMuch) || errors.Is(err, omen.ErrUnavailable) || errors.Is(err, omen.ErrDenied) {
			return omen.WithHint(fmt.Errorf("feature %s (%d of %d failed): %w", name, len(f.Failed), len(f.Features), err), omen.Hint(err))
		}
		refused = append(refused, name)
	}
	if len(refused) > 0 && h.Log != nil {
		h.Log.Info("history with features that failed", "count", len(refused), "err", f.Failed[refused[0]])
	}
	return nil
}

// Firsts is when the named hosts' samples begin, within span before at: looked
// for coarsely, and once more finely where they are recent.
func (h History) Firsts(ctx context.Context, names []string, at time.Time, span time.Duration) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for len(names) > 0 {
		step := max(h.Step, (span / firstInstants).Truncate(h.Step))
		for some := range slices.Chunk(names, max(1, FrameBytes/h.instantBytes())) {
			if err := h.firsts(ctx, some, at.Add(-firstInstants*step), at, step, out); err != nil {
				return nil, fmt.Errorf("find the begin of history: %w", err)
			}
		}
		if step == h.Step {
			break
		}
		var recent []string
		for _, name := range names {
			if begin, found := out[name]; !found || at.Sub(begin) < 3*step {
				recent = append(recent, name)
			}
		}
		names, span = recent, 10*step
	}
	return out, nil
}

// instantBytes is what one host takes of a frame for one instant.
func (h History) instantBytes() int { return 8 * len(h.Schema.Exprs()) }

// firsts looks for the first instants, from start on, at which hosts are not
// silent, in frames of a bounded size, and no longer than it takes to have all.
func (h History) firsts(ctx context.Context, names []string, start, end time.Time, step time.Duration, out map[string]time.Time) error {
	for from := start; len(names) > 0 && !from.After(end); {
		instants := max(1, FrameBytes/(h.instantBytes()*len(names)))
		to := from.Add(time.Duration(min(instants-1, int(end.Sub(from)/step))) * step)
		q := h.Query(from, to, step)
		q.Hosts = names
		frame, err := h.Source.Read(ctx, q)
		if err != nil {
			return err
		}
		var silent []string
		for _, name := range names {
			begin, found := h.begin(frame, frame.Host(name))
			if !found {
				silent = append(silent, name)
			} else if known, ok := out[name]; !ok || begin.Before(known) {
				out[name] = begin
			}
		}
		names, from = silent, to.Add(step)
	}
	return nil
}

// begin is the first instant of a frame at which a host is not silent.
func (h History) begin(f *series.Frame, host int) (time.Time, bool) {
	if host < 0 {
		return time.Time{}, false
	}
	for _, v := range h.Schema.History(f, h.Name, host) {
		if !feature.Silent(v) {
			return v.At, true
		}
	}
	return time.Time{}, false
}
