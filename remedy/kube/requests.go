package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

type object = unstructured.Unstructured

// right is what is asked of the API server, as a Role would grant it: "patch
// deployments.apps/scale in namespace shop".
type right struct {
	verb      string
	resource  schema.GroupVersionResource
	sub       string
	namespace string
}

func (r right) String() string {
	s := r.verb + " " + r.resource.GroupResource().String()
	if r.sub != "" {
		s += "/" + r.sub
	}
	if r.namespace != "" {
		s += " in namespace " + r.namespace
	}
	return s
}

// denied says that a right is missing, and where to give it.
func (r right) denied(err error) error {
	where := "a Role of the namespace"
	if r.namespace == "" {
		where = "a ClusterRole"
	}
	return omen.WithHint(fmt.Errorf("may not %s: %w: %w", r, omen.ErrDenied, err), "grant it by "+where+", as deploy/kubernetes/role.yaml does")
}

func isDenied(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

// unread says why something could not be read.
func (r right) unread(err error) error {
	switch {
	case isDenied(err):
		return r.denied(err)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s: %w: %w", r, omen.ErrNotFound, err)
	}
	return fmt.Errorf("%s: %w: %w", r, omen.ErrUnavailable, err)
}

// unwritten says what became of a write that failed: nothing, if the API server
// says so; anything, if it did not answer.
func (r right) unwritten(err error) error {
	kind := remedy.ErrUnknown
	var op *net.OpError
	var status apierrors.APIStatus
	switch {
	case isDenied(err):
		return fmt.Errorf("%w: %w", remedy.ErrRefused, r.denied(err))
	case apierrors.IsConflict(err), apierrors.IsNotFound(err), apierrors.IsGone(err), testFailed(err):
		kind = remedy.ErrChanged
	case apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
	case errors.As(err, &status):
		if code := status.Status().Code; code >= 400 && code < 500 {
			kind = remedy.ErrRefused
		}
	case errors.As(err, &op) && op.Op == "dial": // it never left this machine
		kind = remedy.ErrRefused
	}
	return fmt.Errorf("%s: %w: %w", r, kind, err)
}

// testFailed reports whether a JSON patch did not fit what it found, as its tests
// say. The API server then answers 422 without a word of why; what it finds wrong
// with the result of a patch it names.
func testFailed(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details == nil || len(details.Causes) == 0
}

func (c *Cluster) get(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (*object, error) {
	o, err := c.api.Resource(of).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, right{verb: "get", resource: of, namespace: namespace}.unread(err)
	}
	return o, nil
}

// list gives what a selector in the notation of labels selects; all if it is empty.
func (c *Cluster) list(ctx context.Context, of schema.GroupVersionResource, namespace, selector string) ([]object, error) {
	l, err := c.api.Resource(of).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, right{verb: "list", resource: of, namespace: namespace}.unread(err)
	}
	return l.Items, nil
}

// op is one operation of a JSON patch (RFC 6902).
type op struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// place is one object, or a part of it that has an address of its own.
type place struct {
	resource        schema.GroupVersionResource
	namespace, name string
	sub             string
}

func placeOf(t omen.Target) place {
	return place{resource: kindOf[t.Kind], namespace: t.Namespace, name: t.Name}
}

// manager is the name under which an action's writes are kept in an object's
// managedFields.
func manager(id string) string { return "omen-" + id }

// undoing ends the name under which an action is taken back.
const undoing = "-undo"

// edit changes an object if it still is what the action's target says. It reads it
// first, since a patch that adds a key has to know what is there, and the patch
// tests what was read, so that nothing comes between.
func (c *Cluster) edit(ctx context.Context, a omen.Action, p place, dry bool, change func(*object) ([]op, error)) error {
	o, err := c.get(ctx, p.resource, p.namespace, p.name)
	switch {
	case errors.Is(err, omen.ErrNotFound):
		return fmt.Errorf("%w: %w", remedy.ErrChanged, err)
	case err != nil:
		return fmt.Errorf("%w: %w", remedy.ErrRefused, err)
	case string(o.GetUID()) != a.Target.UID:
		return fmt.Errorf("%s was created again since: %w", a.Target.ID(), remedy.ErrChanged)
	case o.GetResourceVersion() != a.Target.Version:
		return fmt.Errorf("%s is at resourceVersion %s and was at %s: %w", a.Target.ID(), o.GetResourceVersion(), a.Target.Version, remedy.ErrChanged)
	}
	return c.patch(ctx, o, p, manager(a.ID), dry, change)
}

// patch changes an object that was just read.
func (c *Cluster) patch(ctx context.Context, o *object, p place, as string, dry bool, change func(*object) ([]op, error)) error {
	ops, err := change(o)
	if err != nil {
		return err
	}
	text, err := json.Marshal(append([]op{
		{"test", "/metadata/uid", o.GetUID()}, {"test", "/metadata/resourceVersion", o.GetResourceVersion()},
	}, ops...))
	if err != nil {
		return fmt.Errorf("%w: encode patch: %w", remedy.ErrRefused, err)
	}
	options := metav1.PatchOptions{FieldManager: as}
	if dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	var subs []string
	if p.sub != "" {
		subs = []string{p.sub}
	}
	_, err = c.api.Resource(p.resource).Namespace(p.namespace).Patch(ctx, p.name, types.JSONPatchType, text, options, subs...)
	if err != nil {
		return right{"patch", p.resource, p.sub, p.namespace}.unwritten(err)
	}
	return nil
}

// annotate sets annotations of what is at a path of an object, such as "spec",
// "template"; of the object itself without one.
func annotate(o *object, set map[string]string, at ...string) []op {
	fields := append(append([]string{}, at...), "metadata", "annotations")
	path := "/" + strings.Join(fields, "/")
	existing, found, err := unstructured.NestedMap(o.Object, fields...)
	if !found || err != nil || existing == nil {
		return []op{{"add", path, set}}
	}
	var ops []op
	for key, value := range set {
		ops = append(ops, op{"add", path + "/" + strings.ReplaceAll(key, "/", "~1"), value})
	}
	return ops
}

// The fields of an object; what is missing is the zero value.
func text(o map[string]any, fields ...string) string {
	s, _, err := unstructured.NestedString(o, fields...)
	if err != nil {
		return ""
	}
	return s
}

func number(o map[string]any, fields ...string) int {
	n, _, err := unstructured.NestedInt64(o, fields...)
	if err != nil {
		return 0
	}
	return int(n)
}

func isSet(o map[string]any, fields ...string) bool {
	b, _, err := unstructured.NestedBool(o, fields...)
	return err == nil && b
}
