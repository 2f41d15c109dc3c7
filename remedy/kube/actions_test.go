//go:build e2e

package kube

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
)

// act is one action as the tests try it.
type act struct {
	step  remedy.Step
	setup func(peer) omen.Host // what it acts on
	// effect says how often the action had its effect on what is there.
	effect func(peer) int
	undo   bool // it can be taken back
}

func step(name string, with ...string) remedy.Step {
	s := remedy.Step{Name: name, With: map[string]string{}}
	for i := 0; i < len(with); i += 2 {
		s.With[with[i]] = with[i+1]
	}
	return s
}

func (p peer) host(name string) omen.Host {
	return omen.Host{Source: "prod", Profile: "workload", Name: p.namespace + "/" + name}
}

// generations counts the changes of a workload's specification: one is its
// creation.
func generations(of string) func(peer) int {
	return func(p peer) int { return int(p.read(kindOf[of], p.namespace, "checkout").GetGeneration()) - 1 }
}

func image(p peer, of string) string {
	containers, _, err := unstructured.NestedSlice(p.read(kindOf[of], p.namespace, "checkout").Object, "spec", "template", "spec", "containers")
	must.OK(p, err)
	return text(containers[0].(fields), "image")
}

// withPods is a deployment with two pods of which one is not ready.
func withPods(p peer) omen.Host {
	p.deployment("checkout")
	set := p.read(replicaSets, p.namespace, "checkout-hash2")
	p.pod("checkout-well", "checkout", "ReplicaSet", set, true)
	p.pod("checkout-ill", "checkout", "ReplicaSet", set, false)
	return p.host("checkout")
}

func podsGone(p peer) int {
	return 2 - len(must.Get(p.api.Resource(pods).Namespace(p.namespace).List(p.Context(), metav1.ListOptions{}))(p).Items)
}

func twoNodes(p peer) omen.Host {
	p.node(p.namespace+"-1", p.namespace)
	p.node(p.namespace+"-2", p.namespace)
	return omen.Host{Source: "prod", Profile: "node", Name: "ip-of-" + p.namespace + "-1:9100"}
}

func acts() map[string]act {
	deployed := func(p peer) omen.Host { p.deployment("checkout"); return p.host("checkout") }
	stateful := func(p peer) omen.Host { p.statefulSet("checkout"); return p.host("checkout") }
	return map[string]act{
		"restart a deployment":     {step("rollout_restart"), deployed, generations("deployment"), true},
		"restart a statefulset":    {step("rollout_restart"), stateful, generations("statefulset"), true},
		"scale up":                 {step("scale", "by", "2", "min", "2", "max", "4"), deployed, generations("deployment"), true},
		"scale a statefulset down": {step("scale", "by", "-1", "min", "1", "max", "4"), stateful, generations("statefulset"), true},
		"take a deployment back":   {step("undo_rollout"), deployed, generations("deployment"), true},
		"take a statefulset back":  {step("undo_rollout"), stateful, generations("statefulset"), true},
		"evict a pod":              {step("evict_pod"), withPods, podsGone, false},
		"delete a pod":             {step("delete_pod", "which", "oldest"), withPods, podsGone, false},
		"cordon a node":            {step("cordon"), twoNodes, func(p peer) int { return cordoned(p) }, true},
		"uncordon a node": {step("uncordon"), func(p peer) omen.Host {
			h := twoNodes(p)
			a := omen.Action{ID: "a00000000c0d0", Host: h}
			hand := must.Get(p.omen().Hand(step("cordon")))(p)
			a.Target = must.Get(hand.Resolve(p.Context(), a))(p)
			must.Get(hand.Do(p.Context(), a))(p)
			return h
		}, func(p peer) int { return 1 - cordoned(p) }, false},
	}
}

func cordoned(p peer) (n int) {
	for _, name := range []string{"-1", "-2"} {
		if isSet(p.read(nodes, "", p.namespace+name).Object, "spec", "unschedulable") {
			n++
		}
	}
	return n
}

// begin sets an act up and resolves its target.
func begin(p peer, c *Cluster, what act) (remedy.Hand, omen.Action) {
	p.Helper()
	hand := must.Get(c.Hand(what.step))(p)
	a := omen.Action{ID: "a0123456789ab", Host: what.setup(p), Started: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}
	a.Target = must.Get(hand.Resolve(p.Context(), a))(p)
	return hand, a
}

