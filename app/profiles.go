package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/feature"
)

// Schemas are all profiles that a configuration knows, by name. Its error has all
// mistakes of all profiles, with their places.
func Schemas(c *config.Config) (map[string]*feature.Schema, error) {
	return schemasOf(c, feature.Builtins())
}

// schemasOf are all profiles of a configuration and those that it may extend.
func schemasOf(c *config.Config, known []feature.Profile) (map[string]*feature.Schema, error) {
	var wrong []error
	broken := map[string]bool{}
	for i, p := range c.Profiles {
		profile, err := feature.Declare(declared(p), p.Extends, p.Without, known)
		if err != nil {
			wrong = append(wrong, atProfile(c, i, err, broken[p.Extends]))
		}
		broken[p.Name] = err != nil || broken[p.Extends]
		known = slices.DeleteFunc(known, func(k feature.Profile) bool { return k.Name == p.Name }) // the built-in workload
		known = append(known, profile)
	}
	if err := config.InOrder(wrong...); err != nil {
		return nil, err
	}
	all := map[string]*feature.Schema{}
	for _, p := range known {
		s, err := feature.NewSchema(p)
		if err != nil {
			if broken[p.Name] {
				continue // that is said, though not of this profile
			}
			return nil, err
		}
		all[p.Name] = s
	}
	return all, nil
}

// atProfile gives what package feature finds wrong with a profile of the file the
// places of its keys. What is inherited, with its mistakes, from a profile that is
// broken is said of that one.
func atProfile(c *config.Config, i int, err error, broken bool) error {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		var all []error
		for _, one := range several.Unwrap() {
			all = append(all, atProfile(c, i, one, broken))
		}
		return errors.Join(all...)
	}
	key := fmt.Sprintf("profiles[%d]", i)
	var m *feature.Mistake
	if !errors.As(err, &m) {
		return at(c, key, err)
	}
	below, found := keyBelow(c.Profiles[i], m)
	switch {
	case broken && (!found || takenOver(c.Profiles[i], m)):
		return nil
	case m.Feature == "" && m.Limit == "" && m.Key == "extends":
		return nil // package config knows better what there is
	case !found: // it fits what is extended, and not this profile
		what := fmt.Sprintf("%s, %s: %s", c.Profiles[i].Extends, inherited(m), m.What)
		return at(c, key+".extends", omen.WithHint(errors.New(what), "leave it out by without, or declare one of that name here"))
	case c.Follows(key + "." + below):
		return nil
	}
	return at(c, key+"."+below, omen.WithHint(errors.New(m.What), omen.Hint(err)))
}

// takenOver reports a mistake in what a profile does not say itself.
func takenOver(p config.Profile, m *feature.Mistake) bool {
	return m.Feature == "" && m.Limit == "" && (strings.HasPrefix(m.Key, "by") && len(p.By) == 0 || m.Key == "features")
}

// inherited is what of an extended profile a mistake is about.
func inherited(m *feature.Mistake) string {
	if m.Limit != "" {
		return fmt.Sprintf("limit %s, %s", m.Limit, m.Key)
	}
	return fmt.Sprintf("feature %s, %s", m.Feature, m.Key)
}

// keyBelow is the key below a profile of the file that a mistake is about, such as
// limits[1].max; false if the file does not have it.
func keyBelow(p config.Profile, m *feature.Mistake) (key string, found bool) {
	if m.Feature == "" && m.Limit == "" {
		return m.Key, true
	}
	mine := func(list string, i int, name string) {
		if name == "" {
			name = feature.Nameless
		}
		// Of two with one name the second is the mistake.
		if name == m.Feature+m.Limit && (!found || m.Key == "name") {
			key, found = fmt.Sprintf("%s[%d].%s", list, i, m.Key), true
		}
	}
	if m.Limit != "" {
		for i, l := range p.Limits {
			mine("limits", i, l.Name)
		}
		return key, found
	}
	for i, f := range p.Features {
		mine("features", i, f.Name)
	}
	for i, d := range p.Derive {
		mine("derive", i, d.Name)
	}
	return key, found
}

func declared(p config.Profile) feature.Profile {
	d := feature.Profile{Name: p.Name, Help: p.Help, By: p.By, Uptime: p.Uptime, Labels: p.Labels}
	for _, f := range p.Features {
		d.Features = append(d.Features, meaning(f.Meaning, feature.Feature{Name: f.Name, Expr: f.Expr}))
	}
	for _, f := range p.Derive {
		d.Features = append(d.Features, meaning(f.Meaning, feature.Feature{Name: f.Name, Rule: feature.Rule{
			Kind: feature.RuleKind(f.Kind), Of: f.Of, Per: f.Per, Over: time.Duration(f.Over), Limit: valueOf(f.Limit), Zone: f.Zone,
		}}))
	}
	for _, l := range p.Limits {
		d.Limits = append(d.Limits, feature.Limit{
			Name: l.Name, Title: l.Title, Help: l.Help, Used: l.Used, Limit: l.Limit, Max: l.Max, By: l.By, Same: l.Same,
			Unit: omen.Unit(l.Unit), Full: l.Full, Features: l.Features, LeftOut: l.LeftOut,
			Date: l.Kind == "date", Notice: omen.Notice{Warning: time.Duration(l.Warning), Critical: time.Duration(l.Critical)},
		})
	}
	return d
}

// valueOf is a number, or 0 where there is none.
func valueOf(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}

func meaning(m config.Meaning, f feature.Feature) feature.Feature {
	f.Help, f.Group, f.Unit = m.Help, m.Group, omen.Unit(m.Unit)
	f.Direction, f.Deviation, f.Work, f.Scale = feature.Direction(m.Direction), m.Deviation, m.Work, m.Scale
	if len(m.Range) == 2 {
		f.Min, f.Max = m.Range[0], m.Range[1]
	}
	return f
}
