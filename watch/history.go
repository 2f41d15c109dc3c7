package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
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
		q, err := w.query(from.Add(-lookback), to, w.o.Step).Only(names)
		if err != nil {
			return nil, err
		}
		frame, err := w.o.Source.Read(ctx, q)
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
	return out, nil
}

// recent is one host's latest samples up to at.
func (w *Watch) recent(ctx context.Context, name string, at time.Time) ([]omen.Vector, error) {
	all, err := w.history(ctx, []string{name}, at.Add(-(warmSteps-1)*w.o.Step), at)
	if err != nil {
		return nil, err
	}
	return trimSilent(all[name]), nil
}

// recentAll is every host's latest samples up to at, for the streams of stored
// models. With no models nothing is read.
func (w *Watch) recentAll(ctx context.Context, at time.Time, models int) (map[string][]omen.Vector, error) {
	out := map[string][]omen.Vector{}
	if models == 0 {
		return out, nil
	}
	frame, err := w.o.Source.Read(ctx, w.query(at.Add(-(warmSteps-1)*w.o.Step), at, w.o.Step))
	if err != nil {
		return nil, err
	}
	for i, name := range frame.Hosts {
		out[name] = trimSilent(w.o.Schema.History(frame, w.o.Name, i))
	}
	return out, nil
}
