package watch

import (
	"context"
	"errors"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

// unknown reports whether a host's history has not been looked up.
func (w *Watch) unknown() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.hosts {
		if !h.known {
			return true
		}
	}
	return false
}

// unread notes on the hosts concerned why their history is not known yet, and
// says so once per reason.
func (w *Watch) unread(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := 0
	for _, h := range w.hosts {
		if !h.known && h.training.Err != err.Error() {
			h.training.Err = err.Error()
			news++
		}
	}
	if news > 0 {
		w.log.Warn("history not read yet", "count", news, "err", err)
	}
}

// lookUp learns since when the hosts that are new have samples, and takes up
// their stored models.
func (w *Watch) lookUp(ctx context.Context) error {
	w.mu.Lock()
	at, loaded := w.last, w.stored != nil
	w.mu.Unlock()
	if !loaded {
		stored, err := w.loadModels(ctx)
		if err != nil {
			return err
		}
		w.mu.Lock()
		w.stored = stored
		w.mu.Unlock()
	}
	var names []string
	models := 0
	w.mu.Lock()
	for name, h := range w.hosts {
		if !h.known {
			names = append(names, name)
			if w.stored[name].model != nil {
				models++
			}
		}
	}
	w.mu.Unlock()
	firsts, err := w.firsts(ctx, at, names)
	if err != nil {
		return err
	}
	recent, err := w.recentAll(ctx, at, names, models)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		h := w.hosts[name]
		if h == nil {
			continue
		}
		h.known, h.training.Err = true, ""
		if first, ok := firsts[name]; ok && first.Before(h.first) {
			h.first = first
			h.training.Samples += int(at.Sub(first) / w.o.Step)
		}
		if t := w.stored[name]; t.model != nil {
			w.serve(h, t.model, t.info, recent[name])
			delete(w.stored, name)
		}
		w.plan(h, at)
	}
	return nil
}

// loadModels are the stored models of this source and profile, by host. Those
// of another schema or step are left aside: their hosts are learned anew.
func (w *Watch) loadModels(ctx context.Context) (map[string]trained, error) {
	out := map[string]trained{}
	err := w.o.Store.ServingModels(ctx, func(info omen.ModelInfo, blob []byte) error {
		if info.Host.Source != w.o.Name || info.Host.Profile != w.o.Schema.Profile() {
			return nil
		}
		m, err := detect.Load(blob, w.o.Schema)
		switch {
		case errors.Is(err, omen.ErrSchema):
			w.log.Info("model of another schema left aside", "host", info.Host.Name, "model", info.ID)
			return nil
		case err != nil:
			return err
		case m.Step() != w.o.Step:
			w.log.Info("model of another step left aside", "host", info.Host.Name, "model", info.ID)
			return nil
		}
		out[info.Host.Name] = trained{m, info}
		return nil
	})
	return out, err
}
