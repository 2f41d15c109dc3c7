package app

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
)

// After an upgrade that adds a feature the models of before do not score: it is
// not said that they do.
func TestModelsOfOtherFeaturesAreNotPromised(t *testing.T) {
	node := must.Get(feature.NewSchema(feature.Node()))(t)
	g := &generation{watches: []*watched{{source: "local", schema: node}}}
	host := omen.Host{Source: "local", Profile: "node", Name: "web-1"}
	anew := []omen.HostStatus{{Host: omen.Host{Source: "local", Profile: "node", Name: "web-2"}, Training: omen.TrainingStatus{Anew: "its model was made by another release of Omen"}}}
	for _, c := range []struct {
		name string
		m    omen.ModelInfo
		want int
	}{
		{"is of a host that is trained anew", omen.ModelInfo{Host: anew[0].Host, Schema: node.Hash(), Serving: true}, 0},
		{"serves", omen.ModelInfo{Host: host, Schema: node.Hash(), Serving: true}, 1},
		{"is an older version", omen.ModelInfo{Host: host, Schema: node.Hash()}, 0},
		{"is of other features", omen.ModelInfo{Host: host, Schema: "before", Serving: true}, 0},
		{"is of a source that is gone", omen.ModelInfo{Host: omen.Host{Source: "prod", Profile: "node", Name: "web-1"}, Schema: node.Hash(), Serving: true}, 0},
	} {
		if got := g.takes([]omen.ModelInfo{c.m}, anew); got != c.want {
			t.Errorf("a model that %s: %d score, want %d", c.name, got, c.want)
		}
	}
}

// Why the first model's time is not known is said as it is: that no host has answered
// is known after a round only.
func TestWhyNoModelIsDueYet(t *testing.T) {
	at := time.Now()
	for _, c := range []struct {
		of   []omen.SourceStatus
		want string
	}{
		{[]omen.SourceStatus{{Name: "prod", State: omen.SourceStarting}}, "prod is being asked for the first time"},
		{[]omen.SourceStatus{{Name: "prod", State: omen.SourceUp, LastRead: at, Hosts: 3}}, "the history of 3 hosts is being read"},
		{[]omen.SourceStatus{{Name: "prod", State: omen.SourcePartial, LastRead: at}}, "no host has answered"},
		{[]omen.SourceStatus{{Name: "a", State: omen.SourceDown}, {Name: "b", State: omen.SourceDown}}, "a, b do not answer"},
		{[]omen.SourceStatus{{Name: "a", State: omen.SourceDown}, {Name: "b", State: omen.SourceStarting}}, "b is being asked for the first time"},
	} {
		if got := notDue(c.of); got != c.want {
			t.Errorf("%+v: %s, want %s", c.of, got, c.want)
		}
	}
}

// What greets is in one piece: what is logged while hosts are looked up comes after it.
func TestTheGreetingIsInOnePiece(t *testing.T) {
	out := &pieces{wrote: make(chan struct{}, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{StoragePath: t.TempDir(), ListenAddress: "127.0.0.1:0", Version: "test", Out: out})
	}()
	for range 2 {
		select {
		case <-out.wrote:
		case err := <-done:
			t.Fatalf("it ended before its greeting: %v", err)
		}
	}
	cancel()
	must.OK(t, <-done)
	all := out.all()
	if first := all[0]; !strings.Contains(first, "web UI ") || !strings.HasSuffix(first, "  stop      Ctrl-C\n\n") {
		t.Errorf("the first piece is %q", first)
	}
	if !strings.HasPrefix(all[1], "models: none yet") {
		t.Errorf("the second piece is %q", all[1])
	}
}

// pieces keeps what is written at once together.
type pieces struct {
	wrote chan struct{} // a piece
	mu    sync.Mutex
	each  []string
}

func (p *pieces) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.each = append(p.each, string(b))
	p.wrote <- struct{}{}
	return len(b), nil
}

func (p *pieces) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.each)
}
