//go:build e2e

package kube

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/omenhq/omen/internal/must"
)

// The accounts of the API server that the tests start.
const (
	adminToken = "admin-token" // may everything
	omenToken  = "omen-token"  // is system:serviceaccount:omen:omen
)

// address of the API server; empty: there is none.
var address string

// TestMain runs the tests beside an etcd and a kube-apiserver of their own, which
// `make kube` builds.
func TestMain(m *testing.M) {
	stop, err := startServers(os.Getenv("OMEN_KUBE_BIN"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

func startServers(bin string) (stop func(), err error) {
	stop = func() {}
	if bin == "" {
		return stop, nil
	}
	dir, err := os.MkdirTemp("", "omen-kube")
	if err != nil {
		return stop, err
	}
	var running []*exec.Cmd
	var output bytes.Buffer
	var mu sync.Mutex
	stop = func() {
		for i := len(running) - 1; i >= 0; i-- {
			_ = running[i].Process.Kill()
			_ = running[i].Wait()
		}
		_ = os.RemoveAll(dir)
	}
	start := func(name string, args ...string) error {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		w := writer(func(p []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return output.Write(p) })
		cmd.Stdout, cmd.Stderr, cmd.Dir = w, w, dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			return err
		}
		running = append(running, cmd)
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return stop, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return stop, err
	}
	keyFile, tokens := filepath.Join(dir, "sa.key"), filepath.Join(dir, "tokens.csv")
	etcd, peers, api := freePort(), freePort(), freePort()
	address = "https://" + api
	_, port, err := net.SplitHostPort(api)
	err = errors.Join(err,
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600),
		os.WriteFile(tokens, []byte(adminToken+",admin,1,system:masters\n"+omenToken+",system:serviceaccount:omen:omen,2,system:serviceaccounts\n"), 0o600),
		start("etcd", "--data-dir", filepath.Join(dir, "etcd"), "--unsafe-no-fsync", "--log-level", "error",
			"--listen-client-urls", "http://"+etcd, "--advertise-client-urls", "http://"+etcd, "--listen-peer-urls", "http://"+peers,
			"--initial-advertise-peer-urls", "http://"+peers, "--initial-cluster", "default=http://"+peers),
		start("kube-apiserver", "--etcd-servers", "http://"+etcd, "--cert-dir", filepath.Join(dir, "certs"),
			"--bind-address", "127.0.0.1", "--endpoint-reconciler-type", "none", "--secure-port", port,
			"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", keyFile, "--service-account-signing-key-file", keyFile,
			"--authorization-mode", "RBAC", "--token-auth-file", tokens, "--service-cluster-ip-range", "10.0.0.0/24",
			"--disable-admission-plugins", "ServiceAccount"))
	if err != nil {
		return stop, err
	}
	client, err := rest.HTTPClientFor(as(adminToken))
	if err != nil {
		return stop, err
	}
	err = until(90*time.Second, func() error {
		resp, err := client.Get(address + "/readyz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz answered %s", resp.Status)
		}
		return nil
	})
	if err != nil {
		mu.Lock()
		defer mu.Unlock()
		return stop, fmt.Errorf("kube-apiserver does not become ready: %w\n%s", err, output.String()[max(0, output.Len()-6000):])
	}
	return stop, nil
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// freePort is an address that nobody listened on a moment ago.
func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// until waits for something to come true.
func until(patience time.Duration, check func() error) error {
	deadline := time.After(patience)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-deadline:
			return err
		case <-tick.C:
		}
	}
}

