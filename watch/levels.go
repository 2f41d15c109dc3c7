package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

const (
	// keepLevelsEvery is how often the levels of hosts are stored: what a crash may
	// lose of an hour's window.
	keepLevelsEvery = time.Minute
	// keepLevelsWithin bounds how long that takes when Omen ends.
	keepLevelsWithin = 5 * time.Second
	// levelLasts is after which time without a score a host's level is forgotten:
	// what is left of it then is what few weak episodes raised.
	levelLasts = 24 * time.Hour
)

// kept is what is stored of a host so that a plateau is the same after a restart.
type kept struct {
	Level   detect.Level   `json:"level"`
	Centres detect.Centres `json:"centres"`
}

// levelsSetting is where the store keeps the levels of hosts.
func (w *Watch) levelsSetting() string {
	return "watch.levels." + w.o.Name + "/" + w.o.Schema.Profile()
}

// Judged has the level of an incident's host take up what people say of it.
func (w *Watch) Judged(in omen.Incident) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[in.Host.Name]; h != nil && !h.level.Since().IsZero() {
		h.level.Judge(in, w.o.Step, w.o.Detect.PagesPerWeek)
	} else if k, ok := w.levels[in.Host.Name]; ok { // not back yet since the start
		k.Level.Judge(in, w.o.Step, w.o.Detect.PagesPerWeek)
		w.levels[in.Host.Name] = k
	}
	nudge(w.levelsChanged)
}

// levelLoop stores the levels of hosts, and once more at the end.
func (w *Watch) levelLoop(ctx context.Context) error {
	for await(ctx, keepLevelsEvery, w.levelsChanged); ctx.Err() == nil; await(ctx, keepLevelsEvery, w.levelsChanged) {
		w.saidKept(ctx, w.keepLevels(ctx))
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepLevelsWithin)
	defer cancel()
	w.saidKept(last, w.keepLevels(last))
	return nil
}

// saidKept logs that levels are not stored, or are again.
func (w *Watch) saidKept(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	was := w.unkept
	w.unkept = err != nil
	w.mu.Unlock()
	switch {
	case err != nil && !was:
		w.log.Warn("levels of hosts not stored: after a restart plateaus alert again", "err", err)
	case err == nil && was:
		w.log.Info("levels of hosts are stored again")
	}
}

// keepLevels stores the levels that are raised or may be soon. Those of before the
// start whose hosts are not known yet are kept with them.
func (w *Watch) keepLevels(ctx context.Context) error {
	w.mu.Lock()
	loaded, before := w.loaded, w.keptLevels
	raised := maps.Clone(w.levels)
	if raised == nil {
		raised = map[string]kept{}
	}
	for name, h := range w.hosts {
		if h.stream != nil && !h.level.Since().IsZero() && (!h.level.Calm() || len(h.newLevels)+len(h.drifts) > 0) {
			raised[name] = kept{h.level, h.stream.Centres()}
		}
	}
	w.mu.Unlock()
	if !loaded || len(raised) == 0 && before == 0 {
		return nil // or what is stored would be lost
	}
	texts := make(map[string]json.RawMessage, len(raised))
	for name, k := range raised {
		text, err := json.Marshal(&k)
		if err != nil {
			return fmt.Errorf("level of host %s: %w", name, err)
		}
		texts[name] = text
	}
	if err := w.o.Store.PutSetting(ctx, w.levelsSetting(), texts); err != nil {
		return fmt.Errorf("keep levels of hosts: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keptLevels = len(raised)
	return nil
}

// readLevels are the levels of before the start, but for damaged and old ones.
func (w *Watch) readLevels(ctx context.Context) (map[string]kept, error) {
	var texts map[string]json.RawMessage
	if _, err := w.o.Store.Kept(ctx, w.levelsSetting(), &texts); err != nil {
		return nil, fmt.Errorf("read levels of hosts: %w", err)
	}
	now := time.Now()
	levels := make(map[string]kept, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		var k kept
		err := json.Unmarshal(texts[name], &k)
		switch {
		case err != nil || k.Level.Since().IsZero():
			w.log.Warn("stored level of host ignored", "host", name, "err", cmp.Or(err, omen.ErrCorrupt))
		case now.Sub(k.Level.Since()) < levelLasts:
			levels[name] = k
		}
	}
	return levels, nil
}

// recall gives a host that has judged nothing since the start its level of before.
// The caller holds mu.
func (w *Watch) recall(h *host) {
	if k, ok := w.levels[h.id.Name]; ok {
		if h.level.Since().IsZero() {
			h.level, h.centres = k.Level, k.Centres
		}
		delete(w.levels, h.id.Name)
	}
}
