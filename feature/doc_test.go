package feature

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// nodeTable is the node profile as docs/profiles.md shows it.
func nodeTable(t *testing.T) string {
	t.Helper()
	s, err := NewSchema(Node())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| feature | group | what | matters | from |\n|---|---|---|---|---|\n")
	for _, f := range s.Features() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, f.Group, f.Help, f.Direction, f.Unit.Format(f.Deviation))
	}
	return b.String()
}

func TestNodeIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	if table := nodeTable(t); !strings.Contains(string(page), table) {
		t.Errorf("docs/profiles.md does not show the node profile as it is:\n%s", table)
	}
}
