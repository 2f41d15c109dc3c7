// Package kube carries actions out in a Kubernetes cluster: it restarts, scales and
// rolls back Deployments and StatefulSets, evicts pods, and cordons nodes. Start at
// [New], whose [Cluster.Hand] is the hand of one playbook.
//
// Every write carries what it saw: the UID, and but for pods the resourceVersion,
// so that an object that changed or was created again under the same name is left
// alone; and it leaves the action's ID on the object, by which a lost answer is
// settled. It never touches DaemonSets, static pods, kube-system, what is critical to
// the system, what another controller owns, what is annotated [Exclude], nor what
// Omen itself runs on, and no setting changes that. It reads no secrets, runs
// nothing in a container, and needs no typed client.
package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// Annotations of objects.
const (
	Action    = "omen.dev/action"  // the ID of the action that changed it last
	Exclude   = "omen.dev/exclude" // set on a workload, its pods or a node: never touched
	restarted = "kubectl.kubernetes.io/restartedAt"
)

// Limits of the client. An action makes some ten requests, each small.
const (
	perSecond = 20
	burst     = 40
	patience  = 10 * time.Second // for one call of a hand
)

// Options say which cluster, and as whom.
type Options struct {
	Kubeconfig string // file; empty: that of the pod that Omen runs in
	Context    string // of Kubeconfig; empty: its current one
}

// Cluster is one cluster's API server.
type Cluster struct {
	api       dynamic.Interface
	own       own
	cordoning sync.Mutex // or two of a zone would be cordoned at once
}

// New reads the cluster's credentials; it calls nobody.
func New(o Options) (*Cluster, error) {
	var c *rest.Config
	self, err := whereabouts()
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	if o.Kubeconfig == "" {
		if c, err = rest.InClusterConfig(); err != nil {
			return nil, omen.WithHint(fmt.Errorf("kubernetes: %w", err), "Omen does not run in a pod: set remedy.kubernetes.kubeconfig_file")
		}
		if self.namespace == "" {
			return nil, omen.WithHint(errors.New("kubernetes: Omen's own namespace is not known"), "give its pod "+envNamespace+" by the downward API: metadata.namespace")
		}
	} else {
		c, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			&clientcmd.ClientConfigLoadingRules{ExplicitPath: o.Kubeconfig},
			&clientcmd.ConfigOverrides{CurrentContext: o.Context}).ClientConfig()
		if err != nil {
			return nil, fmt.Errorf("kubernetes: read %s: %w", o.Kubeconfig, err)
		}
	}
	return connect(c, self)
}

func connect(c *rest.Config, self own) (*Cluster, error) {
	c = rest.CopyConfig(c)
	c.QPS, c.Burst = perSecond, burst
	c.UserAgent = "Omen"
	c.WarningHandler = rest.NoWarnings{}
	c.Wrap(func(next http.RoundTripper) http.RoundTripper { return atOnce{next} })
	api, err := dynamic.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return &Cluster{api: api, own: self}, nil
}

// atOnce hands refusals on at once: client-go would repeat ten times what is
// answered with Retry-After, such as an eviction that a PodDisruptionBudget refuses.
type atOnce struct{ next http.RoundTripper }

func (a atOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(r)
	if resp != nil {
		resp.Header.Del("Retry-After")
	}
	return resp, err
}

// Resources that actions read and write.
var (
	deployments  = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	statefulSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	replicaSets  = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	revisions    = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "controllerrevisions"}
	autoscalers  = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
	budgets      = schema.GroupVersionResource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}
	pods         = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	nodes        = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
)

// keys are the settings of each step; those of a workload say which one, where it
// is not the incident's host.
var keys = map[string][]string{
	remedy.DoRestart:  {"cluster", "kind", "name", "namespace", "which"},
	remedy.DoUndo:     {"cluster", "kind", "name", "namespace"},
	remedy.DoScale:    {"by", "cluster", "kind", "max", "min", "name", "namespace", "which"},
	remedy.DoEvict:    {"cluster", "kind", "name", "namespace", "which"},
	remedy.DoDelete:   {"cluster", "kind", "name", "namespace", "which"},
	remedy.DoCordon:   {"node"},
	remedy.DoUncordon: {"node"},
}

// Steps are the names of the steps that a cluster has hands for, sorted.
func Steps() []string { return slices.Sorted(maps.Keys(keys)) }

// Hand checks what a playbook does and gives the hand that does it.
func (c *Cluster) Hand(step remedy.Step) (remedy.Hand, error) {
	known, found := keys[step.Name]
	if !found {
		return nil, fmt.Errorf("%s is nothing that is done in Kubernetes: there are %s: %w", step.Name, strings.Join(Steps(), ", "), omen.ErrInvalid)
	}
	for key := range step.With {
		if !slices.Contains(known, key) {
			return nil, fmt.Errorf("%s: unknown key %s: known here are %s: %w", step.Name, key, strings.Join(known, ", "), omen.ErrInvalid)
		}
	}
	hand, err := c.hand(step)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", step.Name, err, omen.ErrInvalid)
	}
	return patient{hand}, nil
}

// patient bounds each call of a hand by [patience].
type patient struct{ hand remedy.Hand }

func (p patient) Resolve(ctx context.Context, a omen.Action) (omen.Target, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.hand.Resolve(ctx, a)
}

func (p patient) DryRun(ctx context.Context, a omen.Action) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.hand.DryRun(ctx, a)
}

func (p patient) Do(ctx context.Context, a omen.Action) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.hand.Do(ctx, a)
}

func (p patient) Happened(ctx context.Context, a omen.Action) (remedy.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.hand.Happened(ctx, a)
}

func (p patient) Undo(ctx context.Context, a omen.Action) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.hand.Undo(ctx, a)
}

func (c *Cluster) hand(step remedy.Step) (remedy.Hand, error) {
	w := which{cluster: step.With["cluster"], namespace: step.With["namespace"], name: step.With["name"], kind: step.With["kind"]}
	switch {
	case w.kind != "" && kindOf[w.kind].Resource == "":
		return nil, fmt.Errorf("kind: %q is none of deployment, statefulset", w.kind)
	case (w.namespace == "") != (w.name == ""):
		return nil, errors.New("namespace and name belong together")
	}
	if step.Blames() {
		return c.blamed(step)
	}
	if pick := step.With["which"]; pick != "" && step.Name != remedy.DoEvict && step.Name != remedy.DoDelete {
		return nil, fmt.Errorf("which: %q is not %s", pick, remedy.WhichBlamed)
	}
	switch step.Name {
	case remedy.DoRestart:
		return restart{c, w}, nil
	case remedy.DoUndo:
		return rollback{c, w}, nil
	case remedy.DoScale:
		return newScale(c, w, step.With)
	case remedy.DoCordon:
		return cordon{c, step.With["node"]}, nil
	case remedy.DoUncordon:
		return uncordon{c, step.With["node"]}, nil
	}
	pod := removal{c, w, step.With["which"], step.Name == remedy.DoEvict}
	if !slices.Contains([]string{"", notReady, oldest, host}, pod.pick) {
		return nil, fmt.Errorf("which: %q is none of %s, %s, %s, %s", pod.pick, notReady, oldest, host, remedy.WhichBlamed)
	}
	return pod, nil
}

// whole is a number among the settings of a step.
func whole(with map[string]string, key string) (int, error) {
	n, err := strconv.Atoi(with[key])
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no whole number", key, with[key])
	}
	return n, nil
}
