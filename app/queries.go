package app

import (
	"errors"
	"fmt"
	"slices"

	"github.com/omenhq/omen/series"
)

// checkQueries finds mistakes in the PromQL of the file's profiles. Those that this
// machine is watched by are answered by Omen's own store, which is Prometheus';
// a server may know more, such as MetricsQL, so that of others it is only noted.
func (l *loaded) checkQueries() error {
	var wrong []error
	for i, p := range l.conf.Profiles {
		ours := len(l.conf.Sources) == 0 || l.conf.LocalEnabled() && slices.Contains(l.conf.Local.Profiles, p.Name)
		by := p.By
		if len(by) == 0 {
			by = []string{"instance"}
		}
		try := func(key, query string, more ...string) {
			if query == "" {
				return
			}
			err := series.Expr{PromQL: query}.Check(slices.Concat(by, more))
			if err == nil {
				return
			}
			err = at(l.conf, fmt.Sprintf("profiles[%d].%s", i, key), fmt.Errorf("is not PromQL: %w", err))
			if ours {
				wrong = append(wrong, err)
			} else {
				l.notes = append(l.notes, err)
			}
		}
		try("uptime", p.Uptime)
		try("labels", p.Labels)
		for j, f := range p.Features {
			try(fmt.Sprintf("features[%d].expr", j), f.Expr)
		}
		for j, m := range p.Limits {
			key := fmt.Sprintf("limits[%d].", j)
			try(key+"used", m.Used, m.By...)
			try(key+"limit", m.Limit, m.By...)
			try(key+"left_out", m.LeftOut, m.By...)
		}
	}
	return errors.Join(wrong...)
}
