package feature

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// LimitCheck says what a source has of one limit.
type LimitCheck struct {
	Limit     string
	Hosts     []string // that have resources of it, sorted
	Resources int      // over all hosts: what can be forecast
	Err       error    // why a query failed, or what makes that the limit is never forecast; nil if neither
	Note      string   // what else is to be said, such as why there is no resource; empty: nothing
}

// CheckLimits asks a source for the profile's limits at the instants of a query,
// as a watch does each minute, and reports, limit by limit, what there is. hosts
// are those that the source has features of. It fails only with ctx.
func (s *Schema) CheckLimits(ctx context.Context, source series.Source, q series.Query, hosts []string) ([]LimitCheck, error) {
	known := make(map[string]omen.Host, len(hosts))
	for _, name := range hosts {
		known[name] = omen.Host{Name: name}
	}
	found := map[string]LimitCheck{}
	for _, lq := range s.LimitQueries() {
		q.By = slices.Concat(s.by, lq.By)
		failed := lq.readApart(ctx, source, q, func(f *series.Frame) {
			for _, l := range lq.Limits {
				if slices.Contains(f.Features, l.Name+usedColumn) {
					found[l.Name] = lq.check(l, f, s.by, known)
				}
			}
		})
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for name, f := range failed {
			if _, answered := found[name]; !answered {
				found[name] = LimitCheck{Err: f.Err}
			}
		}
	}
	if q.Exprs, q.By = s.LeftOutExprs(), s.by; len(q.Exprs) > 0 {
		f, err := source.Read(ctx, q)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for _, e := range q.Exprs {
			why := err
			if f != nil {
				why = f.Failed[e.Feature]
			}
			if c := found[LimitOf(e.Feature)]; why != nil {
				c.Err = errors.Join(c.Err, fmt.Errorf("left_out: %w", why))
				found[LimitOf(e.Feature)] = c
			}
		}
	}
	all := make([]LimitCheck, len(s.limits))
	for i, l := range s.limits {
		all[i] = found[l.Name]
		all[i].Limit = l.Name
	}
	return all, nil
}

// NoDate is why a sample of a known date is none, and what to write instead; empty:
// it is one, or says that there is no end: exporters then give 0 or infinity.
func NoDate(secs float64) string {
	if _, is := omen.DateOf(secs); is || endless(secs) {
		return ""
	}
	for _, finer := range []struct {
		unit string
		in   float64
	}{{"milliseconds", 1e3}, {"microseconds", 1e6}, {"nanoseconds", 1e9}} {
		if _, is := omen.DateOf(secs / finer.in); is {
			return fmt.Sprintf("is no date: %g seconds since 1970; if these are %s, divide used by %.0f", secs, finer.unit, finer.in)
		}
	}
	if secs > 0 && secs < math.MaxInt32 {
		return fmt.Sprintf("is no date: %g seconds since 1970 are %s; used is the instant itself in seconds, not the time that is left", secs, time.Unix(int64(secs), 0).UTC().Format(time.DateOnly))
	}
	return fmt.Sprintf("is no date: %g seconds since 1970", secs)
}

func endless(secs float64) bool { return secs == 0 || math.IsInf(secs, 1) }

// overfull is the share of a limit above which used and limit are not of one kind:
// what is shared out more than once, such as memory of virtual machines, is below.
const overfull = 10

