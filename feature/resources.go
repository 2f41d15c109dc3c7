package feature

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// MaxResources bounds what is forecast of one host: a resource that moves takes
// 6 kB.
const MaxResources = 100

// Row is a frame's row that is one resource of a host.
type Row struct {
	Index int
	Host  omen.Host
	Where string
}

// Rows are the rows of a query's answer that are of hosts that are known, in
// order; of those that are the same resource the one with the shortest name. by
// are the labels that identify hosts, by whose values hosts are known.
func (q *LimitQuery) Rows(f *series.Frame, by []string, hosts map[string]omen.Host) []Row {
	best := map[[2]string]Row{}
	parts := make([]string, len(by))
	for i, labels := range f.Labels {
		for j, name := range by {
			parts[j] = labels[name]
		}
		host, known := hosts[strings.Join(parts, "/")]
		if !known {
			continue
		}
		where, same := q.Limits[0].Where(labels)
		key := [2]string{host.Name, same}
		if old, there := best[key]; !there || len(where) < len(old.Where) || len(where) == len(old.Where) && where < old.Where {
			best[key] = Row{i, host, where}
		}
	}
	return slices.SortedFunc(maps.Values(best), func(a, b Row) int { return cmp.Compare(a.Index, b.Index) })
}

// Outlook is a forecast of one of the limit's resources, with what people call it.
func (l *Limit) Outlook(id omen.Resource, f omen.Forecast) omen.Outlook {
	return omen.Outlook{Resource: id, Title: l.titleOf(id.Where), Unit: l.Unit, Features: l.Features, Forecast: f}
}
