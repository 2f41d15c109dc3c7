package feature

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// What a source has of limits, and what is wrong with those that it will never
// have: an error where no data can fix it, a note where the data may come.
func TestCheckLimits(t *testing.T) {
	begin := time.Now().Add(-2 * time.Minute).Truncate(time.Second)
	local := stored(t, begin, 5*time.Second, 4, func(int) (batch []series.Sample) {
		for _, host := range []string{"web-1", "web-2"} {
			batch = append(batch, counter{name: "node_load1"}.sample(host, 2), counter{name: "broken"}.sample(host, -1))
			for _, pool := range []string{"a", "b"} {
				batch = append(batch, counter{name: "busy", ls: []string{"pool", pool}}.sample(host, 3),
					counter{name: "size", ls: []string{"pool", pool}}.sample(host, 9), counter{name: "spare", ls: []string{"pool", pool + "2"}}.sample(host, 9))
			}
		}
		batch = append(batch, counter{name: "expires"}.sample("web-1", 1.8e9), counter{name: "expires"}.sample("web-2", 1.8e12))
		return append(batch, counter{name: "busy", ls: []string{"pool", "a"}}.sample("elsewhere", 3), counter{name: "far"}.sample("elsewhere", 3))
	})
	pool := []string{"pool"}
	type row struct{ hosts, resources int }
	want := map[string]struct {
		row
		err, note string
	}{
		"pools":     {row{2, 4}, "", ""},
		"load":      {row{2, 2}, "", ""},
		"absent":    {row{}, "", "no host has it"},
		"limitless": {row{}, "", "no host has it: used has 5 series, limit has none"},
		"nomatch":   {row{}, `used and limit never have the same labels: used has {instance="elsewhere", pool="a"}, limit has {instance="web-1"}`, ""},
		"others":    {row{}, "", `used and limit are of different resources: used has {instance="elsewhere", pool="a"}, limit has {instance="web-1", pool="a2"}`},
		"far":       {row{}, "", `its series are of none of the hosts, such as {instance="elsewhere"}`},
		"farther":   {row{}, "", `its series are of none of the hosts, such as {instance="elsewhere"}`},
		"hostless":  {row{}, "used: 1 series without the label instance, such as {}", ""},
		"nohost":    {row{}, `used: its series lack the label instance, such as {pool="a"}`, ""},
		"unpooled":  {row{2, 2}, "", "used: its series lack the label pool of by"},
		"execerr":   {row{}, "used: ", ""},
		"odd":       {row{}, "", "web-1 is no amount: -1 of 5"},
		"expires":   {row{1, 1}, "", "web-2 is no date: 1.8e+12 seconds since 1970; if these are milliseconds, divide used by 1000"},
		"endless":   {row{}, "", "it has no end: web-1 says 0"},
		"left":      {row{}, "used: web-1 is no date: 2e+06 seconds since 1970 are 1970-01-24; used is the instant itself in seconds, not the time that is left: ", ""},
		"millis":    {row{}, "used: web-1 is no date: 2e+12 seconds since 1970; if these are milliseconds, divide used by 1000: ", ""},
		"negative":  {row{}, "used: web-1 is no date: -2 seconds since 1970: ", ""},
		"units":     {row{2, 2}, "", "web-1 uses 200000 % of it (2000 of 1): are used and limit in the same unit?"},
		"overfull":  {row{2, 2}, "", ""},
		"uncounted": {row{2, 2}, "left_out: ", ""},
	}
	p := Profile{Name: "shop", Features: []Feature{{Name: "a", Expr: "node_load1"}}, Limits: []Limit{
		{Name: "pools", By: pool, Used: "max by ($by) (busy)", Limit: "max by ($by) (size)"},
		{Name: "load", Used: "max by ($by) (node_load1)", Max: 5},
		{Name: "absent", Used: "max by ($by) (no_such_metric)", Max: 5},
		{Name: "limitless", By: pool, Used: "max by ($by) (busy)", Limit: "max by ($by) (no_such_metric)"},
		{Name: "nomatch", By: pool, Used: "max by ($by) (busy)", Limit: "max by ($by) (node_load1)"},
		{Name: "others", By: pool, Used: "max by ($by) (busy)", Limit: "max by ($by) (spare)"},
		{Name: "far", Used: "max by ($by) (far)", Max: 5},
		{Name: "farther", Used: "max by ($by) (far)", Limit: "max by ($by) (2 * far)"}, // of a limit that is measured, too
		{Name: "hostless", Used: "max(node_load1)", Max: 5},
		{Name: "nohost", By: pool, Used: "max by (pool) (busy)", Max: 5},
		{Name: "unpooled", By: pool, Used: "max by ($by) (node_load1)", Max: 5},
		{Name: "execerr", Used: "max by ($by) (node_load1 * on(job) busy)", Max: 5},
		{Name: "odd", Used: "max by ($by) (broken)", Max: 5},
		{Name: "expires", Date: true, Used: "max by ($by) (expires)"},
		{Name: "endless", Date: true, Used: "max by ($by) (node_load1) * 0"},
		{Name: "left", Date: true, Used: "max by ($by) (node_load1) * 1e6"},
		{Name: "millis", Date: true, Used: "max by ($by) (node_load1) * 1e12"},
		{Name: "negative", Date: true, Used: "-max by ($by) (node_load1)"},
		{Name: "units", Used: "max by ($by) (node_load1) * 1000", Max: 1},
		{Name: "overfull", Used: "max by ($by) (node_load1)", Max: .25},
		{Name: "uncounted", Used: "max by ($by) (node_load1)", Max: 5, LeftOut: "count(node_load1)"},
	}}
	at := begin.Add(15 * time.Second)
	s := schemaOf(t, p)
	all := must.Get(s.CheckLimits(t.Context(), local, series.Query{Start: begin, End: at, Step: 5 * time.Second}, []string{"web-1", "web-2"}))(t)
	for i, c := range all {
		w := want[c.Limit]
		if c.Limit != p.Limits[i].Name || len(c.Hosts) != w.hosts || c.Resources != w.resources || c.Note != w.note ||
			(c.Err != nil) != (w.err != "") || !strings.HasPrefix(fmt.Sprint(c.Err), w.err) && w.err != "" {
			t.Errorf("%+v\nwant %+v", c, w)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d limits, want %d", len(all), len(want))
	}
}

// refusing is a source that answers nothing that is asked together with a limit.
type refusing struct {
	series.Source
	limit string
}

func (r refusing) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	if slices.ContainsFunc(q.Exprs, func(e series.Expr) bool { return LimitOf(e.Feature) == r.limit }) {
		return nil, omen.ErrUnavailable
	}
	return r.Source.Read(ctx, q)
}

