package feature

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

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

// checked is a copy of the profile with its defaults filled in, or why it
// cannot be used.
func (p Profile) checked() (Profile, error) {
	if !profileName.MatchString(p.Name) {
		return p, p.invalid("", "name", "must be letters, digits, dots, underscores and dashes", "give the profile a name such as postgres")
	}
	p.By = slices.Clone(p.By)
	if len(p.By) == 0 {
		p.By = []string{"instance"}
	}
	for i, l := range p.By {
		if !labelName.MatchString(l) || slices.Contains(p.By[:i], l) {
			return p, p.invalid("", "by", fmt.Sprintf("%q is not a label name, or is there twice", l), "write label names such as [namespace, workload]")
		}
	}
	if len(p.Features) == 0 {
		return p, p.invalid("", "features", "there are none", "list at least one feature with name and expr")
	}
	p.Features = slices.Clone(p.Features)
	base := map[string]omen.Unit{}
	seen := map[string]bool{UptimeColumn: true}
	for i := range p.Features {
		f := &p.Features[i]
		if !featureName.MatchString(f.Name) {
			return p, p.invalid(f.Name, "name", "must be letters, digits and underscores, not starting with a digit", "give the feature a name such as disk_write")
		}
		if seen[f.Name] {
			return p, p.twice(f.Name)
		}
		seen[f.Name] = true
		if !f.derived() {
			f.Unit = cmp.Or(f.Unit, omen.Count)
			base[f.Name] = f.Unit
		}
	}
	for i := range p.Features {
		f := &p.Features[i]
		f.Unit = cmp.Or(f.Unit, derivedUnit(f.Rule, base[f.Rule.Of]))
		if err := p.checkRule(&p.Features[i], base); err != nil {
			return p, err
		}
		if err := p.checkNumbers(&p.Features[i]); err != nil {
			return p, err
		}
	}
	return p, p.checkLimits(seen)
}

// checkNumbers checks unit, direction, range, deviation and scale of one
// feature and fills in what is left out.
func (p Profile) checkNumbers(f *Feature) error {
	if !slices.Contains(omen.Units(), f.Unit) {
		return p.invalid(f.Name, "unit", fmt.Sprintf("%q is not known", f.Unit), "use one of "+listed(omen.Units()))
	}
	switch f.Direction {
	case "":
		f.Direction = Both
	case Both, Up, Down:
	default:
		return p.invalid(f.Name, "direction", fmt.Sprintf("%q is not known", f.Direction), "use one of both, up, down")
	}
	if f.Min == 0 && f.Max == 0 {
		f.Min, f.Max = unitRange(f.Unit)
		if f.Rule.Kind == Change || f.Rule.Kind == Rate {
			f.Min = -f.Max // a difference may go either way
		}
	}
	if !(f.Min < f.Max) { // also where either is NaN
		return p.invalid(f.Name, "range", fmt.Sprintf("%v is not below %v", f.Min, f.Max), "write the lowest possible value first: range: [0, 1]")
	}
	if !(f.Deviation >= 0) || math.IsInf(f.Deviation, 0) {
		return p.invalid(f.Name, "deviation", fmt.Sprintf("%v is not a size", f.Deviation), "write a number of 0 or more, in the feature's unit")
	}
	if !(f.Scale >= 0) || math.IsInf(f.Scale, 0) {
		return p.invalid(f.Name, "scale", fmt.Sprintf("%v is not a size", f.Scale), "write a number above 0, in the feature's unit, or leave it out")
	}
	if f.Scale == 0 {
		f.Scale = f.Deviation
	}
	if f.Scale == 0 {
		f.Scale = scaleOf(f.Unit)
	}
	return nil
}

// checkRule checks where a feature comes from: its expression or its rule.
func (p Profile) checkRule(f *Feature, base map[string]omen.Unit) error {
	r := &f.Rule
	if r.Kind == "" {
		if strings.TrimSpace(f.Expr) == "" {
			return p.invalid(f.Name, "expr", "is empty", "give the PromQL expression, or a kind if the feature is derived")
		}
		return nil
	}
	if f.Expr != "" {
		return p.invalid(f.Name, "expr", "is given together with a kind", "a feature is either read (expr) or derived (kind): remove one")
	}
	known := func(key, name string) error {
		if _, ok := base[name]; !ok {
			return p.invalid(f.Name, key, fmt.Sprintf("%q is not a feature with an expr in this profile", name), "name one of the profile's features that are not derived themselves")
		}
		return nil
	}
	switch r.Kind {
	case Change, Rate, Mean, Spread:
		if err := known("of", r.Of); err != nil {
			return err
		}
		if r.Over <= 0 {
			return p.invalid(f.Name, "over", "is missing or not positive", "say how far to look back: over: 5m")
		}
	case Quotient:
		if err := known("of", r.Of); err != nil {
			return err
		}
		if err := known("per", r.Per); err != nil {
			return err
		}
	case Above:
		if err := known("of", r.Of); err != nil {
			return err
		}
		if f.Max == 0 {
			f.Max = 1
		}
	case HourOfDay:
		f.Context, f.Min, f.Max = true, 0, 23
	case Weekday:
		f.Context, f.Min, f.Max = true, 0, 6
	default:
		return p.invalid(f.Name, "kind", fmt.Sprintf("%q is not known", r.Kind),
			"use one of change, rate, mean, deviation, ratio, above, hour, weekday")
	}
	return nil
}

func listed(units []omen.Unit) string {
	names := make([]string, len(units))
	for i, u := range units {
		names[i] = string(u)
	}
	return strings.Join(names, ", ")
}
