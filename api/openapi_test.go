package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

var update = flag.Bool("update", false, "write openapi.json")

// openapi.json is what the routes and wire types say; the web UI's types are
// generated from it. `go generate ./api` writes it.
func TestTheDocumentIsCommitted(t *testing.T) {
	var want bytes.Buffer
	must.OK(t, json.Indent(&want, append(document((&API{}).routes(), "v1"), '\n'), "", " "))
	if *update {
		must.OK(t, os.WriteFile("openapi.json", want.Bytes(), 0o600))
	}
	if have, err := os.ReadFile("openapi.json"); err != nil || !bytes.Equal(have, want.Bytes()) {
		t.Errorf("openapi.json is not what the routes say (%v): run go generate ./api", err)
	}
}
