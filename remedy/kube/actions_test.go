//go:build e2e

package kube

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

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

// A PodDisruptionBudget's 429 comes with Retry-After, by which client-go would ask
// ten times.
func TestBudgetRefusesAtOnce(t *testing.T) {
	for name, seen := range map[string]bool{"no room": true, "not worked out yet": false} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			w := newWay(p)
			h, a := begin(p, p.cluster(w.config(), own{}), act{step: step("evict_pod", "which", "host"), setup: func(p peer) omen.Host {
				withPods(p)
				return p.host("checkout-well") // one that is not ready may go
			}})
			if !strings.Contains(a.Target.Detail, "of deployment checkout") {
				t.Errorf("target %+v", a.Target)
			}
			p.budget("checkout", "checkout", seen, 0)
			began := time.Now()
			_, err := h.Do(t.Context(), a)
			if took := time.Since(began); !errors.Is(err, remedy.ErrRefused) || took > time.Second || w.writes != 1 {
				t.Errorf("%v after %v and %d requests", err, took, w.writes)
			}
			happened(p, h, a, remedy.No)
			if _, err := h.DryRun(t.Context(), a); !errors.Is(err, remedy.ErrRefused) {
				t.Errorf("dry run: %v", err)
			}
			if _, err := h.Resolve(t.Context(), a); !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), "PodDisruptionBudget checkout allows 0") {
				t.Errorf("resolve: %v", err)
			}
		})
	}
}

func TestBudgetsAreShown(t *testing.T) {
	p := newPeer(t)
	what := act{step: step("evict_pod", "which", "oldest"), setup: func(p peer) omen.Host {
		h := withPods(p)
		p.budget("checkout", "checkout", true, 1)
		p.budget("other", "other", true, 0)
		return h
	}}
	_, a := begin(p, p.omen(), what)
	if want := "of deployment checkout; PodDisruptionBudget checkout allows 1"; a.Target.Detail != want {
		t.Errorf("%q, want %q", a.Target.Detail, want)
	}
	p.budget("second", "checkout", true, 1)
	h := must.Get(p.omen().Hand(what.step))(t)
	if _, err := h.Resolve(t.Context(), a); !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), "2 PodDisruptionBudgets") {
		t.Errorf("under two: %v", err)
	}
}

func TestWhichPod(t *testing.T) {
	p := newPeer(t)
	withPods(p)
	for which, want := range map[string]string{"": "checkout-ill", notReady: "checkout-ill", host: "checkout-well"} {
		h := must.Get(p.omen().Hand(step("evict_pod", "which", which)))(t)
		on := p.host("checkout")
		if which == host {
			on = p.host("checkout-well")
		}
		if got := must.Get(h.Resolve(t.Context(), omen.Action{Host: on}))(t); got.Name != want || got.Replicas != 3 {
			t.Errorf("which %q: %+v", which, got)
		}
	}
	p.remove(pods, p.namespace, "checkout-ill")
	h := must.Get(p.omen().Hand(step("evict_pod")))(t)
	if _, err := h.Resolve(t.Context(), omen.Action{Host: p.host("checkout")}); !errors.Is(err, remedy.ErrRefused) {
		t.Errorf("all are ready: %v", err)
	}
}

func TestScaleIsLeftToAnAutoscaler(t *testing.T) {
	p := newPeer(t)
	h, a := begin(p, p.omen(), acts()["scale up"])
	if a.Target.Detail != "from 3 to 4 replicas" { // two more, and four at most
		t.Errorf("target %+v", a.Target)
	}
	p.create(autoscalers, p.namespace, fields{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": fields{"name": "auto"},
		"spec": fields{"maxReplicas": 9, "scaleTargetRef": fields{"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}},
	})
	if _, err := h.Resolve(t.Context(), a); !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), "HorizontalPodAutoscaler auto") {
		t.Errorf("resolve: %v", err)
	}
}

