package api

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

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

// The score's history has the level beside each score, and none in a gap.
func TestHistoryHasTheLevel(t *testing.T) {
	f := newFixture(t)
	for i, level := range []float64{0, 1.8, 6} {
		f.api.Observe(omen.Tick{At: at, Scores: []omen.Score{{Host: web1, At: at.Add(time.Duration(i) * time.Second), Value: 4, Level: level}}})
	}
	f.api.Observe(omen.Tick{At: at.Add(3 * time.Second), Silent: []omen.Host{web1}})
	h := read[ScoreHistory](t, f, "hosts/web-1:9100/score?from=2026-03-01T12:00:00Z&to=2026-03-01T13:00:00Z")
	if len(h.Level) != 4 || h.Level[0] != 1 || h.Level[1] != 1.8 || h.Level[2] != 6 || !math.IsNaN(float64(h.Level[3])) {
		t.Errorf("levels %v beside scores %v, want 1, 1.8, 6 and none", h.Level, h.Scores)
	}
}

// An incident says the level at which it opened, if that was not the limit.
func TestIncidentHasTheLevel(t *testing.T) {
	for level, want := range map[float64]string{0: `"level":null`, 1: `"level":null`, 2.5: `"level":2.5`} {
		text := must.Get(json.Marshal(toIncident(omen.Incident{ID: "i1", Level: level})))(t)
		if !strings.Contains(string(text), want) {
			t.Errorf("opened at level %g: %s, want %s", level, text, want)
		}
	}
}
