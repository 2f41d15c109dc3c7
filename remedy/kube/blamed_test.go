//go:build e2e

package kube

import (
	"errors"
	"strings"
	"testing"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
)

// on puts a pod on a node, with volumes.
func on(node string, volumes ...fields) func(fields) {
	return func(o fields) {
		spec := o["spec"].(fields)
		spec["nodeName"] = node
		var all []any
		for _, v := range volumes {
			all = append(all, v)
		}
		if len(all) > 0 {
			spec["volumes"] = all
		}
	}
}

// Who runs the pod that is to blame is what the API server says when it is acted on;
// what nothing would bring back as it was people do alone.
func TestBlamedPods(t *testing.T) {
	p := newPeer(t)
	d := p.deployment("checkout")
	set := p.read(replicaSets, p.namespace, "checkout-hash2")
	p.pod("good", "checkout", "ReplicaSet", set, true, on("n1"))
	p.pod("elsewhere", "checkout", "ReplicaSet", set, true, on("n2"))
	p.pod("in-memory", "checkout", "ReplicaSet", set, true, on("n1", fields{"name": "tmp", "emptyDir": fields{"medium": "Memory"}}))
	p.pod("scratch", "checkout", "ReplicaSet", set, true, on("n1", fields{"name": "tmp", "emptyDir": fields{}}))
	p.pod("files", "checkout", "ReplicaSet", set, true, on("n1", fields{"name": "var", "hostPath": fields{"path": "/var"}}))
	p.pod("of-job", "a", "Job", d, true, on("n1"))
	p.pod("of-daemonset", "a", "DaemonSet", d, true, on("n1"))
	p.pod("operated", "a", "Shop", d, true, on("n1"))
	p.pod("bare", "a", "", nil, true, on("n1"))
	p.pod("excluded", "checkout", "ReplicaSet", set, true, on("n1"), func(o fields) { o["metadata"].(fields)["annotations"] = fields{Exclude: "yes"} })
	blamed := func(name string) omen.Action {
		return omen.Action{ID: "a0123456789ab", Host: omen.Host{Source: "prod", Profile: "node", Name: "10.0.0.1:9100"}, Blamed: omen.PodRef{Node: "n1", Namespace: p.namespace, Pod: name}}
	}
	evicts := must.Get(p.omen().Hand(step("evict_pod", "which", "blamed")))(t)
	restarts := must.Get(p.omen().Hand(step("rollout_restart", "which", "blamed")))(t)
	scales := must.Get(p.omen().Hand(step("scale", "which", "blamed", "by", "1", "min", "1", "max", "9")))(t)
	for name, want := range map[string]string{
		"scratch": "its volume tmp is storage of the node", "files": "its volume var is storage of the node", "of-job": "of Job checkout",
		"of-daemonset": "of DaemonSet checkout", "operated": "run by Shop checkout", "bare": "nothing would bring the pod back",
	} {
		for _, h := range []remedy.Hand{evicts, restarts, scales} {
			if got := must.Get(h.Resolve(t.Context(), blamed(name)))(t); got.Kind != "pod" || got.Name != name || !strings.Contains(got.Manual, want) {
				t.Errorf("%s: %+v, want people alone: %q", name, got, want)
			}
		}
	}
	for name, want := range map[string]string{"elsewhere": `is on node "n2"`, "excluded": "is annotated", "": "no pod is to blame"} {
		if _, err := evicts.Resolve(t.Context(), blamed(name)); !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if _, err := evicts.Resolve(t.Context(), blamed("gone")); !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("gone: %v", err)
	}
	system := blamed("x")
	system.Blamed.Namespace = "kube-system"
	if _, err := evicts.Resolve(t.Context(), system); !errors.Is(err, remedy.ErrRefused) {
		t.Errorf("of kube-system: %v", err)
	}
	for _, name := range []string{"good", "in-memory"} {
		if got := must.Get(evicts.Resolve(t.Context(), blamed(name)))(t); got.Name != name || got.Manual != "" || got.Detail != "of deployment checkout" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	a := blamed("good")
	a.Target = must.Get(restarts.Resolve(t.Context(), a))(t)
	if a.Target.ID() != "deployment "+p.namespace+"/checkout" || a.Target.Detail != "to blame is its pod good" {
		t.Errorf("target %+v", a.Target)
	}
	must.Get(restarts.DryRun(t.Context(), a))(t)
	must.Get(restarts.Do(t.Context(), a))(t)
	happened(p, restarts, a, remedy.Yes)
	if n := generations("deployment")(p); n != 1 {
		t.Errorf("%d changes", n)
	}
}

// Pods carry no mark of who acted on them, and need none: of two Omens that evict one
// the second finds it gone, and one that was made again under its name is left alone.
func TestTwoOmensEvictAPodOnce(t *testing.T) {
	p := newPeer(t)
	s := p.statefulSet("cart")
	p.pod("cart-0", "cart", "StatefulSet", s, true)
	evict := step("evict_pod", "which", "host")
	one, other := must.Get(p.omen().Hand(evict))(t), must.Get(p.omen().Hand(evict))(t)
	mine := omen.Action{ID: "a0123456789ab", Host: p.host("cart-0")}
	theirs := omen.Action{ID: "a9999999999ff", Host: mine.Host}
	mine.Target, theirs.Target = must.Get(one.Resolve(t.Context(), mine))(t), must.Get(other.Resolve(t.Context(), theirs))(t)
	must.Get(one.Do(t.Context(), mine))(t)
	if _, err := other.Do(t.Context(), theirs); !errors.Is(err, remedy.ErrChanged) {
		t.Errorf("the second: %v", err)
	}
	again := p.pod("cart-0", "cart", "StatefulSet", s, true)
	if _, err := other.Do(t.Context(), theirs); !errors.Is(err, remedy.ErrChanged) {
		t.Errorf("of the pod that followed: %v", err)
	}
	if got := p.read(pods, p.namespace, "cart-0"); got.GetUID() != again.GetUID() || got.GetDeletionTimestamp() != nil {
		t.Error("the pod that followed was evicted")
	}
}
