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

// What one Omen changed another one sees, by what the API server keeps.
func TestMarksAreSeenByOthers(t *testing.T) {
	p := newPeer(t)
	h, a := begin(p, p.omen(), acts()["restart a deployment"])
	if a.Target.Mark != "" {
		t.Errorf("before: %+v", a.Target)
	}
	must.Get(h.Do(t.Context(), a))(t)
	o := p.read(deployments, p.namespace, "checkout") // its controller follows
	must.OK(t, unstructured.SetNestedField(o.Object, o.GetGeneration(), "status", "observedGeneration"))
	must.Get(p.api.Resource(deployments).Namespace(p.namespace).UpdateStatus(t.Context(), o, metav1.UpdateOptions{}))(t)
	got := must.Get(must.Get(p.omen().Hand(step("rollout_restart")))(t).Resolve(t.Context(), omen.Action{Host: a.Host}))(t)
	if got.Mark != a.ID || time.Since(got.MarkedAt).Abs() > time.Hour {
		t.Errorf("after: %+v", got)
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
	p.pod("static", "checkout", "ReplicaSet", set, false, func(o fields) {
		o["metadata"].(fields)["annotations"] = fields{"kubernetes.io/config.mirror": "x"}
		o["spec"].(fields)["nodeName"] = "n"
	})
	for name, want := range map[string]string{
		"static": "is a static pod", "of-daemonset": "run by DaemonSet", "of-job": "run by Job", "bare": "no Deployment or StatefulSet",
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
			`[{"op": "add", "path": "/spec/template/metadata/finalizers", "value": ["omen.dev/x"]}]`,
			`[{"op": "add", "path": "/spec/paused", "value": true}]`,
			`[{"op": "add", "path": "/spec/minReadySeconds", "value": 7}]`,
			`[{"op": "replace", "path": "/spec/strategy", "value": {"type": "Recreate"}}]`,
			`[{"op": "remove", "path": "/spec/revisionHistoryLimit"}, {"op": "add", "path": "/spec/revisionHistoryLimit", "value": 0}]`,
			`[{"op": "add", "path": "/metadata/annotations/x", "value": "y"}]`,
			`[{"op": "remove", "path": "/metadata/annotations/deployment.kubernetes.io~1revision"}]`,
			`[{"op": "add", "path": "/metadata/finalizers", "value": ["omen.dev/x"]}]`,
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
	must.OK(t, restarts.Undo(t.Context(), a))
}
