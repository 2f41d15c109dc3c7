package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
)

func TestMistakesInSteps(t *testing.T) {
	c := must.Get(connect(&rest.Config{Host: "http://127.0.0.1:1"}, own{}))(t)
	for want, step := range map[string]remedy.Step{
		"there are cordon, delete_pod,":  {Name: "reboot"},
		"unknown key which: known here":  {Name: "undo_rollout", With: map[string]string{"which": "oldest"}},
		`which: "oldest" is not blamed`:  {Name: "rollout_restart", With: map[string]string{"which": "oldest"}},
		"name: the pod that is to blame": {Name: "rollout_restart", With: map[string]string{"which": "blamed", "namespace": "shop", "name": "a"}},
		`kind: "daemonset" is none of`:   {Name: "rollout_restart", With: map[string]string{"kind": "daemonset"}},
		"namespace and name belong":      {Name: "rollout_restart", With: map[string]string{"name": "checkout"}},
		`which: "newest" is none of`:     {Name: "evict_pod", With: map[string]string{"which": "newest"}},
		`by: "" is no whole number`:      {Name: "scale", With: map[string]string{"min": "1", "max": "2"}},
		"by: 0 changes nothing":          {Name: "scale", With: map[string]string{"by": "0", "min": "1", "max": "2"}},
		"nothing is ever scaled to":      {Name: "scale", With: map[string]string{"by": "-1", "min": "0", "max": "2"}},
		"max: 2 is less than min, 3":     {Name: "scale", With: map[string]string{"by": "1", "min": "3", "max": "2"}},
		`max: "many" is no whole number`: {Name: "scale", With: map[string]string{"by": "1", "min": "3", "max": "many"}},
	} {
		if _, err := c.Hand(step); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, name := range Steps() {
		step := remedy.Step{Name: name}
		if name == "scale" {
			step.With = map[string]string{"by": "1", "min": "1", "max": "3"}
		}
		if _, err := c.Hand(step); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhichWorkload(t *testing.T) {
	for _, c := range []struct {
		which which
		host  string
		want  string // namespace/name; empty: refused
	}{
		{which{}, "shop/checkout", "shop/checkout"},
		{which{cluster: "eu"}, "eu/shop/checkout", "shop/checkout"},
		{which{cluster: "eu"}, "us/shop/checkout", ""}, // the credentials are of another cluster
		{which{}, "us/shop/checkout", ""},
		{which{cluster: "eu"}, "shop/checkout", ""},
		{which{}, "web-1:9100", ""},
		{which{namespace: "shop", name: "cart"}, "web-1:9100", "shop/cart"},
	} {
		namespace, name, err := c.which.of(omen.Host{Name: c.host})
		switch got := namespace + "/" + name; {
		case c.want == "" && !errors.Is(err, remedy.ErrRefused):
			t.Errorf("%+v of %s: %s, %v, want it refused", c.which, c.host, got, err)
		case c.want != "" && (err != nil || got != c.want):
			t.Errorf("%+v of %s: %s, %v, want %s", c.which, c.host, got, err, c.want)
		}
	}
}

func TestScaleKeepsItsBounds(t *testing.T) {
	for _, c := range []struct{ by, min, max, has, want int }{
		{1, 2, 6, 3, 4}, {2, 2, 6, 5, 6}, {1, 2, 6, 6, 6}, {-1, 2, 6, 3, 2}, {-3, 2, 6, 4, 2}, {-1, 2, 6, 2, 2},
		{1, 2, 6, 8, 8},  // above its maximum by somebody's hand: adding never takes away
		{-1, 2, 6, 1, 1}, // below its minimum: taking away never adds
		{1, 4, 6, 1, 2},
	} {
		if got := (scale{by: c.by, min: c.min, max: c.max}).wanted(c.has); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// Which action changed an object last is known by what the API server keeps, whichever
// Omen's it was.
func TestMarksOfActions(t *testing.T) {
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	set := func(by string, ago time.Duration) metav1.ManagedFieldsEntry {
		at := metav1.NewTime(noon.Add(-ago))
		return metav1.ManagedFieldsEntry{Manager: by, Operation: metav1.ManagedFieldsOperationUpdate, Time: &at}
	}
	o := &object{Object: map[string]any{}}
	if id, at := markOf(o); id != "" || !at.IsZero() {
		t.Errorf("without any: %q at %s", id, at)
	}
	o.SetManagedFields([]metav1.ManagedFieldsEntry{set("kubectl", 0), set(manager("a1"), time.Hour), set(manager("a2")+undoing, time.Minute), set("omen-", 0)})
	if id, at := markOf(o); id != "a2" || !at.Equal(noon.Add(-time.Minute)) {
		t.Errorf("%q at %s, want a2, which was taken back", id, at)
	}
	if got := target("deployment", o); got.Mark != "a2" {
		t.Errorf("the target %+v", got)
	}
}

func TestRightsAreNamed(t *testing.T) {
	for want, r := range map[string]right{
		"patch deployments.apps/scale in namespace shop": {"patch", deployments, "scale", "shop"},
		"create pods/eviction in namespace shop":         {"create", pods, "eviction", "shop"},
		"patch nodes":                                    {"patch", nodes, "", ""},
	} {
		if got := r.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// What an API server in trouble, or something on the way to it, answers: the real
// one does not do so when asked.
func TestAnswersInDoubt(t *testing.T) {
	for code, want := range map[int]error{
		500: remedy.ErrUnknown, 502: remedy.ErrUnknown, 503: remedy.ErrUnknown, 504: remedy.ErrUnknown,
		400: remedy.ErrRefused, 405: remedy.ErrRefused, 413: remedy.ErrRefused, 429: remedy.ErrRefused,
	} {
		n := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n++
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(code)
		}))
		c := must.Get(connect(&rest.Config{Host: server.URL}, own{}))(t)
		h := must.Get(c.Hand(remedy.Step{Name: "evict_pod"}))(t)
		_, err := h.Do(t.Context(), omen.Action{ID: "a1", Target: omen.Target{Kind: "pod", Namespace: "shop", Name: "checkout-1", UID: "u"}})
		if !errors.Is(err, want) || n != 1 {
			t.Errorf("%d: %v after %d requests", code, err, n)
		}
		server.Close()
	}
}

func TestNobodyThere(t *testing.T) {
	c := must.Get(connect(&rest.Config{Host: "http://127.0.0.1:1"}, own{}))(t)
	h := must.Get(c.Hand(remedy.Step{Name: "evict_pod"}))(t)
	a := omen.Action{ID: "a1", Host: omen.Host{Name: "shop/checkout"}, Target: omen.Target{Kind: "pod", Namespace: "shop", Name: "checkout-1", UID: "u"}}
	if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrRefused) {
		t.Errorf("what never left this machine: %v", err)
	}
	if _, err := h.Resolve(t.Context(), a); !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("resolve: %v", err)
	}
	if got, err := h.Happened(t.Context(), a); got != remedy.CannotTell || err == nil {
		t.Errorf("happened: %v, %v", got, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := h.Do(ctx, a); !errors.Is(err, remedy.ErrUnknown) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

func TestCredentials(t *testing.T) {
	if _, err := New(Options{}); err == nil || !strings.Contains(omen.Hint(err), "kubeconfig_file") {
		t.Errorf("outside of a pod: %v", err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	must.OK(t, os.WriteFile(file, []byte(`{apiVersion: v1, kind: Config, current-context: a,
contexts: [{name: a, context: {cluster: a, user: u}}, {name: b, context: {cluster: b, user: u}}],
clusters: [{name: a, cluster: {server: 'http://a'}}, {name: b, cluster: {server: 'http://b'}}], users: [{name: u, user: {token: t}}]}`), 0o600))
	must.Get(New(Options{Kubeconfig: file, Context: "b"}))(t)
	for _, o := range []Options{{Kubeconfig: file, Context: "c"}, {Kubeconfig: file + "x"}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
