package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// zoneLabel is the well-known label of a node's failure zone.
const zoneLabel = "topology.kubernetes.io/zone"

// cordon keeps new pods off a node. It evicts none. There is never more than one
// cordoned node in a zone on its account.
type cordon struct {
	*Cluster
	node string // empty: the incident's host
}

// find is the node that is named, or that the host is, and all others.
func (c *Cluster) find(ctx context.Context, name string, h omen.Host) (*object, []object, error) {
	all, err := c.list(ctx, nodes, "", "")
	if err != nil {
		return nil, nil, err
	}
	if name == "" {
		name = h.Name
		if i := strings.LastIndexByte(name, ':'); i > 0 { // the port of an instance
			name = strings.Trim(name[:i], "[]")
		}
	}
	is := func(n object) bool { return called(n, name) }
	i := slices.IndexFunc(all, is)
	switch {
	case i < 0:
		return nil, nil, fmt.Errorf("no node is called %s or has that address: %w", name, omen.ErrNotFound)
	case slices.ContainsFunc(all[i+1:], is):
		return nil, nil, refused("%s is more than one node", name)
	}
	return &all[i], slices.Delete(slices.Clone(all), i, i+1), nil
}

// touchable is the same of a node that may be touched.
func (c *Cluster) touchable(ctx context.Context, name string, h omen.Host) (*object, []object, error) {
	n, others, err := c.find(ctx, name, h)
	if err == nil && excluded(n.GetAnnotations()) {
		err = refusedBy(remedy.GuardSelf, "node %s is annotated %s", n.GetName(), Exclude)
	}
	return n, others, err
}

// called reports whether a node has a name, or an address that is it.
func called(n object, name string) bool {
	if n.GetName() == name {
		return true
	}
	addresses, _, err := unstructured.NestedSlice(n.Object, "status", "addresses")
	return err == nil && slices.ContainsFunc(addresses, func(a any) bool {
		m, ok := a.(map[string]any)
		return ok && text(m, "address") == name
	})
}

func nodeTarget(n *object) omen.Target {
	zone := n.GetLabels()[zoneLabel]
	t := omen.Target{Kind: "node", Name: n.GetName(), UID: string(n.GetUID()), Version: n.GetResourceVersion()}
	t.Mark, t.MarkedAt = markOf(n)
	if zone != "" {
		t.Detail = "of zone " + zone
	}
	return t
}

func (c cordon) Resolve(ctx context.Context, a omen.Action) (omen.Target, error) {
	n, others, err := c.touchable(ctx, c.node, a.Host)
	if err != nil {
		return omen.Target{}, err
	}
	t := nodeTarget(n)
	if err := c.ownNode(ctx, n); err != nil {
		return omen.Target{}, err
	}
	_, control := n.GetLabels()["node-role.kubernetes.io/control-plane"]
	switch {
	case control:
		return omen.Target{}, refusedBy(remedy.GuardSelf, "node %s is of the control plane", t.Name)
	case isSet(n.Object, "spec", "unschedulable"):
		return omen.Target{}, refused("node %s is cordoned already", t.Name)
	}
	return t, alone(n, others)
}

// alone refuses to cordon where another node of the zone is cordoned, or where no
// other node takes pods.
func alone(n *object, others []object) error {
	zone, takes := n.GetLabels()[zoneLabel], 0
	for _, o := range others {
		cordoned := isSet(o.Object, "spec", "unschedulable")
		if cordoned && o.GetLabels()[zoneLabel] == zone {
			return refused("node %s of the same zone is cordoned", o.GetName())
		}
		if !cordoned && ready(&o) {
			takes++
		}
	}
	if takes == 0 {
		return refused("no other node would take pods")
	}
	return nil
}

func (c cordon) change(ctx context.Context, a omen.Action) func(*object) ([]op, error) {
	return func(n *object) ([]op, error) {
		_, others, err := c.find(ctx, n.GetName(), omen.Host{})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", remedy.ErrRefused, err)
		}
		if err := alone(n, others); err != nil {
			return nil, err
		}
		return append(annotate(n, map[string]string{Action: a.ID}), op{"add", "/spec/unschedulable", true}), nil
	}
}