func TestUndoLeavesWhatSomebodyChanged(t *testing.T) {
	for _, name := range []string{"restart a deployment", "scale up", "take a deployment back"} {
		p := newPeer(t)
		h, a := begin(p, p.omen(), acts()[name])
		must.Get(h.Do(t.Context(), a))(t)
		p.change(deployments, p.namespace, "checkout", func(o *object) {
			must.OK(t, unstructured.SetNestedField(o.Object, int64(5), "spec", "replicas"))
			must.OK(t, unstructured.SetNestedField(o.Object, "by-hand", "spec", "template", "metadata", "annotations", Action))
			o.SetAnnotations(map[string]string{Action: "by-hand"})
		})
		if err := h.Undo(t.Context(), a); !errors.Is(err, remedy.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNeverTouched(t *testing.T) {
	p := newPeer(t)
	spec := func(o fields) fields { return o["spec"].(fields) }
	inTemplate := func(o fields, part string) fields { return spec(o)["template"].(fields)[part].(fields) }
	for name, is := range map[string]struct {
		edit func(fields)
		want string
	}{
		"excluded":      {func(o fields) { o["metadata"].(fields)["annotations"].(fields)[Exclude] = "true" }, "is annotated omen.dev/exclude"},
		"pods-excluded": {func(o fields) { inTemplate(o, "metadata")["annotations"] = fields{Exclude: ""} }, "is annotated omen.dev/exclude"},
		"critical":      {func(o fields) { inTemplate(o, "spec")["priorityClassName"] = "system-cluster-critical" }, "critical to the system"},
		"operated": {func(o fields) {
			o["metadata"].(fields)["ownerReferences"] = []any{fields{"apiVersion": "x.org/v1", "kind": "Shop", "name": "s", "uid": "u", "controller": true}}
		}, "is run by Shop s"},
		"paused":  {func(o fields) { spec(o)["paused"] = true }, "is paused"},
		"rolling": {func(o fields) { o["status"].(fields)["updatedReplicas"] = 1 }, "1 of 3 replicas are updated"},
		"unseen":  {func(o fields) { o["status"].(fields)["observedGeneration"] = 0 }, "about to be rolled out"},
	} {
		p.deployment(name, is.edit)
		for _, s := range []remedy.Step{step("rollout_restart"), step("scale", "by", "1", "min", "1", "max", "9")} {
			_, err := must.Get(p.omen().Hand(s))(t).Resolve(t.Context(), omen.Action{Host: p.host(name)})
			if !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), is.want) {
				t.Errorf("%s %s: %v, want %q", s.Name, name, err, is.want)
			}
		}
	}
	c := p.cluster(as(adminToken), own{namespace: "omen", machine: "omen-0"})
	for _, namespace := range []string{"kube-system", "omen"} {
		_, err := must.Get(c.Hand(step("rollout_restart")))(t).Resolve(t.Context(), omen.Action{Host: omen.Host{Name: namespace + "/x"}})
		if !errors.Is(err, remedy.ErrRefused) {
			t.Errorf("namespace %s: %v", namespace, err)
		}
	}
	_, err := must.Get(p.omen().Hand(step("rollout_restart")))(t).Resolve(t.Context(), omen.Action{Host: p.host("none")})
	if !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	p.deployment("both")
	p.statefulSet("both")
	if _, err := must.Get(p.omen().Hand(step("rollout_restart")))(t).Resolve(t.Context(), omen.Action{Host: p.host("both")}); !errors.Is(err, remedy.ErrRefused) {
		t.Errorf("two of one name: %v", err)
	}
	got := must.Get(must.Get(p.omen().Hand(step("rollout_restart", "kind", "statefulset")))(t).Resolve(t.Context(), omen.Action{Host: p.host("both")}))(t)
	if got.Kind != "statefulset" {
		t.Errorf("of the kind that is named: %+v", got)
	}
}

func TestPodsThatAreNeverTouched(t *testing.T) {
	p := newPeer(t)
	h := must.Get(p.omen().Hand(step("delete_pod", "which", "host")))(t)
	daemons := p.create(kindOf["deployment"], p.namespace, fields{ // stands for the owner: only its kind is looked at
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": fields{"name": "owner"},
		"spec": fields{"selector": fields{"matchLabels": fields{"app": "owner"}}, "template": template("owner", "x")}})
	p.deployment("checkout")
	set := p.read(replicaSets, p.namespace, "checkout-hash2")
	p.pod("of-daemonset", "a", "DaemonSet", daemons, false)
	p.pod("of-job", "a", "Job", daemons, false)
	p.pod("bare", "a", "", nil, false)
	p.pod("excluded", "checkout", "ReplicaSet", set, false, func(o fields) { o["metadata"].(fields)["annotations"] = fields{Exclude: "yes"} })
	p.pod("critical", "checkout", "ReplicaSet", set, false, func(o fields) { o["spec"].(fields)["priorityClassName"] = "system-node-critical" })
	for name, want := range map[string]string{
		"of-daemonset": "run by DaemonSet", "of-job": "run by Job", "bare": "no Deployment or StatefulSet",
		"excluded": "is annotated", "critical": "critical to the system",
	} {
		if _, err := h.Resolve(t.Context(), omen.Action{Host: p.host(name)}); !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestNodes(t *testing.T) {
	p := newPeer(t)
	zone := p.namespace
	name := func(n int) string { return fmt.Sprintf("%s-%d", zone, n) }
	p.node(name(1), zone)
	c := p.omen()
	on := func(n int) omen.Action {
		return omen.Action{ID: fmt.Sprintf("a%012d", n), Host: omen.Host{Name: name(n)}}
	}
	cordons, uncordons := must.Get(c.Hand(step("cordon")))(t), must.Get(c.Hand(step("uncordon")))(t)
	refuses := func(h remedy.Hand, a omen.Action, want string) {
		t.Helper()
		if _, err := h.Resolve(t.Context(), a); !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	p.create(kindOf["pod"], p.namespace, fields{"apiVersion": "v1", "kind": "Pod", "metadata": fields{"name": "omen-0"},
		"spec": fields{"nodeName": name(4), "containers": []any{fields{"name": "omen", "image": "omen"}}}})
	c.own = own{namespace: p.namespace, machine: "omen-0"}
	refuses(cordons, on(1), "no other node would take pods")
	for n := 2; n <= 4; n++ {
		p.node(name(n), zone)
	}
	refuses(cordons, on(4), "the one that Omen runs on")
	first, second := on(1), on(2)
	first.Target = must.Get(cordons.Resolve(t.Context(), first))(t)
	second.Target = must.Get(cordons.Resolve(t.Context(), second))(t)
	must.Get(cordons.Do(t.Context(), first))(t)
	if _, err := cordons.Do(t.Context(), second); !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), "the same zone") {
		t.Errorf("two in one zone: %v", err)
	}
	refuses(cordons, first, "cordoned already")
	refuses(uncordons, second, "not cordoned by Omen")

	// Somebody uncordons the node and cordons it again: it is theirs, whatever the
	// annotation says.
	for _, value := range []bool{false, true} {
		p.change(nodes, "", name(1), func(o *object) {
			must.OK(t, unstructured.SetNestedField(o.Object, value, "spec", "unschedulable"))
		})
	}
	if got := p.read(nodes, "", name(1)).GetAnnotations()[Action]; got != first.ID {
		t.Fatalf("annotation %q", got)
	}
	refuses(uncordons, first, "not cordoned by Omen")
	if err := cordons.Undo(t.Context(), first); !errors.Is(err, remedy.ErrChanged) {
		t.Errorf("undo of what is somebody's: %v", err)
	}
	p.change(nodes, "", name(1), func(o *object) { unstructured.RemoveNestedField(o.Object, "spec", "unschedulable") })
	p.node(name(5), zone, func(o fields) {
		o["metadata"].(fields)["labels"].(fields)["node-role.kubernetes.io/control-plane"] = ""
	})
	p.node(name(6), zone, func(o fields) { o["metadata"].(fields)["annotations"] = fields{Exclude: "true"} })
	refuses(cordons, on(5), "control plane")
	refuses(cordons, on(6), "is annotated")
	if _, err := cordons.Resolve(t.Context(), on(9)); !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("a node that is not there: %v", err)
	}
}

// What Omen may not do is named by verb and resource, and the Role that is shipped
// gives what is needed and no more.
func TestRights(t *testing.T) {
	p := newPeer(t)
	for _, name := range []string{"shop", "omen"} {
		p.create(namespaceOf, "", fields{"apiVersion": "v1", "kind": "Namespace", "metadata": fields{"name": name}})
	}
	p.namespace = "shop"
	withPods(p)
	p.statefulSet("cart")
	p.deployment("other")
	c := p.cluster(as(omenToken), own{namespace: "omen", machine: "omen-0"})
	hand := func(s remedy.Step) remedy.Hand { return must.Get(c.Hand(s))(t) }
	restarts := hand(step("rollout_restart"))
	_, err := restarts.Resolve(t.Context(), omen.Action{Host: p.host("checkout")})
	if !errors.Is(err, omen.ErrDenied) || !strings.Contains(err.Error(), "may not get deployments.apps in namespace shop") || omen.Hint(err) == "" {
		t.Errorf("without a Role: %v", err)
	}
	p.apply("role.yaml")
	p.apply("admission-policy.yaml")
	must.OK(t, until(20*time.Second, func() error {
		_, err := restarts.Resolve(t.Context(), omen.Action{Host: p.host("checkout")})
		return err
	}))

	for _, s := range []remedy.Step{step("evict_pod"), step("scale", "by", "1", "min", "1", "max", "9"), step("rollout_restart")} {
		for _, on := range []string{"checkout", "cart"} {
			if s.Name == "evict_pod" && on == "cart" {
				continue // it has no pods
			}
			a := omen.Action{ID: "a0123456789ab", Host: p.host(on)}
			a.Target = must.Get(hand(s).Resolve(t.Context(), a))(t)
			must.Get(hand(s).DryRun(t.Context(), a))(t)
			must.Get(hand(s).Do(t.Context(), a))(t)
			happened(p, hand(s), a, remedy.Yes)
			of := placeOf(a.Target).resource
			if s.Name != "evict_pod" { // its controller follows
				o := p.read(of, "shop", on)
				must.OK(t, unstructured.SetNestedField(o.Object, o.GetGeneration(), "status", "observedGeneration"))
				for _, field := range []string{"replicas", "updatedReplicas"} {
					must.OK(t, unstructured.SetNestedField(o.Object, int64(replicas(o)), "status", field))
				}
				must.Get(p.api.Resource(of).Namespace("shop").UpdateStatus(t.Context(), o, metav1.UpdateOptions{}))(t)
			}
		}
	}

	denied := func(err error, want string) {
		t.Helper()
		if !errors.Is(err, omen.ErrDenied) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	a := omen.Action{ID: "a0123456789ab", Host: p.host("other")}
	a.Target = must.Get(restarts.Resolve(t.Context(), a))(t)
	_, err = restarts.DryRun(t.Context(), a)
	denied(err, "may not patch deployments.apps in namespace shop")
	_, err = restarts.Do(t.Context(), a)
	denied(err, "may not patch deployments.apps in namespace shop")
	if !errors.Is(err, remedy.ErrRefused) {
		t.Errorf("a missing right is a no: %v", err)
	}
	_, err = hand(step("cordon")).Resolve(t.Context(), omen.Action{Host: omen.Host{Name: "n"}})
	denied(err, "may not list nodes")
	well := p.read(pods, "shop", "checkout-well")
	_, err = hand(step("delete_pod")).Do(t.Context(), omen.Action{ID: "a1", Target: omen.Target{Kind: "pod", Namespace: "shop", Name: well.GetName(), UID: string(well.GetUID())}})
	denied(err, "may not delete pods in namespace shop")

	// The admission policy holds what the Role cannot: another image, by the account
	// that may patch.
	must.OK(t, until(20*time.Second, func() error {
		for _, change := range []string{
			`[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "evil:1"}]`,
			`[{"op": "add", "path": "/spec/template/metadata/labels/x", "value": "y"}]`,
			`[{"op": "add", "path": "/spec/template/metadata/annotations/x", "value": "y"}]`,
			`[{"op": "add", "path": "/metadata/labels", "value": {"x": "y"}}]`,
		} {
			_, err := c.api.Resource(deployments).Namespace("shop").Patch(t.Context(), "checkout", types.JSONPatchType, []byte(change),
				metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
			if err == nil || !strings.Contains(err.Error(), "Omen may") {
				return fmt.Errorf("%s: %w", change, errors.Join(err, errors.New("is not refused by the policy")))
			}
		}
		return nil
	}))
	a = omen.Action{ID: "accccccccccc", Host: p.host("checkout")}
	a.Target = must.Get(restarts.Resolve(t.Context(), a))(t)
	must.Get(restarts.Do(t.Context(), a))(t)
}
