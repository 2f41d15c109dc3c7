package feature

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// unitRange is a unit's physical range where a feature states none. The upper ends
// are far above any machine that is built (an exabyte, ten terabytes a second),
// so that only broken values fall outside.
func unitRange(u omen.Unit) (lowest, highest float64) {
	switch u {
	case omen.Ratio:
		return 0, 1
	case omen.Bytes:
		return 0, 1e18
	case omen.BytesPerSecond:
		return 0, 1e13
	case omen.Seconds:
		return 0, 1e10
	default:
		return 0, 1e12
	}
}

// scaleOf is a unit's scale where a feature states neither scale nor deviation.
func scaleOf(u omen.Unit) float64 {
	switch u {
	case omen.Ratio:
		return 0.1
	case omen.Bytes, omen.BytesPerSecond:
		return 1e6
	default:
		return 1
	}
}

var (
	featureName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.:-]*$`)
	profileName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)
	labelName   = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// Nameless is what a [Mistake] calls a feature or limit that has no name.
const Nameless = "without a name"

// Mistake is what is wrong with one key of a profile. It wraps [omen.ErrInvalid],
// and the errors that are one carry a hint.
type Mistake struct {
	Profile        string
	Feature, Limit string // whose key it is; neither: the profile's own
	Key            string // as in a configuration, such as "max"
	What           string // "-1 is not above 0"
}

func (m *Mistake) Error() string {
	where := fmt.Sprintf("profile %q", m.Profile)
	if m.Feature != "" {
		where += fmt.Sprintf(", feature %q", m.Feature)
	}
	if m.Limit != "" {
		where += fmt.Sprintf(", limit %q", m.Limit)
	}
	return fmt.Sprintf("%s: %s: %s: %v", where, m.Key, m.What, omen.ErrInvalid)
}

func (m *Mistake) Unwrap() error { return omen.ErrInvalid }

// invalid is an error about one key of one feature; an empty feature means the
// profile itself.
func (p Profile) invalid(feature, key, what, hint string) error {
	return omen.WithHint(&Mistake{Profile: p.Name, Feature: feature, Key: key, What: what}, hint)
}

func (p Profile) twice(feature string) error {
	return p.invalid(feature, "name", "is there twice, or is reserved", "give each feature a name of its own")
}

// checked is a copy of the profile with its defaults filled in, and what keeps
// it from being used: a [Mistake] each.
func (p Profile) checked() (checked Profile, wrong []error) {
	if !profileName.MatchString(p.Name) {
		wrong = append(wrong, p.invalid("", "name", "must be letters, digits, dots, underscores and dashes", "give the profile a name such as postgres"))
	}
	p.By = slices.Clone(p.By)
	if len(p.By) == 0 {
		p.By = []string{"instance"}
	}
	for i, l := range p.By {
		if why := badLabel(l, p.By[:i]); why != "" {
			wrong = append(wrong, p.invalid("", fmt.Sprintf("by[%d]", i), why, "write label names such as [namespace, workload], each once"))
		}
	}
	if len(p.Features) == 0 {
		wrong = append(wrong, p.invalid("", "features", "there are none", "list at least one feature with name and expr"))
	}
	p.Features = slices.Clone(p.Features)
	base := map[string]omen.Unit{}
	seen := map[string]bool{UptimeColumn: true}
	for i := range p.Features {
		f := &p.Features[i]
		switch {
		case !featureName.MatchString(f.Name):
			wrong = append(wrong, p.invalid(cmp.Or(f.Name, Nameless), "name", "must be letters, digits and underscores, not starting with a digit", "give the feature a name such as disk_write"))
		case seen[f.Name]:
			wrong = append(wrong, p.twice(f.Name))
		}
		seen[f.Name] = true
		if !f.derived() {
			f.Unit = cmp.Or(f.Unit, omen.Count)
			if base[f.Name] = f.Unit; !slices.Contains(omen.Units(), f.Unit) {
				base[f.Name] = omen.Count // that is no mistake of what is derived from it
			}
		}
	}
	for i := range p.Features {
		f := &p.Features[i]
		f.Unit = cmp.Or(f.Unit, derivedUnit(f.Rule, base[f.Rule.Of]), omen.Count)
		wrong = append(wrong, p.checkRule(f, base)...)
		wrong = append(wrong, p.checkNumbers(f)...)
	}
	return p, append(wrong, p.checkLimits(seen)...)
}

// badLabel is what is wrong with a label's name beside those before it; empty: nothing.
func badLabel(name string, before []string) string {
	switch {
	case !labelName.MatchString(name):
		return fmt.Sprintf("%q is not a label name", name)
	case slices.Contains(before, name):
		return fmt.Sprintf("%q is there twice", name)
	}
	return ""
}

// checkNumbers checks unit, direction, range, deviation and scale of one
// feature and fills in what is left out.
func (p Profile) checkNumbers(f *Feature) (wrong []error) {
	bad := func(key, what, hint string) {
		wrong = append(wrong, p.invalid(cmp.Or(f.Name, Nameless), key, what, hint))
	}
	if !slices.Contains(omen.Units(), f.Unit) {
		bad("unit", fmt.Sprintf("%q is not known", f.Unit), "use one of "+listed(omen.Units()))
	}
	switch f.Direction {
	case "":
		f.Direction = Both
	case Both, Up, Down:
	default:
		bad("direction", fmt.Sprintf("%q is not known", f.Direction), "use one of both, up, down")
	}
	if f.Min == 0 && f.Max == 0 {
		f.Min, f.Max = unitRange(f.Unit)
		if f.Rule.Kind == Change || f.Rule.Kind == Rate {
			f.Min = -f.Max // a difference may go either way
		}
	}
	if !(f.Min < f.Max) { // also where either is NaN
		bad("range", fmt.Sprintf("%v is not below %v", f.Min, f.Max), "write the lowest possible value first: range: [0, 1]")
	}
	if !(f.Deviation >= 0) || math.IsInf(f.Deviation, 0) {
		bad("deviation", fmt.Sprintf("%v is not a size", f.Deviation), "write a number of 0 or more, in the feature's unit")
	}
	if !(f.Scale >= 0) || math.IsInf(f.Scale, 0) {
		bad("scale", fmt.Sprintf("%v is not a size", f.Scale), "write a number above 0, in the feature's unit, or leave it out")
	}
	if f.Scale == 0 {
		f.Scale = f.Deviation
	}
	if f.Scale == 0 {
		f.Scale = scaleOf(f.Unit)
	}
	return wrong
}

// checkRule checks where a feature comes from: its expression or its rule.
func (p Profile) checkRule(f *Feature, base map[string]omen.Unit) (wrong []error) {
	bad := func(key, what, hint string) {
		wrong = append(wrong, p.invalid(cmp.Or(f.Name, Nameless), key, what, hint))
	}
	r := &f.Rule
	if r.Kind == "" {
		if strings.TrimSpace(f.Expr) == "" {
			bad("expr", "is empty", "give the PromQL expression, or a kind if the feature is derived")
		}
		return wrong
	}
	if f.Expr != "" {
		bad("expr", "is given together with a kind", "a feature is either read (expr) or derived (kind): remove one")
	}
	known := func(key, name string) {
		const hint = "name one of the profile's features that are not derived themselves"
		if _, ok := base[name]; name == "" {
			bad(key, "is missing", hint)
		} else if !ok {
			bad(key, fmt.Sprintf("%q is not a feature with an expr in this profile", name), hint)
		}
	}
	switch r.Kind {
	case Change, Rate, Mean, Spread:
		known("of", r.Of)
		if r.Over <= 0 {
			bad("over", "is missing or not positive", "say how far to look back: over: 5m")
		}
	case Quotient:
		known("of", r.Of)
		known("per", r.Per)
	case Above:
		known("of", r.Of)
		if math.IsNaN(r.Limit) || math.IsInf(r.Limit, 0) {
			bad("limit", fmt.Sprintf("%v is no number that a value can be above and below", r.Limit), "write the threshold in the unit of what it is of")
		}
		if f.Max == 0 {
			f.Max = 1
		}
	case HourOfDay, Weekday:
		f.Context, f.Min, f.Max = true, 0, 23
		if r.Kind == Weekday {
			f.Max = 6
		}
		if _, err := time.LoadLocation(r.Zone); err != nil {
			bad("zone", fmt.Sprintf("%q is not a time zone", r.Zone), "write an IANA name such as Europe/Berlin, or leave it out for UTC")
		}
	default:
		bad("kind", fmt.Sprintf("%q is not known", r.Kind), "use one of change, rate, mean, deviation, ratio, above, hour, weekday")
	}
	return wrong
}

func listed(units []omen.Unit) string {
	names := make([]string, len(units))
	for i, u := range units {
		names[i] = string(u)
	}
	return strings.Join(names, ", ")
}
