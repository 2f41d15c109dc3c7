//go:build e2e

package test

import (
	"bytes"
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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen/internal/must"
)

// apiServer is a real etcd and kube-apiserver, without controllers: what they would
// do the test does.
type apiServer struct {
	url    string
	client *http.Client
}

type object = map[string]any

// startAPIServer starts both, with the accounts admin-token, which may everything,
// and omen-token, which is the service account omen of the namespace omen.
func startAPIServer(t *testing.T) *apiServer {
	t.Helper()
	bin := os.Getenv("OMEN_KUBE_BIN")
	if bin == "" {
		t.Skip("OMEN_KUBE_BIN is not set: `make kube` builds kube-apiserver and etcd, and runs this")
	}
	dir := t.TempDir()
	key := must.Get(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	der := must.Get(x509.MarshalECPrivateKey(key))(t)
	keyFile := write(t, dir, "sa.key", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
	tokens := write(t, dir, "tokens.csv", "admin-token,admin,1,system:masters\nomen-token,system:serviceaccount:omen:omen,2,system:serviceaccounts\n")
	etcd, peers, address := freeAddress(t), freeAddress(t), freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	must.OK(t, err)
	start(t, filepath.Join(bin, "etcd"), "--data-dir", filepath.Join(dir, "etcd"), "--unsafe-no-fsync", "--log-level", "error",
		"--listen-client-urls", "http://"+etcd, "--advertise-client-urls", "http://"+etcd, "--listen-peer-urls", "http://"+peers,
		"--initial-advertise-peer-urls", "http://"+peers, "--initial-cluster", "default=http://"+peers)
	start(t, filepath.Join(bin, "kube-apiserver"), "--etcd-servers", "http://"+etcd, "--cert-dir", filepath.Join(dir, "certs"),
		"--bind-address", "127.0.0.1", "--secure-port", port, "--endpoint-reconciler-type", "none", "--service-cluster-ip-range", "10.0.0.0/24",
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", keyFile, "--service-account-signing-key-file", keyFile,
		"--authorization-mode", "RBAC", "--token-auth-file", tokens, "--disable-admission-plugins", "ServiceAccount")
	s := &apiServer{url: "https://" + address, client: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // its own certificate
	}}
	until(t, 2*time.Minute, "kube-apiserver is ready", func() error { _, err := s.ask("GET", "/readyz", nil); return err })
	return s
}

// ask sends an object as somebody who may everything, and gives the one that comes
// back; what is no object is none.
func (s *apiServer) ask(method, path string, body object) (object, error) {
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequest(method, s.url+path, &sent)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer admin-token")
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, tail(string(answer), 500))
	}
	var o object
	if json.Unmarshal(answer, &o) != nil {
		return nil, nil
	}
	return o, nil
}

// apply makes what a file below deploy/kubernetes describes, all of one group.
func (s *apiServer) apply(t *testing.T, file, group string) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(must.Get(os.ReadFile(filepath.Join("../deploy/kubernetes", file)))(t)))
	for {
		var o object
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		namespace := o["metadata"].(object)["namespace"].(string)
		must.Get(s.ask("POST", "/apis/"+group+"/namespaces/"+namespace+"/"+strings.ToLower(o["kind"].(string))+"s", o))(t)
	}
}

const cartPath = "/apis/apps/v1/namespaces/shop/deployments/cart"

// rolled is what the controller of Deployments writes once a rollout is over.
func (s *apiServer) rolled(o object) error {
	o["status"] = object{"observedGeneration": o["metadata"].(object)["generation"], "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
	_, err := s.ask("PUT", cartPath+"/status", o)
	return err
}

// cart makes the Deployment of which the metrics tell.
func (s *apiServer) cart(t *testing.T) {
	t.Helper()
	must.Get(s.ask("POST", "/api/v1/namespaces", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "shop"}}))(t)
	of := object{"app": "cart"}
	made := must.Get(s.ask("POST", strings.TrimSuffix(cartPath, "/cart"), object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": "cart", "annotations": object{"deployment.kubernetes.io/revision": "1"}},
		"spec": object{"replicas": 2, "selector": object{"matchLabels": of}, "template": object{
			"metadata": object{"labels": of}, "spec": object{"containers": []any{object{"name": "app", "image": "cart:1"}}}}},
	}))(t)
	must.OK(t, s.rolled(made))
}

