package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// setting is where the store keeps which hosts are there, so that one that
// dies while Omen does not run is missed afterwards.
func (w *Watch) setting() string { return "watch.hosts." + w.o.Name + "/" + w.o.Schema.Profile() }

// load takes up what the process before this one left: the stored models, and
// the hosts that were there. Once only.
func (w *Watch) load(ctx context.Context) error {
	w.mu.Lock()
	loaded := w.stored != nil
	w.mu.Unlock()
	if loaded {
		return nil
	}
	stored, err := w.loadModels(ctx)
	if err != nil {
		return err
	}
	var names []string
	if _, err := w.o.Store.Setting(ctx, w.setting(), &names); err != nil {
		return fmt.Errorf("read which hosts were there: %w", err)
	}
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stored = stored
	for _, name := range names {
		t := stored[name]
		if t.model == nil || w.hosts[name] != nil {
			continue // never learned: nobody would miss it
		}
		id := omen.Host{Source: w.o.Name, Profile: w.o.Schema.Profile(), Name: name}
		w.hosts[name] = &host{id: id, first: t.info.From, seen: t.info.To, awaited: later(now, w.last)}
	}
	return nil
}

// keep stores which hosts are there, if that changed.
func (w *Watch) keep(ctx context.Context) error {
	w.mu.Lock()
	names, changed := slices.Sorted(maps.Keys(w.hosts)), w.changed
	w.changed = false
	w.mu.Unlock()
	if !changed {
		return nil
	}
	err := w.o.Store.PutSetting(ctx, w.setting(), names)
	if err != nil {
		w.mu.Lock()
		w.changed = true
		w.mu.Unlock()
		return fmt.Errorf("keep which hosts are there: %w", err)
	}
	return nil
}
