package feature

import (
	"strings"
	"testing"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// The pods of a node are judged by what is measured of the resource of the leading
// cause; what is trivial leads nothing.
func TestPodCauses(t *testing.T) {
	s := must.Get(NewSchema(Node()))(t)
	for _, c := range []struct{ causes, lead, want string }{
		{"load_per_core cpu_user", "load_per_core", "cpu_user"},
		{"(memory_used) cpu_user", "cpu_user", "cpu_user"},
		{"cpu_user (cpu_system)", "cpu_user", "cpu_user"},
		{"memory_used cpu_user", "memory_used", "memory_used"},
		{"cpu_iowait disk_write cpu_user disk_read", "cpu_iowait", "disk_write disk_read"},
		{"(cpu_user)", "", ""},
		{"", "", ""},
	} {
		var causes []omen.Cause
		for name := range strings.FieldsSeq(c.causes) {
			bare := strings.Trim(name, "()")
			causes = append(causes, omen.Cause{Feature: bare, Trivial: bare != name})
		}
		all, lead := s.PodCauses(causes)
		var got []string
		for _, m := range all {
			got = append(got, m.Feature)
		}
		if lead != c.lead || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s leads, measured by %s; want %s and %s", c.causes, lead, got, c.lead, c.want)
		}
	}
}
