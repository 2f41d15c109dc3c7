package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// scale gives a workload more or fewer pods, through its Scale subresource. The
// number that it is to have follows from what the target had, so that a change that
// is sent late or twice gives the same. Its mark is the name under which the API
// server keeps who set the number (managedFields): a Scale has no annotations.
type scale struct {
	*Cluster
	which        which
	by, min, max int
}

func newScale(c *Cluster, w which, with map[string]string) (s scale, err error) {
	s = scale{Cluster: c, which: w}
	var problems [3]error
	s.by, problems[0] = whole(with, "by")
	s.min, problems[1] = whole(with, "min")
	s.max, problems[2] = whole(with, "max")
	if err := errors.Join(problems[:]...); err != nil {
		return s, err
	}
	switch {
	case s.by == 0:
		return s, errors.New("by: 0 changes nothing")
	case s.min < 1:
		return s, errors.New("min: has to be 1 or more: nothing is ever scaled to nothing")
	case s.max < s.min:
		return s, fmt.Errorf("max: %d is less than min, %d", s.max, s.min)
	}
	return s, nil
}

// wanted is the number that a workload of so many replicas is to have. It never
// goes against the direction of by to come within the bounds.
func (s scale) wanted(has int) int {
	if s.by > 0 {
		return max(has, min(has+s.by, s.max))
	}
	return min(has, max(has+s.by, s.min))
}

func (s scale) Resolve(ctx context.Context, a omen.Action) (omen.Target, error) {
	t, _, err := s.steady(ctx, s.which, a.Host)
	if err != nil {
		return omen.Target{}, err
	}
	scalers, err := s.list(ctx, autoscalers, t.Namespace, "")
	if err != nil {
		return omen.Target{}, err
	}
	for _, h := range scalers {
		if strings.EqualFold(text(h.Object, "spec", "scaleTargetRef", "kind"), t.Kind) && text(h.Object, "spec", "scaleTargetRef", "name") == t.Name {
			return omen.Target{}, refused("%s is scaled by HorizontalPodAutoscaler %s", t.ID(), h.GetName())
		}
	}
	if t.Replicas == 0 {
		return omen.Target{}, refused("%s was scaled to nothing by somebody", t.ID())
	}
	n := s.wanted(t.Replicas)
	if n == t.Replicas {
		return omen.Target{}, refused("%s has %d replicas, and the playbook's bounds are %d and %d", t.ID(), n, s.min, s.max)
	}
	t.Detail = fmt.Sprintf("from %d to %d replicas", t.Replicas, n)
	return t, nil
}

func (s scale) place(a omen.Action) place {
	p := placeOf(a.Target)
	p.sub = "scale"
	return p
}

func (s scale) change(a omen.Action) func(*object) ([]op, error) {
	return func(*object) ([]op, error) {
		return []op{{"replace", "/spec/replicas", s.wanted(a.Target.Replicas)}}, nil
	}
}

func (s scale) DryRun(ctx context.Context, a omen.Action) (string, error) {
	if err := s.edit(ctx, a, s.place(a), true, s.change(a)); err != nil {
		return "", err
	}
	return fmt.Sprintf("would scale %s %s; the API server accepts it", a.Target.ID(), a.Target.Detail), nil
}

func (s scale) Do(ctx context.Context, a omen.Action) (string, error) {
	return "", s.edit(ctx, a, s.place(a), false, s.change(a))
}

func (s scale) Happened(ctx context.Context, a omen.Action) (remedy.Answer, error) {
	return s.marked(ctx, a, func(o *object) bool { return setBy(o, manager(a.ID)) })
}

// Undo scales back, if the number is still the one that was set.
func (s scale) Undo(ctx context.Context, a omen.Action) error {
	p := s.place(a)
	o, err := s.get(ctx, p.resource, p.namespace, p.name)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", remedy.ErrRefused, err)
	case string(o.GetUID()) != a.Target.UID, replicas(o) != s.wanted(a.Target.Replicas), !setBy(o, manager(a.ID)):
		return fmt.Errorf("%s was changed by somebody else since: %w", a.Target.ID(), remedy.ErrChanged)
	}
	return s.patch(ctx, o, p, manager(a.ID)+undoing, false, func(*object) ([]op, error) {
		return []op{{"replace", "/spec/replicas", a.Target.Replicas}}, nil
	})
}

// setBy reports whether a manager set something of an object, and nobody else has
// set it since.
func setBy(o *object, manager string) bool {
	for _, f := range o.GetManagedFields() {
		if f.Manager == manager && f.Operation == metav1.ManagedFieldsOperationUpdate {
			return true
		}
	}
	return false
}
