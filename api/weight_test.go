package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func TestOpenIncidentsByWeight(t *testing.T) {
	fullIn := func(d time.Duration) *omen.Outlook { // as was said half an hour ago, or is said now
		if d < 0 {
			return &omen.Outlook{Forecast: omen.Forecast{At: time.Now().Add(d), Exhausted: true}}
		}
		return &omen.Outlook{Forecast: omen.Forecast{At: time.Now().Add(-30 * time.Minute), Full: d + 30*time.Minute}}
	}
	f := newFixture(t)
	for n, in := range []omen.Incident{
		{ID: "quiet", Severity: omen.Critical, Peak: 900, Suppressed: omen.ReasonSilenced},
		{ID: "slight", Severity: omen.Warning, Peak: 1.6},
		{ID: "far", Severity: omen.Warning, Peak: 100},
		{ID: "many", Severity: omen.Warning, Peak: 5, Kind: omen.FleetIncident, Members: slices.Repeat([]omen.Host{web1}, 25)},
		{ID: "critical", Severity: omen.Critical, Peak: 2},
		{ID: "volume", Severity: omen.Critical, Peak: .8, Forecast: fullIn(time.Hour)},
		{ID: "certificate", Severity: omen.Critical, Peak: 2, Forecast: &omen.Outlook{Forecast: omen.Forecast{Expires: time.Now().Add(-9 * time.Hour), Exhausted: true}}},
		{ID: "memory", Severity: omen.Critical, Peak: .5, Forecast: fullIn(26 * time.Minute)},
		{ID: "full", Severity: omen.Critical, Peak: 1, Forecast: fullIn(-5 * time.Minute)},
		{ID: "inodes", Severity: omen.Warning, Peak: 1, Forecast: fullIn(time.Minute)},
	} {
		if in.Kind == "" {
			in.Kind = omen.HostIncident
		}
		if in.Forecast != nil {
			in.Kind = omen.ForecastIncident
		}
		in.Host, in.State, in.Since, in.OpenedAt, in.ChangeNumber = web1, omen.Open, at.Add(time.Duration(-n)*time.Minute), at, 1
		must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: at, Incident: in}))
	}
	ids := func(path string) string {
		var got []string
		for _, i := range read[Incidents](t, f, path).Incidents {
			got = append(got, i.ID)
		}
		return strings.Join(got, " ")
	}
	if got := ids("/incidents?state=active&sort=weight"); got != "critical full memory volume certificate many far slight inodes quiet" {
		t.Errorf("by weight: %s", got)
	}
	if got := ids("/incidents?state=active&sort=weight&limit=2"); got != "critical full" {
		t.Errorf("the two heaviest: %s", got)
	}
	if got := ids("/incidents?state=active"); got != "quiet slight far many critical volume certificate memory full inodes" {
		t.Errorf("by onset: %s", got)
	}
	if got := ids("/incidents?state=active&kind=fleet,omen"); got != "many" {
		t.Errorf("of fleets and of Omen: %s", got)
	}
	for _, q := range []string{"kind=fleet,hosts", "sort=weight", "sort=weight&state=closed", "sort=weight&state=active&before=far", "sort=size"} {
		if status, _, _ := f.call(t, "GET", "/api/v1/omen/incidents?"+q, ""); status != 400 {
			t.Errorf("%s: %d, want 400", q, status)
		}
	}
}

// Of normal hosts, too, the highest score stands first.
func TestHostsByAttention(t *testing.T) {
	f := newFixture(t)
	f.hosts = nil
	for name, score := range map[string]float64{"a": 0.01, "b": 0.78, "c": 3, "d": 40} {
		f.hosts = append(f.hosts, scored(omen.Host{Source: "prom", Profile: "node", Name: name}, score))
	}
	var got []string
	for _, h := range read[Hosts](t, f, "/hosts").Hosts {
		got = append(got, h.Name)
	}
	if !slices.Equal(got, []string{"d", "c", "b", "a"}) {
		t.Errorf("order %v", got)
	}
}

