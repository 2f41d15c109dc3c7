package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/training"
)

// batchBytes bounds the history that is in memory for one batch of trainings.
const batchBytes = 256 << 20

// trainLoop trains the hosts as they become due.
func (w *Watch) trainLoop(ctx context.Context) error {
	for ctx.Err() == nil {
		batch, next := w.due(time.Now())
		if len(batch) > 0 {
			w.trainBatch(ctx, batch)
			continue
		}
		await(ctx, next, w.wake)
	}
	return nil
}

// await waits for d, for a nudge or for the end of ctx.
func await(ctx context.Context, d time.Duration, nudged <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-nudged:
	case <-t.C:
	}
}

// Retrain has a host trained before it is due, since what is normal on it is
// known better now; no sooner than an hour after its last training. A
// host that is not there or has no model yet is left alone.
func (w *Watch) Retrain(id omen.Host) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[id.Name]
	if h == nil || h.model == nil {
		return
	}
	h.asked = w.last
	if !h.training.Running { // or the training that ends plans the next
		w.plan(h, w.last)
		nudge(w.wake)
	}
}

// plan says when the host is trained next. What was trained at a time that lies ahead,
// since the clock was wrong then, does not delay it until that has come. The caller holds
// mu.
func (w *Watch) plan(h *host, now time.Time) {
	begin, trained := w.schedule.Begin(h.first, h.info), omen.Later(h.info.TrainedAt, h.tried)
	if trained.Sub(now) >= omen.ClockSet {
		begin, trained = h.first, now
	}
	h.due, h.training.NextGrade = w.schedule.Next(h.id, begin, trained, h.asked)
	if h.training.Failures > 0 {
		h.due = omen.Later(h.due, now.Add(w.schedule.Retry(h.training.Failures)))
	}
}

// serve makes a model judge the host from now on. The caller holds mu.
func (w *Watch) serve(h *host, m *detect.Model, info omen.ModelInfo, recent []omen.Vector) {
	if h.refused != "" {
		return // found out while it was being trained
	}
	before := h.lastCentres()
	h.model, h.info, h.stream = m, info, h.level.Warm(m, recent, before, w.o.Detect.PagesPerWeek)
	h.centres = detect.Centres{} // they are the stream's now
	h.newLevels, h.turns = h.stream.NewLevels(), h.stream.Turns()
	if w.drifted(h, before.Drifts); len(w.moves) > 0 {
		nudge(w.news)
	}
	h.info.Serving = true
	h.training.Anew = ""
	h.drift, h.selfTest = newDrift(m), selfTest(m)
	h.gaps.serve(m)
}

// due are the hosts to train now, those without a model and with the longest
// history first, and how long to wait if there are none.
func (w *Watch) due(now time.Time) ([]*host, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait := time.Hour
	var ready []*host
	for _, h := range w.hosts {
		if !h.known || h.refused != "" {
			continue
		}
		// Due is by the samples' time: trained a step early, a host would still
		// be short of its stage and be due again at once.
		if h.due.After(w.last) {
			wait = min(wait, max(h.due.Sub(now), min(w.o.Step, time.Second)))
		} else if now.Sub(h.seen) < forgetAfter {
			ready = append(ready, h)
		}
	}
	slices.SortFunc(ready, func(a, b *host) int {
		if (a.model == nil) != (b.model == nil) {
			if a.model == nil {
				return -1
			}
			return 1
		}
		return cmp.Or(a.first.Compare(b.first), strings.Compare(a.id.Name, b.id.Name))
	})
	if len(ready) > 0 {
		rows := int64(min(w.o.History, now.Sub(ready[0].first))/w.o.Step) + 1
		per := min(rows, training.HistoryRows) * int64(w.o.Schema.Len()) * 8 * 2 // the frame, and its vectors
		ready = ready[:min(len(ready), int(max(1, batchBytes/per)))]
	}
	return ready, max(wait, 100*time.Millisecond)
}