func happened(p peer, h remedy.Hand, a omen.Action, want remedy.Answer) {
	p.Helper()
	if got := must.Get(h.Happened(p.Context(), a))(p); got != want {
		p.Errorf("happened: %v, want %v", got, want)
	}
}

func TestEachAction(t *testing.T) {
	for name, what := range acts() {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			h, a := begin(p, p.omen(), what)
			if text := must.Get(h.DryRun(t.Context(), a))(t); !strings.Contains(text, "the API server accepts it") {
				t.Errorf("dry run: %s", text)
			}
			if n := what.effect(p); n != 0 {
				t.Fatalf("%d effects of resolving and a dry run", n)
			}
			happened(p, h, a, remedy.No)
			must.Get(h.Do(t.Context(), a))(t)
			happened(p, h, a, remedy.Yes)
			if n := what.effect(p); n != 1 {
				t.Fatalf("%d effects", n)
			}
			if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrChanged) || what.effect(p) != 1 {
				t.Errorf("a second time: %v, %d effects", err, what.effect(p))
			}
			err := h.Undo(t.Context(), a)
			if what.undo && err != nil || !what.undo && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("undo: %v", err)
			}
			if what.undo {
				happened(p, h, a, remedy.No)
			}
		})
	}
}

// The answer is lost after the API server has done what it was asked: it is settled
// by looking, and done once.
func TestLostAnswer(t *testing.T) {
	for name, what := range acts() {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			w := newWay(p)
			h, a := begin(p, p.cluster(w.config(), own{}), what)
			w.lose = func(forward func()) { forward() }
			if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrUnknown) {
				t.Errorf("do: %v", err)
			}
			happened(p, h, a, remedy.Yes)
			if n := what.effect(p); n != 1 || w.writes != 1 {
				t.Errorf("%d effects of %d writes", n, w.writes)
			}
		})
	}
}

// The request is lost: nothing happened, and nothing is repeated by itself.
func TestLostRequest(t *testing.T) {
	for name, what := range acts() {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			w := newWay(p)
			h, a := begin(p, p.cluster(w.config(), own{}), what)
			w.lose = func(func()) {}
			if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrUnknown) {
				t.Errorf("do: %v", err)
			}
			happened(p, h, a, remedy.No)
			if n := what.effect(p); n != 0 || w.writes != 1 {
				t.Errorf("%d effects of %d writes", n, w.writes)
			}
		})
	}
}

// The request arrives late, when it was taken for lost and the next attempt was
// made: what it saw is gone, so that there is one effect all the same.
func TestLateRequest(t *testing.T) {
	for name, what := range acts() {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			w := newWay(p)
			c := p.cluster(w.config(), own{})
			h, a := begin(p, c, what)
			var late func()
			w.lose = func(forward func()) { late = forward }
			if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrUnknown) {
				t.Errorf("do: %v", err)
			}
			next := a
			next.ID = "abbbbbbbbbbbb"
			next.Target = must.Get(h.Resolve(t.Context(), next))(t)
			must.Get(h.Do(t.Context(), next))(t)
			late()
			if n := what.effect(p); n != 1 {
				t.Errorf("%d effects", n)
			}
			happened(p, h, next, remedy.Yes)
		})
	}
}

func TestRestartIsSeenAndTakenBack(t *testing.T) {
	p := newPeer(t)
	h, a := begin(p, p.omen(), acts()["restart a deployment"])
	want := omen.Target{Kind: "deployment", Namespace: p.namespace, Name: "checkout", Replicas: 3, Available: 3, Revision: "2"}
	got := a.Target
	got.UID, got.Version = "", ""
	if got != want {
		t.Errorf("target %+v, want %+v", got, want)
	}
	must.Get(h.Do(t.Context(), a))(t)
	annotations, _, err := unstructured.NestedStringMap(p.read(deployments, p.namespace, "checkout").Object, "spec", "template", "metadata", "annotations")
	if err != nil || annotations[restarted] != "2026-11-29T12:00:00Z" || annotations[Action] != a.ID || len(annotations) != 2 {
		t.Errorf("annotations %v, %v", annotations, err)
	}
	must.OK(t, h.Undo(t.Context(), a))
	if _, found, err := unstructured.NestedMap(p.read(deployments, p.namespace, "checkout").Object, "spec", "template", "metadata", "annotations"); found || err != nil {
		t.Errorf("annotations are left: %v", err)
	}
}

