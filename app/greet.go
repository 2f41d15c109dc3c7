package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
)

// greet says to the person who started Omen where to look and what will happen when.
func (p *process) greet(ctx context.Context, g *generation) {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s "+format+"\n", append([]any{what}, args...)...)
	}
	fmt.Fprintf(&b, "\nOmen %s\n\n", p.o.Version)
	line("web UI", "%s", p.address)
	if p.exposed && !p.web.authenticates() {
		may := "full access"
		if role := peopleOf(g.conf.Web).others; role != api.RoleAdmin {
			may = "the role " + string(role)
		}
		line("access", "no authentication: every client that reaches it has %s (see --web.config.file)", may)
	}
	what := "watches"
	if g.collector != nil {
		line(what, "this machine, as %s: measured and scored every %s", g.collector.Instance(), g.conf.Local.Step)
		what = ""
	}
	for _, s := range g.conf.Sources {
		history := s.History
		if history == 0 {
			history = g.conf.Learn.History
		}
		line(what, "every host that %s knows: scored every %s, with up to %s of history read back", s.URL.Redacted(), s.Step, history)
		what = ""
	}
	line("notifies", "%s", notifies(g.relay.Notified()))
	line("data", "%s, %s of metrics kept", p.o.StoragePath, model.Duration(g.conf.Storage.RetentionTime))
	line("stop", "Ctrl-C")
	fmt.Fprintln(p.o.Out, b.String()) // at once: what is logged meanwhile comes after it
	if g.settle(ctx); ctx.Err() == nil {
		fmt.Fprintf(p.o.Out, "models: %s\n", p.modelsLine(ctx, g))
	}
}

// notifies is who is notified, for people.
func notifies(names []string) string {
	if len(names) == 0 {
		return "nobody yet: see receivers: in omen config example"
	}
	return strings.Join(names, ", ")
}

// modelsLine says how many models serve, which hosts that had one are trained anew and
// why, and when the first is due where none serves.
func (p *process) modelsLine(ctx context.Context, g *generation) string {
	hosts := g.Hosts()
	stored, err := p.db.Models(ctx, omen.Host{})
	n := 0
	if err == nil {
		n = g.takes(stored, hosts)
	}
	said := []string{"none yet"}
	if n > 0 {
		said[0] = omen.Plural(n, "model", "models") + " from before: scoring begins at once"
	}
	for _, of := range omen.TrainedAnew(hosts) {
		said = append(said, of.String())
	}
	if n == 0 {
		said = append(said, g.firstModel())
	}
	return strings.Join(said, "; ")
}

// firstModel says when the first model is due, or why that is not known.
func (g *generation) firstModel() string {
	var due time.Time
	for _, w := range g.watches {
		if at := w.FirstModelDue(); !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	if due.IsZero() {
		return notDue(g.Sources()) + "; the web UI says when the first is due"
	}
	if time.Until(due) < 10*time.Second {
		return "the first is being trained, from the history that there is"
	}
	return fmt.Sprintf("the first is due about %s (in %s), and gets better with every hour of history",
		due.Local().Format("15:04:05 MST"), time.Until(due).Round(time.Second))
}

// notDue is why it is not known when the first model is due.
func notDue(all []omen.SourceStatus) string {
	hosts := 0
	var waits, down []string
	for _, s := range all {
		hosts += s.Hosts
		switch {
		case s.State == omen.SourceDown:
			down = append(down, s.Name)
		case s.State == omen.SourceStarting || s.LastRead.IsZero():
			waits = append(waits, s.Name)
		}
	}
	switch {
	case hosts > 0:
		return "the history of " + omen.Plural(hosts, "host", "hosts") + " is being read"
	case len(waits) > 0:
		return strings.Join(waits, ", ") + verb(waits, " is", " are") + " being asked for the first time"
	case len(down) > 0:
		return strings.Join(down, ", ") + verb(down, " does", " do") + " not answer"
	}
	return "no host has answered"
}

func verb(of []string, one, many string) string {
	if len(of) == 1 {
		return one
	}
	return many
}

// takes is how many of the stored models score from now on: those of other
// features than are watched now do not, nor those of hosts that are trained anew.
func (g *generation) takes(stored []omen.ModelInfo, hosts []omen.HostStatus) int {
	anew := map[omen.Host]bool{}
	for _, h := range hosts {
		anew[h.Host] = h.Training.Anew != ""
	}
	n := 0
	for _, m := range stored {
		if m.Serving && !anew[m.Host] && slices.ContainsFunc(g.watches, func(w *watched) bool {
			return w.source == m.Host.Source && w.schema.Profile() == m.Host.Profile && w.schema.Hash() == m.Schema
		}) {
			n++
		}
	}
	return n
}

// settle waits until the history of the hosts that answer is known or a source has
// failed, but not for long.
func (g *generation) settle(ctx context.Context) {
	timer := time.NewTicker(50 * time.Millisecond)
	defer timer.Stop()
	for range 80 {
		known, open := 0, false
		for _, w := range g.watches {
			if w.Status().State == omen.SourceDown {
				return
			}
			for _, h := range w.Brief() {
				if lookedUp(h) {
					known++
				} else {
					open = true
				}
			}
		}
		if known > 0 && !open {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
}

// lookedUp reports whether it is known since when a host has samples, or why not.
func lookedUp(h omen.HostStatus) bool {
	return h.Model.ID != "" || !h.Training.NextDue.IsZero() || h.Training.Err != ""
}
