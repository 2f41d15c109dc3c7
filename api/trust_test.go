package api

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// card is a model's card with a self-test.
func card(tests ...string) []byte {
	return []byte(`{"step_ns":15000000000,"active":["load","cpu_user","cpu_system","disk_write","memory_used"],
		"widths":{"load":1.5,"cpu_user":0.0225,"cpu_system":0.01,"disk_write":5000000,"memory_used":0.01},"self_test":[` + strings.Join(tests, ",") + `]}`)
}

func tried(kind string, smallest float64, recall ...float64) string {
	text := fmt.Sprintf(`{"kind":%q,"samples":60,"sizes":[2,4,8,16],"recall":[%s],"delay":4,"smallest":%g}`, kind, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(recall)), ","), "[]"), smallest)
	if len(recall) == 1 {
		text = strings.Replace(text, "[2,4,8,16]", "null", 1)
	}
	return text
}

// What a model finds is said in the units of the features that people ask for
// first; what it does not find is said, too.
func TestTrustInTheFeaturesUnits(t *testing.T) {
	f := newFixture(t)
	h := &f.hosts[0]
	h.Model.From = h.Model.To.Add(-14 * 24 * time.Hour)
	h.Features = []omen.FeatureValue{{Name: "load", Unit: omen.Count}, {Name: "cpu_user", Unit: omen.Ratio}, {Name: "cpu_system", Unit: omen.Ratio}, {Name: "disk_write", Unit: omen.BytesPerSecond}, {Name: "memory_used", Unit: omen.Ratio}}
	shift, leak := tried("level_shift", 4, 0, .5, 1, 1), tried("leak", 8, 0, 0, .75, 1)
	for _, c := range []struct {
		card []byte
		want string
	}{
		{card(leak, tried("spike", 0, 0, 0, 0, .25), shift), "Omen would see here: shifts of cpu user by 9 percentage points and more; leaks of memory used by 8 percentage points and more within 15 min. Not seen: spikes. Model of 14 days."},
		{card(shift, tried("lost_correlation", 0, .25)), "Omen would see here: shifts of cpu user by 9 percentage points and more. Not seen: values that no longer go with the others while each alone is ordinary (no channel looks for that). Model of 14 days."},
		{card(shift, tried("stuck", 0, .75)), "Omen would see here: shifts of cpu user by 9 percentage points and more; stuck values. Model of 14 days."},
		{card(tried("spike", 16, 0, 0, 0, 1)), "Omen would see here: spikes of disk write by 80 MB/s and more. Model of 14 days."},
		{card(tried("leak", 0, 0, 0, 0, .25), tried("stuck", 0, .25)), "Omen would see none of the faults that were tried here, up to 16 standard deviations. Model of 14 days."},
		{card(), "Too little history to try any fault on it. Model of 14 days."},
		{[]byte(`{"step_ns":1000000000,"active":["cpu_user"],"self_test":[` + shift + `]}`), "Omen would see here: shifts of 4 standard deviations and more. Model of 14 days."},                                                         // of a release without widths
		{[]byte(`{"step_ns":1000000000,"active":["cpu_user","disk_write"],"widths":{"cpu_user":0.3,"disk_write":1000},"self_test":[` + shift + `]}`), "Omen would see here: shifts of disk write by 4 kB/s and more. Model of 14 days."}, // more than all of the processor is none
		{[]byte(`{`), "What the model would see is not known: its card cannot be read."},
	} {
		h.Model.Card = c.card
		got := read[Trusts](t, f, "trust?q=web-1")
		if got.Total != 1 || len(got.Hosts) != 1 || got.Hosts[0].Sentence != c.want || float64(got.Hosts[0].Days) != 14 {
			t.Errorf("%s\n%+v\nwant %s", c.card, got, c.want)
		}
	}
	h.Model.Card = card(tried("stuck", 0, .75), leak, shift)
	kinds := read[Trusts](t, f, "trust").Hosts
	if len(kinds) != 2 || !strings.HasPrefix(kinds[0].Sentence, "No model yet") || !math.IsNaN(float64(kinds[0].Days)) {
		t.Fatalf("hosts %+v, want shop/checkout without a model first", kinds)
	}
	k := kinds[1].Kinds
	if len(k) != 3 || k[0].Kind != "level_shift" || k[1].Kind != "leak" || k[2].Kind != "stuck" || !k[2].Seen {
		t.Fatalf("kinds %+v", k)
	}
	if want := "[cpu user by 9 percentage points memory used by 4 percentage points disk write by 20 MB/s]"; fmt.Sprint([]string(k[0].Examples)) != want {
		t.Errorf("examples %v, want %s", k[0].Examples, want)
	}
	if k[0].Recall != .625 || k[0].Smallest != 4 || k[0].Delay != 60 || k[1].Lasts != 900 || !math.IsNaN(float64(k[2].Smallest)) {
		t.Errorf("shifts %+v, leaks %+v, stuck %+v", k[0], k[1], k[2])
	}
	if got := read[Trusts](t, f, "trust?limit=1&offset=1"); got.Total != 2 || len(got.Hosts) != 1 || got.Hosts[0].Name != web1.Name {
		t.Errorf("the second page: %+v", got)
	}
	if status, body, _ := f.call(t, "GET", "/api/v1/omen/trust?limit=201", ""); status != 400 {
		t.Errorf("too many: %d %s", status, body)
	}
}

