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
// of it, and what an earlier configuration had said is over.
func (g *generation) watchMounts(ctx context.Context) error {
	timer := time.NewTicker(probeEvery)
	defer timer.Stop()
	for {
		var hanging, missing []string
		if c := g.collector; c != nil {
			hanging, missing = c.Hanging(), c.Missing(time.Now())
		}
		err := errors.Join(reportMounts(ctx, g.manager, hanging), reportParts(ctx, g.manager, missing))
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

func reportMounts(ctx context.Context, to troubles, hanging []string) error {
	if len(hanging) == 0 {
		return to.Resolve(ctx, troubleMounts)
	}
	return to.Report(ctx, troubleMounts, omen.Critical,
		omen.Plural(len(hanging), "file system does", "file systems do")+" not answer, and programs that use them hang: "+strings.Join(hanging, ", "))
}

func reportParts(ctx context.Context, to troubles, missing []string) error {
	if len(missing) == 0 {
		return to.Resolve(ctx, troubleParts)
	}
	return to.Report(ctx, troubleParts, omen.Critical, "this machine is not measured in part: "+strings.Join(missing, "; "))
}
