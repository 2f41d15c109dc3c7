package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/omenhq/omen"
)

// failures are hosts that have no model for now, such as those whose training in one
// batch gave none, by cause: what keeps many from learning is one line of the log.
type failures struct {
	mu    sync.Mutex
	hosts map[failure][]string
}

// failure is one cause, and whether a person should look.
type failure struct {
	why  string
	warn bool
}

func (f *failures) add(host string, cause failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hosts == nil {
		f.hosts = map[failure][]string{}
	}
	f.hosts[cause] = append(f.hosts[cause], host)
}

// shownFailing is how many hosts a line of the log names.
const shownFailing = 3

// each hands on every cause: whether a person should look, how many hosts it keeps from
// a model, and the names of some.
func (f *failures) each(say func(level slog.Level, count int, names, why string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	causes := slices.SortedFunc(maps.Keys(f.hosts), func(a, b failure) int { return strings.Compare(a.why, b.why) })
	for _, cause := range causes {
		hosts := slices.Sorted(slices.Values(f.hosts[cause]))
		names := strings.Join(hosts[:min(len(hosts), shownFailing)], ", ")
		if more := len(hosts) - shownFailing; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		level := slog.LevelInfo
		if cause.warn {
			level = slog.LevelWarn
		}
		say(level, len(hosts), names, cause.why)
	}
}

// failed notes why a training gave no model, and when it is tried again.
func (w *Watch) failed(ctx context.Context, h *host, err error, all *failures) {
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	h.training.Failures++
	first := h.training.Failures == 1
	h.training.Running, h.training.Err = false, err.Error()
	w.plan(h, time.Now())
	w.mu.Unlock()
	w.metrics.trainings.WithLabelValues("failed").Inc()
	all.add(h.id.Name, failure{err.Error(), first && !errors.Is(err, omen.ErrTooFew)}) // that it goes on keepFailing says
}

// keepFailing says when there are more hosts whose training fails again and
// again, and when there are none any more.
func (w *Watch) keepFailing() {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	var one *host
	for _, name := range slices.Sorted(maps.Keys(w.hosts)) {
		if h := w.hosts[name]; h.training.Failures >= omen.FailingTrainings {
			if n++; one == nil {
				one = h
			}
		}
	}
	switch {
	case n > w.failing:
		w.log.Warn("training keeps failing", "count", n, "host", one.id.Name, "err", one.training.Err)
	case n == 0 && w.failing > 0:
		w.log.Info("no training keeps failing any more")
	}
	w.failing = n
}
