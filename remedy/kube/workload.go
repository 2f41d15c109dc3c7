package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// kindOf are the kinds that a target may be of.
var kindOf = map[string]schema.GroupVersionResource{"deployment": deployments, "statefulset": statefulSets, "pod": pods, "node": nodes}

// which says which workload a playbook acts on: the one that is named, or else the
// incident's host, whose profile then is by namespace and workload, with the
// cluster before them if there are several.
type which struct{ cluster, namespace, name, kind string }

// of is the namespace and name of an action's workload, or of its pod where the
// profile is by pod.
func (w which) of(h omen.Host) (namespace, name string, err error) {
	if w.name != "" {
		return w.namespace, w.name, nil
	}
	parts := strings.Split(h.Name, "/")
	if len(parts) < 2 {
		err = refused("host %s is no workload", h.Name)
		return "", "", omen.WithHint(err, "match incidents of a profile that is by namespace and workload, or name one by namespace and name")
	}
	n := len(parts) - 2
	if cluster := strings.Join(parts[:n], "/"); cluster != w.cluster {
		err = refused("host %s is of the cluster %q, and the playbook acts on the cluster %q", h.Name, cluster, w.cluster)
		return "", "", omen.WithHint(err, "say by cluster: which of the clusters the credentials are of")
	}
	return parts[n], parts[n+1], nil
}

func refused(format string, args ...any) error { return refusedBy("", format, args...) }

// refusedBy is a refusal under a guard's name.
func refusedBy(guard, format string, args ...any) error {
	return remedy.Refusal{Guard: guard, Why: fmt.Sprintf(format, args...)}
}

// workload finds the one that a host is, of the kind that is wanted or of either.
func (c *Cluster) workload(ctx context.Context, w which, h omen.Host) (kind string, o *object, err error) {
	namespace, name, err := w.of(h)
	if err != nil {
		return "", nil, err
	}
	if err := c.untouchable(namespace); err != nil {
		return "", nil, err
	}
	for _, k := range []string{"deployment", "statefulset"} {
		if w.kind != "" && w.kind != k {
			continue
		}
		found, err := c.get(ctx, kindOf[k], namespace, name)
		switch {
		case errors.Is(err, omen.ErrNotFound):
		case err != nil:
			return "", nil, err
		case o != nil:
			return "", nil, omen.WithHint(refused("%s/%s is a deployment and a statefulset", namespace, name), "say which by kind")
		default:
			kind, o = k, found
		}
	}
	if o == nil {
		return "", nil, fmt.Errorf("no deployment or statefulset is called %s/%s (DaemonSets and Jobs are never touched): %w", namespace, name, omen.ErrNotFound)
	}
	return kind, o, c.protected(kind+" "+namespace+"/"+name, o)
}

// untouchable refuses namespaces.
func (c *Cluster) untouchable(namespace string) error {
	switch {
	case strings.HasPrefix(namespace, "kube-"):
		return refusedBy(remedy.GuardSelf, "namespace %s is the cluster's own", namespace)
	case namespace == c.own.namespace:
		return refusedBy(remedy.GuardSelf, "namespace %s is the one that Omen itself runs in", namespace)
	}
	return nil
}

// protected refuses a workload that is never touched.
func (c *Cluster) protected(name string, o *object) error {
	ofPods, _, err := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "annotations")
	if err != nil {
		return refused("%s: annotations of its pods: %v", name, err)
	}
	if owner := metav1.GetControllerOf(o); owner != nil {
		return refusedBy(remedy.GuardSelf, "%s is run by %s %s, which would change it back", name, owner.Kind, owner.Name)
	}
	if excluded(o.GetAnnotations()) || excluded(ofPods) {
		return refusedBy(remedy.GuardSelf, "%s is annotated %s", name, Exclude)
	}
	return critical(name, text(o.Object, "spec", "template", "spec", "priorityClassName"))
}

func excluded(annotations map[string]string) bool {
	value, found := annotations[Exclude]
	return found && value != "false"
}

func critical(name, priority string) error {
	if priority == "system-cluster-critical" || priority == "system-node-critical" {
		return refusedBy(remedy.GuardSelf, "%s is critical to the system: its priority class is %s", name, priority)
	}
	return nil
}

// rolling refuses a workload in the middle of a rollout.
func rolling(name string, o *object) error {
	wanted := replicas(o)
	switch {
	case isSet(o.Object, "spec", "paused"):
		return refusedBy(remedy.GuardRollout, "%s is paused", name)
	case int64(number(o.Object, "status", "observedGeneration")) < o.GetGeneration():
		return refusedBy(remedy.GuardRollout, "%s is about to be rolled out: its controller has not seen the last change", name)
	case number(o.Object, "status", "updatedReplicas") < wanted:
		return refusedBy(remedy.GuardRollout, "%s is in the middle of a rollout: %d of %d replicas are updated", name, number(o.Object, "status", "updatedReplicas"), wanted)
	}
	return nil
}

