package app

import (
	"context"
	"log/slog"
)

// demoted passes on what libraries say at level info as debug: that a
// write-ahead log was replayed is no news to an operator.
type demoted struct{ slog.Handler }

// libraryLog is a logger for libraries that talk more than Omen does.
func libraryLog(log *slog.Logger) *slog.Logger { return slog.New(demoted{log.Handler()}) }

func (d demoted) Enabled(ctx context.Context, l slog.Level) bool {
	return d.Handler.Enabled(ctx, demote(l))
}

func (d demoted) Handle(ctx context.Context, r slog.Record) error {
	r.Level = demote(r.Level)
	return d.Handler.Handle(ctx, r)
}

func (d demoted) WithAttrs(as []slog.Attr) slog.Handler { return demoted{d.Handler.WithAttrs(as)} }
func (d demoted) WithGroup(name string) slog.Handler    { return demoted{d.Handler.WithGroup(name)} }

func demote(l slog.Level) slog.Level {
	if l < slog.LevelWarn {
		return slog.LevelDebug
	}
	return l
}
