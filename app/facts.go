package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/remedy/kube"
	"github.com/omenhq/omen/store"
)

// Look adds what is live to the facts of a plan.
func (w world) Look(ctx context.Context, f *remedy.Facts) error {
	g := w.g
	f.Hosts, f.Sources = map[omen.Host]remedy.Live{}, map[string]remedy.SourceState{}
	for _, one := range g.watches {
		for _, h := range one.Brief() {
			f.Hosts[h.Host] = remedy.Live{
				Labels: h.Labels, Score: h.Score.Value, Level: h.Score.Level, ScoredAt: h.Score.At, Step: one.step,
				Grade: h.Score.Grade, Silent: h.State == omen.HostSilent,
			}
		}
		f.Sources[one.source] = answering(f.Sources[one.source], one.schema, one.Status())
	}
	f.Self, f.Own, f.Blames = self(), w.own(f.At), g.blames.known()
	return w.said(ctx, f)
}

// answering adds to what is known of a source how one of its profiles was read last.
// A source is partial for many reasons that say nothing of a host that is read and
// scored: another profile has no hosts, hosts are refused or have no room, a limit's
// history cannot be read. What counts is whether this profile's features were read.
func answering(s remedy.SourceState, schema *feature.Schema, now omen.SourceStatus) remedy.SourceState {
	why := ""
	switch now.State {
	case omen.SourceUp, omen.SourcePartial:
		s.Up, s.Why = true, ""
		for _, name := range slices.Sorted(maps.Keys(now.FailedFeatures)) {
			if schema.Index(name) >= 0 {
				why = "feature " + name + ": " + now.FailedFeatures[name]
				break
			}
		}
	default:
		why = cmp.Or(now.Err, "it is "+string(now.State))
		if !s.Up {
			s.Why = why
		}
	}
	if why != "" {
		if s.Unread == nil {
			s.Unread = map[string]string{}
		}
		s.Unread[schema.Profile()] = why
	}
	return s
}

// own is why Omen itself is not to be trusted now; empty: it is.
func (w world) own(at time.Time) string {
	g := w.g
	if err := g.p.storage.problem(); err != nil {
		return err.Error()
	}
	h := g.manager.Health()
	switch until := g.relives(); {
	case h.Err != "":
		return "incidents cannot be stored: " + h.Err
	case !until.IsZero():
		return "the clock of Omen's machine was set back"
	case g.drops.since(h.Dropped, at):
		return "rounds of scores were dropped in the last ten minutes: incidents may be older than they look"
	}
	return ""
}

// dropped remembers when a counter last grew. The loop asks, and requests do.
type dropped struct {
	mu sync.Mutex
	n  uint64
	at time.Time
}

// since reports whether the counter grew within ten minutes.
func (d *dropped) since(n uint64, at time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n > d.n {
		d.n, d.at = n, at
	}
	return !d.at.IsZero() && at.Sub(d.at).Abs() < 10*time.Minute
}

// said adds what people said of the open incidents: silences, windows, verdicts.
func (w world) said(ctx context.Context, f *remedy.Facts) (err error) {
	g := w.g
	db := g.p.db
	rules := mute.Rules{}
	if rules.Silences, err = db.Silences(ctx, f.At); err != nil {
		return err
	}
	if rules.Windows, err = db.Windows(ctx); err != nil {
		return err
	}
	if rules.Events, err = db.Events(ctx, f.At.Add(-mute.MaxGrace), f.At); err != nil {
		return err
	}
	patterns, err := db.Patterns(ctx)
	if err != nil {
		return err
	}
	muted, broken := rules.Compile()
	if len(broken) > 0 { // it may be what would have forbidden it
		return fmt.Errorf("a silence or window cannot be understood: %w", errors.Join(broken...))
	}
	f.Muted, f.Rejected, f.Verdicts = map[string]string{}, map[string]bool{}, map[string]int{}
	past := map[omen.IncidentKind][]omen.Incident{}
	for i := range f.Incidents {
		in := &f.Incidents[i]
		if in.State == omen.Closed {
			continue
		}
		if why := muted.Reason(in, mute.Subjects(in, g.Labels), f.At); why != "" {
			f.Muted[in.ID] = remedy.MutedBy(why)
		} else if why := remedy.MutedBy(in.Suppressed); why != "" {
			f.Muted[in.ID] = why
		}
		role := g.manager.Role(in.Host)
		f.Rejected[in.ID] = in.Verdict == omen.NotAProblem || in.Verdict == omen.Expected || in.Suppressed == omen.ReasonFeedback
		for _, p := range patterns {
			if p.InForce() && p.Verdict != omen.Real && p.Suppresses(in, role, f.At) {
				f.Rejected[in.ID] = true
			}
		}
		if err := w.called(ctx, f, *in, past); err != nil {
			return err
		}
	}
	return nil
}

// called adds how often people called the same real, where a playbook asks. past
// keeps what was read of each kind for the next incident of it.
func (w world) called(ctx context.Context, f *remedy.Facts, in omen.Incident, past map[omen.IncidentKind][]omen.Incident) error {
	if !slices.ContainsFunc(w.g.loaded.policy.Playbooks, func(p remedy.Playbook) bool { return p.Real > 0 }) {
		return nil
	}
	if _, read := past[in.Kind]; !read {
		all, err := w.g.p.db.Incidents(ctx, store.Filter{Kinds: []omen.IncidentKind{in.Kind}, Verdicts: []omen.Verdict{omen.Real}, From: f.At.Add(-90 * 24 * time.Hour)})
		if err != nil {
			return err
		}
		past[in.Kind] = all
	}
	f.Verdicts[in.ID] = remedy.CalledReal(in, past[in.Kind])
	return nil
}

// self is what Omen runs on, in the words of targets. It is never acted on.
func self() []string {
	all := kube.Self()
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return all
	}
	for line := range strings.Lines(string(text)) {
		_, path, _ := strings.Cut(strings.TrimSpace(line), "::")
		for _, part := range strings.Split(path, "/") {
			if strings.HasSuffix(part, ".service") || strings.HasSuffix(part, ".slice") {
				all = append(all, "unit "+filepath.Base(part))
			}
		}
	}
	return all
}
