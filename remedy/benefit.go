package remedy

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// Benefit is by how much a playbook raises the probability that an incident ends
// within its horizon, compared with past incidents like it that nobody acted on
// and that were open at the same age. It is an association: people choose what they
// approve.
type Benefit struct {
	Known     bool
	Why       string  // for people: the numbers in words, or why there are none
	Value     float64 // -1…1
	Low, High float64 // with probability .95 it is between
	Positive  float64 // the probability that it is above 0
	Treated   int     // actions compared
	Controls  int     // incidents that they are compared with
}

const (
	leastControls = 8    // of the same age that a comparison needs
	leastTreated  = 5    // actions
	draws         = 1000 // of the posterior: its outer quantiles are then of 25 draws each
)

// spell is one incident's time without an action.
type spell struct {
	age   time.Duration // from its onset to its end, or as far as it is known
	over  bool          // it ended by itself; else it is known to have lasted for that long
	acted bool          // until an action: it is no control
}

// treated is one action's incident.
type treated struct {
	age     time.Duration // from the onset to the start of the action
	horizon time.Duration // how long it had to help
	helped  bool
	like    int // whom it is compared with
}

// strata names an incident's likes, the closest first: the same profile and
// leading cause with its direction, the same profile and group of causes, the same
// profile.
func strata(in omen.Incident) []string {
	profile := string(in.Kind) + "/" + in.Host.Profile
	signs := feedback.Signs(in.PeakCauses())
	if len(signs) == 0 {
		return []string{profile}
	}
	group, _, _ := strings.Cut(signs[0].Feature, "_")
	return []string{fmt.Sprintf("%s/%s/%t", profile, signs[0].Feature, signs[0].Up), profile + "/" + group, profile}
}

// spells are the past incidents' times without an action, by stratum; one that was
// acted on is known to have lasted until then.
func spells(past []omen.Incident, acted map[string]time.Time, least omen.Severity, at time.Time) map[string][]spell {
	all := map[string][]spell{}
	for _, in := range past {
		notified := in.Suppressed == "" || in.Suppressed == omen.ReasonSameCause || in.Suppressed == omen.ReasonSamePool
		if !notified || slices.Index(severities, in.Severity) < slices.Index(severities, least) || in.Fleet != "" {
			continue // nobody would have acted on it
		}
		s := spell{age: at.Sub(in.Since)}
		if in.State == omen.Closed {
			s = spell{age: in.ClosedAt.Sub(in.Since), over: in.Reason == omen.ReasonRecovered || in.Reason == omen.ReasonWasFull}
		}
		if when, ok := acted[in.ID]; ok && when.Sub(in.Since) < s.age {
			s = spell{age: when.Sub(in.Since), acted: true}
		}
		for _, name := range strata(in) {
			all[name] = append(all[name], s)
		}
	}
	for _, s := range all {
		slices.SortFunc(s, func(a, b spell) int { return cmp.Compare(a.age, b.age) })
	}
	return all
}

// curve is the Kaplan–Meier estimate of how long incidents stay open by themselves,
// conditional on an age (Kaplan, Meier 1958; the landmark method of Anderson, Cain,
// Gelber 1983), under weights.
type curve struct {
	spells []spell   // sorted by age
	left   []float64 // of each the weight of those that are open until then
	stays  []float64 // of each the probability of being open still before it; one more at the end
}

func newCurve(spells []spell) *curve {
	c := &curve{spells: spells, left: make([]float64, len(spells)+1), stays: make([]float64, len(spells)+1)}
	c.weigh(func() float64 { return 1 })
	return c
}

// weigh gives each spell a weight.
func (c *curve) weigh(weight func() float64) {
	for i := len(c.spells) - 1; i >= 0; i-- {
		c.left[i] = c.left[i+1] + weight()
	}
	c.stays[0] = 1
	for i, s := range c.spells {
		c.stays[i+1] = c.stays[i]
		if s.over {
			c.stays[i+1] *= c.left[i+1] / c.left[i]
		}
	}
}

// window is which spells are open at an age, from first on, and which of them end
// within a horizon from then, before last.
func (c *curve) window(age, horizon time.Duration) (first, last int) {
	after := func(t time.Duration) int {
		return sort.Search(len(c.spells), func(i int) bool { return c.spells[i].age > t })
	}
	return after(age), after(age + horizon)
}

// ends is the probability that an incident ends by itself within a window, and the
// weight of those that it is known from.
func (c *curve) ends(first, last int) (ends, known float64) {
	if c.left[first] <= 0 {
		return 0, 0
	}
	return 1 - c.stays[last]/c.stays[first], c.left[first]
}

// controls is how many incidents nobody acted on that were open at an age.
func controls(spells []spell, age time.Duration) (n int) {
	for _, s := range spells {
		if !s.acted && s.age > age {
			n++
		}
	}
	return n
}

// compared works out a benefit from actions and, by stratum, what their incidents
// are compared with.
//
// Its interval is that of a posterior: of the share that was helped with Jeffreys'
// prior, and of what would have ended anyway by the Bayesian bootstrap over the
// incidents (Rubin 1981) with half a pseudo-incident each that ended and that did
// not, which is Jeffreys' prior again where nothing is censored. A bootstrap of the
// shares alone has an interval of no width where all were helped, and covers the
// truth too rarely at the few actions there are.
func compared(cases []treated, like [][]spell) Benefit {
	if len(cases) == 0 {
		return Benefit{}
	}
	n := float64(len(cases))
	b := Benefit{Known: true, Treated: len(cases)}
	curves := make([]*curve, len(like))
	for k := range like {
		curves[k] = newCurve(like[k])
		b.Controls = max(b.Controls, controls(like[k], 0))
	}
	windows := make([][2]int, len(cases))
	helped, anyway := 0.0, 0.0
	for i, c := range cases {
		if c.helped {
			helped++
		}
		windows[i][0], windows[i][1] = curves[c.like].window(c.age, c.horizon)
		ends, _ := curves[c.like].ends(windows[i][0], windows[i][1])
		anyway += ends
	}
	b.Value = (helped - anyway) / n
	b.Why = fmt.Sprintf("%.0f of %d recovered, %.0f %% would have by themselves (compared with %d incidents without an action; an association)",
		helped, len(cases), math.Round(100*anyway/n), b.Controls)

	rng := rand.New(rand.NewPCG(uint64(len(cases)), uint64(cases[0].horizon)))
	share := distuv.Beta{Alpha: helped + 0.5, Beta: n - helped + 0.5, Src: rng}
	half := distuv.Gamma{Alpha: 0.5, Beta: 1, Src: rng}
	sample, above := make([]float64, draws), 0
	for i := range sample {
		for _, c := range curves {
			c.weigh(rng.ExpFloat64)
		}
		ended, not, anyway := half.Rand(), half.Rand(), 0.0
		for j, c := range cases {
			ends, known := curves[c.like].ends(windows[j][0], windows[j][1])
			anyway += (known*ends + ended) / (known + ended + not)
		}
		if sample[i] = share.Rand() - anyway/n; sample[i] > 0 {
			above++
		}
	}
	slices.Sort(sample)
	b.Positive = float64(above) / draws
	b.Low, b.High = sample[draws/40], sample[draws-1-draws/40]
	return b
}
