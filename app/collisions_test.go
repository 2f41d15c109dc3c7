package app

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// That hosts are several is said of their source until they are not. While it is
// not known, and while its labels were not read since the start, what was said
// before holds; of a source that is no longer configured nothing is said.
func TestCollisionsAreSaidWhileTheyLast(t *testing.T) {
	ctx, to := t.Context(), heard{}
	s := omen.SourceStatus{Name: "prod", RefusedHosts: 30, Refused: map[string]string{"b": "why b", "a": "why a"}}
	must.OK(t, reportCollision(ctx, to, s))
	if text := to["collisions/prod"]; text != "warning: 30 hosts of source prod are not judged, such as a: why a" {
		t.Errorf("said %q", text)
	}
	s.RefusedHosts, s.Refused = 0, nil
	must.OK(t, reportCollision(ctx, to, s))
	if len(to) != 0 {
		t.Errorf("when it is over: %v", to)
	}

	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, "sources: [{name: prod, url: 'http://127.0.0.1:1', step: 1s}]\n")
	p, down := runParts(t, file)
	for _, key := range []string{"collisions/prod", "collisions/gone"} {
		must.OK(t, p.current.manager.Report(ctx, key, omen.Warning, "said before"))
		must.OK(t, to.Report(ctx, key, omen.Warning, "said before"))
	}
	must.OK(t, p.current.reportCollisions(ctx, to))
	must.OK(t, p.current.settleCollisions(ctx, to))
	if len(to) != 1 || !strings.Contains(to["collisions/prod"], "said before") {
		t.Errorf("of a source that was not read, and one that is gone: %v", to)
	}
	must.OK(t, down.run())
}
