package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// restart restarts all pods of a workload, by its own strategy, as kubectl rollout
// restart does: by an annotation of its pod template.
type restart struct {
	*Cluster
	which which
}

func (r restart) Resolve(ctx context.Context, a omen.Action) (omen.Target, error) {
	t, o, err := r.steady(ctx, r.which, a.Host)
	if err != nil {
		return omen.Target{}, err
	}
	switch {
	case text(o.Object, "spec", "updateStrategy", "type") == "OnDelete":
		return omen.Target{}, refused("%s restarts no pods by itself: its update strategy is OnDelete", t.ID())
	case text(o.Object, "spec", "strategy", "type") == "Recreate":
		t.Detail = "all pods stop before new ones start: its strategy is Recreate"
	}
	return t, nil
}

func (r restart) change(a omen.Action) func(*object) ([]op, error) {
	return func(o *object) ([]op, error) {
		return annotate(o, map[string]string{Action: a.ID, restarted: moment(a)}, "spec", "template"), nil
	}
}

// moment is when an action was made, the same at each try.
func moment(a omen.Action) string {
	at := a.Started
	if at.IsZero() {
		at = a.At
	}
	return at.UTC().Format(time.RFC3339)
}

func (r restart) DryRun(ctx context.Context, a omen.Action) (string, error) {
	if err := r.edit(ctx, a, placeOf(a.Target), true, r.change(a)); err != nil {
		return "", err
	}
	return fmt.Sprintf("would restart the %d pods of %s; the API server accepts it", a.Target.Replicas, a.Target.ID()), nil
}

func (r restart) Do(ctx context.Context, a omen.Action) (string, error) {
	return "", r.edit(ctx, a, placeOf(a.Target), false, r.change(a))
}

func (r restart) Happened(ctx context.Context, a omen.Action) (remedy.Answer, error) {
	return r.marked(ctx, a, func(o *object) bool {
		return text(o.Object, "spec", "template", "metadata", "annotations", Action) == a.ID
	})
}

// Undo rolls back to the revision of before, if nobody changed the template since.
func (r restart) Undo(ctx context.Context, a omen.Action) error {
	return r.rollTo(ctx, a, "spec", "template", "metadata", "annotations", Action)
}

// marked reports whether an action left its mark on its target. A target that is
// gone, or was created again, has none.
func (c *Cluster) marked(ctx context.Context, a omen.Action, mark func(*object) bool) (remedy.Answer, error) {
	p := placeOf(a.Target)
	o, err := c.get(ctx, p.resource, p.namespace, p.name)
	switch {
	case errors.Is(err, omen.ErrNotFound):
		return remedy.No, nil
	case err != nil:
		return remedy.CannotTell, err
	case string(o.GetUID()) == a.Target.UID && mark(o):
		return remedy.Yes, nil
	}
	return remedy.No, nil
}

// rollback takes a workload back to the revision before its last.
type rollback struct {
	*Cluster
	which which
}

func (r rollback) Resolve(ctx context.Context, a omen.Action) (omen.Target, error) {
	kind, o, err := r.workload(ctx, r.which, a.Host)
	if err != nil {
		return omen.Target{}, err
	}
	t := target(kind, o)
	if isSet(o.Object, "spec", "paused") {
		return omen.Target{}, refused("%s is paused", t.ID())
	}
	before, err := r.revisionBefore(ctx, t, o)
	if err != nil {
		return omen.Target{}, err
	}
	t.Detail = fmt.Sprintf("from revision %s to %s", t.Revision, before.name)
	return t, nil
}

func (r rollback) change(ctx context.Context, a omen.Action) func(*object) ([]op, error) {
	return func(o *object) ([]op, error) {
		before, err := r.revisionBefore(ctx, a.Target, o)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", remedy.ErrRefused, err)
		}
		return append(annotate(o, map[string]string{Action: a.ID}), op{"replace", "/spec/template", before.template}), nil
	}
}

func (r rollback) DryRun(ctx context.Context, a omen.Action) (string, error) {
	if err := r.edit(ctx, a, placeOf(a.Target), true, r.change(ctx, a)); err != nil {
		return "", err
	}
	return fmt.Sprintf("would take %s back, %s; the API server accepts it", a.Target.ID(), a.Target.Detail), nil
}

