package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// While Omen runs, its directory says where it answers.
func TestTheDirectoryHasTheAddress(t *testing.T) {
	dir := t.TempDir()
	if got := Address(dir); got != "" {
		t.Errorf("before: %q", got)
	}
	a := start(t, Options{StoragePath: dir})
	if got := Address(dir); got != a.address {
		t.Errorf("the directory has %q, Omen answers at %q", got, a.address)
	}
	if info := must.Get(os.Stat(filepath.Join(dir, addressFile)))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("others may read or change it: %s", info.Mode())
	}
	must.OK(t, a.stop())
	if got := Address(dir); got != "" {
		t.Errorf("after: %q", got)
	}
}
