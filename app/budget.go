package app

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/replay"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/training"
)

// Bounds of a budget's replay: it is there for a decision and not for a report,
// and shares its machine with the scoring of now.
const (
	budgetSpan   = 30 * 24 * time.Hour
	budgetLeast  = 24 * time.Hour   // of history to replay; with less a host is skipped
	budgetRows   = 50_000           // samples of a host, some 25 MB; with more the step is a multiple
	budgetHosts  = 50               // of a fleet
	budgetWithin = 15 * time.Minute // then it ends with the hosts that it has done

	budgetFailures = 3 // hosts that cannot be read: their source is down
	maxBudget      = 1000
)

// States of a replay.
const (
	replayRunning   = "running"
	replayDone      = "done"
	replayCancelled = "cancelled"
	replayFailed    = "failed"
)

// budgets replays hosts with other budgets, one request at a time. It is safe for
// concurrent use.
type budgets struct {
	g     *generation
	asked chan float64 // what was asked for; bound 1, owner run; never full, since one replay at a time is taken

	mu       sync.Mutex
	last     *api.BudgetReplay  // nil: none was asked for
	met      []map[string]bool  // by outcome, the judged incidents that it notifies of
	days     float64            // replayed, of all hosts together
	cancel   context.CancelFunc // of the replay that runs; nil: it has not begun
	unwanted bool               // somebody cancelled it
}

func newBudgets(g *generation) *budgets { return &budgets{g: g, asked: make(chan float64, 1)} }

// Budget implements [api.Budgets].
func (b *budgets) Budget() (api.Budget, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := api.Budget{PerHostWeek: api.Number(b.g.conf.Pages.PerHostWeek), Written: b.g.written("pages.per_host_week")}
	if b.last != nil {
		one := *b.last
		one.Outcomes = slices.Clone(one.Outcomes)
		out.Replay = &one
	}
	return out, nil
}

// ReplayBudget implements [api.Budgets].
func (b *budgets) ReplayBudget(perWeek float64) error {
	if math.IsNaN(perWeek) || perWeek <= 0 || perWeek > maxBudget {
		return omen.WithHint(fmt.Errorf("replay with %v pages per host and week: %w", perWeek, omen.ErrInvalid), "give per_host_week: a number above 0 and at most 1000")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last != nil && b.last.State == replayRunning {
		return omen.WithHint(fmt.Errorf("replay with %v pages per host and week: another replay is under way: %w", perWeek, omen.ErrConflict), "wait for it, or cancel it: DELETE /api/v1/omen/budget/replay")
	}
	now := b.g.conf.Pages.PerHostWeek
	b.last = &api.BudgetReplay{
		State: replayRunning, Asked: api.Number(perWeek), StartedAt: api.Instant(time.Now()), Days: api.Number(math.NaN()), Step: api.Number(math.NaN()),
		Outcomes: api.List[api.BudgetOutcome]{{PerHostWeek: api.Number(now)}, {PerHostWeek: api.Number(perWeek)}},
		YAML:     "pages:\n  per_host_week: " + strconv.FormatFloat(perWeek, 'g', -1, 64) + "\n",
	}
	b.met, b.days, b.cancel, b.unwanted = []map[string]bool{{}, {}, {}, {}}, 0, nil, false
	b.asked <- perWeek
	return nil
}

// CancelBudget implements [api.Budgets].
func (b *budgets) CancelBudget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unwanted = b.last != nil && b.last.State == replayRunning
	if b.unwanted && b.cancel != nil {
		b.cancel()
	}
}

// run replays what is asked for until ctx ends.
func (b *budgets) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case perWeek := <-b.asked:
			b.replay(ctx, b.g.modelled(), perWeek)
		}
	}
}

// replay replays one host after the other, until all are done, its time is over or
// it is cancelled.
func (b *budgets) replay(ctx context.Context, hosts []omen.Host, perWeek float64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	within, stop := context.WithTimeout(ctx, budgetWithin)
	defer stop()
	chosen := hosts[:min(len(hosts), budgetHosts)]
	b.change(func(r *api.BudgetReplay) {
		b.cancel, r.Hosts, r.Chosen = cancel, len(hosts), len(chosen)
		if b.unwanted {
			cancel()
		}
	})
	failed := b.hosts(within, chosen, perWeek)
	b.mu.Lock()
	defer b.mu.Unlock()
	state, why := replayDone, ""
	switch {
	case ctx.Err() != nil:
		state = replayCancelled
	case within.Err() != nil:
		why = fmt.Sprintf("it ended early: %s were over", omen.Soon(budgetWithin))
	case len(failed) > 0:
		why = fmt.Sprintf("%s could not be replayed: %v", omen.Plural(len(failed), "host", "hosts"), failed[0])
	case b.last.Replayed == 0:
		why = "no host has a day of history beside what it learns from"
	}
	if state == replayDone && b.last.Replayed == 0 {
		state = replayFailed
	}
	b.end(state, why)
}

// hosts replays hosts until ctx ends, or so many have failed that the others are
// not worth their time. It returns why they failed.
func (b *budgets) hosts(ctx context.Context, chosen []omen.Host, perWeek float64) (failed []error) {
	options, err := b.g.p.detectOptions(ctx, b.g.conf)
	if err != nil {
		return []error{err}
	}
	options.SelfTest = false
	for i, h := range chosen {
		share := func(done float64) {
			b.change(func(r *api.BudgetReplay) { r.Progress = api.Number((float64(i) + done) / float64(len(chosen))) })
		}
		if err := b.host(ctx, h, perWeek, options, share); err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil || len(failed) == budgetFailures {
			break
		}
		share(1)
	}
	return failed
}

