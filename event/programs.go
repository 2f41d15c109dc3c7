package event

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/series"
)

// startMetric is the metric by which a process says since when it runs.
const startMetric = "process_start_time_seconds"

// running asks, in one query, for everything that says which program runs
// since when in which version.
const running = `{__name__=~"` + startMetric + `|.+_build_info"}`

const (
	targetWindow = 150 * time.Second // half of how far back a sample counts as present
	startSlack   = 10 * time.Second  // start times that are computed again at each scrape differ by less
	lookBack     = 15 * time.Minute  // the first look is also at how things were then
	startRecent  = 5 * time.Minute   // a process that is first seen and runs for less has just started
	bootSpan     = 15 * time.Minute  // what starts within this after its machine belongs to the boot
	programGone  = 24 * time.Hour    // a program that is gone for so long is forgotten
	titleChanges = 2                 // labels that a deploy's title names
)

// Programs is what was last known of every program of a source that says which
// one it is, by instance, job and metric. The empty map is one that never asked.
type Programs map[string]*program

type program struct {
	seen   time.Time
	start  time.Time         // of startMetric
	labels map[string]string // of a build info
}

// Ask reads which programs run at an instant, and says what they did since it
// last asked; the first time, since [lookBack] before.
func (p Programs) Ask(ctx context.Context, source series.Source, at time.Time) ([]Change, error) {
	if len(p) == 0 {
		before := Programs{}
		if _, err := before.look(ctx, source, at.Add(-lookBack)); err != nil {
			return nil, err
		}
		maps.Copy(p, before)
	}
	found, err := p.look(ctx, source, at)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(p, func(_ string, one *program) bool { return at.Sub(one.seen) > programGone })
	return found, nil
}

// Change is what one program did.
type Change struct {
	kind          mute.EventKind
	at            time.Time
	instance, job string
	title         string
}

// look reads what runs at an instant and tells it from what was seen before. A
// new version that came with a restart is a deploy alone.
func (p Programs) look(ctx context.Context, source series.Source, at time.Time) ([]Change, error) {
	f, err := source.Read(ctx, series.Query{
		Exprs: []series.Expr{{Feature: "running", PromQL: running}}, By: []string{"instance", "job", "__name__"},
		Start: at, End: at, Window: targetWindow,
	})
	if err != nil {
		return nil, fmt.Errorf("ask what runs since when: %w", err)
	}
	var found []Change
	started, deployed := map[string]time.Time{}, map[string]bool{}
	for i, key := range f.Hosts {
		labels := f.Labels[i]
		instance, job := labels["instance"], labels["job"]
		t, known := p[key]
		if !known {
			t = &program{}
			p[key] = t
		}
		t.seen = at
		who := instance + "/" + job
		if !strings.HasSuffix(key, "/"+startMetric) {
			if title := t.deploy(labels); title != "" {
				found = append(found, Change{mute.EventDeploy, at, instance, job, cmp.Or(job, "a program") + ": " + title})
				deployed[who] = true
			}
			continue
		}
		start := time.UnixMilli(int64(f.At(i, 0, 0) * 1000))
		if known && start.Sub(t.start) > startSlack || !known && at.Sub(start) < startRecent {
			found = append(found, Change{mute.EventRestart, start, instance, job, cmp.Or(job, "a program") + " restarted"})
			started[who] = start
		}
		t.start = start
	}
	found = slices.DeleteFunc(found, func(c Change) bool { return c.kind == mute.EventRestart && deployed[c.instance+"/"+c.job] })
	for i := range found {
		if start, ok := started[found[i].instance+"/"+found[i].job]; ok {
			found[i].at = start
		}
	}
	return found, nil
}

// deploy takes in a build info's labels and says what changed; empty if nothing
// did. Where a source does not say that the old series ended, it is there
// beside the new one for some minutes: then labels in which they differ are
// missing, and what they became shows only later.
func (t *program) deploy(labels map[string]string) string {
	if t.labels == nil {
		t.labels = maps.Clone(labels)
		return ""
	}
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if old, ok := t.labels[name]; ok && old != labels[name] && old != "" {
			changed = append(changed, fmt.Sprintf("%s %s → %s", name, old, labels[name]))
		}
		t.labels[name] = labels[name]
	}
	for _, name := range slices.Sorted(maps.Keys(t.labels)) {
		if _, ok := labels[name]; !ok && t.labels[name] != "" {
			changed = append(changed, fmt.Sprintf("%s changed, was %s", name, t.labels[name]))
			t.labels[name] = "" // what it is now is no news
		}
	}
	slices.SortStableFunc(changed, func(a, b string) int { // the version says most
		return cmp.Compare(precedence(a), precedence(b))
	})
	return strings.Join(changed[:min(len(changed), titleChanges)], ", ")
}

func precedence(change string) int {
	if strings.HasPrefix(change, "version ") {
		return 0
	}
	return 1
}
