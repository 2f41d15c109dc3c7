package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/omenhq/omen"
)

// hangs is how long one of node_exporter's collectors takes that is no longer waited
// for. It is more than the 5 s after which node_exporter calls a mount stuck, and leaves
// it out of what is begun then, until the call that hangs returns.
const hangs = 8 * time.Second

// part is one of node_exporter's collectors. There is one of each for the whole process,
// and not all of them may be asked twice at once: each has a turn of its own, and keeps
// it until it answers, so that one that hangs keeps nobody else waiting.
type part struct {
	name    string
	metrics prometheus.Collector
	turn    chan struct{} // bound 1: who asks; full: the others wait, no longer than they may
	// again has room for calls that hang beside which another is begun, since that one
	// leaves out what hangs. Bound: each keeps up to four threads in the kernel; nil or
	// full: the call that hangs keeps its turn.
	again chan struct{}

	mu    sync.Mutex
	since time.Time // when the call began that hangs, or the first of those that gave nothing for that; zero: it answers
	last  given
}

// given is what a part gave. A metric of it never changes.
type given struct {
	metrics []prometheus.Metric
	at      time.Time
}

// newPart is a part that has not been asked.
func newPart(name string, metrics prometheus.Collector, again int) *part {
	p := &part{name: name, metrics: metrics, turn: make(chan struct{}, 1)}
	if again > 0 {
		p.again = make(chan struct{}, again)
	}
	return p
}

// ask asks a part in its turn. It waits no longer than within for the turn, as long for
// the answer, and not beyond ctx; for one that is known to hang not at all.
func (p *part) ask(ctx context.Context, within time.Duration) ([]prometheus.Metric, error) {
	begun := time.Now()
	if err := p.take(ctx, within); err != nil {
		return nil, err
	}
	out := make(chan []prometheus.Metric, 1) // bound 1: its sender never waits
	go p.collect(out)
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case metrics := <-out:
		<-p.turn
		p.note(time.Time{}, given{metrics, begun})
		return metrics, nil
	case <-ctx.Done():
		go p.await(out, within)
		return nil, context.Cause(ctx)
	case <-late.C:
	}
	p.note(begun, given{})
	p.leave(out)
	return nil, fmt.Errorf("gathering has taken %s: %w", within, omen.ErrUnavailable)
}

// take takes the turn.
func (p *part) take(ctx context.Context, within time.Duration) error {
	if since, _ := p.state(); !since.IsZero() {
		within = 0
	}
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case p.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-late.C:
		p.note(time.Now(), given{})
		return fmt.Errorf("a gathering of before hangs, and no other is begun: %w", omen.ErrUnavailable)
	}
}

// await gives the turn back once the call that nobody waits for has returned, or is
// left since it hangs.
func (p *part) await(out <-chan []prometheus.Metric, within time.Duration) {
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-out:
		<-p.turn
	case <-late.C:
		p.leave(out)
	}
}

// leave gives the turn of a call that hangs back where there is room for it beside the
// next, else once it has returned.
func (p *part) leave(out <-chan []prometheus.Metric) {
	kept := p.turn
	select {
	case p.again <- struct{}{}:
		<-p.turn
		kept = p.again
	default:
	}
	go func() {
		<-out
		<-kept
	}()
}

// collect asks the collector and sends what it gave.
func (p *part) collect(out chan<- []prometheus.Metric) {
	one := make(chan prometheus.Metric, 64) // bound 64: fewer switches; full: the collector waits
	go func() {
		defer close(one)
		p.metrics.Collect(one)
	}()
	var all []prometheus.Metric
	for m := range one {
		all = append(all, m)
	}
	out <- all
}

// note remembers that the part answered, or since when it does not.
func (p *part) note(since time.Time, g given) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case since.IsZero():
		p.since, p.last = time.Time{}, g
	case p.since.IsZero():
		p.since = since
	}
}

// state is since when the part does not answer, the zero time: it does, and whether it
// ever has.
func (p *part) state() (since time.Time, answered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.since, !p.last.at.IsZero()
}

// before is what the part gave last, if that was so lately.
func (p *part) before(within time.Duration) []prometheus.Metric {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.at.IsZero() || time.Since(p.last.at) >= within {
		return nil
	}
	return p.last.metrics
}

// errNothing is of a gathering that no part answered.
var errNothing = fmt.Errorf("nothing was gathered: %w", omen.ErrUnavailable)

// group is the parts that are gathered together. One goroutine gathers it.
type group struct {
	*prometheus.Registry // of all that they give, and of more
	log                  *slog.Logger
	parts                []*part
	keep                 time.Duration // for so long the last values of one that does not answer count; 0: not at all
	brief                time.Duration // for so long one is waited for that hung the last time, so that it does not delay the others each time; 0: as long as any
	taken                []prometheus.Metric
}

// newGroup is a group of parts.
func newGroup(log *slog.Logger, parts []*part, keep time.Duration) (*group, error) {
	g := &group{Registry: prometheus.NewRegistry(), log: log, parts: parts, keep: keep}
	return g, g.Register(g)
}

// Describe implements [prometheus.Collector]: what parts give is not known before.
func (g *group) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector] with what was taken last.
func (g *group) Collect(ch chan<- prometheus.Metric) {
	for _, m := range g.taken {
		ch <- m
	}
}

// gather asks all parts at once, and waits for none longer than within for its turn and
// as long for its answer, and logs which have ceased to answer, or do again. What is
// there beside an error is whole but for the parts that the error names; where no part
// answers, or ctx ended, nothing is.
func (g *group) gather(ctx context.Context, within time.Duration) ([]*dto.MetricFamily, error) {
	metrics, errs := make([][]prometheus.Metric, len(g.parts)), make([]error, len(g.parts))
	var asked sync.WaitGroup
	for i, p := range g.parts {
		asked.Go(func() {
			was, _ := p.state()
			wait := within
			if !was.IsZero() && g.brief > 0 {
				wait = min(within, g.brief)
			}
			var err error
			if metrics[i], err = p.ask(ctx, wait); err != nil {
				metrics[i], errs[i] = p.before(g.keep), fmt.Errorf("%s: %w", p.name, err)
			}
			switch is, _ := p.state(); {
			case was.IsZero() && !is.IsZero():
				g.log.Error("part of this machine's metrics is missing: the rest is measured", "kind", p.name, "err", err)
			case !was.IsZero() && is.IsZero():
				g.log.Info("part of this machine's metrics is there again", "kind", p.name)
			}
		})
	}
	asked.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if g.taken = slices.Concat(metrics...); len(g.taken) == 0 {
		return nil, errors.Join(append(errs, errNothing)...)
	}
	families, err := g.Gather()
	return families, errors.Join(errors.Join(errs...), err)
}
