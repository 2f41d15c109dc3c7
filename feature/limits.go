package feature

import (
	"math"
	"slices"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// Limit is a kind of resource that can be used up: it is forecast when it will
// be. A host may have several of a kind, such as file systems, or none. Limits
// are no features: no model sees them, and they are not in a schema's hash.
type Limit struct {
	Name  string // lower case with underscores, as of a feature: "filesystem_space"
	Title string // what people call one, with $where: "inodes of $where"; empty: $where, or the name
	Help  string // one sentence for people

	// Date says that Used is no amount but the instant at which the resource is
	// over, in seconds since 1970, such as a certificate's end: there is nothing
	// to estimate, and no limit. Notice is how long before it people are notified;
	// 0: two weeks, and three days.
	Date   bool
	Notice omen.Notice

	// Used is PromQL for how much is used, with one result for each resource:
	// "$by" becomes the profile's identifying labels and those of By. Limit is
	// the same for how much there is; or else Max is that number for all.
	Used, Limit string
	Max         float64

	By   []string // labels that tell a host's resources apart; $where is their values but that of Same
	Same string   // one of By: resources with one value of it are one, and the shortest $where counts
	Unit omen.Unit
	Full float64 // share of the limit from which it counts as full; 0: almost 1

	// Features are those of the profile that show the same trouble: people are
	// not notified of it twice.
	Features []string

	// LeftOut is PromQL for how many resources of a host are not forecast by
	// design: a read-only file system is always full. Empty: it is not known.
	LeftOut string
}

// Measures reports whether two limits measure the same of the same resources: what
// was measured by one is a past of the other.
func (l *Limit) Measures(o *Limit) bool {
	return l.Name == o.Name && l.Date == o.Date && oneSpace(l.Used) == oneSpace(o.Used) && oneSpace(l.Limit) == oneSpace(o.Limit) &&
		l.Max == o.Max && l.Full == o.Full && l.Unit == o.Unit && l.Same == o.Same && slices.Equal(l.By, o.By)
}

// titleOf is what people call a resource.
func (l *Limit) titleOf(where string) string {
	switch {
	case l.Title != "":
		return strings.ReplaceAll(l.Title, "$where", where)
	case where != "":
		return where
	}
	return strings.ReplaceAll(l.Name, "_", " ")
}

// Where is which of a host's resources one with these labels is, and the value
// of Same: what has the same is the same resource.
func (l *Limit) Where(labels map[string]string) (where, same string) {
	var parts []string
	for _, name := range l.By {
		if name != l.Same {
			parts = append(parts, labels[name])
		}
	}
	if where = strings.Join(parts, "/"); len(parts) == 0 {
		where = labels[l.Same]
	}
	if l.Same == "" {
		return where, where
	}
	return where, labels[l.Same]
}

// Limits are the kinds of resources that are forecast, in the profile's order.
// The caller must not change them.
func (s *Schema) Limits() []Limit { return s.limits }

// inherit gives p the limits of the profile that it extends, without some; its
// own replace those of the same name. It reports which of the names to leave out
// were limits.
func (p *Profile) inherit(base []Limit, without []string) (limits []string) {
	own := p.Limits
	p.Limits = nil
	for _, l := range base {
		if slices.Contains(without, l.Name) {
			limits = append(limits, l.Name)
			continue
		}
		l.Features = slices.DeleteFunc(slices.Clone(l.Features), func(name string) bool { return slices.Contains(without, name) })
		if i := slices.IndexFunc(own, func(o Limit) bool { return o.Name == l.Name }); i >= 0 {
			l = own[i]
			own = slices.Delete(slices.Clone(own), i, i+1)
		}
		p.Limits = append(p.Limits, l)
	}
	p.Limits = append(p.Limits, own...)
	return limits
}

// Parts of a limit, as [Schema.LimitQueries] names their columns.
const (
	usedColumn    = ".used"
	limitColumn   = ".limit"
	leftOutColumn = ".left_out"
)

// LimitQuery asks a source for some of the profile's limits: for those that tell
// a host's resources apart by the same labels, and in the same way.
type LimitQuery struct {
	By     []string // beside those that identify the host; empty: one resource a host
	Limits []*Limit
	Exprs  []series.Expr
}

// LimitQueries is what to ask a source for: a result of each is a resource.
func (s *Schema) LimitQueries() (all []LimitQuery) {
	for i := range s.limits {
		l := &s.limits[i]
		at := slices.IndexFunc(all, func(q LimitQuery) bool { return slices.Equal(q.By, l.By) && q.Limits[0].Same == l.Same })
		if at < 0 {
			at, all = len(all), append(all, LimitQuery{By: l.By})
		}
		q := &all[at]
		q.Limits = append(q.Limits, l)
		q.Exprs = append(q.Exprs, series.Expr{Feature: l.Name + usedColumn, PromQL: l.Used})
		if l.Limit != "" {
			q.Exprs = append(q.Exprs, series.Expr{Feature: l.Name + limitColumn, PromQL: l.Limit})
		}
	}
	return all
}

// LeftOutExprs asks, with one result a host, how many resources of each limit
// are left out by design.
func (s *Schema) LeftOutExprs() (exprs []series.Expr) {
	for _, l := range s.limits {
		if l.LeftOut != "" {
			exprs = append(exprs, series.Expr{Feature: l.Name + leftOutColumn, PromQL: l.LeftOut})
		}
	}
	return exprs
}

// LimitOf is the name of the limit that a column belongs to.
func LimitOf(column string) string {
	name, _, _ := strings.Cut(column, ".")
	return name
}

// Amount is how much of a limit is used, and how much there is, by a frame that
// answers a [LimitQuery]; NaN where it does not say.
func (l *Limit) Amount(f *series.Frame, row, instant int) (used, limit float64) {
	used, limit = math.NaN(), l.Max
	if i := slices.Index(f.Features, l.Name+usedColumn); i >= 0 {
		used = f.At(row, instant, i)
	}
	if l.Limit != "" {
		limit = math.NaN()
		if i := slices.Index(f.Features, l.Name+limitColumn); i >= 0 {
			limit = f.At(row, instant, i)
		}
	}
	return used, limit
}