// A limit that a source does not answer leaves the others of its query readable, in
// frames of their own.
func TestALimitIsReadAlone(t *testing.T) {
	begin := time.Now().Add(-2 * time.Minute).Truncate(time.Second)
	source := refusing{stored(t, begin, 5*time.Second, 4, func(int) []series.Sample {
		return []series.Sample{counter{name: "load"}.sample("web-1", 2)}
	}), "bad"}
	s := schemaOf(t, Profile{Name: "shop", Features: []Feature{{Name: "a", Expr: "load"}}, Limits: []Limit{
		{Name: "bad", Used: "load", Max: 5}, {Name: "good", Used: "load", Max: 5}, {Name: "better", Used: "load", Limit: "2 * load"},
	}})
	q := series.Query{Start: begin, End: begin.Add(15 * time.Second), Step: 5 * time.Second}
	all := must.Get(s.CheckLimits(t.Context(), source, q, []string{"web-1"}))(t)
	if !errors.Is(all[0].Err, omen.ErrUnavailable) || all[1].Err != nil || all[2].Err != nil || all[1].Resources != 1 || all[2].Resources != 1 {
		t.Errorf("%+v, want an error of the first, and a resource of the others", all)
	}
	one := s.LimitQueries()[0]
	if failed := one.Read(t.Context(), source, q, func(*series.Frame) { t.Error("nothing was answered") }); len(failed) != 3 {
		t.Errorf("together %v failed, want all", failed)
	}
}

// Limits with the same labels of which only some say which are one resource are
// asked for apart: the other's would be taken for one.
func TestSameIsTheLimits(t *testing.T) {
	by := []string{"device", "mountpoint"}
	s := schemaOf(t, Profile{Name: "shop", Features: []Feature{{Name: "a", Expr: "a"}}, Limits: []Limit{
		{Name: "space", By: by, Same: "device", Used: "x", Max: 1}, {Name: "quota", By: by, Used: "y", Max: 1}, {Name: "inodes", By: by, Same: "device", Used: "z", Max: 1},
	}})
	if q := s.LimitQueries(); len(q) != 2 || len(q[0].Limits) != 2 || q[1].Limits[0].Name != "quota" {
		t.Errorf("%d queries: %+v", len(q), q)
	}
}
