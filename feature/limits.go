package feature

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

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

// checkLimits checks the profile's limits and fills in what is left out. names
// are the features', which limits share: both are named where a query fails. It
// joins the mistakes of all limits.
func (p *Profile) checkLimits(names map[string]bool) error {
	p.Limits = slices.Clone(p.Limits)
	var wrong []error
	for i := range p.Limits {
		l := &p.Limits[i]
		check := p.checkLimit
		if l.Date {
			check = p.checkDate
		}
		switch {
		case !labelName.MatchString(l.Name):
			wrong = append(wrong, p.badLimit(l, "name", "must be letters, digits and underscores, not starting with a digit", "give the limit a name such as connections"))
		case names[l.Name]:
			wrong = append(wrong, p.badLimit(l, "name", "is there twice, or is a feature's", "give each limit and feature a name of its own"))
		case strings.TrimSpace(l.Used) == "":
			wrong = append(wrong, p.badLimit(l, "used", "is empty", "give the PromQL expression for how much is used"))
		default:
			wrong = append(wrong, check(l), p.checkParts(l))
		}
		names[l.Name] = true
	}
	return errors.Join(wrong...)
}

func (p *Profile) checkLimit(l *Limit) error {
	l.Unit = cmp.Or(l.Unit, omen.Count)
	switch has := strings.TrimSpace(l.Limit) != ""; {
	case has == (l.Max != 0):
		return p.badLimit(l, "limit", "is missing, or is given together with max", "give the PromQL expression for how much there is, or else max: a number")
	case !has && !(l.Max > 0) || math.IsInf(l.Max, 0):
		return p.badLimit(l, "max", fmt.Sprintf("%v is not above 0", l.Max), "write how much there is, in the limit's unit")
	case !slices.Contains(omen.Units(), l.Unit):
		return p.badLimit(l, "unit", fmt.Sprintf("%q is not known", l.Unit), "use one of "+listed(omen.Units()))
	case !(l.Full >= 0 && l.Full <= 1):
		return p.badLimit(l, "full", fmt.Sprintf("%v is not a share of the limit", l.Full), "write a number above 0 and at most 1, such as 0.98, or leave it out")
	case l.Notice != omen.Notice{}:
		return p.badLimit(l, noticeKey(l.Notice), "is for dates", "leave warning and critical out, or write kind: date")
	}
	return nil
}

// Of a date without a notice of its own.
const (
	dateWarning  = 14 * 24 * time.Hour // what is renewed by hand takes days, and people have holidays
	dateCritical = 3 * 24 * time.Hour
)

// checkDate checks a limit that is a known date, and fills in its notice.
func (p *Profile) checkDate(l *Limit) error {
	l.Unit = cmp.Or(l.Unit, omen.Seconds)
	switch {
	case l.Limit != "" || l.Max != 0 || l.Full != 0:
		return p.badLimit(l, "kind", "is date, and a date has no limit, max or full", "leave them out: used is the instant, in seconds since 1970")
	case l.Unit != omen.Seconds:
		return p.badLimit(l, "unit", fmt.Sprintf("is %q, and a date is in seconds since 1970", l.Unit), "leave it out")
	}
	return p.checkNotice(l)
}

// checkNotice checks how long before a date people are notified. What is left out
// is not bent to suit what is written: a date would be critical from the first.
func (p *Profile) checkNotice(l *Limit) error {
	written := l.Notice
	n := &l.Notice
	n.Warning, n.Critical = cmp.Or(n.Warning, dateWarning), cmp.Or(n.Critical, dateCritical)
	for _, one := range []struct {
		key string
		d   time.Duration
	}{{"warning", n.Warning}, {"critical", n.Critical}} {
		if one.d < 0 {
			return p.badLimit(l, one.key, fmt.Sprintf("%s is below 0", days(one.d)), "write how long before the date people are notified, such as "+one.key+": 7d")
		}
	}
	if n.Warning >= n.Critical {
		return nil
	}
	switch {
	case written.Warning == 0:
		return p.badLimit(l, "critical", fmt.Sprintf("%s is longer before the date than warning, which is %s where it is left out", days(n.Critical), days(dateWarning)),
			fmt.Sprintf("write warning, too, such as warning: %s; or at most critical: %s", days(2*n.Critical), days(dateWarning)))
	case written.Critical == 0:
		return p.badLimit(l, "warning", fmt.Sprintf("%s is nearer to the date than critical, which is %s where it is left out", days(n.Warning), days(dateCritical)),
			fmt.Sprintf("write critical, too, such as critical: %s; or at least warning: %s", days(n.Warning/2), days(dateCritical)))
	}
	return p.badLimit(l, "warning", fmt.Sprintf("%s is less than critical, %s", days(n.Warning), days(n.Critical)),
		"people are notified of the warning first: write the longer one there, such as warning: 14d and critical: 3d")
}

// days writes a duration as people do in configurations: 14d, not 2w; 36h, not 1d12h.
func days(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + days(-d)
	case d != 0 && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d != 0 && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return model.Duration(d).String()
}

// noticeKey is the key of a notice that is written.
func noticeKey(n omen.Notice) string {
	if n.Warning == 0 {
		return "critical"
	}
	return "warning"
}

// titleName is what looks like $where in a title.
var titleName = regexp.MustCompile(`\$[a-zA-Z_]+`)

// checkParts checks what tells a host's resources apart.
func (p *Profile) checkParts(l *Limit) error {
	switch {
	case l.Same != "" && !slices.Contains(l.By, l.Same):
		return p.badLimit(l, "same", fmt.Sprintf("%q is not among by", l.Same), "name one of the labels of by")
	case strings.Contains(l.Title, "$where") && len(l.By) == 0:
		return p.badLimit(l, "title", "has $where, and by is empty", "name the labels that tell the host's resources apart: by: [mountpoint]")
	}
	for _, name := range titleName.FindAllString(l.Title, -1) {
		if name != "$where" {
			return p.badLimit(l, "title", fmt.Sprintf("has %s, which means nothing", name), "write $where for the values of by")
		}
	}
	for i, name := range l.By {
		if !labelName.MatchString(name) || slices.Contains(l.By[:i], name) || slices.Contains(p.By, name) {
			return p.badLimit(l, "by", fmt.Sprintf("%q is not a label name, or is there twice, or identifies the host", name), "write the labels that tell a host's resources apart, such as [mountpoint]")
		}
	}
	return nil
}

// shown checks that the features exist that limits of a declaration name.
func (p *Profile) shown(limits []Limit) error {
	var wrong []error
	for i := range limits {
		l := &limits[i]
		for _, name := range l.Features {
			if !slices.ContainsFunc(p.Features, func(f Feature) bool { return f.Name == name }) {
				wrong = append(wrong, p.badLimit(l, "features", fmt.Sprintf("there is no feature %q", name), "name features of the profile that show the same trouble"))
			}
		}
	}
	return errors.Join(wrong...)
}

func (p *Profile) badLimit(l *Limit, key, what, hint string) error {
	return omen.WithHint(&Mistake{Profile: p.Name, Limit: l.Name, Key: key, What: what}, hint)
}

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
