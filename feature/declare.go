package feature

import (
	"fmt"
	"slices"
	"strings"

	"github.com/omenhq/omen"
)

// Declaration is a profile as a configuration declares it: on its own, or as
// another one with features added, replaced and left out.
type Declaration struct {
	Name    string
	Help    string
	Extends string   // a known profile whose features come first; empty: none
	Without []string // features of that profile to leave out, and what is derived from them
	By      []string // empty: that profile's
	Uptime  string   // empty: that profile's

	// Features replace those of the same name in the extended profile, in
	// place; others come after them.
	Features []Feature
}

// Declare makes the profile that a declaration means and checks it, as
// [NewSchema] does. Known are the profiles that it may extend.
func Declare(d Declaration, known []Profile) (Profile, error) {
	p := Profile{Name: d.Name, Help: d.Help, By: d.By, Uptime: d.Uptime}
	if d.Extends != "" {
		i := slices.IndexFunc(known, func(k Profile) bool { return k.Name == d.Extends })
		if i < 0 {
			return p, p.invalid("", "extends", fmt.Sprintf("there is no profile %q", d.Extends), "known are "+names(known))
		}
		base := known[i]
		if len(p.By) == 0 {
			p.By = base.By
		}
		if p.Uptime == "" {
			p.Uptime = base.Uptime
		}
		p.Features = slices.Clone(base.Features)
	}
	for _, name := range d.Without {
		before := len(p.Features)
		p.Features = slices.DeleteFunc(p.Features, func(f Feature) bool {
			return f.Name == name || f.Derived() && (f.Rule.Of == name || f.Rule.Per == name)
		})
		if len(p.Features) == before {
			return p, p.invalid("", "without", fmt.Sprintf("there is no feature %q to leave out", name), "name features of the extended profile, each once")
		}
	}
	inherited := len(p.Features)
	for _, f := range d.Features {
		i := slices.IndexFunc(p.Features[:inherited], func(g Feature) bool { return g.Name == f.Name })
		if i >= 0 {
			p.Features[i] = f
		} else {
			p.Features = append(p.Features, f)
		}
	}
	return p.checked()
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