func TestRollbackGoesToTheRevisionBefore(t *testing.T) {
	for name, of := range map[string]string{"take a deployment back": "deployment", "take a statefulset back": "statefulset"} {
		p := newPeer(t)
		h, a := begin(p, p.omen(), acts()[name])
		must.Get(h.Do(t.Context(), a))(t)
		if got := image(p, of); got != "shop:1" {
			t.Errorf("%s: it runs %s", of, got)
		}
		must.OK(t, h.Undo(t.Context(), a))
		if got := image(p, of); got != "shop:2" {
			t.Errorf("%s: after the undo it runs %s", of, got)
		}
		if of == "deployment" {
			labels, _, err := unstructured.NestedStringMap(p.read(deployments, p.namespace, "checkout").Object, "spec", "template", "metadata", "labels")
			if err != nil || len(labels) != 1 {
				t.Errorf("labels %v, %v", labels, err)
			}
		}
	}
}

// Whoever changes the workload after it was shown, even between Omen's read and its
// write, wins.
func TestConflict(t *testing.T) {
	for _, name := range []string{"restart a deployment", "scale up", "take a statefulset back"} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			c := p.omen()
			h, a := begin(p, c, acts()[name])
			where := placeOf(a.Target)
			seen := p.read(where.resource, p.namespace, "checkout")
			p.change(where.resource, p.namespace, "checkout", func(o *object) { o.SetLabels(map[string]string{"by": "somebody"}) })
			if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrChanged) {
				t.Errorf("do: %v", err)
			}
			for _, sub := range []string{"", "scale"} {
				where.sub = sub
				err := c.patch(t.Context(), seen, where, "omen-x", false, func(*object) ([]op, error) { return []op{{"replace", "/spec/replicas", 9}}, nil })
				if !errors.Is(err, remedy.ErrChanged) {
					t.Errorf("the API server takes it: %v", err)
				}
			}
			if got := p.read(where.resource, p.namespace, "checkout"); got.GetGeneration() != 1 {
				t.Errorf("it is at generation %d", got.GetGeneration())
			}
		})
	}
}

func TestWorkloadCreatedAgain(t *testing.T) {
	p := newPeer(t)
	c := p.omen()
	h, a := begin(p, c, acts()["restart a deployment"])
	before := p.read(deployments, p.namespace, "checkout")
	p.remove(deployments, p.namespace, "checkout")
	if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrChanged) {
		t.Errorf("of one that is gone: %v", err)
	}
	p.remove(replicaSets, p.namespace, "checkout-hash1")
	p.remove(replicaSets, p.namespace, "checkout-hash2")
	p.deployment("checkout")
	if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrChanged) {
		t.Errorf("of one that is another: %v", err)
	}
	before.SetResourceVersion(p.read(deployments, p.namespace, "checkout").GetResourceVersion())
	err := c.patch(t.Context(), before, placeOf(a.Target), "omen-x", false, func(*object) ([]op, error) { return []op{{"replace", "/spec/replicas", 9}}, nil })
	if !errors.Is(err, remedy.ErrChanged) || generations("deployment")(p) != 0 {
		t.Errorf("the API server takes the UID of another: %v", err)
	}
	happened(p, h, a, remedy.No)
}

// A StatefulSet's new pod has the name of the old one.
func TestPodCreatedAgainIsNotTouched(t *testing.T) {
	for _, name := range []string{"evict_pod", "delete_pod"} {
		p := newPeer(t)
		s := p.statefulSet("checkout")
		p.pod("checkout-0", "checkout", "StatefulSet", s, false)
		h, a := begin(p, p.omen(), act{step: step(name), setup: func(p peer) omen.Host { return p.host("checkout") }})
		p.remove(pods, p.namespace, "checkout-0")
		p.pod("checkout-0", "checkout", "StatefulSet", s, true)
		if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
		if got := p.read(pods, p.namespace, "checkout-0"); string(got.GetUID()) == a.Target.UID || got.GetDeletionTimestamp() != nil {
			t.Errorf("%s: %s ends", name, got.GetUID())
		}
		happened(p, h, a, remedy.Yes) // the one that was meant is gone
	}
}
