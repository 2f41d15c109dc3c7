package series

import (
	"maps"
	"slices"
	"time"
)

// tally counts which labels the series of one host carry.
type tally struct {
	series int
	labels map[string]*carried
}

// carried is one label: on how many series, with which values.
type carried struct {
	series int
	values []string // distinct, sorted, the first maxValues of them
}

// maxValues bounds the different values of a label that are kept: what is said
// of them needs no more.
const maxValues = 4

func (t *tally) count(labels map[string]string) *tally {
	if t == nil {
		t = &tally{labels: map[string]*carried{}}
	}
	t.series++
	for name, value := range labels {
		if name != "__name__" && value != "" {
			t.add(name, 1, value)
		}
	}
	return t
}

func (t *tally) add(name string, series int, values ...string) {
	c := t.labels[name]
	if c == nil {
		c = &carried{}
		t.labels[name] = c
	}
	c.series += series
	for _, v := range values { // the smallest ones, in whatever order they come
		if i, found := slices.BinarySearch(c.values, v); !found && i < maxValues {
			c.values = slices.Insert(c.values[:min(len(c.values), maxValues-1)], i, v)
		}
	}
}

// strictLabels fills in what the answers of a strict query say of each host's
// labels.
func (f *Frame) strictLabels(answers []*Answer) {
	f.Split, f.Partly = make([]map[string][]string, len(f.Hosts)), make([]map[string][]string, len(f.Hosts))
	varying := map[string]bool{}
	for h, host := range f.Hosts {
		all, partly := &tally{labels: map[string]*carried{}}, &tally{labels: map[string]*carried{}}
		for _, a := range answers {
			if a == nil || a.hosts[host] == nil {
				continue
			}
			one := a.hosts[host].tally
			all.series += one.series
			for name, c := range one.labels {
				all.add(name, c.series, c.values...)
				if c.series < one.series {
					partly.add(name, c.series, c.values...)
				}
			}
		}
		for name, c := range partly.labels {
			put(&f.Partly[h], name, c.values)
		}
		for _, name := range slices.Sorted(maps.Keys(all.labels)) {
			switch c := all.labels[name]; {
			case c.series < all.series:
				varying[name] = true
			case len(c.values) > 1:
				put(&f.Split[h], name, c.values)
			case len(f.Labels[h]) < maxLabels:
				f.Labels[h][name] = c.values[0]
			}
		}
	}
	for h := range f.Hosts { // what is another host's own label is none to leave out
		maps.DeleteFunc(varying, func(name string, _ bool) bool {
			return f.Labels[h][name] != "" || f.Split[h][name] != nil
		})
	}
	f.Varying = slices.Sorted(maps.Keys(varying))
}

// put keeps a label's values, sorted.
func put(into *map[string][]string, name string, values []string) {
	if *into == nil {
		*into = map[string][]string{}
	}
	(*into)[name] = slices.Sorted(slices.Values(values))
}

// Selectors are the selectors of expressions whose series carry all identifying
// labels as the results do, one for each metric, at most most of them, in the
// order of the expressions. There are none in an expression that is no PromQL.
func Selectors(exprs []Expr, by []string, most int) []string {
	var all []string
	seen := map[string]bool{}
	for _, e := range exprs {
		n := narrowingOf(e.expand(time.Minute, by), by)
		if n == nil {
			continue
		}
		for _, p := range n.places {
			if len(p.labels) < len(by) || seen[p.selector.Name] || len(all) == most {
				continue
			}
			seen[p.selector.Name] = true
			at := *p.selector
			at.OriginalOffset, at.Timestamp, at.StartOrEnd = 0, nil, 0
			all = append(all, at.String())
		}
	}
	return all
}
