package feature

import (
	"math"
	"time"

	"github.com/omenhq/omen"
)

// Direction says which way a feature has to leave its normal range for
// somebody to care.
type Direction string

// The directions; the empty one means both.
const (
	Both Direction = "both"
	Up   Direction = "up"   // only more than expected is worth a page
	Down Direction = "down" // only less than expected is worth a page
)

// Matters reports whether a deviation (actual minus expected) goes the way
// that matters.
func (d Direction) Matters(deviation float64) bool {
	switch d {
	case Up:
		return deviation > 0
	case Down:
		return deviation < 0
	default:
		return true
	}
}

// Feature is one number of a host at one instant. It is read by its PromQL
// expression or, if Rule is set, derived from other features of the profile.
type Feature struct {
	Name  string // lower case with underscores: "disk_write"
	Help  string // one sentence for people
	Group string // what it belongs to, for people and pages: "cpu", "memory", "disk"

	// Expr is PromQL with one result per host; "$by" becomes the profile's
	// identifying labels and "$window" the range for rates. Empty if the
	// feature is derived.
	Expr string
	Rule Rule

	Unit omen.Unit // empty: [omen.Count]; of a derived feature what follows from its rule

	// Min and Max are the physical range, in Unit: a value outside is a fault
	// of the measurement. Both 0 means the unit's own range, see [unitRange].
	Min, Max float64

	// Direction is the way that matters and Deviation the smallest difference
	// from the expected value that is worth waking somebody for, in Unit.
	// They are read when somebody is notified, not when a model is fitted, so they
	// are not part of the schema's hash.
	Direction Direction
	Deviation float64
	// Work features say how much a host does, of which any amount may be normal:
	// until a host is known for an hour nothing is violent in them. Others say that
	// something waits, fails or runs out. Read as Direction is.
	Work bool

	// Scale is, in Unit, how far the feature moves on an ordinary host. A
	// feature that hardly moved in training is scaled as though it had moved
	// this much, so that the first ripple of a constant is not a catastrophe.
	// 0: Deviation, or the unit's own where that is 0 too.
	Scale float64

	// Context features (hour, weekday) help to predict the others and are
	// never to blame: a model gives them no share of a score.
	Context bool
}

// derived reports whether the feature is computed from others.
func (f Feature) derived() bool { return f.Rule.Kind != "" }

// Trivial reports whether actual is too near to expected, or on the harmless
// side of it, to be worth waking somebody for. It is false for NaN.
func (f Feature) Trivial(actual, expected float64) bool {
	d := actual - expected
	if d != d {
		return false
	}
	return !f.Direction.Matters(d) || math.Abs(d) < f.Deviation
}

// RuleKind says how a derived feature is computed.
type RuleKind string

// The kinds of derived features. All are causal: they use the instant itself
// and earlier ones.
const (
	Change    RuleKind = "change"    // the value minus the value Over ago
	Rate      RuleKind = "rate"      // the same per second
	Mean      RuleKind = "mean"      // rolling mean over Over
	Spread    RuleKind = "deviation" // rolling standard deviation over Over (of a sample: n-1)
	Quotient  RuleKind = "ratio"     // the value divided by the feature Per
	Above     RuleKind = "above"     // 1 where the value is above Limit, else 0
	HourOfDay RuleKind = "hour"      // 0…23 in Zone
	Weekday   RuleKind = "weekday"   // 0 (Monday)…6 in Zone
)

// Rule derives a feature from base features of the same profile. The zero
// Rule derives nothing.
type Rule struct {
	Kind  RuleKind
	Of    string        // the base feature it starts from; none for hour and weekday
	Per   string        // ratio: the base feature to divide by
	Over  time.Duration // change, rate, mean, deviation: the span looked back
	Limit float64       // above: the threshold, in the feature's unit
	Zone  string        // hour, weekday: IANA time zone; empty: UTC
}

// Profile is a named list of features and how their hosts are told apart. The
// zero value is not usable: [NewSchema] checks it.
type Profile struct {
	Name string
	Help string
	By   []string // labels that identify a host; empty: "instance"

	// Uptime is PromQL for the seconds since the host's counters started at 0,
	// one result per host that is there at that instant. It serves twice: a
	// host without it is silent at that instant, and right after a reboot the
	// features that look back ($window) are gaps until they no longer reach
	// behind it. Empty: neither is done.
	Uptime string

	// Labels is PromQL whose series carry the labels of a host beside By, for
	// profiles whose features join series. Empty: the features' own selectors.
	Labels string

	// Boots is PromQL for the seconds by which the times differ at which a host
	// booted, as its collectors say, one result per host: two that differ are of
	// two machines. Empty: that is not known.
	Boots string

	Features []Feature
	Limits   []Limit // what hosts can run out of
}
