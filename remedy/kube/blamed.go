package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// onBlamed acts on the pod that an incident of its node is blamed on, or on the
// workload that runs it: which one that is it finds out when it acts. What a person
// has to decide, since nothing would bring the pod back as it was, it resolves to a
// target that says so.
type onBlamed struct {
	remedy.Hand // for a target that is resolved
	*Cluster
	step remedy.Step
}

func (c *Cluster) blamed(step remedy.Step) (remedy.Hand, error) {
	for _, key := range []string{"cluster", "kind", "name", "namespace"} {
		if step.With[key] != "" {
			return nil, fmt.Errorf("%s: the pod that is to blame says which: leave it out", key)
		}
	}
	found, err := c.hand(settled(step, nil))
	if err != nil {
		return nil, err
	}
	return onBlamed{found, c, step}, nil
}

// settled is a step on a pod or workload that is known.
func settled(step remedy.Step, on map[string]string) remedy.Step {
	with := maps.Clone(step.With)
	delete(with, "which")
	maps.Copy(with, on)
	return remedy.Step{Name: step.Name, With: with}
}

func (b onBlamed) Resolve(ctx context.Context, a omen.Action) (omen.Target, error) {
	at := a.Blamed
	if at.Pod == "" {
		return omen.Target{}, refused("no pod is to blame now")
	}
	if err := b.untouchable(at.Namespace); err != nil {
		return omen.Target{}, err
	}
	pod, err := b.get(ctx, pods, at.Namespace, at.Pod)
	if err != nil {
		return omen.Target{}, err
	}
	t := omen.Target{Kind: "pod", Namespace: at.Namespace, Name: at.Pod, UID: string(pod.GetUID()), Version: pod.GetResourceVersion()}
	if err := removable(t.ID(), pod); err != nil {
		return omen.Target{}, err
	}
	if on := text(pod.Object, "spec", "nodeName"); on != at.Node {
		return omen.Target{}, refused("%s is on node %q, and the incident is of node %s", t.ID(), on, at.Node)
	}
	owner, err := b.runs(ctx, pod)
	if err != nil {
		return omen.Target{}, err
	}
	if t.Manual, err = manual(pod, owner); err != nil || t.Manual != "" {
		return t, err
	}
	kind := map[string]string{"Deployment": "deployment", "StatefulSet": "statefulset"}[owner.Kind]
	on := map[string]string{"namespace": at.Namespace, "name": owner.Name, "kind": kind}
	if b.step.Name == remedy.DoEvict || b.step.Name == remedy.DoDelete {
		on = map[string]string{"namespace": at.Namespace, "name": at.Pod, "which": host}
	}
	hand, err := b.hand(settled(b.step, on))
	if err != nil {
		return omen.Target{}, fmt.Errorf("%w: %w", remedy.ErrRefused, err)
	}
	if t, err = hand.Resolve(ctx, a); err == nil && t.Kind != "pod" {
		t.Detail = joined(t.Detail, "to blame is its pod "+at.Pod)
	}
	return t, err
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// manual is why people alone remove a pod; empty: Omen may.
func manual(pod *object, owner *metav1.OwnerReference) (string, error) {
	switch {
	case owner == nil:
		return "nothing would bring the pod back", nil
	case owner.Kind == "Job":
		return "it is of Job " + owner.Name + ", whose work would be lost", nil
	case owner.Kind == "DaemonSet":
		return "it is of DaemonSet " + owner.Name + ", which runs on every node", nil
	case owner.Kind != "Deployment" && owner.Kind != "StatefulSet":
		return "it is run by " + owner.Kind + " " + owner.Name + ", which Omen does not know", nil
	}
	volumes, _, err := unstructured.NestedSlice(pod.Object, "spec", "volumes")
	if err != nil {
		return "", errors.Join(remedy.ErrRefused, fmt.Errorf("volumes of pod %s: %w", pod.GetName(), err))
	}
	for _, v := range volumes {
		v, ok := v.(map[string]any)
		if !ok {
			continue
		}
		_, path := v["hostPath"]
		_, empty := v["emptyDir"]
		if path || empty && text(v, "emptyDir", "medium") != "Memory" {
			return "its volume " + text(v, "name") + " is storage of the node, which the pod that follows does not have", nil
		}
	}
	return "", nil
}
