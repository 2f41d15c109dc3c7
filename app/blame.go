package app

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/remedy"
)

const (
	// blameLook is how often it is looked for incidents that nobody has judged yet, and
	// blameAgain after how long one is judged again: pods come and go. A host that is no
	// node of Kubernetes may become known as one later.
	blameLook  = 5 * time.Second
	blameAgain = time.Minute
	notNode    = 10 * time.Minute
	// blameMost bounds the incidents of one look: each makes five reads of its source.
	blameMost = 10
	// blameAtOnce are judged at once: a source that hangs keeps those of others waiting
	// for a few seconds less, and what is judged is not too old to act on (guard blame)
	// when all have had their turn.
	blameAtOnce = 4
	// blameMoved is by how much a pod's share has to move for the incident to say so.
	blameMoved = 0.25
)

// blames are which pods open incidents come from, as judged last: of hosts that are
// nodes of Kubernetes.
type blames struct {
	mu    sync.Mutex
	found map[string]omen.Blame // by incident
	due   map[string]time.Time  // by incident: it is not judged again earlier
}

// known is a copy of what was found.
func (b *blames) known() map[string]omen.Blame {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.found)
}

// blamePods judges again and again which pods open incidents of nodes come from.
func (g *generation) blamePods(ctx context.Context) error {
	for omen.Sleep(ctx, blameLook) {
		open, err := g.p.db.OpenIncidents(ctx)
		if err != nil {
			continue // who stores incidents says so
		}
		judgeEach(ctx, g.blames.next(open, time.Now()), g.blame)
	}
	return nil
}

// judgeEach judges incidents, [blameAtOnce] at once, and returns when all are.
func judgeEach(ctx context.Context, due []omen.Incident, judge func(context.Context, omen.Incident)) {
	var all errgroup.Group
	all.SetLimit(blameAtOnce)
	for _, in := range due {
		all.Go(func() error {
			judge(ctx, in)
			return nil
		})
	}
	_ = all.Wait() // none fails: what cannot be read is a judgement, too
}

// next are the incidents that are due, those that have waited longest first. What is no
// longer open is forgotten.
func (b *blames) next(open []omen.Incident, now time.Time) []omen.Incident {
	b.mu.Lock()
	defer b.mu.Unlock()
	due := slices.DeleteFunc(slices.Clone(open), func(in omen.Incident) bool {
		return in.Kind != omen.HostIncident || in.State == omen.Closed || in.Fleet != "" || now.Before(b.due[in.ID])
	})
	is := make(map[string]bool, len(open))
	for _, in := range open {
		is[in.ID] = true
	}
	maps.DeleteFunc(b.due, func(id string, _ time.Time) bool { return !is[id] })
	maps.DeleteFunc(b.found, func(id string, _ omen.Blame) bool { return !is[id] })
	slices.SortStableFunc(due, func(x, y omen.Incident) int {
		return cmp.Or(b.due[x.ID].Compare(b.due[y.ID]), x.Since.Compare(y.Since))
	})
	return due[:min(len(due), blameMost)]
}

// put notes when an incident is due again, and what was found; nil: nothing new.
func (b *blames) put(id string, due time.Time, found *omen.Blame) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.due[id] = due
	if found != nil {
		b.found[id] = *found
	}
}

// blame judges one incident, and has it say what is new.
func (g *generation) blame(ctx context.Context, in omen.Incident) {
	var use *omen.NodeUse
	var err error
	if w := g.of(in.Host); w != nil {
		use, err = w.Pods(ctx, in)
	}
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	again, was := blameAgain, g.blames.known()[in.ID]
	var found omen.Blame
	switch {
	case err != nil:
		found = omen.Blame{At: now.UTC(), Why: "its source did not answer: " + err.Error()}
	case use == nil: // too young, or there is nothing to judge it by: others come first
		g.blames.put(in.ID, now.Add(blameLook), nil)
		return
	case use.Node == "":
		again = notNode
		found = omen.Blame{At: now.UTC(), Why: "the host is no node of Kubernetes: its source has no kube_node_info (of kube-state-metrics) with the host's label node, its nodename (node_uname_info) or its address"}
	default:
		found = remedy.Blame(*use)
	}
	g.blames.put(in.ID, now.Add(again), &found)
	switch {
	case err != nil:
		if was.Why != found.Why {
			g.p.log.Warn("pods of a host not read", "incident", in.ID, "host", in.Host.Name, "err", err)
		}
		return
	case found.Node == "" || in.Blame != nil && !moved(*in.Blame, found):
		return
	}
	_, err = g.manager.Do(ctx, incident.Command{Incident: in.ID, Action: incident.Blame, By: "omen", Found: &found})
	if err != nil && !errors.Is(err, omen.ErrConflict) && !errors.Is(err, omen.ErrNotFound) && ctx.Err() == nil { // it has closed meanwhile
		g.p.log.Warn("pods of an incident not stored", "incident", in.ID, "err", err)
		g.blames.mu.Lock()
		delete(g.blames.due, in.ID)
		g.blames.mu.Unlock()
	}
}

// moved reports whether a judgement says something else than the one before: not only
// other digits.
func moved(a, b omen.Blame) bool {
	if a.PodRef != b.PodRef || a.Feature != b.Feature || len(a.Pods) != len(b.Pods) || math.Abs(a.Outside-b.Outside) >= blameMoved {
		return true
	}
	if len(a.Pods) == 0 {
		return a.Why != b.Why
	}
	return a.Pods[0].PodRef != b.Pods[0].PodRef || math.Abs(a.Pods[0].Share-b.Pods[0].Share) >= blameMoved
}