func as(token string) *rest.Config {
	return &rest.Config{Host: address, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
}

// peer is the real API server, as somebody who may everything sees it, and a
// namespace of the test's own.
type peer struct {
	*testing.T
	api       dynamic.Interface
	namespace string
}

var (
	namespaces  int // of the tests so far
	namespaceOf = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

func newPeer(t *testing.T) peer {
	t.Helper()
	if address == "" {
		t.Skip("OMEN_KUBE_BIN is not set: `make kube` builds kube-apiserver and etcd, and runs this")
	}
	c := as(adminToken)
	c.QPS, c.Burst = -1, -1
	namespaces++
	p := peer{t, must.Get(dynamic.NewForConfig(c))(t), fmt.Sprintf("shop-%d", namespaces)}
	p.create(namespaceOf, "", fields{
		"apiVersion": "v1", "kind": "Namespace", "metadata": fields{"name": p.namespace}})
	return p
}

func (p peer) cluster(c *rest.Config, self own) *Cluster {
	p.Helper()
	return must.Get(connect(c, self))(p)
}

func (p peer) omen() *Cluster {
	return p.cluster(as(adminToken), own{machine: "elsewhere"})
}

type fields = map[string]any

// normal is an object as it comes over the wire.
func normal(p peer, o fields) *object {
	p.Helper()
	text := must.Get(json.Marshal(o))(p)
	out := &object{}
	must.OK(p, out.UnmarshalJSON(text))
	return out
}

// create makes an object, and gives it the status that it comes with: there are no
// controllers here.
func (p peer) create(of schema.GroupVersionResource, namespace string, o fields) *object {
	p.Helper()
	wanted := normal(p, o)
	status := wanted.Object["status"]
	made := must.Get(p.api.Resource(of).Namespace(namespace).Create(p.Context(), wanted.DeepCopy(), metav1.CreateOptions{FieldManager: "controller"}))(p)
	if status == nil {
		return made
	}
	made.Object["status"] = status
	return must.Get(p.api.Resource(of).Namespace(namespace).UpdateStatus(p.Context(), made, metav1.UpdateOptions{FieldManager: "controller"}))(p)
}

func (p peer) read(of schema.GroupVersionResource, namespace, name string) *object {
	p.Helper()
	return must.Get(p.api.Resource(of).Namespace(namespace).Get(p.Context(), name, metav1.GetOptions{}))(p)
}

// change edits an object as somebody else.
func (p peer) change(of schema.GroupVersionResource, namespace, name string, edit func(*object)) *object {
	p.Helper()
	o := p.read(of, namespace, name)
	edit(o)
	return must.Get(p.api.Resource(of).Namespace(namespace).Update(p.Context(), o, metav1.UpdateOptions{FieldManager: "somebody"}))(p)
}

func (p peer) remove(of schema.GroupVersionResource, namespace, name string) {
	p.Helper()
	zero := int64(0)
	must.OK(p, p.api.Resource(of).Namespace(namespace).Delete(p.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &zero}))
}

func template(app, image string) fields {
	return fields{
		"metadata": fields{"labels": fields{"app": app}},
		"spec":     fields{"containers": []any{fields{"name": "main", "image": image}}},
	}
}

func ownedBy(kind string, o *object) []any {
	return []any{fields{"apiVersion": o.GetAPIVersion(), "kind": kind, "name": o.GetName(), "uid": string(o.GetUID()), "controller": true}}
}

// deployment makes one of three replicas at the second of two revisions, all well,
// with its ReplicaSets.
func (p peer) deployment(name string, edits ...func(fields)) *object {
	p.Helper()
	o := fields{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": fields{"name": name, "namespace": p.namespace, "annotations": fields{"deployment.kubernetes.io/revision": "2"}},
		"spec":     fields{"replicas": 3, "selector": fields{"matchLabels": fields{"app": name}}, "template": template(name, "shop:2")},
		"status":   fields{"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3},
	}
	for _, edit := range edits {
		edit(o)
	}
	d := p.create(deployments, p.namespace, o)
	for i, image := range []string{"shop:1", "shop:2"} {
		hash := fmt.Sprintf("hash%d", i+1)
		of := template(name, image)
		of["metadata"].(fields)["labels"] = fields{"app": name, "pod-template-hash": hash}
		p.create(replicaSets, p.namespace, fields{
			"apiVersion": "apps/v1", "kind": "ReplicaSet",
			"metadata": fields{"name": name + "-" + hash, "labels": fields{"app": name, "pod-template-hash": hash}, "ownerReferences": ownedBy("Deployment", d),
				"annotations": fields{"deployment.kubernetes.io/revision": fmt.Sprint(i + 1)}},
			"spec": fields{"replicas": 3 * i, "selector": fields{"matchLabels": fields{"app": name, "pod-template-hash": hash}}, "template": of},
		})
	}
	return d
}

// statefulSet is the same with ControllerRevisions.
func (p peer) statefulSet(name string) *object {
	p.Helper()
	s := p.create(statefulSets, p.namespace, fields{
		"apiVersion": "apps/v1", "kind": "StatefulSet",
		"metadata": fields{"name": name},
		"spec":     fields{"replicas": 3, "serviceName": name, "selector": fields{"matchLabels": fields{"app": name}}, "template": template(name, "shop:2")},
		"status": fields{"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
			"currentRevision": name + "-2", "updateRevision": name + "-2"},
	})
	for i, image := range []string{"shop:1", "shop:2"} {
		of := template(name, image)
		of["$patch"] = "replace"
		p.create(revisions, p.namespace, fields{
			"apiVersion": "apps/v1", "kind": "ControllerRevision",
			"metadata": fields{"name": fmt.Sprintf("%s-%d", name, i+1), "labels": fields{"app": name}, "ownerReferences": ownedBy("StatefulSet", s)},
			"revision": i + 1, "data": fields{"spec": fields{"template": of}},
		})
	}
	return s
}

// pod makes one that runs; it is ready, or not.
func (p peer) pod(name, app, ownerKind string, owner *object, ready bool, edits ...func(fields)) *object {
	p.Helper()
	status := "False"
	if ready {
		status = "True"
	}
	o := template(app, "shop:2")
	o["apiVersion"], o["kind"] = "v1", "Pod"
	meta := o["metadata"].(fields)
	meta["name"] = name
	if owner != nil {
		meta["ownerReferences"] = ownedBy(ownerKind, owner)
	}
	o["status"] = fields{"phase": "Running", "conditions": []any{fields{"type": "Ready", "status": status}}}
	for _, edit := range edits {
		edit(o)
	}
	return p.create(pods, p.namespace, o)
}

// budget makes a PodDisruptionBudget; seen: its controller has worked it out.
func (p peer) budget(name, app string, seen bool, allows int) {
	p.Helper()
	o := fields{
		"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": fields{"name": name},
		"spec": fields{"minAvailable": 1, "selector": fields{"matchLabels": fields{"app": app}}},
	}
	if seen {
		o["status"] = fields{"observedGeneration": 1, "disruptionsAllowed": allows, "currentHealthy": 1 + allows, "desiredHealthy": 1, "expectedPods": 3}
	}
	p.create(budgets, p.namespace, o)
}

// node makes one that is ready, in a zone; it is gone after the test.
func (p peer) node(name, zone string, edits ...func(fields)) *object {
	p.Helper()
	o := fields{
		"apiVersion": "v1", "kind": "Node", "metadata": fields{"name": name, "labels": fields{zoneLabel: zone}},
		"status": fields{"conditions": []any{fields{"type": "Ready", "status": "True"}}, "addresses": []any{fields{"type": "InternalIP", "address": "ip-of-" + name}}},
	}
	for _, edit := range edits {
		edit(o)
	}
	n := p.create(nodes, "", o)
	p.Cleanup(func() {
		if err := p.api.Resource(nodes).Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			p.Error(err)
		}
	})
	return n
}

// apply creates what a file below deploy/kubernetes describes, in the namespace
// that it names.
func (p peer) apply(file string) {
	p.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(must.Get(os.ReadFile(filepath.Join("../../deploy/kubernetes", file)))(p)))
	for {
		var o fields
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			p.Fatal(err)
		}
		u := normal(p, o)
		gvk := u.GroupVersionKind()
		plural := strings.ToLower(gvk.Kind) + "s"
		if strings.HasSuffix(plural, "ys") {
			plural = strings.TrimSuffix(plural, "ys") + "ies"
		}
		p.create(schema.GroupVersionResource{Group: gvk.Group, Version: gvk.Version, Resource: plural}, u.GetNamespace(), o)
	}
}

// way is what is between Omen and the API server: it can lose things.
type way struct {
	server *httptest.Server
	mu     sync.Mutex
	lose   func(forward func()) // does something with the next write; nil: forwards it
	writes int
}

func newWay(p peer) *way {
	p.Helper()
	w := &way{}
	proxy := httputil.NewSingleHostReverseProxy(must.Get(url.Parse(address))(p))
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	proxy.ErrorLog = nil
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			proxy.ServeHTTP(rw, r)
			return
		}
		w.mu.Lock()
		lose := w.lose
		w.lose = nil
		w.writes++
		w.mu.Unlock()
		if lose == nil {
			proxy.ServeHTTP(rw, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			p.Error(err)
		}
		lose(func() {
			again := r.Clone(context.Background())
			again.Body = io.NopCloser(bytes.NewReader(body))
			proxy.ServeHTTP(httptest.NewRecorder(), again)
		})
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}))
	p.Cleanup(w.server.Close)
	return w
}

// config is that of the real API server, by this way.
func (w *way) config() *rest.Config {
	return &rest.Config{Host: w.server.URL, BearerToken: adminToken}
}