// check is what an answer has of one limit.
func (q *LimitQuery) check(l *Limit, f *series.Frame, by []string, known map[string]omen.Host) (c LimitCheck) {
	used, limit, both := part{key: "used"}, part{key: "limit"}, part{}
	amounts := make([][2]float64, len(f.Hosts)) // NaN unless both are there at an instant
	for row, labels := range f.Labels {
		amounts[row] = [2]float64{math.NaN(), math.NaN()}
		hasUsed, hasLimit := false, false
		for instant := range f.Instants {
			u, most := l.Amount(f, row, instant)
			hasUsed, hasLimit = hasUsed || u == u, hasLimit || l.Limit != "" && most == most
			if u == u && most == most {
				amounts[row] = [2]float64{u, most}
			}
		}
		if hasUsed {
			used.add(labels, slices.Concat(by, l.By))
		}
		if hasLimit {
			limit.add(labels, slices.Concat(by, l.By))
		}
		if !math.IsNaN(amounts[row][0]) {
			both.add(labels, slices.Concat(by, l.By))
		}
	}
	odd, dateless, unending := "", "", ""
	hosts := map[string]bool{}
	for _, r := range q.Rows(f, by, known) {
		switch u, most := amounts[r.Index][0], amounts[r.Index][1]; {
		case u != u || most != most:
		case l.Date && endless(u):
			unending = cmp.Or(unending, fmt.Sprintf("it has no end: %s says %g", f.Hosts[r.Index], u))
		case l.Date && NoDate(u) != "":
			dateless = cmp.Or(dateless, f.Hosts[r.Index]+" "+NoDate(u))
		case !l.Date && (!(u >= 0) || !(most > 0) || math.IsInf(u, 0) || math.IsInf(most, 0)):
			odd = cmp.Or(odd, fmt.Sprintf("%s is no amount: %g of %g", f.Hosts[r.Index], u, most))
		default:
			if !l.Date && u/most > overfull {
				odd = cmp.Or(odd, fmt.Sprintf("%s uses %.0f %% of it (%g of %g): are used and limit in the same unit?", f.Hosts[r.Index], 100*u/most, u, most))
			}
			hosts[r.Host.Name] = true
			c.Resources++
		}
	}
	c.Hosts = slices.Sorted(maps.Keys(hosts))
	for _, e := range q.Exprs {
		if why := f.Failed[e.Feature]; why != nil && LimitOf(e.Feature) == l.Name {
			c.Err = errors.Join(c.Err, fmt.Errorf("%s: %w", strings.TrimPrefix(e.Feature, l.Name+"."), why))
		}
	}
	switch {
	case c.Resources > 0:
		odd = cmp.Or(odd, dateless)
	case dateless == "":
		odd = cmp.Or(odd, unending)
	case c.Err == nil: // no data to come makes these dates
		c.Err = fmt.Errorf("used: %s: %w", dateless, omen.ErrInvalid)
	}
	if c.Err == nil {
		c.Note, c.Err = l.why(&used, &limit, &both, by, odd, c.Resources)
	}
	return c
}

// why is what is wrong with the series of a limit that can be read, and what
// may be.
func (l *Limit) why(used, limit, both *part, by []string, odd string, resources int) (note string, err error) {
	for _, p := range []*part{used, limit} {
		if p.rows > 0 && !p.hasOne(by) {
			return "", fmt.Errorf("%s: its series lack the label %s, such as %s: write it like max by ($by) (…): %w", p.key, strings.Join(by, ", "), p.example, omen.ErrInvalid)
		}
	}
	switch {
	case resources > 0 && odd != "":
		return odd, nil
	case resources > 0:
		if i := slices.IndexFunc(l.By, func(name string) bool { return !used.labels[name] }); i >= 0 {
			return fmt.Sprintf("used: its series lack the label %s of by", l.By[i]), nil
		}
		return "", nil
	case used.rows == 0:
		return "no host has it", nil
	case l.Limit != "" && limit.rows == 0:
		return fmt.Sprintf("no host has it: used has %d series, limit has none", used.rows), nil
	case odd != "":
		return odd, nil
	case both.rows > 0:
		return "its series are of none of the hosts, such as " + both.example, nil
	case !maps.Equal(used.labels, limit.labels):
		return "", fmt.Errorf("used and limit never have the same labels: used has %s, limit has %s: %w", used.example, limit.example, omen.ErrInvalid)
	}
	return fmt.Sprintf("used and limit are of different resources: used has %s, limit has %s", used.example, limit.example), nil
}

// part is what the series of one of a limit's expressions carry, of the labels
// that tell hosts and resources apart.
type part struct {
	key     string
	rows    int
	labels  map[string]bool // that one of them has
	example string          // those of the first
}

func (p *part) add(labels map[string]string, names []string) {
	if p.labels == nil {
		p.labels = map[string]bool{}
	}
	var has []string
	for _, name := range names {
		if labels[name] != "" {
			p.labels[name] = true
			has = append(has, fmt.Sprintf("%s=%q", name, labels[name]))
		}
	}
	if p.rows++; p.rows == 1 {
		p.example = "{" + strings.Join(has, ", ") + "}"
	}
}

// hasOne reports whether a series carries one of the labels.
func (p *part) hasOne(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return p.labels[name] })
}
