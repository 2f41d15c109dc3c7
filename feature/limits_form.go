package feature

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
)

// checkLimits checks the profile's limits and fills in what is left out. names
// are the features', which limits share: both are named where a query fails. It
// returns the mistakes of all limits.
func (p *Profile) checkLimits(names map[string]bool) (wrong []error) {
	p.Limits = slices.Clone(p.Limits)
	for i := range p.Limits {
		l := &p.Limits[i]
		bad := func(key, what, hint string) {
			wrong = append(wrong, omen.WithHint(&Mistake{Profile: p.Name, Limit: cmp.Or(l.Name, Nameless), Key: key, What: what}, hint))
		}
		switch {
		case !labelName.MatchString(l.Name):
			bad("name", "must be letters, digits and underscores, not starting with a digit", "give the limit a name such as connections")
		case names[l.Name]:
			bad("name", "is there twice, or is a feature's", "give each limit and feature a name of its own")
		}
		names[l.Name] = true
		if strings.TrimSpace(l.Used) == "" {
			bad("used", "is empty", "give the PromQL expression for how much is used")
		}
		if l.Date {
			l.checkDate(bad)
		} else {
			l.checkAmount(bad)
		}
		l.checkParts(p.By, bad)
	}
	return wrong
}

// checkAmount checks a limit that is an amount, key by key.
func (l *Limit) checkAmount(bad func(key, what, hint string)) {
	l.Unit = cmp.Or(l.Unit, omen.Count)
	switch has := strings.TrimSpace(l.Limit) != ""; {
	case has && l.Max != 0:
		bad("max", "is given together with limit", "remove one of them")
	case !has && l.Max == 0:
		bad("limit", "is missing", "give the PromQL expression for how much there is, or else max: a number")
	case !has && math.IsInf(l.Max, 1):
		bad("max", "is infinite, and what never ends is never full", "write how much there is, in the limit's unit, or remove the limit")
	case !has && !(l.Max > 0):
		bad("max", fmt.Sprintf("%v is not above 0", l.Max), "write how much there is, in the limit's unit")
	}
	if !slices.Contains(omen.Units(), l.Unit) {
		bad("unit", fmt.Sprintf("%q is not known", l.Unit), "use one of "+listed(omen.Units()))
	}
	if !(l.Full >= 0 && l.Full <= 1) {
		bad("full", fmt.Sprintf("%v is not a share of the limit", l.Full), "write a number above 0 and at most 1, such as 0.98, or leave it out")
	}
	for _, n := range l.notices() {
		if n.d != 0 {
			bad(n.key, "is for dates", "remove it, or write kind: date")
		}
	}
}

// Of a date without a notice of its own.
const (
	dateWarning  = 14 * 24 * time.Hour // what is renewed by hand takes days, and people have holidays
	dateCritical = 3 * 24 * time.Hour
)

// checkDate checks a limit that is a known date, key by key, and fills in its notice.
func (l *Limit) checkDate(bad func(key, what, hint string)) {
	l.Unit = cmp.Or(l.Unit, omen.Seconds)
	for _, amount := range []struct {
		key   string
		given bool
	}{{"limit", l.Limit != ""}, {"max", l.Max != 0}, {"full", l.Full != 0}, {"unit", l.Unit != omen.Seconds}} {
		if amount.given {
			bad(amount.key, "is for amounts, and this is a date", "remove it: used is the instant, in seconds since 1970; or remove kind: date")
		}
	}
	l.checkNotice(bad)
}

// notice is one of the keys of a [omen.Notice].
type notice struct {
	key string
	d   time.Duration
}

func (l *Limit) notices() []notice {
	return []notice{{"warning", l.Notice.Warning}, {"critical", l.Notice.Critical}}
}

// checkNotice checks how long before a date people are notified. What is left out
// is not bent to suit what is written: a date would be critical from the first.
func (l *Limit) checkNotice(bad func(key, what, hint string)) {
	written, n := l.Notice, &l.Notice
	n.Warning, n.Critical = cmp.Or(n.Warning, dateWarning), cmp.Or(n.Critical, dateCritical)
	for _, one := range l.notices() {
		if one.d < 0 {
			bad(one.key, days(one.d)+" is below 0", "write how long before the date people are notified, such as "+one.key+": 7d")
			return
		}
	}
	switch {
	case n.Warning >= n.Critical:
	case written.Warning == 0:
		bad("critical", fmt.Sprintf("%s is longer before the date than warning, which is %s where it is left out", days(n.Critical), days(dateWarning)),
			fmt.Sprintf("write warning, too, such as warning: %s; or at most critical: %s", days(2*n.Critical), days(dateWarning)))
	case written.Critical == 0:
		bad("warning", fmt.Sprintf("%s is nearer to the date than critical, which is %s where it is left out", days(n.Warning), days(dateCritical)),
			fmt.Sprintf("write critical, too, such as critical: %s; or at least warning: %s", days(n.Warning/2), days(dateCritical)))
	default:
		bad("warning", fmt.Sprintf("%s is less than critical, %s", days(n.Warning), days(n.Critical)),
			"people are notified of the warning first: write the longer one there, such as warning: 14d and critical: 3d")
	}
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

// titleName is what looks like $where in a title.
var titleName = regexp.MustCompile(`\$\{?[a-zA-Z_][a-zA-Z0-9_]*\}?`)

// checkParts checks what tells the resources of a host apart, which by identifies.
func (l *Limit) checkParts(by []string, bad func(key, what, hint string)) {
	if l.Same != "" && !slices.Contains(l.By, l.Same) {
		bad("same", fmt.Sprintf("%q is not among by", l.Same), "name one of the labels of by")
	}
	where := false
	for _, name := range titleName.FindAllString(l.Title, -1) {
		if where = where || name == "$where"; name != "$where" {
			bad("title", fmt.Sprintf("has %s, which means nothing", name), "write $where for the values of by, without a letter or digit after it")
		}
	}
	if where && len(l.By) == 0 {
		bad("title", "has $where, and by is empty", "name the labels that tell the host's resources apart: by: [mountpoint]")
	}
	for i, name := range l.By {
		why := badLabel(name, l.By[:i])
		if why == "" && slices.Contains(by, name) {
			why = fmt.Sprintf("%q identifies the host", name)
		}
		if why != "" {
			bad(fmt.Sprintf("by[%d]", i), why, "write the labels that tell a host's resources apart, such as [mountpoint], each once")
		}
	}
}

// shown checks that the features exist that limits of a declaration name.
func (p *Profile) shown(limits []Limit) (wrong []error) {
	for i := range limits {
		l := &limits[i]
		for j, name := range l.Features {
			what := ""
			switch {
			case slices.Contains(l.Features[:j], name):
				what = fmt.Sprintf("%q is there twice", name)
			case !slices.ContainsFunc(p.Features, func(f Feature) bool { return f.Name == name }):
				what = fmt.Sprintf("there is no feature %q", name)
			default:
				continue
			}
			wrong = append(wrong, omen.WithHint(&Mistake{Profile: p.Name, Limit: cmp.Or(l.Name, Nameless), Key: fmt.Sprintf("features[%d]", j), What: what},
				"name features of the profile that show the same trouble, each once"))
		}
	}
	return wrong
}
