package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// troubleMounts is the key of file systems of this machine that do not answer.
const troubleMounts = "file systems"

// troubleParts is the key of parts of this machine that cannot be measured.
const troubleParts = "this machine"

// watchMounts says, until ctx ends, which file systems of this machine hang, and which
// part of it is not measured. Where this machine is not measured at all nothing is said
// of it, and what an earlier configuration had said is over. What was said before the
// start holds until it is known.
func (g *generation) watchMounts(ctx context.Context) error {
	timer := time.NewTicker(probeEvery)
	defer timer.Stop()
	for {
		var machine measured = nothing{}
		if g.collector != nil {
			machine = g.collector
		}
		err := errors.Join(reportMounts(ctx, g.manager, machine), reportParts(ctx, g.manager, machine))
		if err != nil && ctx.Err() == nil {
			g.p.log.Error("own trouble not reported", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

// measured is how this machine is measured; see [host.Collector].
type measured interface {
	Hanging() (mounts []string, known bool)
	Missing(now time.Time) (parts []string, known bool)
}

// nothing is of a machine that is not measured.
type nothing struct{}

func (nothing) Hanging() (mounts []string, known bool)         { return nil, true }
func (nothing) Missing(time.Time) (parts []string, known bool) { return nil, true }

func reportMounts(ctx context.Context, to troubles, c measured) error {
	hanging, known := c.Hanging()
	if len(hanging) == 0 {
		return resolveKnown(ctx, to, troubleMounts, known)
	}
	return to.Report(ctx, troubleMounts, omen.Critical,
		omen.Plural(len(hanging), "file system does", "file systems do")+" not answer, and programs that use them hang: "+strings.Join(hanging, ", "))
}

func reportParts(ctx context.Context, to troubles, c measured) error {
	missing, known := c.Missing(time.Now())
	if len(missing) == 0 {
		return resolveKnown(ctx, to, troubleParts, known)
	}
	return to.Report(ctx, troubleParts, omen.Critical, "this machine is not measured in part: "+omen.Plural(len(missing), "collector does", "collectors do")+" not answer: "+strings.Join(missing, ", "))
}

// resolveKnown resolves what is known to be over.
func resolveKnown(ctx context.Context, to troubles, key string, known bool) error {
	if !known {
		return nil
	}
	return to.Resolve(ctx, key)
}
