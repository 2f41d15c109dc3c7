package kube

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// own is what Omen itself runs on, and never touches.
type own struct {
	pod       bool   // it runs in a pod, of this cluster or of another one
	namespace string // of its pod
	machine   string // the name of its pod, or of its machine
	node      string // of its pod, as the downward API has it; empty: it has to be looked up
}

// What the downward API puts in a pod's environment.
const (
	envNode      = "NODE_NAME"
	envPod       = "POD_NAME"
	envNamespace = "POD_NAMESPACE"
	// envService is in the environment of every pod.
	envService = "KUBERNETES_SERVICE_HOST"
)

// namespaceFile is where a pod with a service account finds its namespace.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// hostnameLabel is the well-known label of what a node calls itself.
const hostnameLabel = "kubernetes.io/hostname"

// whereabouts are where Omen runs, whichever cluster it acts in: with a kubeconfig it
// may run in a pod, too.
func whereabouts() (own, error) {
	self := own{node: os.Getenv(envNode), machine: os.Getenv(envPod), namespace: os.Getenv(envNamespace)}
	if self.namespace == "" {
		text, err := os.ReadFile(namespaceFile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return self, fmt.Errorf("find Omen's own namespace: %w", err)
		}
		self.namespace = strings.TrimSpace(string(text))
	}
	self.pod = self.namespace != "" || os.Getenv(envService) != ""
	if self.machine == "" {
		var err error
		if self.machine, err = os.Hostname(); err != nil {
			return self, fmt.Errorf("find Omen's own host name: %w", err)
		}
	}
	return self, nil
}

// Self are the objects that Omen itself runs on, as [omen.Target.ID] says them, and
// its namespace: as far as its environment says.
func Self() (all []string) {
	self, err := whereabouts()
	if err != nil && self.machine == "" && self.node == "" {
		return nil
	}
	for _, name := range []string{self.node, self.machine} {
		if name != "" {
			all = append(all, "node "+name)
		}
	}
	if self.namespace != "" {
		all = append(all, "namespace "+self.namespace, "pod "+self.namespace+"/"+self.machine)
	}
	return all
}

// ownNode refuses the node that Omen runs on, and every node while a pod does not know
// its own.
func (c *Cluster) ownNode(ctx context.Context, n *object) error {
	on := c.own.node
	if on == "" && c.own.namespace != "" {
		pod, err := c.get(ctx, pods, c.own.namespace, c.own.machine)
		switch {
		case errors.Is(err, omen.ErrNotFound): // it is in another cluster, or has another name than its host
		case err != nil:
			return fmt.Errorf("find the node that Omen runs on: %w", err)
		default:
			on = text(pod.Object, "spec", "nodeName")
		}
	}
	if on == "" && (c.own.pod || c.own.namespace != "") {
		return omen.WithHint(refusedBy(remedy.GuardSelf, "Omen runs in a pod and does not know on which node: it might be node %s", n.GetName()),
			"give its pod "+envNode+" by the downward API: spec.nodeName")
	}
	if on == "" {
		on = c.own.machine
	}
	if on != "" && (called(*n, on) || n.GetLabels()[hostnameLabel] == on) {
		return refusedBy(remedy.GuardSelf, "node %s is the one that Omen runs on", n.GetName())
	}
	return nil
}