// An open incident shows what was wrong at its peak, and says since when the
// host is on its way back; the journal's last causes are those of the tail.
func TestCausesStayThoseOfThePeak(t *testing.T) {
	f := newFixture(t)
	in := f.open(t, "i1")
	in.Score, in.Peak, in.UpdatedAt, in.ChangeNumber = 1.2, 40, at.Add(2*time.Minute), 2
	in.AtPeak = &omen.Moment{At: at.Add(time.Minute), Host: web1, Causes: []omen.Cause{{Feature: "disk_write", Share: 1, Unit: omen.BytesPerSecond, Actual: 9e6, Upper: 1e6}}}
	in.Causes = []omen.Cause{{Feature: "cpu_system", Share: 1, Trivial: true}}
	in.Summary = "cpu_system"
	must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeUpdated, At: in.UpdatedAt, Incident: in}))
	check := func(what string, i Incident, returning time.Time) {
		t.Helper()
		if len(i.Causes) == 0 || i.Causes[0].Feature != "disk_write" || i.Summary != "disk_write 9 MB/s, expected 0 B/s–1 MB/s" || !time.Time(i.PeakAt).Equal(at.Add(time.Minute)) {
			t.Errorf("%s: causes %v, summary %q", what, i.Causes, i.Summary)
		}
		if !time.Time(i.Returning).Equal(returning) {
			t.Errorf("%s: returning since %v, want %v", what, time.Time(i.Returning), returning)
		}
	}
	check("anomalous", read[IncidentDetail](t, f, "/incidents/i1").Incident, time.Time{})

	f.mu.Lock()
	f.hosts[0] = scored(web1, 0.2)
	f.mu.Unlock()
	for n, v := range []float64{3, 0.4, 1.3, 0.3, 0.2} {
		f.api.Observe(omen.Tick{At: at.Add(time.Duration(n) * time.Second), Scores: []omen.Score{{Host: web1, At: at.Add(time.Duration(n) * time.Second), Value: v}}})
	}
	back := at.Add(3 * time.Second)
	check("detail", read[IncidentDetail](t, f, "/incidents/i1").Incident, back)
	check("list", read[Incidents](t, f, "/incidents?state=active&sort=weight").Incidents[0], back)
	check("host", read[HostDetail](t, f, "/hosts/web-1:9100").Incidents[0], back)
}

// Lists are read every few seconds by every open page: they ask nothing for each
// incident, but once for each host when its score fell.
func TestListsAskNothingForEachIncident(t *testing.T) {
	f := newFixture(t)
	f.hosts = nil
	tick := omen.Tick{At: at.Add(time.Minute)}
	for n := range 30 {
		h := omen.Host{Source: "prom", Profile: "node", Name: fmt.Sprint("web-", n)}
		f.hosts = append(f.hosts, scored(h, 0.3))
		tick.Scores = append(tick.Scores, omen.Score{Host: h, At: tick.At, Value: 0.3})
		must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: at, Incident: omen.Incident{
			ID: fmt.Sprint("i", n), Kind: omen.HostIncident, Host: h, State: omen.Open, Severity: omen.Warning, Since: at, OpenedAt: at, Peak: 5, ChangeNumber: 1}}))
	}
	f.api.Observe(tick)
	f.past = []omen.ScorePoint{{At: at, Value: 5}, {At: at.Add(20 * time.Second), Value: 0.5}, {At: at.Add(40 * time.Second), Value: 0.4}}
	for range 3 {
		all := read[Incidents](t, f, "/incidents?state=active&sort=weight").Incidents
		if got := time.Time(all[0].Returning); len(all) != 30 || !got.Equal(at.Add(20*time.Second)) {
			t.Fatalf("%d incidents, the first returning since %s", len(all), got)
		}
	}
	if f.asked != 0 || f.histories != 30 {
		t.Errorf("%d questions for a host and %d for histories, want 0 and one for each of 30 hosts", f.asked, f.histories)
	}
}

// A large answer is compressed for who takes that, a small one is not.
func TestAnswersAreCompressed(t *testing.T) {
	f := newFixture(t)
	f.hosts = nil
	for n := range 50 {
		f.hosts = append(f.hosts, scored(omen.Host{Source: "prom", Profile: "node", Name: strings.Repeat("w", n+1)}, 0.5))
	}
	_, plain, head := f.call(t, "GET", "/api/v1/omen/hosts", "", "Accept-Encoding", "identity")
	if head.Get("Content-Encoding") != "" || head.Get("Vary") != "Accept-Encoding" {
		t.Errorf("as it is: %v", head)
	}
	_, packed, head := f.call(t, "GET", "/api/v1/omen/hosts", "", "Accept-Encoding", "gzip, br")
	if head.Get("Content-Encoding") != "gzip" || len(packed) > len(plain)/3 {
		t.Fatalf("gzip: %v, %d of %d bytes", head, len(packed), len(plain))
	}
	z := must.Get(gzip.NewReader(strings.NewReader(packed)))(t)
	var a, b Hosts
	must.OK(t, json.NewDecoder(z).Decode(&a))
	must.OK(t, json.NewDecoder(bytes.NewBufferString(plain)).Decode(&b))
	if len(a.Hosts) != 50 || a.Hosts[49].ID != b.Hosts[49].ID {
		t.Errorf("the compressed answer has %d hosts", len(a.Hosts))
	}
	if _, err := io.Copy(io.Discard, z); err != nil {
		t.Errorf("the compressed answer is not whole: %v", err)
	}
	if _, body, head := f.call(t, "GET", "/api/v1/omen/incidents", "", "Accept-Encoding", "gzip"); head.Get("Content-Encoding") != "" || !strings.HasPrefix(body, "{") {
		t.Errorf("a small answer is compressed: %v", head)
	}
}
