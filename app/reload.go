package app

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
)

// takeOver gives the watches what those of the generation before knew, which has
// stopped: a reload empties nothing. This machine under another name is another.
func (g *generation) takeOver(old *generation) {
	g.api.TakeOver(old.api)
	if g.collector != nil && old.collector != nil {
		g.collector.TakeOver(old.collector)
	}
	for _, w := range g.watches {
		renamed := w.source == localName && (old.collector == nil || old.collector.Instance() != g.collector.Instance())
		for _, was := range old.watches {
			if was.source == w.source && was.schema.Profile() == w.schema.Profile() && !renamed {
				w.TakeOver(was.Watch)
			}
		}
	}
}

// reload reads the configuration again and replaces the running generation, or
// returns why that one goes on.
func (p *process) reload(ctx context.Context) error {
	l, err := p.load()
	if err != nil {
		return err
	}
	old := p.current
	if h := old.manager.Health(); h.Err != "" { // what waits in it would be lost
		return fmt.Errorf("reload: incidents cannot be stored since %s (%s): %w", h.Since.Format(time.RFC3339), h.Err, omen.ErrUnavailable)
	}
	if err := p.storage.problem(); err != nil { // what the old one knows would be lost
		return fmt.Errorf("reload: storage: %w", err)
	}
	next, err := p.prepare(ctx, l)
	if err != nil {
		return err
	}
	if s, was := l.conf.Storage, old.conf.Storage; s.RetentionTime != was.RetentionTime || s.RetentionSize != was.RetentionSize {
		p.log.Warn("storage.retention_time and storage.retention_size take effect at the next start")
	}
	if l.conf.Remedy.AuditKeyFile != old.conf.Remedy.AuditKeyFile {
		p.log.Warn("remedy.audit_key_file takes effect at the next start")
	}
	down := &teardown{log: p.log}
	down.add("incidents and notifications", old.stopConsumers)
	down.add("sources", old.sources.stop)
	if err := down.run(); err != nil { // half of it is stopped: there is no way back
		err = fmt.Errorf("reload: %w", err)
		p.fail(err)
		return err
	}
	p.current = next
	next.takeOver(old)
	next.start(ctx)
	old.endStreams()
	p.log.Info("configuration reloaded", "path", p.o.ConfigFile, "count", len(next.watches))
	return nil
}
