package app

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

// checkQueries finds mistakes in the PromQL of the file's profiles that are known
// without a source. What Prometheus does not take is one where this machine is
// watched by it, since Omen's own store is Prometheus'; a server may know more,
// such as MetricsQL, so that of others it is only noted. found are the mistakes that
// the profiles have beside: what is written wrongly is not tried, nor is what a label
// goes into that is none.
func (l *loaded) checkQueries(found error) error {
	var wrong []error
	for i, p := range l.conf.Profiles {
		ours := len(l.conf.Sources) == 0 || l.conf.LocalEnabled() && slices.Contains(l.conf.Local.Profiles, p.Name)
		by := identifying(l.conf.Profiles[:i], p)
		if mistaken(found, fmt.Sprintf("profiles[%d].by", i)) || mistaken(found, fmt.Sprintf("profiles[%d].extends", i)) {
			continue
		}
		try := func(key, query string, more []string) {
			if whole := fmt.Sprintf("profiles[%d].%s", i, key); query == "" || mistaken(found, whole) || l.conf.Follows(whole) {
				return
			}
			err := series.Expr{PromQL: query}.Check(by, more)
			if err == nil {
				return
			}
			if _, number := strconv.ParseFloat(query, 64); number == nil && strings.HasSuffix(key, ".limit") {
				err = omen.WithHint(err, "write max: "+query+" instead of limit")
			}
			placed := at(l.conf, fmt.Sprintf("profiles[%d].%s", i, key), err)
			if ours || !errors.Is(err, series.ErrLanguage) {
				wrong = append(wrong, placed)
			} else {
				l.notes = append(l.notes, placed)
			}
		}
		try("uptime", p.Uptime, nil)
		try("labels", p.Labels, nil)
		for j, f := range p.Features {
			try(fmt.Sprintf("features[%d].expr", j), f.Expr, nil)
		}
		for j, m := range p.Limits {
			key := fmt.Sprintf("limits[%d].", j)
			if !mistaken(found, fmt.Sprintf("profiles[%d].%sby", i, key)) {
				try(key+"used", m.Used, m.By)
				try(key+"limit", m.Limit, m.By)
			}
			try(key+"left_out", m.LeftOut, nil)
		}
	}
	return errors.Join(wrong...)
}

// mistaken reports whether a mistake is at a key, or at an entry of the list there.
func mistaken(found error, key string) bool {
	if several, is := found.(interface{ Unwrap() []error }); is {
		return slices.ContainsFunc(several.Unwrap(), func(one error) bool { return mistaken(one, key) })
	}
	var at *config.Error
	return errors.As(found, &at) && (at.Key == key || strings.HasPrefix(at.Key, key+"["))
}

// identifying are the labels that identify the hosts of a profile of the file,
// which may be those of one before it, or built in, that it extends.
func identifying(before []config.Profile, p config.Profile) []string {
	if len(p.By) > 0 {
		return p.By
	}
	for i := len(before) - 1; i >= 0; i-- {
		if before[i].Name == p.Extends {
			return identifying(before[:i], before[i])
		}
	}
	for _, b := range feature.Builtins() {
		if b.Name == p.Extends {
			return b.By
		}
	}
	return []string{"instance"}
}
