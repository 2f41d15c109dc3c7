package replay

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/omenhq/omen/promrules"
)

// Seconds is a time in seconds; NaN, null in JSON, where there is none.
type Seconds float64

// never is no time.
var never = Seconds(math.NaN())

// MarshalJSON implements [encoding/json.Marshaler].
func (s Seconds) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(s)) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(s), 'f', -1, 64), nil
}

// FaultSum is who notified people of which fault, and what each said falsely.
type FaultSum struct {
	Faults      []FaultHeard `json:"faults"`
	OmenFalse   int          `json:"omen_false"`  // notified, touching no fault
	RulesFalse  int          `json:"rules_false"` // fired, touching no fault
	NormalHours float64      `json:"normal_hours"`
}

// FaultHeard is a fault, and after how long who notified people of it: since it
// began, by a message of its own.
type FaultHeard struct {
	Host  string           `json:"host"`
	Kind  string           `json:"kind"`
	From  time.Time        `json:"from"`
	Lasts Seconds          `json:"lasts_seconds"`
	Omen  Seconds          `json:"omen_seconds"` // null: not at all
	Rule  Seconds          `json:"rule_seconds"` // the first one; null: none
	First *promrules.Place `json:"rule,omitempty"`
	Lead  Seconds          `json:"lead_seconds"`
}

// truth adds what is known to the comparison.
func (c *Comparison) truth(all []*Timeline, firings map[string][]promrules.Firing, known *Known) {
	sum := &FaultSum{}
	for _, t := range all {
		var faults []Fault
		normal := time.Duration(0)
		if n := len(t.Samples); n > 0 {
			normal = t.Samples[n-1].At.Sub(t.Samples[0].At)
		}
		for _, f := range known.Faults {
			if f.Host == t.Host.Name {
				faults = append(faults, f)
				normal -= f.To.Sub(f.From)
				sum.Faults = append(sum.Faults, heard(f, t, firings[f.Host], known.Slack))
			}
		}
		sum.NormalHours += normal.Hours()
		touches := func(from, to time.Time) bool {
			return slices.ContainsFunc(faults, func(f Fault) bool {
				return !from.After(f.To.Add(known.Slack)) && (to.IsZero() || !to.Before(f.From))
			})
		}
		for _, trouble := range t.troubles() {
			if !touches(trouble.Since, trouble.Until) {
				sum.OmenFalse++
			}
		}
		for _, f := range firings[t.Host.Name] {
			if touches(f.Active, f.Resolved) {
				continue
			}
			sum.RulesFalse++
			for i := range c.Rules {
				if c.Rules[i].Place == f.Place {
					c.Rules[i].False++
				}
			}
		}
	}
	c.Faults = sum
}

// heard is who notified people of a fault.
func heard(f Fault, t *Timeline, firings []promrules.Firing, slack time.Duration) FaultHeard {
	h := FaultHeard{Host: f.Host, Kind: f.Kind, From: f.From, Lasts: Seconds(f.To.Sub(f.From).Seconds()), Omen: never, Rule: never, Lead: never}
	after := func(at time.Time) Seconds {
		if at.Before(f.From) || at.After(f.To.Add(slack)) {
			return never
		}
		return Seconds(at.Sub(f.From).Seconds())
	}
	for _, at := range t.messages() {
		if s := after(at); s >= 0 && !(h.Omen <= s) { // never is NaN, and above nothing
			h.Omen = s
		}
	}
	for _, firing := range firings {
		if s := after(firing.Fired); s >= 0 && !(h.Rule <= s) {
			h.Rule, h.First = s, &firing.Place
		}
	}
	h.Lead = h.Rule - h.Omen
	return h
}

// messages are when people would have been notified of anything.
func (t *Timeline) messages() (all []time.Time) {
	for _, in := range t.Incidents {
		for _, p := range in.Pages {
			all = append(all, t.Samples[p.At].At)
		}
	}
	for _, f := range t.Forecasts {
		if !f.NotifiedAt.IsZero() {
			all = append(all, f.NotifiedAt)
		}
	}
	return all
}