// change changes the last replay.
func (b *budgets) change(f func(*api.BudgetReplay)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.last)
}

// end ends it. The caller holds mu.
func (b *budgets) end(state, why string) {
	b.last.State, b.last.EndedAt, b.last.Err, b.cancel = state, api.Instant(time.Now()), why, nil
	if state == replayDone {
		b.last.Progress = 1
	}
}

// modelled are the hosts that have a model, in an order of chance that is the same
// each time.
func (g *generation) modelled() (all []omen.Host) {
	for _, w := range g.watches {
		for _, h := range w.Brief() {
			if h.Model.ID != "" {
				all = append(all, h.Host)
			}
		}
	}
	chance := func(h omen.Host) uint64 {
		sum := fnv.New64a()
		_, _ = sum.Write([]byte(h.ID())) // a hash takes everything
		return sum.Sum64()
	}
	slices.SortFunc(all, func(x, y omen.Host) int {
		return cmp.Or(cmp.Compare(chance(x), chance(y)), cmp.Compare(x.ID(), y.ID()))
	})
	return all
}

// host replays one host with both budgets, and adds what became of it. A host
// with too little history is skipped.
func (b *budgets) host(ctx context.Context, h omen.Host, perWeek float64, options detect.Options, progress func(float64)) error {
	g, w := b.g, b.g.of(h)
	if w == nil {
		return fmt.Errorf("replay %s: %w", h.ID(), omen.ErrNotFound)
	}
	learns := w.learns
	step := w.step * ((budgetSpan+learns)/w.step/budgetRows + 1)
	end := time.Now().Truncate(step)
	reads := training.History{Source: w.reader, Name: w.source, Schema: w.schema, Step: step}
	read, err := reads.Read(ctx, []string{h.Name}, end.Add(-(budgetSpan + learns).Truncate(step)), end)
	if err != nil {
		return fmt.Errorf("replay %s: %w", h.Name, err)
	}
	past, lived := divide(read[h.Name], learns)
	if len(lived) == 0 {
		b.change(func(r *api.BudgetReplay) { r.Skipped++ })
		return nil
	}
	from, to := lived[0].At, lived[len(lived)-1].At
	then, err := g.p.db.Incidents(ctx, store.Filter{Host: h, Kinds: []omen.IncidentKind{omen.HostIncident, omen.FleetIncident}, From: from, To: to})
	if err != nil {
		return err
	}
	judged := slices.DeleteFunc(slices.Clone(then), func(in omen.Incident) bool { return in.Verdict == omen.NoVerdict })
	slot, err := g.slot(ctx)
	if err != nil {
		return err
	}
	defer slot()
	options.Step = step
	all, err := replay.Budgets(ctx, past, lived, replay.Options{Schema: w.schema, Detect: options, History: learns, Progress: progress},
		[]float64{g.conf.Pages.PerHostWeek, perWeek}, judged)
	if err != nil {
		return err
	}
	b.add(all, then, omen.Span{From: from, To: to}, step)
	return nil
}

// divide divides samples into what only the first model learns from and what is
// replayed: a quarter, and no more than serve learns from. With less than a day to
// replay there is nothing.
func divide(all []omen.Vector, learns time.Duration) (past, lived []omen.Vector) {
	if len(all) == 0 {
		return nil, nil
	}
	first, last := all[0].At, all[len(all)-1].At
	begin := first.Add(min(learns, last.Sub(first)/4))
	i, _ := slices.BinarySearchFunc(all, begin, func(v omen.Vector, t time.Time) int { return v.At.Compare(t) })
	if last.Sub(begin) < budgetLeast {
		return nil, nil
	}
	return all[:i], all[i:]
}

// slot is one of the places in which models are trained; it is to be given back.
func (g *generation) slot(ctx context.Context) (back func(), err error) {
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// add adds what became of a host.
func (b *budgets) add(all []replay.Budgeted, then []omen.Incident, span omen.Span, step time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.last
	r.Replayed++
	b.days += span.To.Sub(span.From).Hours() / 24
	r.Days = api.Number(b.days / float64(r.Replayed))
	r.Step = api.Number(max(step.Seconds(), zeroIfNaN(float64(r.Step))))
	for _, in := range then {
		if in.Suppressed == "" && in.Fleet == "" && !in.Since.Before(span.From) {
			r.Actual++
		}
	}
	for i, one := range all {
		o := &r.Outcomes[i]
		o.Notified += one.Notified
		met := func(at int, ids []string) int { // an incident of many hosts counts once
			for _, id := range ids {
				b.met[at][id] = true
			}
			return len(b.met[at])
		}
		o.Real, o.Rejected = met(2*i, one.Real), met(2*i+1, one.Rejected)
	}
	r.Text = budgetText(*r)
}

func zeroIfNaN(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// budgetText says what the other budget would have changed.
func budgetText(r api.BudgetReplay) string {
	now, other := r.Outcomes[0], r.Outcomes[1]
	text := fmt.Sprintf("Last %s", omen.Plural(int(math.Round(float64(r.Days))), "day", "days"))
	if r.Replayed < r.Hosts {
		text += fmt.Sprintf(", %d of %d hosts", r.Replayed, r.Hosts)
	}
	text += fmt.Sprintf(": %d → %s", now.Notified, omen.Plural(other.Notified, "notification", "notifications"))
	of := func(a, b int, called string) {
		switch d := b - a; {
		case d > 0:
			text += fmt.Sprintf(", %d more of those people called %s", d, called)
		case d < 0:
			text += fmt.Sprintf(", %d fewer of those people called %s", -d, called)
		}
	}
	of(now.Real, other.Real, "real")
	of(now.Rejected, other.Rejected, "no problem")
	return text + "."
}