func (r rollback) Do(ctx context.Context, a omen.Action) (string, error) {
	return "", r.edit(ctx, a, placeOf(a.Target), false, r.change(ctx, a))
}

func (r rollback) Happened(ctx context.Context, a omen.Action) (remedy.Answer, error) {
	return r.marked(ctx, a, func(o *object) bool { return o.GetAnnotations()[Action] == a.ID })
}

// Undo rolls forward again.
func (r rollback) Undo(ctx context.Context, a omen.Action) error {
	return r.rollTo(ctx, a, "metadata", "annotations", Action)
}

// rollTo takes a workload to the revision that the target names, if the mark of
// the action is still where it was left.
func (c *Cluster) rollTo(ctx context.Context, a omen.Action, mark ...string) error {
	p := placeOf(a.Target)
	o, err := c.get(ctx, p.resource, p.namespace, p.name)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", remedy.ErrRefused, err)
	case string(o.GetUID()) != a.Target.UID || text(o.Object, mark...) != a.ID:
		return fmt.Errorf("%s was changed by somebody else since: %w", a.Target.ID(), remedy.ErrChanged)
	}
	all, err := c.revisionsOf(ctx, a.Target.Kind, o)
	if err != nil {
		return fmt.Errorf("%w: %w", remedy.ErrRefused, err)
	}
	i := slices.IndexFunc(all, func(r revision) bool { return r.is(a.Target.Revision) })
	if i < 0 {
		return refused("revision %s of %s is no longer kept", a.Target.Revision, a.Target.ID())
	}
	return c.patch(ctx, o, p, manager(a.ID), false, func(o *object) ([]op, error) {
		return append(annotate(o, map[string]string{Action: a.ID + "-undone"}), op{"replace", "/spec/template", all[i].template}), nil
	})
}

// revision is what a workload's pod template once was.
type revision struct {
	name     string // its number; of a StatefulSet the name of its ControllerRevision
	number   int
	template map[string]any
}

func (r revision) is(name string) bool { return r.name == name }

// revisionBefore is the one before that which the target names.
func (c *Cluster) revisionBefore(ctx context.Context, t omen.Target, o *object) (revision, error) {
	all, err := c.revisionsOf(ctx, t.Kind, o)
	if err != nil {
		return revision{}, err
	}
	i := slices.IndexFunc(all, func(r revision) bool { return r.is(t.Revision) })
	if i < 1 {
		return revision{}, refused("%s has no revision before %s", t.ID(), cmp.Or(t.Revision, "the one it is at"))
	}
	return all[i-1], nil
}

// revisionsOf are the revisions that are kept of a workload, the oldest first.
func (c *Cluster) revisionsOf(ctx context.Context, kind string, o *object) ([]revision, error) {
	of := replicaSets
	if kind == "statefulset" {
		of = revisions
	}
	selector, err := selectorOf(o)
	if err != nil {
		return nil, err
	}
	kept, err := c.list(ctx, of, o.GetNamespace(), selector.String())
	if err != nil {
		return nil, err
	}
	var out []revision
	for _, k := range owned(kept, o) {
		r := revision{name: k.GetName(), number: number(k.Object, "revision")}
		at := []string{"data", "spec", "template"}
		if kind == "deployment" {
			at = []string{"spec", "template"}
			r.name = k.GetAnnotations()["deployment.kubernetes.io/revision"]
			if r.number, err = strconv.Atoi(r.name); err != nil {
				continue // its controller has not numbered it yet
			}
		}
		template, found, err := unstructured.NestedMap(k.Object, at...)
		if err != nil || !found {
			return nil, refused("revision %s of %s has no template: %v", r.name, o.GetName(), err)
		}
		delete(template, "$patch") // of the strategic merge patch that a ControllerRevision is
		unstructured.RemoveNestedField(template, "metadata", "labels", "pod-template-hash")
		r.template = template
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b revision) int { return cmp.Compare(a.number, b.number) })
	return out, nil
}
