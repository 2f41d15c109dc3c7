package kube

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
)

// nodesServer is an API server that has nodes a and b, and one pod, of Omen's on node a.
func nodesServer(t *testing.T) *httptest.Server {
	t.Helper()
	type object = map[string]any
	node := func(name string) object {
		return object{
			"apiVersion": "v1", "kind": "Node", "metadata": object{"name": name, "uid": name, "resourceVersion": "1", "labels": object{hostnameLabel: name + ".lan"}},
			"status": object{
				"conditions": []any{object{"type": "Ready", "status": "True"}},
				"addresses":  []any{object{"type": "Hostname", "address": name + ".example.org"}},
			},
		}
	}
	answers := map[string]object{
		"/api/v1/nodes":                          {"apiVersion": "v1", "kind": "NodeList", "metadata": object{}, "items": []any{node("a"), node("b")}},
		"/api/v1/namespaces/omen/pods/omen-here": {"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "omen-here"}, "spec": object{"nodeName": "a"}},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, found := answers[r.URL.Path]
		if !found {
			w.WriteHeader(http.StatusNotFound)
			body = object{"apiVersion": "v1", "kind": "Status", "metadata": object{}, "status": "Failure", "reason": "NotFound", "code": 404}
		}
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// The node that Omen runs on is not cordoned; in a pod that cannot find out which that
// is, no node is, and what would help is said.
func TestTheOwnNodeIsNotCordoned(t *testing.T) {
	server := nodesServer(t)
	for name, c := range map[string]struct {
		own  own
		want string // of node a; empty: it may be cordoned
		b    string // of node b
	}{
		"a pod finds its node":                {own{pod: true, namespace: "omen", machine: "omen-here"}, "the one that Omen runs on", ""},
		"a pod with its node in NODE_NAME":    {own{pod: true, namespace: "omen", machine: "omen-else", node: "a"}, "the one that Omen runs on", ""},
		"a pod of another cluster":            {own{pod: true, namespace: "omen", machine: "omen-else"}, "does not know on which node", "does not know on which node"},
		"a pod without a service account":     {own{pod: true, machine: "omen-here"}, "does not know on which node", "does not know on which node"},
		"a machine by the node's name":        {own{machine: "a"}, "the one that Omen runs on", ""},
		"a machine by the node's own name":    {own{machine: "a.example.org"}, "the one that Omen runs on", ""},
		"a machine by the node's label":       {own{machine: "a.lan"}, "the one that Omen runs on", ""},
		"a machine that is none of the nodes": {own{machine: "elsewhere"}, "", ""},
	} {
		h := must.Get(must.Get(connect(&rest.Config{Host: server.URL}, c.own))(t).Hand(remedy.Step{Name: "cordon"}))(t)
		for node, want := range map[string]string{"a": c.want, "b": c.b} {
			_, err := h.Resolve(t.Context(), omen.Action{ID: "a1", Host: omen.Host{Name: node}})
			if want == "" && err != nil || want != "" && (!errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, node %s: %v, want %q", name, node, err, want)
			}
			if strings.HasPrefix(want, "does not know") && !strings.Contains(omen.Hint(err), "NODE_NAME") {
				t.Errorf("%s: hint %q", name, omen.Hint(err))
			}
		}
	}
}

// With a kubeconfig Omen may run in a pod, too: what its pod's environment says counts.
func TestWhereOmenRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	must.OK(t, os.WriteFile(file, []byte(`{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}], clusters: [{name: a, cluster: {server: 'http://a'}}]}`), 0o600))
	t.Setenv(envNode, "n7")
	t.Setenv(envPod, "omen-0")
	t.Setenv(envNamespace, "monitoring")
	c := must.Get(New(Options{Kubeconfig: file}))(t)
	if want := (own{pod: true, namespace: "monitoring", machine: "omen-0", node: "n7"}); c.own != want {
		t.Errorf("%+v, want %+v", c.own, want)
	}
	if got, want := Self(), []string{"node n7", "node omen-0", "namespace monitoring", "pod monitoring/omen-0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, name := range []string{envNode, envPod, envNamespace} {
		t.Setenv(name, "")
	}
	t.Setenv(envService, "10.0.0.1")
	if c = must.Get(New(Options{Kubeconfig: file}))(t); !c.own.pod || c.own.machine == "" {
		t.Errorf("%+v is no pod", c.own)
	}
}