// steady is the target that a workload is, with the workload, if it is not in the
// middle of a rollout.
func (c *Cluster) steady(ctx context.Context, w which, h omen.Host) (omen.Target, *object, error) {
	kind, o, err := c.workload(ctx, w, h)
	if err != nil {
		return omen.Target{}, nil, err
	}
	t := target(kind, o)
	return t, o, rolling(t.ID(), o)
}

// replicas are how many a workload is to have; left out means one.
func replicas(o *object) int {
	if _, found, err := unstructured.NestedInt64(o.Object, "spec", "replicas"); !found || err != nil {
		return 1
	}
	return number(o.Object, "spec", "replicas")
}

// target describes a workload as it is now.
func target(kind string, o *object) omen.Target {
	t := omen.Target{
		Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName(), UID: string(o.GetUID()), Version: o.GetResourceVersion(),
		Replicas: replicas(o), Available: number(o.Object, "status", "availableReplicas"),
	}
	t.Mark, t.MarkedAt = markOf(o)
	if kind == "deployment" {
		t.Revision = o.GetAnnotations()["deployment.kubernetes.io/revision"]
	} else {
		t.Revision = text(o.Object, "status", "updateRevision")
	}
	return t
}

// markOf is the action that last changed an object, whichever Omen's it was, and when:
// by the name under which the API server keeps what it set.
func markOf(o *object) (id string, at time.Time) {
	for _, f := range o.GetManagedFields() {
		by, ours := strings.CutPrefix(strings.TrimSuffix(f.Manager, undoing), manager(""))
		if ours && by != "" && f.Time != nil && f.Time.After(at) {
			id, at = by, f.Time.UTC()
		}
	}
	return id, at
}

// budgetsOf are the PodDisruptionBudgets that hold for a pod, and how many pods
// the tightest lets go.
func (c *Cluster) budgetsOf(ctx context.Context, namespace string, pod map[string]string) (names []string, room int, err error) {
	all, err := c.list(ctx, budgets, namespace, "")
	if err != nil {
		return nil, 0, err
	}
	for _, b := range all {
		selector, err := selectorOf(&b)
		if err != nil {
			return nil, 0, err
		}
		if !selector.Matches(labels.Set(pod)) {
			continue
		}
		allowed := number(b.Object, "status", "disruptionsAllowed")
		if len(names) == 0 || allowed < room {
			room = allowed
		}
		names = append(names, b.GetName())
	}
	return names, room, nil
}

// room says in words what PodDisruptionBudgets leave; empty without one.
func room(names []string, left int) string {
	if len(names) == 0 {
		return ""
	}
	return "PodDisruptionBudget " + strings.Join(names, ", ") + " allows " + strconv.Itoa(left)
}

// selectorOf is an object's spec.selector; one that is missing selects nothing.
func selectorOf(o *object) (labels.Selector, error) {
	raw, _, err := unstructured.NestedMap(o.Object, "spec", "selector")
	if err != nil {
		return nil, refused("%s %s: selector: %v", o.GetKind(), o.GetName(), err)
	}
	if raw == nil {
		return labels.Nothing(), nil
	}
	var s metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &s); err != nil {
		return nil, refused("%s %s: selector: %v", o.GetKind(), o.GetName(), err)
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		return nil, refused("%s %s: selector: %v", o.GetKind(), o.GetName(), err)
	}
	return selector, nil
}

// owned are the objects that an owner controls, by its UID.
func owned(all []object, owner *object) []object {
	return slices.DeleteFunc(all, func(o object) bool {
		ref := metav1.GetControllerOf(&o)
		return ref == nil || ref.UID != owner.GetUID()
	})
}

// podsOf are a workload's pods, the oldest first.
func (c *Cluster) podsOf(ctx context.Context, kind string, o *object) ([]object, error) {
	selector, err := selectorOf(o)
	if err != nil {
		return nil, err
	}
	owners := []object{*o}
	if kind == "deployment" {
		sets, err := c.list(ctx, replicaSets, o.GetNamespace(), selector.String())
		if err != nil {
			return nil, err
		}
		owners = owned(sets, o)
	}
	all, err := c.list(ctx, pods, o.GetNamespace(), selector.String())
	if err != nil {
		return nil, err
	}
	var out []object
	for _, owner := range owners {
		out = append(out, owned(slices.Clone(all), &owner)...)
	}
	slices.SortFunc(out, func(a, b object) int {
		return cmp.Or(a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time), strings.Compare(a.GetName(), b.GetName()))
	})
	return out, nil
}
