package feature

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/omenhq/omen"
)

// Declare makes the profile that a configuration declares, on its own or as
// another one with features added, replaced and left out, and checks it as
// [NewSchema] does. extends names the profile, of those known, whose features
// come first and whose By, Uptime, Labels and Boots hold where p has none; empty: none. without
// are its features to leave out, and what is derived from them. Features of p
// replace those of the same name in place; others come after them. The same
// holds of limits. Its error is one or several joined that are a [Mistake] each.
func Declare(p Profile, extends string, without []string, known []Profile) (Profile, error) {
	own, ownLimits := p.Features, p.Limits
	p.Features = nil
	var limits []string // of those to leave out
	if extends != "" {
		i := slices.IndexFunc(known, func(k Profile) bool { return k.Name == extends })
		if i < 0 {
			return p, p.invalid("", "extends", fmt.Sprintf("there is no profile %q", extends), "known are "+names(known))
		}
		base := known[i]
		if len(p.By) == 0 {
			p.By = base.By
		}
		if p.Uptime == "" {
			p.Uptime = base.Uptime
		}
		if p.Labels == "" {
			p.Labels = base.Labels
		}
		if p.Boots == "" {
			p.Boots = base.Boots
		}
		p.Features = slices.Clone(base.Features)
		limits = p.inherit(base.Limits, without)
	}
	for _, name := range without {
		if slices.Contains(limits, name) {
			continue
		}
		before := len(p.Features)
		p.Features = slices.DeleteFunc(p.Features, func(f Feature) bool {
			return f.Name == name || f.derived() && (f.Rule.Of == name || f.Rule.Per == name)
		})
		if len(p.Features) == before {
			return p, p.invalid("", "without", fmt.Sprintf("there is no feature or limit %q to leave out", name), "name features or limits of the extended profile, each once")
		}
	}
	inherited := len(p.Features)
	for j, f := range own {
		if slices.ContainsFunc(own[:j], func(g Feature) bool { return g.Name == f.Name }) {
			return p, p.twice(f.Name)
		}
		i := slices.IndexFunc(p.Features[:inherited], func(g Feature) bool { return g.Name == f.Name })
		if i >= 0 {
			p.Features[i] = f
		} else {
			p.Features = append(p.Features, f)
		}
	}
	shown := p.shown(ownLimits)
	p, err := p.checked()
	return p, errors.Join(shown, err)
}

func names(profiles []Profile) string {
	var list []string
	for _, p := range profiles {
		list = append(list, p.Name)
	}
	return strings.Join(list, ", ")
}

// derivedUnit is the unit of a derived feature that states none.
func derivedUnit(r Rule, of omen.Unit) omen.Unit {
	switch r.Kind {
	case Change, Mean, Spread:
		return of
	case Rate:
		switch of {
		case omen.Bytes:
			return omen.BytesPerSecond
		case omen.Count:
			return omen.PerSecond
		}
	}
	return omen.Count
}