// Weeks count what people were notified of and what they said of it, by when it
// began; hosts count for as long as they were watched.
func TestWeeksOfPromise(t *testing.T) {
	f := newFixture(t)
	f.pages = omen.Pages{Promised: .5}
	now := time.Now().UTC()
	f.hosts[0].First = now.Add(-3 * weekSpan / 2)
	put := func(id string, ago time.Duration, verdict omen.Verdict, suppressed string) {
		t.Helper()
		in := omen.Incident{ID: id, Kind: omen.HostIncident, Host: web1, State: omen.Closed, Since: now.Add(-ago), ClosedAt: now, Verdict: verdict, Suppressed: suppressed, ChangeNumber: 1}
		must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeClosed, At: now, Incident: in}))
	}
	put("a", time.Hour, omen.Real, "")
	put("b", 2*time.Hour, omen.NotAProblem, "")
	put("c", 3*time.Hour, "", "")
	put("d", 3*time.Hour, "", omen.ReasonMinor)
	put("e", weekSpan+time.Hour, omen.Expected, "")
	put("f", 20*weekSpan, "", "")
	got := read[TrustWeeks](t, f, "trust/weeks?host=web-1:9100")
	if len(got.Weeks) != 12 || got.Promised != .5 {
		t.Fatalf("%+v", got)
	}
	last, before := got.Weeks[11], got.Weeks[10]
	if last.Notified != 3 || last.Real != 1 || last.Rejected != 1 || math.Abs(float64(last.HostWeeks)-1) > 1e-3 || math.Abs(float64(last.PerHost)-2) > 1e-3 {
		t.Errorf("the last week: %+v", last)
	}
	if before.Notified != 1 || before.Rejected != 1 || math.Abs(float64(before.HostWeeks)-.5) > 1e-3 || math.Abs(float64(before.PerHost)-2) > 1e-2 {
		t.Errorf("the week before, in the middle of which the host came: %+v", before)
	}
	if w := got.Weeks[9]; w.HostWeeks != 0 || !math.IsNaN(float64(w.PerHost)) || w.Notified != 0 {
		t.Errorf("before the host was watched: %+v", w)
	}
	all := read[TrustWeeks](t, f, "trust/weeks")
	if w := all.Weeks[11]; math.Abs(float64(w.HostWeeks)-2) > 1e-3 || w.Notified != 3 {
		t.Errorf("of two hosts: %+v", w)
	}
	if w := all.Weeks[5]; math.Abs(float64(w.HostWeeks)-.5) > 1e-3 { // since Omen first ran, of the host of which no first sample is known
		t.Errorf("in the week of the first run: %+v", w)
	}
	if status, body, _ := f.call(t, "GET", "/api/v1/omen/trust/weeks?host=nobody", ""); status != 404 {
		t.Errorf("of no host: %d %s", status, body)
	}
}
