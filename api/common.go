package api

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// Shared is a label of a fleet incident's hosts.
type Shared struct {
	Label  string `json:"label" doc:"a label of the hosts, or source or profile"`
	Value  string `json:"value" doc:"the value that all of them have; empty: there are several, or some have none"`
	Values int    `json:"values" doc:"how many values they have"`
	Of     int    `json:"of" doc:"how many all known hosts have"`
}

// mostShared bounds the labels that an incident says its hosts have in common.
const mostShared = 8

// common are the labels that tell some of the known hosts from others, as some of
// them, the members, have them: those that all members share first, of these the one
// with the most values elsewhere, then those of whose values they have the least part.
// One whose value is another on each member says nothing, and is left out.
func common(members []omen.Host, known []omen.HostStatus) List[Shared] {
	inside := make(map[omen.Host]bool, len(members))
	for _, m := range members {
		inside[m] = true
	}
	type use struct {
		all, mine map[string]bool
		hosts     int // members that have it
	}
	of, found := map[string]*use{}, 0
	add := func(label, value string, member bool) {
		u := of[label]
		if u == nil {
			u = &use{map[string]bool{}, map[string]bool{}, 0}
			of[label] = u
		}
		u.all[value] = true
		if member {
			u.mine[value] = true
			u.hosts++
		}
	}
	for _, h := range known {
		member := inside[h.Host]
		if member {
			found++
		}
		for label, value := range h.Labels {
			add(label, value, member)
		}
		add(mute.MatchSource, h.Host.Source, member)
		add(mute.MatchProfile, h.Host.Profile, member)
	}
	out := List[Shared]{}
	for label, u := range of {
		if len(u.mine) == 0 || len(u.all) < 2 || len(u.mine) > 1 && len(u.mine) == u.hosts {
			continue
		}
		s := Shared{Label: label, Values: len(u.mine), Of: len(u.all)}
		if len(u.mine) == 1 && u.hosts == found {
			s.Value = slices.Collect(maps.Keys(u.mine))[0]
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(x, y Shared) int {
		if one, two := x.Value != "", y.Value != ""; one != two {
			return map[bool]int{true: -1, false: 1}[one]
		} else if one {
			return cmp.Or(cmp.Compare(y.Of, x.Of), strings.Compare(x.Label, y.Label))
		}
		return cmp.Or(cmp.Compare(x.Values*y.Of, y.Values*x.Of), strings.Compare(x.Label, y.Label))
	})
	return out[:min(mostShared, len(out))]
}
