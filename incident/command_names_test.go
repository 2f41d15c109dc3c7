package incident

import (
	"errors"
	"strings"
	"testing"

	"github.com/omenhq/omen"
)

// Names stand in headlines, subjects and lines of a timeline.
func TestNamesHaveOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		command Command
		want    string
	}{
		"one line":     {Command{Incident: "i", Action: Acknowledge, By: "Zoë 🦊", Comment: "two\nlines"}, ""},
		"author":       {Command{Incident: "i", Action: Acknowledge, By: "x\ny"}, "control character"},
		"assignee":     {Command{Incident: "i", Action: Assign, By: "x", Assignee: "a\x00"}, "control character"},
		"long comment": {Command{Incident: "i", Action: Acknowledge, By: "x", Comment: strings.Repeat("x", maxText)}, "longer than 8192 bytes"},
	} {
		err := c.command.Validate()
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
