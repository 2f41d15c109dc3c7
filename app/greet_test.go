package app

import (
	"testing"

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
	for _, c := range []struct {
		name string
		m    omen.ModelInfo
		want int
	}{
		{"serves", omen.ModelInfo{Host: host, Schema: node.Hash(), Serving: true}, 1},
		{"is an older version", omen.ModelInfo{Host: host, Schema: node.Hash()}, 0},
		{"is of other features", omen.ModelInfo{Host: host, Schema: "before", Serving: true}, 0},
		{"is of a source that is gone", omen.ModelInfo{Host: omen.Host{Source: "prod", Profile: "node", Name: "web-1"}, Schema: node.Hash(), Serving: true}, 0},
	} {
		if got := g.takes([]omen.ModelInfo{c.m}); got != c.want {
			t.Errorf("a model that %s: %d score, want %d", c.name, got, c.want)
		}
	}
}
