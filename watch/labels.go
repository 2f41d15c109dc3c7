package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// LabelsFrom takes labels of hosts from an info series, such as
// node_uname_info.
type LabelsFrom struct {
	Series string   // PromQL
	On     []string // labels that a host and its series share; empty: those that identify it
	Take   []string // the labels to take
}

const (
	// labelsEvery is how often the labels of all hosts are read: that series
	// of several machines have become one host is said within a minute, of which
	// a quarter is left to those who say it.
	labelsEvery = 40 * time.Second
	// sampled is how many hosts show which labels are no host's.
	sampled = 3
	// maxShared bounds the strings that hosts' labels share.
	maxShared = 10_000
	// maxRefused bounds the refused hosts that a status names.
	maxRefused = 20
)

// labels is what is known of all hosts' labels.
type labels struct {
	without []string          // the labels that only some of a host's series carry
	sampled bool              // without is known
	shared  map[string]string // strings, so that hosts with the same label share its memory
	failing bool              // the labels could not be read the last time
}

// labelLoop reads the labels of all hosts again and again.
func (w *Watch) labelLoop(ctx context.Context) error {
	for omen.Sleep(ctx, max(labelsEvery, w.o.Step)) {
		w.refreshLabels(ctx, nil)
	}
	return nil
}

// refreshLabels reads the labels of the named hosts, or of all, and says once
// where that fails: hosts keep the labels that they had.
func (w *Watch) refreshLabels(ctx context.Context, names []string) {
	err := w.readLabels(ctx, names)
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	was := w.labels.failing
	w.labels.failing = err != nil
	w.mu.Unlock()
	switch {
	case err != nil && !was:
		w.log.Warn("labels of hosts not read", "err", err)
	case err == nil && was:
		w.log.Info("labels of hosts are read again")
	}
}

func (w *Watch) readLabels(ctx context.Context, names []string) error {
	w.mu.Lock()
	at, known := w.last, w.labels.sampled
	if !known {
		names = nil
		for _, name := range slices.Sorted(maps.Keys(w.hosts)) {
			if h := w.hosts[name]; len(names) < sampled && h.seen.Equal(at) { // silent ones have no series
				names = append(names, name)
			}
		}
	}
	w.mu.Unlock()
	if at.IsZero() || !known && len(names) == 0 {
		return nil
	}
	if !known {
		f, err := w.past().Labels(ctx, names, nil, at)
		if err != nil {
			return err
		}
		if f != nil && len(f.Hosts) == 0 {
			return nil // they have just gone: others are asked the next time
		}
		w.mu.Lock()
		w.labels.sampled = true
		if f != nil {
			w.labels.without = f.Varying
		}
		w.mu.Unlock()
		names = nil
	}
	w.mu.Lock()
	without := w.labels.without
	w.mu.Unlock()
	f, err := w.past().Labels(ctx, names, without, at)
	if err != nil {
		return err
	}
	refused, err := w.past().Collisions(ctx, f, at)
	if err != nil {
		return err
	}
	own := w.ownLabels(f, names)
	var unread error // the other labels are followed, and collisions seen, all the same
	for _, from := range w.o.LabelsFrom {
		if err := w.takeFrom(ctx, from, own, at); err != nil {
			unread = errors.Join(unread, err)
			w.keepTaken(from, own)
		}
	}
	w.relabel(own, refused)
	return unread
}

// keepTaken leaves hosts the labels that they had from an info series that cannot
// be read.
func (w *Watch) keepTaken(from LabelsFrom, own map[string]map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for host, labels := range own {
		for _, name := range from.Take {
			if h := w.hosts[host]; h != nil && labels[name] == "" && h.labels[name] != "" {
				labels[name] = h.labels[name]
			}
		}
	}
}

