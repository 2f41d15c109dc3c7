package app

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
)

// Hosts' incidents are judged in turn, those that have waited longest first, a few at a
// time; members of a fleet's are not, and what is over is forgotten.
func TestWhichIncidentsAreJudged(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	b := blames{found: map[string]omen.Blame{"gone": {}}, due: map[string]time.Time{"gone": now}}
	var open []omen.Incident
	for i := range blameMost + 3 {
		open = append(open, omen.Incident{ID: fmt.Sprintf("i%02d", i), Kind: omen.HostIncident, State: omen.Open, Since: now.Add(-time.Duration(i) * time.Minute)})
	}
	open[0].Fleet, open[1].Kind = "f", omen.FleetIncident
	first := b.next(open, now)
	if len(first) != blameMost || first[0].ID != "i12" || len(b.found) != 0 || len(b.due) != 0 {
		t.Errorf("%d, the first %s; known %v %v", len(first), first[0].ID, b.found, b.due)
	}
	for _, in := range first {
		b.due[in.ID] = now.Add(blameAgain)
	}
	if rest := b.next(open, now.Add(time.Second)); len(rest) != 1 || rest[0].ID != "i02" {
		t.Errorf("then %+v", rest)
	}
	if all := b.next(open, now.Add(blameAgain)); len(all) != blameMost || all[0].ID != "i02" {
		t.Errorf("a minute later %d, the first %s", len(all), all[0].ID)
	}
}

// Incidents by which nothing can be judged, such as those of a source that is not in
// the configuration any more, keep no other from being judged.
func TestWhatCannotBeJudgedComesLast(t *testing.T) {
	g := generation{blames: blames{found: map[string]omen.Blame{}, due: map[string]time.Time{}}}
	now := time.Now()
	var open []omen.Incident
	for i := range blameMost + 1 {
		open = append(open, omen.Incident{ID: fmt.Sprintf("i%02d", i), Kind: omen.HostIncident, State: omen.Open, Since: now.Add(time.Duration(i) * time.Second)})
	}
	for _, in := range g.blames.next(open, now) {
		g.blame(t.Context(), in)
	}
	next := g.blames.next(open, now.Add(time.Hour))
	if len(next) != blameMost || next[0].ID != "i10" {
		t.Errorf("%d are next, the first %s, want the one that was not looked at", len(next), next[0].ID)
	}
	if known := g.blames.known(); len(known) != 0 {
		t.Errorf("known of them: %v", known)
	}
}

// An incident says what is judged of it again only where that says something else.
func TestOnlyNewsOfPodsIsStored(t *testing.T) {
	was := omen.Blame{PodRef: omen.PodRef{Node: "n", Namespace: "s", Pod: "a"}, Feature: "cpu_user", Surplus: .4, Outside: .1, Pods: []omen.PodRise{{PodRef: omen.PodRef{Namespace: "s", Pod: "a"}, Share: .8}}}
	nobody := omen.Blame{PodRef: omen.PodRef{Node: "n"}, Why: "no more than expected"}
	for name, c := range map[string]struct {
		before omen.Blame
		edit   func(*omen.Blame)
		moved  bool
	}{
		"other digits":      {was, func(b *omen.Blame) { b.Surplus, b.Outside, b.Pods[0].Share, b.Why = .5, .2, .7, "x" }, false},
		"another pod":       {was, func(b *omen.Blame) { b.Pod = "b" }, true},
		"nobody any more":   {was, func(b *omen.Blame) { b.Pod, b.Namespace = "", "" }, true},
		"another cause":     {was, func(b *omen.Blame) { b.Feature = "disk_write" }, true},
		"less of it":        {was, func(b *omen.Blame) { b.Pods[0].Share = .5 }, true},
		"more is in no pod": {was, func(b *omen.Blame) { b.Outside = .5 }, true},
		"still nobody":      {nobody, func(b *omen.Blame) {}, false},
		"nobody, and why":   {nobody, func(b *omen.Blame) { b.Why = "cannot be read" }, true},
	} {
		now := c.before
		now.Pods = slices.Clone(now.Pods)
		c.edit(&now)
		if got := moved(c.before, now); got != c.moved {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A source that hangs keeps others waiting for its turn only: incidents are judged a few
// at once, and all are.
func TestIncidentsAreJudgedSomeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		at, most, judged := 0, 0, map[string]bool{}
		began := time.Now()
		judgeEach(t.Context(), oneLook(), func(_ context.Context, in omen.Incident) {
			mu.Lock()
			at++
			most = max(most, at)
			judged[in.ID] = true
			mu.Unlock()
			time.Sleep(20 * time.Second) // as long as a source may take
			mu.Lock()
			at--
			mu.Unlock()
		})
		if took := time.Since(began); took != time.Minute || most != blameAtOnce || len(judged) != blameMost {
			t.Errorf("%d judged in %s, %d at once", len(judged), took, most)
		}
	})
}

// oneLook are as many incidents as one look takes.
func oneLook() (all []omen.Incident) {
	for i := range blameMost {
		all = append(all, omen.Incident{ID: fmt.Sprint("i", i)})
	}
	return all
}
