package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// setting is where the store keeps which hosts are there, so that one that
// dies while Omen does not run is missed afterwards.
func (w *Watch) setting() string { return "watch.hosts." + w.o.Name + "/" + w.o.Schema.Profile() }

// load takes up the hosts that were there when the process before this one
// ended, if they have a model. Once only. The models of others stay on disk.
func (w *Watch) load(ctx context.Context) error {
	w.mu.Lock()
	loaded := w.loaded
	w.mu.Unlock()
	if loaded {
		return nil
	}
	var names []string
	if _, err := w.o.Store.Kept(ctx, w.setting(), &names); err != nil {
		return fmt.Errorf("read which hosts were there: %w", err)
	}
	stored, _, err := w.loadModels(ctx, names)
	if err != nil {
		return err
	}
	levels, err := w.readLevels(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loaded, w.levels, w.keptLevels = true, levels, max(1, len(levels)) // what is damaged is replaced
	for _, name := range names {
		t := stored[name]
		if t.model == nil {
			continue // never learned: nobody would miss it
		}
		if h := w.hosts[name]; h != nil {
			h.stored = !h.known
			continue
		}
		id := omen.Host{Source: w.o.Name, Profile: w.o.Schema.Profile(), Name: name}
		w.hosts[name] = &host{id: id, stored: true, first: t.info.From, seen: t.info.To, awaited: omen.Later(now, w.last)}
	}
	return nil
}

// keep stores which hosts are there, if that changed.
func (w *Watch) keep(ctx context.Context) error {
	w.mu.Lock()
	names, changed, ranged, read := slices.Sorted(maps.Keys(w.hosts)), w.changed, w.ranged, w.rangeRead
	w.changed = false
	w.mu.Unlock()
	if !changed {
		return nil
	}
	err := w.o.Store.PutSetting(ctx, w.setting(), names)
	if read { // or what is stored would be lost
		err = errors.Join(err, w.o.Store.PutSetting(ctx, w.rangeSetting(), ranged))
	}
	if err != nil {
		w.mu.Lock()
		w.changed = true
		w.mu.Unlock()
		return fmt.Errorf("keep which hosts are there: %w", err)
	}
	return nil
}

// dropGone removes, once an hour, the stored models of hosts that are gone and
// learned nothing for as long as such models are kept. It removes none while the
// source does not answer, nor within the hour after that in which hosts come back.
func (w *Watch) dropGone(ctx context.Context, now time.Time) error {
	w.mu.Lock()
	up := (w.status.State == omen.SourceUp || w.status.State == omen.SourcePartial) && w.last.Sub(w.upSince) > forgetAfter
	wait := now.Sub(w.droppedAt) < time.Hour
	w.mu.Unlock()
	if !up || wait {
		return nil
	}
	tried, err := w.o.Store.LastTrained(ctx)
	if err != nil {
		return err
	}
	var gone []omen.Host
	w.mu.Lock()
	for h, at := range tried {
		if h.Source == w.o.Name && h.Profile == w.o.Schema.Profile() && w.hosts[h.Name] == nil && now.Sub(at) > w.o.KeepGone {
			gone = append(gone, h)
		}
	}
	w.mu.Unlock()
	if len(gone) > 0 {
		if err := w.o.Store.DropModels(ctx, gone...); err != nil {
			return err
		}
		w.log.Info("models of hosts that are gone removed", "count", len(gone))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.droppedAt = now
	return nil
}
