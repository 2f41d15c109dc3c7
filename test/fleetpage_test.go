//go:build e2e

package test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// fleet is a source of many hosts with two features each, functions of time and of
// the host alone, so that past and present are one history.
type fleet struct {
	*httptest.Server
	names []string
	sick  sync.Map // the numbers of the hosts that are not as usual
}

// hostRoles are how many kinds of hosts there are.
const hostRoles = 8

func newFleet(t *testing.T, hosts int) *fleet {
	t.Helper()
	f := &fleet{}
	for i := range hosts {
		f.names = append(f.names, fmt.Sprintf("host-%04d", i))
	}
	f.Server = httptest.NewServer(http.HandlerFunc(f.answer))
	t.Cleanup(f.Close)
	return f
}

// serve is an Omen that watches the fleet; reads is how its source is read.
func (f *fleet) serve(t *testing.T, reads string) *omen {
	t.Helper()
	return serve(t, t.TempDir(), "--config.file="+write(t, t.TempDir(), "omen.yml", `
local: {enabled: false}
profiles:
- name: sim
  features:
  - {name: load, expr: sim_load, deviation: 0.5, scale: 1, direction: up}
  - {name: traffic, expr: sim_traffic, unit: bytes/s, deviation: 2e6}
sources: [{name: sim, url: '`+f.URL+`', profiles: [sim], `+reads+`}]
`))
}

// value is a host's feature at an instant, in milliseconds.
func (f *fleet) value(feature string, host int, at int64) float64 {
	t, phase := float64(at)/1000, float64(host)
	wave := math.Sin(t/95+phase) + 0.5*math.Sin(t/31+1.7*phase)
	if feature == "sim_traffic" {
		return 5e6 + 1e6*wave
	}
	if _, sick := f.sick.Load(host); sick {
		return 90
	}
	return 3 + 0.4*wave
}

var asksFor = regexp.MustCompile(`instance=~"([^"]*)"`)

// sicken has /sick?hosts=3,11 say which hosts are not as usual from now on, for
// scripts that look at what comes of it.
func (f *fleet) sicken(r *http.Request) {
	f.sick.Clear()
	for n := range strings.SplitSeq(r.FormValue("hosts"), ",") {
		if host, err := strconv.Atoi(n); err == nil {
			f.sick.Store(host, true)
		}
	}
}

// answer is Prometheus' query API, as far as a profile of bare selectors asks: a
// series for each host, or for those that the selector names.
func (f *fleet) answer(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/sick" {
		f.sicken(r)
		return
	}
	query := r.FormValue("query")
	millis := func(name string) int64 { return int64(math.Round(1000 * number(r.FormValue(name)))) }
	from, to, step := millis("start"), millis("end"), max(1, millis("step"))
	kind := "matrix"
	if strings.HasSuffix(r.URL.Path, "/query") {
		kind, from, to = "vector", millis("time"), millis("time")
	}
	feature := ""
	for _, name := range []string{"sim_load", "sim_traffic"} {
		if strings.Contains(query, name) {
			feature = name
		}
	}
	named := map[string]bool{}
	if only := asksFor.FindStringSubmatch(query); only != nil {
		for name := range strings.SplitSeq(only[1], "|") {
			named[name] = true
		}
	}
	w.Header().Set("Content-Type", "application/json")
	b := append([]byte(nil), `{"status":"success","data":{"resultType":"`+kind+`","result":[`...)
	first := true
	for i, name := range f.names {
		if feature == "" || len(named) > 0 && !named[name] {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, `{"metric":{"instance":"`+name+`","job":"sim","role":"role-`+strconv.Itoa(i%hostRoles)+`"},`...)
		point := func(at int64) {
			b = append(strconv.AppendFloat(append(b, '['), float64(at)/1000, 'f', 3, 64), ',', '"')
			b = append(strconv.AppendFloat(b, f.value(feature, i, at), 'g', 6, 64), '"', ']')
		}
		if kind == "vector" {
			b = append(b, `"value":`...)
			point(from)
		} else {
			b = append(b, `"values":[`...)
			for at := from; at <= to; at += step {
				if at > from {
					b = append(b, ',')
				}
				point(at)
			}
			b = append(b, ']')
		}
		b = append(b, '}')
		if len(b) > 1<<20 {
			_, _ = w.Write(b) // who is gone is not asked for more
			b = b[:0]
		}
	}
	_, _ = w.Write(append(b, `]}}`...))
}

// Five thousand hosts on one page: the heat map has all of them in a few hundred
// pixels and shows the one that is not as usual, by host and by group, by pointer, by
// keyboard and as a table; one of them is found; two are compared. The times are
// printed.
func TestPagesOfFiveThousandHosts(t *testing.T) {
	browser(t)
	omenBinary(t)
	const hosts = 5000
	f := newFleet(t, hosts)
	o := f.serve(t, "step: 15s, window: 1m, history: 1h")
	var page struct {
		Total int       `json:"total"`
		Hosts []hostRow `json:"hosts"`
	}
	until(t, 10*time.Minute, "all hosts are known, and some have a score", func() error {
		if err := getJSON(o.url+"/api/v1/omen/hosts?sort=score&limit=100", &page); err != nil {
			return err
		}
		if page.Total < hosts || len(page.Hosts) < 100 || page.Hosts[99].Score == nil {
			return fmt.Errorf("%d hosts", page.Total)
		}
		return nil
	})
	sick := page.Hosts[50].Name
	f.sick.Store(must.Get(strconv.Atoi(strings.TrimPrefix(sick, "host-")))(t), true)
	until(t, 2*time.Minute, sick+" is in the heat map", func() error {
		var heat struct {
			Hosts int `json:"hosts"`
			Rows  []struct {
				Host hostRef  `json:"host"`
				Peak *float64 `json:"peak"`
			} `json:"rows"`
		}
		if err := getJSON(o.url+"/api/v1/omen/heat?last=1h", &heat); err != nil {
			return err
		}
		for _, r := range heat.Rows {
			if r.Host.Name == sick && r.Peak != nil && *r.Peak > 1 && heat.Hosts == hosts {
				return nil
			}
		}
		return fmt.Errorf("%d hosts in %d rows, none of them above the limit", heat.Hosts, len(heat.Rows))
	})
	drive(t, o.url, "e2e/fleet.mjs", "OMEN_SICK="+sick)
}
