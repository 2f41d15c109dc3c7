package replay

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// A mark of a slow drift is one, and says when it ended and how.
func TestDriftsEnd(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	line := &Timeline{Host: omen.Host{Name: "web-1"}}
	for i := range 5 {
		line.Samples = append(line.Samples, omen.Vector{At: begin.Add(time.Duration(i) * time.Hour)})
	}
	found := func(name string, since int, back time.Duration, learned bool) omen.SlowDrift {
		d := omen.SlowDrift{Feature: name, Unit: omen.Ratio, Up: true, Mean: .71, Expected: .64, Since: begin.Add(time.Duration(since) * time.Hour), At: begin.Add(time.Duration(since+1) * time.Hour), Learned: learned}
		if back > 0 {
			d.Back = begin.Add(back)
		}
		return d
	}
	line.drifted(1, []omen.SlowDrift{found("a", 0, 0, false)})
	line.drifted(2, []omen.SlowDrift{found("a", 0, 0, false), found("b", 1, 0, false), found("c", 1, 0, false)})
	line.drifted(3, []omen.SlowDrift{found("a", 0, 150*time.Minute, false), found("b", 1, 3*time.Hour, true), found("c", 1, 0, false)})
	line.drifted(4, nil)
	var got struct {
		Drifts []struct{ Feature, Since, Back, Text string } `json:"slow_drifts"`
	}
	must.OK(t, json.Unmarshal(must.Get(json.Marshal(&Report{Timelines: []*Timeline{line}}))(t), &got))
	type row = struct{ Feature, Since, Back, Text string }
	text := " drifts upwards: 71 % on average where 64 % is expected, since "
	want := []row{
		{"a", "2026-03-01T11:00:00Z", "2026-03-01T13:30:00Z", "a" + text + "11:00; back since 13:30"},
		{"b", "2026-03-01T12:00:00Z", "2026-03-01T14:00:00Z", "b" + text + "12:00; a new model expects what it has become, since 14:00"},
		{"c", "2026-03-01T12:00:00Z", "", "c" + text + "12:00"},
	}
	if diff := cmp.Diff(want, got.Drifts); diff != "" {
		t.Error(diff)
	}
}
