package detect_test

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

// What people say of an episode decides whether it raises the level: a confirmed or
// acknowledged one does not, a rejected one does however strong it was, and one of
// which they say nothing only if it was weak. The last word holds.
func TestVerdictsMoveTheLevel(t *testing.T) {
	const step = 5 * time.Minute
	raised := math.Exp(0.3)
	real, none := omen.Incident{Verdict: omen.Real}, omen.Incident{Verdict: omen.NotAProblem}
	acked, expected := omen.Incident{AckedBy: "ann"}, omen.Incident{Verdict: omen.Expected}
	for name, c := range map[string]struct {
		height float64
		say    []omen.Incident // while it is open
		later  []omen.Incident // when it is over
		want   float64
	}{
		"weak, nobody says anything":          {1.5, nil, nil, raised},
		"strong, nobody says anything":        {8, nil, nil, 1},
		"weak, confirmed":                     {1.5, nil, []omen.Incident{real}, 1},
		"weak, acknowledged":                  {1.5, nil, []omen.Incident{acked}, 1},
		"weak, confirmed while open":          {1.5, []omen.Incident{real}, nil, 1},
		"weak, acknowledged while open":       {1.5, []omen.Incident{acked}, nil, 1},
		"weak, acknowledged and released":     {1.5, []omen.Incident{acked, {}}, nil, raised},
		"weak, rejected":                      {1.5, nil, []omen.Incident{none}, raised},
		"weak, rejected twice":                {1.5, nil, []omen.Incident{none, expected}, raised},
		"strong, rejected":                    {8, nil, []omen.Incident{none}, raised},
		"strong, rejected while open":         {8, []omen.Incident{expected}, nil, raised},
		"strong, rejected while open, again":  {8, []omen.Incident{none}, []omen.Incident{none}, raised},
		"strong, rejected and then confirmed": {8, nil, []omen.Incident{none, real}, 1},
		"strong, rejected, taken back":        {8, nil, []omen.Incident{none, {}}, 1},
		"weak, confirmed, taken back":         {1.5, nil, []omen.Incident{real, {}}, raised},
		"weak, acknowledged, then rejected":   {1.5, []omen.Incident{acked}, []omen.Incident{{AckedBy: "ann", Verdict: omen.NotAProblem}}, raised},
	} {
		var l detect.Level
		onset := start.Add(20 * step)
		levels(&l, start, step, 1, append(repeat(0, 20), repeat(c.height, 4)...)...)
		judge := func(all []omen.Incident, state omen.IncidentState) {
			for _, in := range all {
				in.Since, in.State, in.Peak = onset, state, c.height
				if state == omen.Closed {
					in.ClosedAt = onset.Add(13 * step)
				}
				l.Judge(in, step, 1)
			}
		}
		judge(c.say, omen.Open)
		levels(&l, onset.Add(4*step), step, 1, repeat(0, 11)...)
		judge(c.later, omen.Closed)
		if got := l.Next(onset.Add(15*step), 0, step, 1); math.Abs(got-c.want) > 0.02 {
			t.Errorf("%s: level %g, want %g", name, got, c.want)
		}
	}
}

// A verdict takes back what its own episode raised and no other's.
func TestVerdictOnOneOfTwo(t *testing.T) {
	const step = 5 * time.Minute
	var l detect.Level
	scores := append(append(append(repeat(0, 20), 1.5), repeat(0, 30)...), 2.2)
	levels(&l, start, step, 1, append(scores, repeat(0, 12)...)...)
	end := start.Add(time.Duration(len(scores)+12) * step)
	before := l.Next(end, 0, step, 1)
	l.Judge(omen.Incident{
		State: omen.Closed, Verdict: omen.Real, Peak: 2.2,
		Since: start.Add(51 * step), ClosedAt: start.Add(61 * step),
	}, step, 1)
	after := l.Next(end.Add(step), 0, step, 1)
	if want := before / math.Exp(0.3); math.Abs(after-want) > 0.02 || after <= 1 {
		t.Errorf("level %g after the second of two is confirmed, want %g: what is left of the first", after, want)
	}
}

// A verdict on what would be forgotten by now raises nothing.
func TestLateVerdictRaisesNothing(t *testing.T) {
	const step = 5 * time.Minute
	var l detect.Level
	levels(&l, start, step, 1, append(repeat(9, 4), repeat(0, 200)...)...)
	l.Judge(omen.Incident{State: omen.Closed, Verdict: omen.NotAProblem, Peak: 9, Since: start, ClosedAt: start.Add(14 * step)}, step, 1)
	if !l.Calm() {
		t.Error("an episode of more than half a day ago raises the level")
	}
}

// More rises than are kept apart add up all the same, and a stored level has them.
func TestManyRises(t *testing.T) {
	const step = 5 * time.Minute
	var l detect.Level
	at := start
	l.Next(at, 0, step, 1)
	for range 12 {
		at = at.Add(time.Second)
		l.Judge(omen.Incident{State: omen.Closed, Verdict: omen.NotAProblem, Peak: 9, Since: at, ClosedAt: at}, step, 1)
	}
	if got := l.Next(at, 0, step, 1); math.Abs(math.Log(got)-12*0.3) > 0.02 {
		t.Errorf("level e^%g after twelve rejected episodes, want e^%g", math.Log(got), 12*0.3)
	}
}