// A workload leaks: the incident blames memory, the playbook asks, nothing is
// changed until ann approves by the command, the API server then has the restart of
// that one Deployment, with no more rights than deploy/kubernetes/role.yaml gives,
// and once the new pods are there Omen says that it helped, and after how long.
func TestALeakInACluster(t *testing.T) {
	omenBinary(t)
	prometheus := binary(t, "prometheus")
	s := startAPIServer(t)
	s.cart(t)
	s.apply(t, "role.yaml", "rbac.authorization.k8s.io/v1")
	now := time.Now()
	k := &kube{rollouts: []time.Time{now.Add(-25 * time.Minute)}, restart: now.Add(-40 * time.Minute)}
	address, dir := freeAddress(t), t.TempDir()
	backfill(t, dir, k.history(now.Add(-past), now.Add(-scrapeInterval)))
	start(t, prometheus, "--config.file="+write(t, t.TempDir(), "prometheus.yml", kubeScrape(t, k)), "--storage.tsdb.path="+dir, "--web.listen-address="+address)
	until(t, time.Minute, "prometheus is ready", answers("http://"+address+"/-/ready"))
	credentials := write(t, t.TempDir(), "kubeconfig", `{apiVersion: v1, kind: Config, current-context: eu, contexts: [{name: eu, context: {cluster: eu, user: omen}}],
clusters: [{name: eu, cluster: {server: '`+s.url+`', insecure-skip-tls-verify: true}}], users: [{name: omen, user: {token: omen-token}}]}`)
	o := serveAnn(t, t.TempDir(), `
profiles: [{name: workload-by-cluster, extends: workload, by: [cluster, namespace, workload]}]
sources: [{name: kube, url: 'http://`+address+`', step: 10s, profiles: [workload-by-cluster]}]
incidents: {close_after: 30s, reopen_within: 1m}
remedy:
  mode: approve
  approvers: {users: [ann]}
  kubernetes: {kubeconfig_file: '`+credentials+`'}
  playbooks:
  - name: restart-cart
    match: ['profile="workload-by-cluster"', 'cluster="eu"', 'namespace="shop"', 'workload="cart"']
    causes_all: [memory]
    learning: true
    after: 10s
    mode: approve
    do: {rollout_restart: {cluster: eu}}
`)
	until(t, 5*time.Minute, "models of the workloads", o.scored("eu/shop/cart", "us/shop/cart"))
	if out, err := o.asAnn(t, "remedy", "check"); err != nil || !strings.Contains(out, "would restart the 2 pods of deployment shop/cart; the API server accepts it") {
		t.Errorf("remedy check: %v\n%s", err, out)
	}

	began := time.Now()
	k.leaks.Store(began.UnixMilli())
	a := o.waits(t, o.blames(t, "eu/shop/cart", began).ID)
	mark := func() (generation, by string, o object, err error) {
		if o, err = s.ask("GET", cartPath, nil); err != nil {
			return "", "", nil, err
		}
		annotations, _ := o["spec"].(object)["template"].(object)["metadata"].(object)["annotations"].(object)
		by, _ = annotations["omen.dev/action"].(string)
		return fmt.Sprint(o["metadata"].(object)["generation"]), by, o, nil
	}
	if generation, by, _, err := mark(); err != nil || generation != "1" || by != "" {
		t.Errorf("nobody approved, and it is at generation %s by %q: %v", generation, by, err)
	}
	o.approved(t, a.ID)
	until(t, time.Minute, "the API server has the restart, and its controller has rolled it out", func() error {
		generation, by, cart, err := mark()
		if err != nil || generation != "2" || by != a.ID {
			return fmt.Errorf("generation %s by %q, %w", generation, by, err)
		}
		k.rolled.Store(time.Now().UnixMilli())
		return s.rolled(cart)
	})
	o.helped(t, a.ID, began)
	if generation, _, _, err := mark(); err != nil || generation != "2" {
		t.Errorf("in the end it is at generation %s: %v", generation, err)
	}
}
