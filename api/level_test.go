package api

import (
	"encoding/json"
	"testing"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func TestHostSaysFromWhichScoreItAlerts(t *testing.T) {
	for level, want := range map[float64]float64{0: 1, 1.8: 1.8} {
		f := newFixture(t)
		h := scored(omen.Host{Source: "prom", Profile: "node", Name: "level"}, 1.5)
		h.Score.Level = level
		f.hosts = append(f.hosts, h)
		status, body, _ := f.call(t, "GET", "/api/v1/omen/hosts/level", "")
		var got struct{ Level float64 }
		must.OK(t, json.Unmarshal([]byte(body), &got))
		if status != 200 || got.Level != want {
			t.Errorf("score's level %g: %d, level %g, want %g", level, status, got.Level, want)
		}
	}
}
