package remedy

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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

// remaining is the Kaplan–Meier estimate of the probability that an incident which
// is open at an age ends by itself within a horizon from then, and the weight of
// those that it is known from. spells are sorted by age; weights nil: one each.
// (Kaplan, Meier 1958; conditional on the age: the landmark method of Anderson,
// Cain, Gelber 1983.)
func remaining(spells []spell, weights []float64, age, horizon time.Duration) (ends, known float64) {
	weigh := func(i int) float64 {
		if weights == nil {
			return 1
		}
		return weights[i]
	}
	first, _ := slices.BinarySearchFunc(spells, age, func(s spell, t time.Duration) int {
		if s.age <= t {
			return -1
		}
		return 1
	})
	for i := first; i < len(spells); i++ {
		known += weigh(i)
	}
	stays, left := 1.0, known
	for i := first; i < len(spells) && spells[i].age <= age+horizon; i++ {
		if spells[i].over && left > 0 {
			stays *= max(0, 1-weigh(i)/left)
		}
		left -= weigh(i)
	}
	return 1 - stays, known
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
	helped, anyway := 0.0, 0.0
	for _, c := range cases {
		if c.helped {
			helped++
		}
		ends, _ := remaining(like[c.like], nil, c.age, c.horizon)
		anyway += ends
	}
	n := float64(len(cases))
	b := Benefit{Known: true, Treated: len(cases), Value: (helped - anyway) / n}
	rng := rand.New(rand.NewPCG(uint64(len(cases)), uint64(cases[0].horizon)))
	share := distuv.Beta{Alpha: helped + 0.5, Beta: n - helped + 0.5, Src: rng}
	half := distuv.Gamma{Alpha: 0.5, Beta: 1, Src: rng}
	weights := make([][]float64, len(like))
	for k := range like {
		weights[k] = make([]float64, len(like[k]))
		b.Controls = max(b.Controls, controls(like[k], 0))
	}
	sample := make([]float64, draws)
	for i := range sample {
		for k := range weights {
			for j := range weights[k] {
				weights[k][j] = rng.ExpFloat64()
			}
		}
		ended, not := half.Rand(), half.Rand()
		anyway := 0.0
		for _, c := range cases {
			ends, known := remaining(like[c.like], weights[c.like], c.age, c.horizon)
			anyway += (known*ends + ended) / (known + ended + not)
		}
		if sample[i] = share.Rand() - anyway/n; sample[i] > 0 {
			b.Positive += 1. / draws
		}
	}
	slices.Sort(sample)
	b.Low, b.High = sample[draws/40], sample[draws-1-draws/40]
	b.Why = fmt.Sprintf("%.0f of %d recovered, %.0f %% would have by themselves (compared with %d incidents without an action; an association)",
		helped, len(cases), math.Round(100*anyway/n), b.Controls)
	return b
}
