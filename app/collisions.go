package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// troubleCollisions begins the key of a source some of whose hosts are several.
const troubleCollisions = "collisions/"

// watchCollisions says, until ctx ends, of which sources hosts are not judged
// since their series are of several.
func (g *generation) watchCollisions(ctx context.Context) error {
	timer := time.NewTicker(probeEvery)
	defer timer.Stop()
	for gone := true; ; {
		err := g.reportCollisions(ctx, g.manager)
		if err == nil && gone {
			if err = g.settleCollisions(ctx, g.manager); err == nil {
				gone = false
			}
		}
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

// reportCollisions says of each source which hosts are several. Of one whose
// labels were not read since the start, what was said before holds.
func (g *generation) reportCollisions(ctx context.Context, to troubles) error {
	unread := map[string]bool{}
	for _, w := range g.watches {
		unread[w.source] = unread[w.source] || !w.Pulse().Named
	}
	var errs []error
	for _, s := range g.Sources() {
		if s.RefusedHosts > 0 || !unread[s.Name] {
			errs = append(errs, reportCollision(ctx, to, s))
		}
	}
	return errors.Join(errs...)
}

func reportCollision(ctx context.Context, to troubles, s omen.SourceStatus) error {
	if s.RefusedHosts == 0 {
		return to.Resolve(ctx, troubleCollisions+s.Name)
	}
	one := slices.Min(slices.Collect(maps.Keys(s.Refused)))
	return to.Report(ctx, troubleCollisions+s.Name, omen.Warning,
		fmt.Sprintf("%s not judged, such as %s: %s", omen.Plural(s.RefusedHosts, "host of source "+s.Name+" is", "hosts of source "+s.Name+" are"), one, s.Refused[one]))
}

// settleCollisions resolves what was said of sources that are no longer configured.
func (g *generation) settleCollisions(ctx context.Context, to troubles) error {
	open, err := g.p.db.OpenIncidents(ctx)
	if err != nil {
		return err
	}
	for _, in := range open {
		source, ours := strings.CutPrefix(in.Trouble, troubleCollisions)
		if ours && !slices.Contains(sourceNames(g.conf), source) {
			if err := to.Resolve(ctx, in.Trouble); err != nil {
				return err
			}
		}
	}
	return nil
}
