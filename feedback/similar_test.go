package feedback

import (
	"slices"
	"testing"

	"github.com/omenhq/omen"
)

func TestSimilar(t *testing.T) {
	web, db := hostNamed("web"), hostNamed("db")
	of := func(id string, kind omen.IncidentKind, h omen.Host, c ...omen.Cause) omen.Incident {
		return omen.Incident{ID: id, Kind: kind, Host: h, Causes: c}
	}
	full := func(id string, h omen.Host, resource string) omen.Incident {
		return omen.Incident{ID: id, Kind: omen.ForecastIncident, Host: h, Forecast: &omen.Outlook{Resource: omen.Resource{Host: h, Name: resource}}}
	}
	trouble := func(id, key string) omen.Incident {
		return omen.Incident{ID: id, Kind: omen.OwnIncident, Trouble: key}
	}
	faded := of("faded", omen.HostIncident, web, up("mem", 1))
	faded.AtPeak = &omen.Moment{Host: web, Causes: causes(up("disk", 1))}
	part := of("part", omen.HostIncident, db, up("disk", 1))
	part.Fleet = "in"
	among := []omen.Incident{
		of("in", omen.HostIncident, web, up("disk", .9)), of("db", omen.HostIncident, db, up("disk", 1)), faded, part,
		of("down", omen.HostIncident, web, down("disk", 1)), of("many", omen.FleetIncident, web, up("disk", 1)), of("none", omen.HostIncident, web),
		full("var", web, "filesystem_space"), full("mem", web, "memory"), full("dbvar", db, "filesystem_space"), trouble("t1", "receiver/ops"), trouble("t2", "store"),
	}
	for name, c := range map[string]struct {
		in   omen.Incident
		want []string
	}{
		"by the causes at the peak, its own host's first": {among[0], []string{"faded", "db"}},
		"without causes nothing":                          {of("x", omen.HostIncident, web), nil},
		"a forecast by its resource":                      {full("x", db, "filesystem_space"), []string{"dbvar", "var"}},
		"Omen's own by what reported it":                  {trouble("x", "store"), []string{"t2"}},
	} {
		var got []string
		for _, o := range Similar(c.in, among) {
			got = append(got, o.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
