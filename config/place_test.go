package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// A value is where it is written, and a default nowhere, whatever is written
// around it; what another package decodes has its lines as well.
func TestPlaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.yml")
	must.OK(t, os.WriteFile(path, []byte(`pages: {per_host_week: 2}
learn:
  retrain:
sources:
- name: prod
  url: http://p:9090
- &second
  name: stage
  url: http://s:9090
receivers:
- name: ops
  webhook_configs:
  - url: http://hook
  - url: http://other
route:
  receiver: ops
  routes:
  - receiver: ops
`), 0o600))
	c := must.Get(Load(path))(t)
	for key, want := range map[string]string{
		"pages.per_host_week": "omen.yml:1", "pages": "omen.yml:1", "learn.retrain": "default", "learn.history": "default", "storage": "default",
		"sources[0]": "omen.yml:5", "sources[0].step": "default", "sources[1]": "omen.yml:7", "sources[1].url": "omen.yml:9",
		"receivers[0]": "omen.yml:11", "receivers[0].webhook_configs[1]": "omen.yml:14", "route": "omen.yml:16", "route.routes[0]": "omen.yml:18",
	} {
		if got := c.Place(key); got.String() != want || got.File != path {
			t.Errorf("%s is at %s of %s, want %s", key, got, got.File, want)
		}
	}
	if got := must.Get(Parse(nil))(t).Place("pages"); got != (Place{}) || got.String() != "default" {
		t.Errorf("without a file: %+v", got)
	}
}
