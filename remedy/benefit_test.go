package remedy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// Worked out by hand: ends at 2, 4, 6 and 8 min, one lost sight of at 5 min. Of
// those open at 3 min four are known; one of four ends at 4, one of two at 6.
func TestCurve(t *testing.T) {
	all := []spell{{age: 2 * time.Minute, over: true}, {age: 4 * time.Minute, over: true}, {age: 5 * time.Minute, over: false}, {age: 6 * time.Minute, over: true}, {age: 8 * time.Minute, over: true}}
	for _, c := range []struct {
		age, horizon float64
		ends, known  float64
	}{
		{0, 10, 1, 5}, {0, 2, 1. / 5, 5}, {0, 1, 0, 5}, {3, 1, 1. / 4, 4}, {3, 3, 1 - 3./4/2, 4}, {3, 10, 1, 4}, {6, 1, 0, 1}, {8, 10, 0, 0},
	} {
		k := newCurve(all)
		ends, known := k.ends(k.window(minutesOf(c.age), minutesOf(c.horizon)))
		if math.Abs(ends-c.ends) > 1e-12 || known != c.known {
			t.Errorf("from %g for %g min: %g of %g, want %g of %g", c.age, c.horizon, ends, known, c.ends, c.known)
		}
	}
}

// mix is a world in which a part of the incidents is soon over by itself, and the
// rest lasts: who acts sees many end, whatever was done.
type mix struct {
	soon, mean, long float64 // the part that is soon over, and the means of both, in minutes
}

func (m mix) open(age float64) float64 {
	return m.soon*math.Exp(-age/m.mean) + (1-m.soon)*math.Exp(-age/m.long)
}

func (m mix) draw(rng *rand.Rand) float64 {
	if rng.Float64() < m.soon {
		return rng.ExpFloat64() * m.mean
	}
	return rng.ExpFloat64() * m.long
}

// fleet is one life of a playbook: its actions, and the incidents around it.
type fleet struct {
	rows []omen.Action
	past []omen.Incident
}

func minutesOf(m float64) time.Duration { return time.Duration(m * float64(time.Minute)) }

// live makes n actions of a playbook whose true benefit is known, at ages of 2 to 12
// min, among incidents that nobody acted on.
func (m mix) live(rng *rand.Rand, n, controls int, benefit float64) (f fleet) {
	incident := func(id string, since time.Time, lasts float64) omen.Incident {
		in := opened(id, node("web-1"), since)
		in.State, in.Reason, in.ClosedAt = omen.Closed, omen.ReasonRecovered, since.Add(minutesOf(lasts))
		return in
	}
	for i := range controls {
		lasts := 0.0
		for lasts < 2 { // what is over sooner is no incident that people hear of
			lasts = m.draw(rng)
		}
		in := incident(fmt.Sprint("c", i), noon.Add(time.Duration(i)*time.Hour), lasts)
		if rng.Float64() < 0.15 { // somebody closed it, or the host went away
			in.Reason, in.ClosedAt = omen.ReasonByOperator, in.Since.Add(minutesOf(lasts*rng.Float64()))
		}
		f.past = append(f.past, in)
	}
	horizon := (Playbook{}.Horizon(sampled) + 10*sampled).Minutes()
	for i := range n {
		age := 2 + 10*rng.Float64()
		anyway := 1 - m.open(age+horizon)/m.open(age)
		since := noon.Add(time.Duration(1000+i) * time.Hour)
		a := row(fmt.Sprint("a", i), omen.ActionNotHelped, node("web-1"), since.Add(minutesOf(age)))
		a.Incident, a.Sampled = fmt.Sprint("t", i), sampled
		if rng.Float64() < anyway+benefit {
			a.State, a.Recovered = omen.ActionHelped, 4*time.Minute
		} else if rng.Float64() < 0.05 {
			a.State = omen.ActionWorse
		}
		f.rows = append(f.rows, a)
		f.past = append(f.past, incident(a.Incident, since, age+20))
	}
	return f
}

// worlds are those in which a benefit is possible: what ends anyway cannot be helped.
var worlds = []struct {
	mix
	benefits []float64
}{
	{mix{0.1, 5, 300}, []float64{0, 0.3, 0.8}}, // 9 of 100 end anyway
	{mix{0.2, 6, 200}, []float64{0, 0.3, 0.8}},
	{mix{0.6, 8, 120}, []float64{0, 0.3}}, // half ends anyway
	{mix{0.9, 6, 60}, []float64{0}},       // most do: the mean is returned to
}

// lives is how many lives a test looks at, and by how much a share of p may miss its
// bar: by nothing, and in a short run by three deviations.
func lives(p float64) (n int, chance float64) {
	if testing.Short() {
		return 40, 3 * math.Sqrt(p*(1-p)/40)
	}
	return 200, 0
}

