package api

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// expected is a file system's forecast.
func expected(host, where string, used float64, full time.Duration, p ...float64) omen.Outlook {
	o := omen.Outlook{
		Resource: omen.Resource{Host: omen.Host{Source: "prom", Profile: "node", Name: host}, Name: "filesystem_space", Where: where},
		Title:    where, Unit: omen.Bytes, Forecast: omen.Forecast{At: at, Used: used * 1e9, Limit: 1e9, Full: full, Early: full / 2, Late: 2 * full, Days: 14},
	}
	copy(o.P[:], p)
	o.Exhausted = used >= 1
	return o
}

func TestForecasts(t *testing.T) {
	f := newFixture(t)
	f.forecasts = []omen.Outlook{
		expected("web-1:9100", "/", .3, 0), expected("web-1:9100", "/srv", .8, 50*time.Hour, 0, 0, .01, .1, .3),
		expected("gone", "/var", .9, 3*time.Hour, .2, .7, .9, .9, .95), expected("gone", "/full", 1, 0, 1, 1, 1, 1, 1),
	}
	list := func(query string) (wheres []string, all Forecasts) {
		t.Helper()
		all = read[Forecasts](t, f, "forecasts"+query)
		for _, one := range all.Forecasts {
			wheres = append(wheres, one.Where)
		}
		return wheres, all
	}
	for query, want := range map[string][]string{
		"": {"/full", "/var", "/srv", "/"}, "?likely=true": {"/full", "/var", "/srv"}, "?limit=1": {"/full"},
		"?host=web-1:9100": {"/srv", "/"}, "?source=other": nil, "?resource=memory": nil,
	} {
		if got, _ := list(query); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	_, all := list("")
	soon, never := all.Forecasts[1], all.Forecasts[3]
	if all.Total != 4 || all.Resources != 4 || float64(soon.Full) != 3*3600 || float64(soon.P[omen.Within4h]) != .7 || !strings.HasPrefix(soon.Text, "/var on gone is full in 3 h (1½–6 h)") {
		t.Errorf("%+v", soon)
	}
	if !math.IsNaN(float64(never.Full)) || never.Exhausted {
		t.Errorf("what is never full: %+v", never)
	}
	if code, _, _ := f.call(t, "GET", "/api/v1/omen/forecasts?host=nobody", ""); code != 404 {
		t.Errorf("a host that nobody knows: %d", code)
	}
}

// Limits that cannot be read are named, each with why; of a host those of its profile.
func TestUnreadLimits(t *testing.T) {
	f := newFixture(t)
	f.unread = []omen.UnreadLimit{
		{Source: "prom", Profile: "node", Limit: "seats", Why: "too many samples"}, {Source: "prom", Profile: "shop", Limit: "slots", Why: "many-to-many"},
	}
	for query, want := range map[string][]string{
		"": {"seats", "slots"}, "?host=web-1:9100": {"seats"}, "?source=other": nil, "?resource=slots": {"slots"},
	} {
		var got []string
		for _, u := range read[Forecasts](t, f, "forecasts"+query).Unread {
			got = append(got, u.Limit)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	if one := read[Forecasts](t, f, "forecasts").Unread[0]; one != (UnreadLimit{"prom", "node", "seats", "too many samples"}) {
		t.Errorf("%+v", one)
	}
}

// What is measured and not forecast yet is counted, and it is said why, and until when.
func TestWhatIsNotForecastYetIsSaid(t *testing.T) {
	f := newFixture(t)
	f.forecasts = []omen.Outlook{expected("gone", "/var", .3, 0)}
	of := func(host, where string, due time.Time, err string) omen.Pending {
		return omen.Pending{Resource: omen.Resource{Host: omen.Host{Source: "prom", Profile: "node", Name: host}, Name: "filesystem_space", Where: where}, Due: due, Err: err}
	}
	due := time.Date(2026, 3, 2, 12, 52, 13, 0, time.UTC)
	young := of("web-1:9100", "/", due, "")
	for _, c := range []struct {
		query              string
		pending            []omen.Pending
		resources, waiting int
		until              time.Time
		note               string
	}{
		{"", nil, 1, 0, time.Time{}, ""},
		{"?host=web-1:9100", nil, 0, 0, time.Time{}, ""},
		{"?resource=memory", []omen.Pending{young}, 0, 0, time.Time{}, ""},
		{"?host=web-1:9100", []omen.Pending{young}, 1, 1, due, "1 of 1 resource is not forecast yet: 1 has too little history, until 12:52:13 UTC"},
		{"?likely=true", []omen.Pending{young, of("web-1:9100", "/srv", due.Add(-time.Minute), "")}, 3, 2, due, "2 of 3 resources are not forecast yet: 2 have too little history, until 12:52:13 UTC"},
		{"", []omen.Pending{young, of("web-1:9100", "/srv", time.Time{}, "")}, 3, 2, due, "2 of 3 resources are not forecast yet: 1 has too little history, until 12:52:13 UTC; the history of 1 is being read"},
		{"", []omen.Pending{of("web-1:9100", "/srv", time.Time{}, "too many samples")}, 2, 1, time.Time{}, "1 of 2 resources are not forecast yet: the history of 1 cannot be read: too many samples"},
	} {
		f.pending = c.pending
		got := read[Forecasts](t, f, "forecasts"+c.query)
		if got.Resources != c.resources || got.Waiting != c.waiting || !time.Time(got.Until).Equal(c.until) || got.Note != c.note {
			t.Errorf("%s: %d resources, %d wait until %s: %q", c.query, got.Resources, got.Waiting, time.Time(got.Until), got.Note)
		}
	}
}

// What is more likely than not within a day comes before what would be full sooner,
// and hardly will be.
func TestLikelyForecastsComeFirst(t *testing.T) {
	f := newFixture(t)
	f.forecasts = []omen.Outlook{
		expected("web-1:9100", "/saw", .5, time.Minute, .2, .25, .25, .25, .25), expected("web-1:9100", "/var", .8, 2*time.Minute, .9, .95, .95, .95, .95),
	}
	if all := read[Forecasts](t, f, "forecasts?likely=true"); len(all.Forecasts) != 2 || all.Forecasts[0].Where != "/var" {
		t.Errorf("%+v, want /var first", all.Forecasts)
	}
}

// A date is listed with amounts, by the time to it; it has no amount.
func TestForecastsOfDates(t *testing.T) {
	f := newFixture(t)
	dated := func(name string, left time.Duration) omen.Outlook {
		return omen.Outlook{
			Resource: omen.Resource{Host: omen.Host{Source: "prom", Profile: "node", Name: "gone"}, Name: "certificate", Where: name}, Title: name, Unit: omen.Seconds,
			Forecast: omen.Expiry(at.Add(left), at, omen.Notice{Warning: 14 * 24 * time.Hour, Critical: time.Hour}),
		}
	}
	f.forecasts = []omen.Outlook{dated("later", 60*24*time.Hour), dated("soon", 9*24*time.Hour), expected("gone", "/var", .9, 3*time.Hour, .2, .7, .9, .9, .95), dated("over", -time.Hour)}
	all := read[Forecasts](t, f, "forecasts")
	var order []string
	for _, one := range all.Forecasts {
		order = append(order, one.Title)
	}
	if want := []string{"over", "/var", "soon", "later"}; !slices.Equal(order, want) {
		t.Fatalf("%v, want %v", order, want)
	}
	soon := all.Forecasts[2]
	if !time.Time(soon.Expires).Equal(at.Add(9*24*time.Hour)) || !math.IsNaN(float64(soon.Used)) || !math.IsNaN(float64(soon.Limit)) || float64(soon.Full) != 9*86400 ||
		!strings.HasPrefix(soon.Text, "soon on gone expires in 9 d (") {
		t.Errorf("%+v", soon)
	}
	if !time.Time(all.Forecasts[1].Expires).IsZero() {
		t.Error("an amount expires")
	}
	if likely := read[Forecasts](t, f, "forecasts?likely=true"); likely.Total != 3 {
		t.Errorf("%d are likely, want all but the one in 60 days", likely.Total)
	}
}

func TestMetricsOfForecasts(t *testing.T) {
	f := newFixture(t)
	f.forecasts = []omen.Outlook{expected("web-1:9100", "/", .3, 0, 0, 0, 0, .001, .009), expected("web-1:9100", "/var", .9, time.Hour, .5, .7, .9, .9, .95)}
	must.OK(t, testutil.GatherAndCompare(f.api.registry, strings.NewReader(`
# HELP omen_forecast_full_seconds Time until a resource is full, by percentile (10, 50 and 90), given that it is within seven days; only while that is to be expected, and 0 of what is full.
# TYPE omen_forecast_full_seconds gauge
omen_forecast_full_seconds{instance="web-1:9100",percentile="10",profile="node",resource="filesystem_space",where="/var"} 1800
omen_forecast_full_seconds{instance="web-1:9100",percentile="50",profile="node",resource="filesystem_space",where="/var"} 3600
omen_forecast_full_seconds{instance="web-1:9100",percentile="90",profile="node",resource="filesystem_space",where="/var"} 7200
# HELP omen_forecast_probability Probability that a resource is full within 1h, 4h, 24h, 72h or 7d; only of .01 or more.
# TYPE omen_forecast_probability gauge
omen_forecast_probability{horizon="1h",instance="web-1:9100",profile="node",resource="filesystem_space",where="/var"} 0.5
omen_forecast_probability{horizon="24h",instance="web-1:9100",profile="node",resource="filesystem_space",where="/var"} 0.9
omen_forecast_probability{horizon="4h",instance="web-1:9100",profile="node",resource="filesystem_space",where="/var"} 0.7
omen_forecast_probability{horizon="72h",instance="web-1:9100",profile="node",resource="filesystem_space",where="/var"} 0.9
omen_forecast_probability{horizon="7d",instance="web-1:9100",profile="node",resource="filesystem_space",where="/var"} 0.95
`), "omen_forecast_full_seconds", "omen_forecast_probability"))
}
