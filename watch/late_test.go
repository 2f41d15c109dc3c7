package watch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// Of hosts whose samples come late the source's status says how many there are,
// which, how late, and the delay to set; and nothing more when they come in time.
func TestLateHostsAreNamed(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2")
	r.pass(t, 1)
	q := series.Query{Exprs: r.past().Query(r.now, r.now, time.Second).Exprs, Start: r.now, End: r.now, Step: time.Second}
	f := must.Get(r.world.Read(t.Context(), q))(t)
	f.Late = map[string]time.Duration{}
	for i := range 30 {
		f.Late[fmt.Sprintf("db-%02d", i)] = 40 * time.Second
	}
	f.Late["db-07"] = 95 * time.Second
	r.up(r.now, time.Millisecond, f)
	s := r.Status()
	if s.State != omen.SourcePartial || s.LateHosts != 30 || len(s.Late) != maxLate || s.Late["db-07"] != "its samples come 1m35s late" {
		t.Errorf("the source is %s, %d hosts are late: %v", s.State, s.LateHosts, s.Late)
	}
	for _, want := range []string{"30 hosts are up to 1m35s late, such as db-00", "delay: 1m40s"} {
		if !strings.Contains(s.Err, want) {
			t.Errorf("the status says %q, want %q in it", s.Err, want)
		}
	}
	f.Late = nil
	r.up(r.now, time.Millisecond, f)
	if s := r.Status(); s.State != omen.SourceUp || s.LateHosts != 0 || len(s.Late) != 0 || s.Err != "" {
		t.Errorf("when all come in time: %+v", s)
	}
}