func (c cordon) DryRun(ctx context.Context, a omen.Action) (string, error) {
	if err := c.edit(ctx, a, placeOf(a.Target), true, c.change(ctx, a)); err != nil {
		return "", err
	}
	return fmt.Sprintf("would keep new pods off node %s; the API server accepts it", a.Target.Name), nil
}

func (c cordon) Do(ctx context.Context, a omen.Action) (string, error) {
	c.cordoning.Lock()
	defer c.cordoning.Unlock()
	return "", c.edit(ctx, a, placeOf(a.Target), false, c.change(ctx, a))
}

func (c cordon) Happened(ctx context.Context, a omen.Action) (remedy.Answer, error) {
	return c.marked(ctx, a, func(n *object) bool {
		return n.GetAnnotations()[Action] == a.ID && isSet(n.Object, "spec", "unschedulable")
	})
}

// Undo lets pods on again, if it was this action that kept them off.
func (c cordon) Undo(ctx context.Context, a omen.Action) error {
	p := placeOf(a.Target)
	n, err := c.get(ctx, p.resource, p.namespace, p.name)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", remedy.ErrRefused, err)
	case string(n.GetUID()) != a.Target.UID, n.GetAnnotations()[Action] != a.ID, !ours(n):
		return fmt.Errorf("node %s was changed by somebody else since: %w", a.Target.Name, remedy.ErrChanged)
	}
	return c.patch(ctx, n, p, manager(a.ID)+undoing, false, func(n *object) ([]op, error) {
		return append(annotate(n, map[string]string{Action: a.ID + "-undone"}), op{Op: "remove", Path: "/spec/unschedulable"}), nil
	})
}

// ours reports whether a node is cordoned, and an action of Omen's did it: it is
// annotated, and nobody set spec.unschedulable since. The annotation alone would
// outlive somebody who uncordons the node and cordons it again.
func ours(n *object) bool {
	id := n.GetAnnotations()[Action]
	if id == "" || !isSet(n.Object, "spec", "unschedulable") {
		return false
	}
	for _, f := range n.GetManagedFields() {
		if f.Manager == manager(id) && f.FieldsV1 != nil && strings.Contains(f.FieldsV1.GetRawString(), `"f:unschedulable"`) {
			return true
		}
	}
	return false
}

// uncordon lets pods on a node again that an earlier action kept off.
type uncordon struct {
	*Cluster
	node string
}

func (u uncordon) Resolve(ctx context.Context, a omen.Action) (omen.Target, error) {
	n, _, err := u.touchable(ctx, u.node, a.Host)
	if err != nil {
		return omen.Target{}, err
	}
	if !ours(n) {
		return omen.Target{}, refused("node %s was not cordoned by Omen", n.GetName())
	}
	return nodeTarget(n), nil
}

func (u uncordon) change(a omen.Action) func(*object) ([]op, error) {
	return func(n *object) ([]op, error) {
		if !ours(n) {
			return nil, fmt.Errorf("node %s was not cordoned by Omen: %w", n.GetName(), remedy.ErrChanged)
		}
		return append(annotate(n, map[string]string{Action: a.ID}), op{Op: "remove", Path: "/spec/unschedulable"}), nil
	}
}

func (u uncordon) DryRun(ctx context.Context, a omen.Action) (string, error) {
	if err := u.edit(ctx, a, placeOf(a.Target), true, u.change(a)); err != nil {
		return "", err
	}
	return fmt.Sprintf("would let pods on node %s again; the API server accepts it", a.Target.Name), nil
}

func (u uncordon) Do(ctx context.Context, a omen.Action) (string, error) {
	return "", u.edit(ctx, a, placeOf(a.Target), false, u.change(a))
}

func (u uncordon) Happened(ctx context.Context, a omen.Action) (remedy.Answer, error) {
	return u.marked(ctx, a, func(n *object) bool {
		return n.GetAnnotations()[Action] == a.ID && !isSet(n.Object, "spec", "unschedulable")
	})
}

func (u uncordon) Undo(context.Context, omen.Action) error {
	return fmt.Errorf("cordon the node instead: %w", errors.ErrUnsupported)
}
