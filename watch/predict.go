package watch

import (
	"fmt"
	"sync"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

// Predict scores values, in schema order and NaN for a gap, as though they were
// the host's next sample. It scores with a copy of the host's running state: it
// reads nothing from source or store, and changes nothing.
func (w *Watch) Predict(id omen.Host, values []float64) (omen.Score, error) {
	if len(values) != w.o.Schema.Len() {
		return omen.Score{}, fmt.Errorf("host %s: %s, profile %s has %s: %w", id.Name, omen.Plural(len(values), "value", "values"), w.o.Schema.Profile(), omen.Plural(w.o.Schema.Len(), "feature", "features"), omen.ErrSchema)
	}
	w.mu.Lock()
	h := w.hosts[id.Name]
	if h == nil || h.id != id {
		w.mu.Unlock()
		return omen.Score{}, fmt.Errorf("host %s: %w", id.Name, omen.ErrNotFound)
	}
	if h.stream == nil {
		w.mu.Unlock()
		return omen.Score{}, omen.WithHint(fmt.Errorf("host %s has no model yet: %w", id.Name, omen.ErrUnavailable), "wait until its first model is due")
	}
	at, level := w.last.Add(w.o.Step), h.level
	within := w.shifted(h, at)
	if h.copies == nil {
		h.copies = &sync.Pool{}
	}
	copies := h.copies
	spare, _ := copies.Get().(*detect.Stream)
	stream := h.stream.CopyTo(spare)
	w.mu.Unlock()
	defer copies.Put(stream)
	v := omen.Vector{Host: id, At: at, Values: make([]float64, len(values)), Shift: within}
	for i := range values {
		v.Values[i] = w.o.Schema.Features()[i].Clean(values[i])
	}
	score, err := stream.Score(v)
	if err == nil {
		score.Level = level.Next(at, score.Value, w.o.Step, w.o.Detect.PagesPerWeek)
	}
	return score.Clone(), err
}

// Serving is the model that scores a host's predictions, its zero value before the
// first, and the host's instance label; false for a host that is not known.
func (w *Watch) Serving(id omen.Host) (model omen.ModelInfo, instance string, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[id.Name]
	if h == nil || h.id != id {
		return omen.ModelInfo{}, "", false
	}
	return h.info, h.labels["instance"], true
}

// Named are the hosts of a name, or, where none has it, those with this instance
// label; all hosts for an empty one.
func (w *Watch) Named(name string) []omen.Host {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[name]; h != nil {
		return []omen.Host{h.id}
	}
	var found []omen.Host
	for _, h := range w.hosts {
		if name == "" || h.labels["instance"] == name {
			found = append(found, h.id)
		}
	}
	return found
}
