package feature

import (
	"cmp"
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
// holds of limits. Its error is one or several joined that are a [Mistake] each: all
// that can be known at once. The profile is then good for finding out what is wrong
// with those that extend it.
func Declare(p Profile, extends string, without []string, known []Profile) (Profile, error) {
	own, ownLimits := p.Features, p.Limits
	p.Features = nil
	var wrong []error
	var limits []string // of those to leave out
	strange := false
	if extends != "" {
		i := slices.IndexFunc(known, func(k Profile) bool { return k.Name == extends })
		if strange = i < 0; strange {
			wrong = append(wrong, p.invalid("", "extends", fmt.Sprintf("there is no profile %q", extends), "known are "+names(known)))
		} else {
			limits = p.extend(known[i], without)
		}
	}
	for i, name := range without {
		key := fmt.Sprintf("without[%d]", i)
		if slices.Contains(without[:i], name) {
			wrong = append(wrong, p.invalid("", key, fmt.Sprintf("%q is there twice", name), "name each once"))
			continue
		}
		if slices.Contains(limits, name) {
			continue
		}
		before := len(p.Features)
		p.Features = slices.DeleteFunc(p.Features, func(f Feature) bool {
			return f.Name == name || f.derived() && (f.Rule.Of == name || f.Rule.Per == name)
		})
		if len(p.Features) == before {
			wrong = append(wrong, p.invalid("", key, fmt.Sprintf("there is no feature or limit %q to leave out", name), "name features or limits of the extended profile, and not what is derived from others that are left out"))
		}
	}
	wrong = append(wrong, p.add(own)...)
	wrong = append(wrong, p.shown(ownLimits)...)
	p, rest := p.checked()
	if wrong = append(wrong, rest...); strange {
		wrong = slices.DeleteFunc(wrong, namesOthers)
	}
	return p, errors.Join(wrong...)
}

// extend gives p what it takes from another profile. It reports which of the names to
// leave out were limits.
func (p *Profile) extend(base Profile, without []string) (limits []string) {
	if len(p.By) == 0 {
		p.By = base.By
	}
	p.Uptime, p.Labels, p.Boots = cmp.Or(p.Uptime, base.Uptime), cmp.Or(p.Labels, base.Labels), cmp.Or(p.Boots, base.Boots)
	p.Features = slices.Clone(base.Features)
	return p.inherit(base.Limits, without)
}

// add adds features to those that are inherited, or replaces them.
func (p *Profile) add(own []Feature) (wrong []error) {
	inherited := len(p.Features)
	for j, f := range own {
		if f.Name != "" && slices.ContainsFunc(own[:j], func(g Feature) bool { return g.Name == f.Name }) {
			wrong = append(wrong, p.twice(f.Name))
			continue
		}
		i := slices.IndexFunc(p.Features[:inherited], func(g Feature) bool { return g.Name == f.Name })
		if i >= 0 {
			p.Features[i] = f
		} else {
			p.Features = append(p.Features, f)
		}
	}
	return wrong
}

// namesOthers reports a mistake that may be none once the extended profile is known,
// whose features it misses.
func namesOthers(err error) bool {
	var m *Mistake
	if !errors.As(err, &m) {
		return false
	}
	key, _, _ := strings.Cut(m.Key, "[")
	return slices.Contains([]string{"of", "per", "features", "without"}, key)
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
