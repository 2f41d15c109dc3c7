package app

import (
	"context"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// troubleMounts is the key of file systems of this machine that do not answer.
const troubleMounts = "file systems"

// watchMounts says, until ctx ends, which file systems of this machine hang.
func (g *generation) watchMounts(ctx context.Context) error {
	timer := time.NewTicker(probeEvery)
	defer timer.Stop()
	for {
		if err := reportMounts(ctx, g.manager, g.collector.Hanging()); err != nil && ctx.Err() == nil {
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
