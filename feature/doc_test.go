package feature

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// nodeTable is the node profile as docs/profiles.md shows it.
func nodeTable(t *testing.T) string {
	t.Helper()
	s := must.Get(NewSchema(Node()))(t)
	var b strings.Builder
	b.WriteString("| feature | group | what | matters | from |\n|---|---|---|---|---|\n")
	for _, f := range s.Features() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, f.Group, f.Help, f.Direction, f.Unit.Format(f.Deviation))
	}
	return b.String()
}

func TestNodeIsDocumented(t *testing.T) {
	page := must.Get(os.ReadFile("../docs/profiles.md"))(t)
	if table := nodeTable(t); !strings.Contains(string(page), table) {
		t.Errorf("docs/profiles.md does not show the node profile as it is:\n%s", table)
	}
}
