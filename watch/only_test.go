package watch

import (
	"math"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// Every expression of the built-in profile, narrowed to some hosts, gives for
// them what it gives unnarrowed, and nothing for the others.
func TestNarrowedQueriesOfTheNodeProfile(t *testing.T) {
	schema, err := feature.NewSchema(feature.Node())
	if err != nil {
		t.Fatal(err)
	}
	local, err := tsdb.Open(tsdb.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	metric := regexp.MustCompile(`\bnode_[a-zA-Z_]+`)
	var names []string
	for _, e := range schema.Exprs() {
		names = append(names, metric.FindAllString(e.PromQL, -1)...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	hosts := []string{"db-1:9100", "web-10:9100", "web-1:9100"} // one is another's beginning
	begin := time.Now().Add(-5 * time.Minute).Truncate(time.Second)
	for i := range 30 {
		var batch []series.Sample
		for h, host := range hosts {
			for m, name := range names {
				for _, mode := range []string{"user", "system", "iowait", "steal", "idle"} {
					if name != "node_cpu_seconds_total" && mode != "user" {
						continue
					}
					batch = append(batch, series.Sample{Name: name, At: begin.Add(time.Duration(i) * 10 * time.Second),
						Labels: map[string]string{"instance": host, "job": "node", "cpu": "0", "device": "sda", "fstype": "ext4", "mode": mode},
						Value:  float64(1000+m) + float64(i)*(0.5+0.1*float64(h)+0.01*float64(m)),
					})
				}
			}
		}
		if err := local.Append(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	end := begin.Add(290 * time.Second)
	q := series.Query{Exprs: schema.Exprs(), By: schema.By(), Start: end.Add(-time.Minute), End: end, Step: 10 * time.Second, Window: 40 * time.Second}
	only := q
	only.Hosts = []string{"web-1:9100", "db-1:9100"}
	all, err := local.Read(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	some, err := local.Read(t.Context(), only)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(all.Hosts, hosts) || !slices.Equal(some.Hosts, []string{"db-1:9100", "web-1:9100"}) {
		t.Fatalf("hosts %v, narrowed %v", all.Hosts, some.Hosts)
	}
	for j, name := range all.Features {
		seen := false
		for h, host := range some.Hosts {
			for i := range all.Instants {
				a, b := all.At(all.Host(host), i, j), some.At(h, i, j)
				seen = seen || !math.IsNaN(a)
				if a != b && !(math.IsNaN(a) && math.IsNaN(b)) {
					t.Fatalf("%s of %s at instant %d is %v, narrowed %v", name, host, i, a, b)
				}
			}
		}
		if !seen {
			t.Errorf("%s has no value at all: this shows nothing of it", name)
		}
	}
}