// trainBatch reads the hosts' history together, and fits and validates a model for
// each.
func (w *Watch) trainBatch(ctx context.Context, batch []*host) {
	w.mu.Lock()
	end, first := w.last, w.last
	names := make([]string, len(batch))
	for i, h := range batch {
		h.training.Running, h.training.Progress = true, 0
		names[i] = h.id.Name
		if h.first.Before(first) {
			first = h.first
		}
	}
	w.mu.Unlock()
	span := min(w.o.History, end.Sub(first), training.HistoryRows*w.o.Step)
	start := end.Add(-span.Truncate(w.o.Step))
	vectors, together := w.read(ctx, names, start, end)
	g, fit := errgroup.WithContext(ctx)
	var fails failures
	for _, h := range batch {
		vectors, err := vectors, together
		if len(batch) > 1 && errors.Is(err, series.ErrTooMuch) { // what is too much of one host keeps no other from learning
			vectors, err = w.read(ctx, []string{h.id.Name}, start, end)
		}
		if err != nil {
			w.failed(ctx, h, err, &fails)
			continue
		}
		select {
		case w.o.Slots <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		g.Go(func() error {
			defer func() { <-w.o.Slots }()
			if err := w.train(fit, h, vectors[h.id.Name], end); err != nil {
				w.failed(ctx, h, err, &fails)
			}
			return nil
		})
	}
	_ = g.Wait() // each host's failure is its own
	fails.each(func(level slog.Level, count int, names, why string) {
		w.log.Log(ctx, level, "no model from this training", "count", count, "host", names, "err", why)
	})
	w.keepFailing()
}

// train fits a model for one host, validates it against the one that serves, and
// stores it. at is the latest instant that was read.
func (w *Watch) train(ctx context.Context, h *host, all []omen.Vector, at time.Time) error {
	began := time.Now()
	if len(all) == 0 {
		return fmt.Errorf("the source's history has no samples: %w", omen.ErrTooFew)
	}
	from, to := all[0].At, all[len(all)-1].At
	o := w.o.Detect
	var err error
	o.Excluded, o.Benign, err = w.o.Store.TrainingSpans(ctx, h.id, w.Labels(h.id), w.o.Zone, from, to)
	if err != nil {
		return err
	}
	o.Progress = func(done, total int) {
		w.mu.Lock()
		h.training.Progress = float64(done) / float64(max(total, 1))
		w.mu.Unlock()
	}
	w.mu.Lock()
	champion, anew := h.model, h.training.Anew
	w.mu.Unlock()
	r, err := training.Run(ctx, training.Task{Host: h.id, Schema: w.o.Schema, Vectors: all, Champion: champion, Options: o})
	if err != nil {
		return err
	}
	if champion == nil && anew != "" {
		r.Why = "trained anew: " + anew
	}
	blob, err := r.Model.MarshalBinary()
	if err != nil {
		return err
	}
	info := r.Model.Info()
	info.TrainedAt, info.Serving, info.Note = at, r.Promoted, r.Why
	if err := w.o.Store.PutModel(ctx, info, blob); err != nil {
		return err
	}
	w.trained(h, r.Model, info, w.latest(ctx, h, all), r.Promoted)
	w.metrics.training.Observe(time.Since(began).Seconds())
	log := w.log.With("host", h.id.Name, "model", info.ID, "kind", string(info.Grade),
		"count", info.Rows, "why", r.Why, "dur", time.Since(began).Round(time.Millisecond))
	if r.Promoted {
		log.Info("model trained")
	} else {
		log.Info("model trained, the old one stays in force")
	}
	return nil
}

// past reads the source's history.
func (w *Watch) past() training.History {
	w.mu.Lock()
	defer w.mu.Unlock()
	return training.History{Source: w.o.Source, Name: w.o.Name, Schema: w.o.Schema, Step: w.o.Step, Window: w.window, Log: w.log}
}

// read is the named hosts' samples from start to end, marked with the windows
// that they are in.
func (w *Watch) read(ctx context.Context, names []string, start, end time.Time) (map[string][]omen.Vector, error) {
	out, err := w.past().Read(ctx, names, start, end)
	for name, all := range out {
		w.markShifts(name, all)
	}
	return out, err
}

// recent is the named hosts' latest samples up to at: what a stream starts from.
func (w *Watch) recent(ctx context.Context, names []string, at time.Time) (map[string][]omen.Vector, error) {
	return w.read(ctx, names, at.Add(-(training.WarmSteps-1)*w.o.Step), at)
}

// latest is what a new model's stream starts from: the samples up to now, since
// time went on while it was fitted. Where they cannot be read it is the end of
// what was learned.
func (w *Watch) latest(ctx context.Context, h *host, all []omen.Vector) []omen.Vector {
	w.mu.Lock()
	at := w.last
	w.mu.Unlock()
	recent, err := w.recent(ctx, []string{h.id.Name}, at)
	if err != nil || len(recent[h.id.Name]) == 0 {
		w.log.Warn("new model starts from older samples", "host", h.id.Name, "err", err)
		return all[max(0, len(all)-training.WarmSteps):]
	}
	return recent[h.id.Name]
}

// trained takes up a new model whose stream starts from recent, or notes
// that the old one stays in force.
func (w *Watch) trained(h *host, m *detect.Model, info omen.ModelInfo, recent []omen.Vector, promote bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h.training.Running, h.training.Progress, h.training.Err = false, 0, ""
	h.training.Failures = 0
	if now := w.hosts[h.id.Name]; promote && now != h { // it left meanwhile, or came back
		if now != nil {
			now.known = false // its model is in the store
			nudge(w.found)
		}
	}
	if promote {
		w.serve(h, m, info, recent)
		w.metrics.trainings.WithLabelValues("promoted").Inc()
	} else {
		h.training.Err = info.Note // and the plan goes on as though it had been promoted
		w.metrics.trainings.WithLabelValues("kept_old").Inc()
	}
	h.tried = info.TrainedAt
	w.plan(h, info.TrainedAt)
}