// The interval covers the known truth in at least 90 of 100 lives, in each world,
// with few controls and with many; what only compares before and after does not.
func TestBenefitCoversTheTruth(t *testing.T) {
	t.Parallel()
	b := Playbook{Name: "restart"}
	runs, chance := lives(0.9)
	for k, w := range worlds {
		for _, truth := range w.benefits {
			for _, controls := range []int{20, 60} {
				rng := rand.New(rand.NewPCG(15, uint64(k)))
				covers, known, naive := 0, 0, 0
				for range runs {
					f := w.live(rng, 12, controls, truth)
					e := b.Effect(f.rows, f.past, time.Time{}, noon.Add(2000*time.Hour))
					if !e.Benefit.Known {
						continue
					}
					known++
					if e.Benefit.Low <= truth && truth <= e.Benefit.High {
						covers++
					}
					if math.Abs(float64(e.Helped)/float64(e.Measured)-truth) < 0.25 {
						naive++
					}
				}
				share := float64(covers) / float64(known)
				t.Logf("world %d, true benefit %.1f, %d controls: the interval covers it in %.3f of %d lives; before and after is within .25 in %.2f",
					k, truth, controls, share, known, float64(naive)/float64(known))
				if share < 0.9-chance || known < runs/2 {
					t.Errorf("world %d, true benefit %.1f, %d controls: covered in %.3f of %d lives, want .9", k, truth, controls, share, known)
				}
			}
		}
	}
}

// A useless playbook is off within 12 actions in 95 of 100 lives; one with a benefit
// of .8 in 1 of 100 at most.
func TestUselessPlaybookGoesOff(t *testing.T) {
	t.Parallel()
	b := Playbook{Name: "restart"}
	runs, chance := lives(0.95)
	for k, w := range worlds {
		for _, truth := range w.benefits {
			rng := rand.New(rand.NewPCG(16, uint64(k)))
			off, actions, specified := 0, 0, 0
			for range runs {
				f := w.live(rng, 12, 40, truth)
				early := false
				for n := 1; n <= 12; n++ {
					e := b.Effect(f.rows[:n], f.past, time.Time{}, noon.Add(2000*time.Hour))
					early = early || e.Measured >= leastTreated && e.Benefit.Known && e.Benefit.Positive < hopeless
					if e.Disable != "" {
						off, actions = off+1, actions+n
						break
					}
				}
				if early {
					specified++
				}
			}
			share := float64(off) / float64(runs)
			t.Logf("world %d, true benefit %.1f: off within 12 actions in %.3f of %d lives, after %.1f on average; P < .2 alone: %.3f",
				k, truth, share, runs, float64(actions)/max(1, float64(off)), float64(specified)/float64(runs))
			if truth == 0 && share < 0.95-chance || truth == 0.8 && share > 0.01+chance {
				t.Errorf("world %d, true benefit %.1f: off in %.3f of the lives", k, truth, share)
			}
		}
	}
}

// What there is not enough to compare with is said, and no number.
func TestNotEnoughToCompare(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	b := Playbook{Name: "restart", Mode: omen.ModeApprove}
	at := noon.Add(2000 * time.Hour)
	f := worlds[0].live(rng, 12, 7, 0.8)
	e := b.Effect(f.rows, f.past, time.Time{}, at)
	if e.Benefit.Known || e.Benefit.Why == "" || e.Disable != "" || e.Promote != "" {
		t.Errorf("7 controls: %+v", e)
	}
	for i := range f.rows {
		f.rows[i].State = omen.ActionNotHelped
	}
	if e = b.Effect(f.rows, f.past, time.Time{}, at); e.Disable == "" {
		t.Errorf("12 actions that did not help, and nothing to compare with: %+v", e)
	}
	if e = b.Effect(f.rows, f.past, f.rows[11].Started, at); e.Disable != "" || e.Measured != 1 {
		t.Errorf("after ann switched it on again: %+v", e)
	}
	f = worlds[0].live(rng, 12, 60, 0.8)
	for i := range f.rows {
		f.rows[i].State = omen.ActionHelped
	}
	if e = b.Effect(f.rows, f.past, time.Time{}, at); e.Promote == "" || e.Benefit.Low < promoteAbove {
		t.Errorf("12 actions that helped: %+v", e)
	}
	if e = b.Effect(f.rows[:4], f.past, time.Time{}, at); e.Benefit.Known || e.Promote != "" {
		t.Errorf("four actions: %+v", e)
	}
	f.rows[9].State, f.rows[11].State = omen.ActionWorse, omen.ActionWorse
	if e = b.Effect(f.rows, f.past, time.Time{}, at); e.Disable == "" {
		t.Errorf("two of five made it worse: %+v", e)
	}
	for i := 9; i < 12; i++ {
		f.rows[i].State = omen.ActionUnmeasurable
	}
	if e = b.Effect(f.rows, f.past, time.Time{}, at); e.Disable == "" {
		t.Errorf("three in a row could not be measured: %+v", e)
	}
}