// ownLabels are the labels of the hosts that are known, of the named ones or all:
// the configured ones, and those that all series of a host share.
func (w *Watch) ownLabels(f *series.Frame, names []string) map[string]map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if names == nil {
		names = slices.Collect(maps.Keys(w.hosts))
	}
	own := make(map[string]map[string]string, len(names))
	for _, name := range names {
		h := w.hosts[name]
		if h == nil || f != nil && f.Host(name) < 0 && !h.seen.Equal(w.last) {
			continue // what is silent keeps its labels, and what was said of it
		}
		own[name] = maps.Clone(w.o.Labels)
		if own[name] == nil {
			own[name] = map[string]string{}
		}
		if f != nil && f.Host(name) >= 0 {
			maps.Copy(own[name], f.Labels[f.Host(name)])
		} else {
			maps.Copy(own[name], h.labels)
		}
		if !slices.Contains(w.o.Schema.By(), "instance") {
			delete(own[name], "instance") // it is a target's, such as kube-state-metrics'
		}
		maps.Copy(own[name], h.identity)
	}
	return own
}

// takeFrom adds the labels of an info series to those of hosts that have none of
// the name. Where its series of one host differ in a label, none is taken.
func (w *Watch) takeFrom(ctx context.Context, from LabelsFrom, own map[string]map[string]string, at time.Time) error {
	on := from.On
	if len(on) == 0 {
		on = w.o.Schema.By()
	}
	f, err := w.past().Strict(ctx, []series.Expr{{Feature: "info", PromQL: from.Series}}, on, nil, at)
	if err != nil {
		return fmt.Errorf("read labels from %s: %w", from.Series, err)
	}
	for _, labels := range own {
		parts := make([]string, len(on))
		for i, name := range on {
			parts[i] = labels[name]
		}
		i := f.Host(strings.Join(parts, "/"))
		if i < 0 || !slices.ContainsFunc(parts, func(v string) bool { return v != "" }) {
			continue
		}
		for _, name := range from.Take {
			if value := f.Labels[i][name]; value != "" && labels[name] == "" {
				labels[name] = value
			}
		}
	}
	return nil
}

// relabel gives hosts their labels, and refuses those whose series are of
// several hosts.
func (w *Watch) relabel(own map[string]map[string]string, refused map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, labels := range own {
		h := w.hosts[name]
		if h == nil {
			continue
		}
		if !maps.Equal(h.labels, labels) {
			h.labels = w.share(labels)
		}
		w.refuse(h, refused[name])
	}
	w.pulse.Named = true
	before := len(w.status.Refused)
	w.status.Refused, w.status.RefusedHosts = map[string]string{}, 0
	for _, name := range slices.Sorted(maps.Keys(w.hosts)) {
		if why := w.hosts[name].refused; why != "" {
			if w.status.RefusedHosts++; len(w.status.Refused) < maxRefused {
				w.status.Refused[name] = why
			}
		}
	}
	if len(w.status.Refused) > before {
		one := slices.Min(slices.Collect(maps.Keys(w.status.Refused)))
		w.log.Error("hosts are not judged, since their series are of several", "count", w.status.RefusedHosts, "host", one, "err", w.status.Refused[one])
	}
}

// refuse keeps a host from being judged and learned, or lets it be again: then
// its model is looked up. The caller holds mu.
func (w *Watch) refuse(h *host, why string) {
	if h.refused == why {
		return
	}
	if h.refused != "" && why == "" {
		h.known, h.training.Err = false, ""
		nudge(w.found)
	}
	if h.refused = why; why != "" {
		h.model, h.stream, h.info, h.score, h.training.Err = nil, nil, omen.ModelInfo{}, omen.Score{}, why
	}
}

// share is labels whose strings are shared with those of other hosts, but for
// what identifies them. The caller holds mu.
func (w *Watch) share(labels map[string]string) map[string]string {
	if w.labels.shared == nil || len(w.labels.shared) > maxShared {
		w.labels.shared = map[string]string{}
	}
	one := func(s string) string {
		if old, ok := w.labels.shared[s]; ok {
			return old
		}
		w.labels.shared[s] = s
		return s
	}
	out := make(map[string]string, len(labels))
	for name, value := range labels {
		if !slices.Contains(w.o.Schema.By(), name) {
			value = one(value)
		}
		out[one(name)] = value
	}
	return out
}

// named gives a host at its first sample the labels that are known of it then.
// The caller holds mu.
func (w *Watch) named(h *host, labels map[string]string) {
	h.identity = make(map[string]string, len(w.o.Schema.By()))
	for _, name := range w.o.Schema.By() {
		if value, ok := labels[name]; ok {
			h.identity[name] = value
		}
	}
	all := maps.Clone(w.o.Labels)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, labels)
	h.labels = w.share(all)
}
