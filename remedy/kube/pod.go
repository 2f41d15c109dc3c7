package kube

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// Which of a workload's pods is removed.
const (
	notReady = "not_ready" // the oldest that is not ready; the default
	oldest   = "oldest"
	host     = "host" // the incident's host is the pod: its profile is by namespace and pod
)

// removal removes one pod, which its controller then replaces: by an eviction,
// which PodDisruptionBudgets may refuse, or by deleting it. Its UID is a
// precondition: a StatefulSet's new pod has the name of the old one.
type removal struct {
	*Cluster
	which which
	pick  string
	evict bool
}

func (r removal) Resolve(ctx context.Context, a omen.Action) (omen.Target, error) {
	pod, kind, workload, err := r.choose(ctx, a.Host)
	if err != nil {
		return omen.Target{}, err
	}
	t := omen.Target{
		Kind: "pod", Namespace: pod.GetNamespace(), Name: pod.GetName(), UID: string(pod.GetUID()), Version: pod.GetResourceVersion(),
		Replicas: replicas(workload), Available: number(workload.Object, "status", "availableReplicas"),
		Detail: "of " + kind + " " + workload.GetName(),
	}
	if err := removable(t.ID(), pod); err != nil {
		return omen.Target{}, err
	}
	names, left, err := r.budgetsOf(ctx, t.Namespace, pod.GetLabels())
	switch {
	case err != nil:
		return omen.Target{}, err
	case len(names) > 1 && r.evict:
		return omen.Target{}, refusedBy(remedy.GuardPDB, "%s is under %d PodDisruptionBudgets: the API server evicts no such pod", t.ID(), len(names))
	case len(names) > 0 && left == 0 && ready(pod):
		return omen.Target{}, refusedBy(remedy.GuardPDB, "%s: %s", t.ID(), room(names, left))
	case len(names) > 0:
		t.Detail += "; " + room(names, left)
	}
	return t, nil
}

// choose finds the pod, and the workload that it belongs to.
func (r removal) choose(ctx context.Context, h omen.Host) (pod *object, kind string, workload *object, err error) {
	if r.pick == host {
		return r.named(ctx, h)
	}
	if kind, workload, err = r.workload(ctx, r.which, h); err != nil {
		return nil, "", nil, err
	}
	all, err := r.podsOf(ctx, kind, workload)
	if err != nil {
		return nil, "", nil, err
	}
	for _, p := range all {
		if p.GetDeletionTimestamp() == nil && (r.pick == oldest || !ready(&p)) {
			return &p, kind, workload, nil
		}
	}
	return nil, "", nil, refused("%s %s/%s: none of %d pods is to be removed: which is %s", kind, workload.GetNamespace(), workload.GetName(), len(all), r.pick)
}

// named finds the pod that a host is, and walks up to its workload.
func (r removal) named(ctx context.Context, h omen.Host) (pod *object, kind string, workload *object, err error) {
	namespace, name, err := r.which.of(h)
	if err != nil {
		return nil, "", nil, err
	}
	if err := r.untouchable(namespace); err != nil {
		return nil, "", nil, err
	}
	if pod, err = r.get(ctx, pods, namespace, name); err != nil {
		return nil, "", nil, err
	}
	owner, err := r.runs(ctx, pod)
	if err != nil {
		return nil, "", nil, err
	}
	switch {
	case owner == nil:
		return nil, "", nil, refused("pod %s/%s has no Deployment or StatefulSet that would replace it", namespace, name)
	case owner.Kind == "Deployment":
		kind = "deployment"
	case owner.Kind == "StatefulSet":
		kind = "statefulset"
	default:
		return nil, "", nil, refusedBy(remedy.GuardSelf, "pod %s/%s is run by %s %s, which is never touched", namespace, name, owner.Kind, owner.Name)
	}
	if workload, err = r.get(ctx, kindOf[kind], namespace, owner.Name); err != nil {
		return nil, "", nil, err
	}
	return pod, kind, workload, r.protected(kind+" "+namespace+"/"+owner.Name, workload)
}

// runs is what brings a pod back: of a ReplicaSet that a Deployment controls, that one.
// Nil: nothing does.
func (c *Cluster) runs(ctx context.Context, pod *object) (*metav1.OwnerReference, error) {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != "ReplicaSet" {
		return owner, nil
	}
	set, err := c.get(ctx, replicaSets, pod.GetNamespace(), owner.Name)
	if err != nil {
		return nil, err
	}
	return metav1.GetControllerOf(set), nil
}

// removable refuses pods that are never touched.
func removable(name string, pod *object) error {
	switch {
	case pod.GetAnnotations()["kubernetes.io/config.mirror"] != "":
		return refusedBy(remedy.GuardSelf, "%s is a static pod", name)
	case excluded(pod.GetAnnotations()):
		return refusedBy(remedy.GuardSelf, "%s is annotated %s", name, Exclude)
	case pod.GetDeletionTimestamp() != nil:
		return refused("%s is ending already", name)
	}
	return critical(name, text(pod.Object, "spec", "priorityClassName"))
}

// ready reports whether a pod says so.
func ready(pod *object) bool {
	conditions, _, err := unstructured.NestedSlice(pod.Object, "status", "conditions")
	if err != nil {
		return false
	}
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && text(c, "type") == "Ready" {
			return text(c, "status") == "True"
		}
	}
	return false
}

func (r removal) remove(ctx context.Context, a omen.Action, dry bool) error {
	t := a.Target
	in := r.api.Resource(pods).Namespace(t.Namespace)
	var dryRun []string
	if dry {
		dryRun = []string{metav1.DryRunAll}
	}
	if r.evict {
		_, err := in.Create(ctx, &object{Object: map[string]any{
			"apiVersion": "policy/v1", "kind": "Eviction",
			"metadata":      map[string]any{"name": t.Name, "namespace": t.Namespace},
			"deleteOptions": map[string]any{"preconditions": map[string]any{"uid": t.UID}},
		}}, metav1.CreateOptions{DryRun: dryRun, FieldManager: manager(a.ID)}, "eviction")
		if err != nil {
			return right{"create", pods, "eviction", t.Namespace}.unwritten(err)
		}
		return nil
	}
	uid := types.UID(t.UID)
	if err := in.Delete(ctx, t.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, DryRun: dryRun}); err != nil {
		return right{verb: "delete", resource: pods, namespace: t.Namespace}.unwritten(err)
	}
	return nil
}

func (r removal) DryRun(ctx context.Context, a omen.Action) (string, error) {
	if err := r.remove(ctx, a, true); err != nil {
		return "", err
	}
	verb := "delete"
	if r.evict {
		verb = "evict"
	}
	return fmt.Sprintf("would %s %s %s; the API server accepts it", verb, a.Target.ID(), a.Target.Detail), nil
}

func (r removal) Do(ctx context.Context, a omen.Action) (string, error) {
	return "", r.remove(ctx, a, false)
}

// Happened is yes once the pod is gone, ends, or another one has its name.
func (r removal) Happened(ctx context.Context, a omen.Action) (remedy.Answer, error) {
	pod, err := r.get(ctx, pods, a.Target.Namespace, a.Target.Name)
	switch {
	case errors.Is(err, omen.ErrNotFound):
		return remedy.Yes, nil
	case err != nil:
		return remedy.CannotTell, err
	case string(pod.GetUID()) != a.Target.UID, pod.GetDeletionTimestamp() != nil:
		return remedy.Yes, nil
	}
	return remedy.No, nil
}

func (r removal) Undo(context.Context, omen.Action) error {
	return fmt.Errorf("a pod does not come back: %w", errors.ErrUnsupported)
}
