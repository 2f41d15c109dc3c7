package api

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// The code of a score gives the score back, rounded up by less than 3 %, and never
// takes one above the limit for one below it.
func TestHeatCode(t *testing.T) {
	for score, want := range map[float64]uint8{math.NaN(): 0, -1: 1, 0: 1, 0.5: 43, 1: 85, math.Nextafter(1, 2): 86, 10: 169, 100: 253, 1e9: 253, math.Inf(1): 253} {
		if got := HeatCode(score); got != want {
			t.Errorf("%g is %d, want %d", score, got, want)
		}
	}
	for score, last := 0.01, uint8(1); score < 100; score *= 1.01 {
		code := HeatCode(score)
		back := heatScore(code)
		if code < last || back < score*(1-1e-12) || score > 1 && back > score*1.028 || score <= 1 && back > score+1./84+1e-12 || (score > 1) != (code > heatLimit) {
			t.Errorf("%g is %d, which is %g", score, code, back)
		}
		last = code
	}
}

// cells is an answer's codes, row by row, and the host that each cell names.
func (h HeatMap) cells(t *testing.T) (codes [][]byte, named [][]string) {
	t.Helper()
	all, names := must.Get(base64.StdEncoding.DecodeString(h.Codes))(t), must.Get(base64.StdEncoding.DecodeString(h.Named))(t)
	if len(all) != len(h.Rows)*h.Cells || len(names) != 0 && len(names) != 2*len(all) {
		t.Fatalf("%d codes and %d bytes of names for %d rows of %d cells", len(all), len(names), len(h.Rows), h.Cells)
	}
	for i := range h.Rows {
		codes = append(codes, all[i*h.Cells:(i+1)*h.Cells])
		row := make([]string, h.Cells)
		for k := range row {
			if len(names) > 0 {
				if n := binary.LittleEndian.Uint16(names[2*(i*h.Cells+k):]); n > 0 {
					row[k] = h.Of[n-1].Name
				}
			}
		}
		named = append(named, row)
	}
	return codes, named
}

func node(name string, labels ...string) omen.HostStatus {
	h := omen.HostStatus{Host: omen.Host{Source: "prom", Profile: "node", Name: name}, Labels: map[string]string{}}
	for i := 0; i+1 < len(labels); i += 2 {
		h.Labels[labels[i]] = labels[i+1]
	}
	return h
}

// row is an hour's codes: all the same but for some.
func row(code uint8, other map[int]uint8) []uint8 {
	all := make([]uint8, 60)
	for i := range all {
		all[i] = code
		if c, ok := other[i]; ok {
			all[i] = c
		}
	}
	return all
}

func heated(t *testing.T) *fixture {
	f := newFixture(t)
	f.hosts = []omen.HostStatus{node("web-1", "role", "web"), node("db-1", "role", "db"), node("web-2", "role", "web"), node("new-1")}
	f.highest.Hosts = map[omen.Host][]uint8{
		f.hosts[0].Host: row(20, map[int]uint8{30: 100}), f.hosts[1].Host: row(30, nil), f.hosts[2].Host: row(40, map[int]uint8{30: 90, 50: 200, 51: 0}),
		{Source: "prom", Profile: "node", Name: "gone-1"}: row(0, map[int]uint8{3: 85}),
	}
	return f
}

// A row is a host, known or gone, with its highest score and when that was; one
// without a score is empty, and not normal.
func TestHeatOfHosts(t *testing.T) {
	h := read[HeatMap](t, heated(t), "heat?last=1h")
	codes, named := h.cells(t)
	names := each(h.Rows, func(r HeatRow) string { return r.Name })
	if got := strings.Join(names, " "); got != "db-1 gone-1 new-1 web-1 web-2" || h.Hosts != 5 || h.Cells != 60 || h.Step != 60 {
		t.Fatalf("rows %s of %d hosts, %d cells of %v s", got, h.Hosts, h.Cells, h.Step)
	}
	from := time.Time(h.From)
	if end := from.Add(time.Hour); end.Before(time.Now()) || end.After(time.Now().Add(time.Minute)) {
		t.Errorf("the last cell ends at %s: it is to be the one that is not over", end)
	}
	last := h.Rows[4]
	if codes[4][50] != 200 || codes[4][51] != 0 || math.Abs(float64(last.Peak)-heatScore(200)) > 1e-3 || !time.Time(last.PeakAt).Equal(from.Add(50*time.Minute)) || last.Host.Name != "web-2" {
		t.Errorf("web-2: %+v, %v", last, codes[4])
	}
	if learning := h.Rows[2]; !math.IsNaN(float64(learning.Peak)) || codes[2][59] != 0 {
		t.Errorf("a host without scores: %+v, %v", learning, codes[2])
	}
	if h.Named != "" || named[4][50] != "" {
		t.Errorf("rows of one host name hosts: %v", named[4])
	}
	if got := strings.Join(h.Group, " "); got != "role" {
		t.Errorf("can be grouped by %q, want role alone", got)
	}
}

// A row of a group has the highest score of its hosts, and names the host wherever
// that is above the limit; hosts without the label are the last row.
func TestHeatOfGroups(t *testing.T) {
	f := heated(t)
	h := read[HeatMap](t, f, "heat?last=1h&group=role")
	codes, named := h.cells(t)
	if names := each(h.Rows, func(r HeatRow) string { return fmt.Sprint(r.Name, r.Hosts) }); strings.Join(names, " ") != "db1 web2 2" {
		t.Fatalf("rows %v, want db of 1 host, web of 2, and 2 without a role", names)
	}
	if c, n := codes[1], named[1]; c[29] != 40 || c[30] != 100 || c[50] != 200 || n[29] != "" || n[30] != "web-1" || n[50] != "web-2" {
		t.Errorf("web: codes %v, names %v", c, n)
	}
	if codes[2][3] != heatLimit || named[2][3] != "" {
		t.Errorf("at the limit, not above it: %d of %q", codes[2][3], named[2][3])
	}
	if got := read[HeatMap](t, f, "heat?last=1h&match=role=web"); len(got.Rows) != 2 || got.Hosts != 2 || len(got.Group) != 0 {
		t.Errorf("of the role web: %+v", got.Rows)
	}
	f.highest.Read = time.Now().Add(-20 * time.Minute).Truncate(time.Minute)
	h = read[HeatMap](t, f, "heat?last=1h&group=role")
	codes, _ = h.cells(t)
	unread := int(time.Time(h.Read).Sub(time.Time(h.From)) / time.Minute)
	if unread < 38 || unread > 40 || codes[1][unread-1] != heatUnread || codes[1][unread] != 40 || codes[1][30] != heatUnread {
		t.Errorf("%d cells unread: %v", unread, codes[1])
	}
}

// The answer for 5,000 hosts, all above the limit, has the rows that were asked for,
// loses no host's peak, and names whom it should.
func TestHeatOfManyHosts(t *testing.T) {
	f := newFixture(t)
	f.hosts, f.highest.Hosts = nil, map[omen.Host][]uint8{}
	for i := range 5000 {
		h := node(fmt.Sprintf("web-%04d", i))
		f.hosts, f.highest.Hosts[h.Host] = append(f.hosts, h), row(90, map[int]uint8{i % 60: 150})
	}
	h := read[HeatMap](t, f, "heat?last=1h&rows=200")
	codes, named := h.cells(t)
	if len(h.Rows) != 200 || h.Hosts != 5000 || h.Rows[0].Name != "web-0000" || h.Rows[0].Last != "web-0024" || h.Rows[199].Last != "web-4999" {
		t.Fatalf("%d rows of %d hosts, the first %+v, the last %+v", len(h.Rows), h.Hosts, h.Rows[0], h.Rows[199])
	}
	for i := range 5000 {
		if r, c := i/25, i%60; codes[r][c] != 150 || named[r][c] != fmt.Sprintf("web-%04d", i) {
			t.Fatalf("host %d is in row %d, cell %d: %d, %s", i, r, c, codes[r][c], named[r][c])
		}
	}
	for _, bad := range []string{"last=2h", "rows=301", "rows=x", "match=role", "match=severity=critical"} {
		if status, body, _ := f.call(t, "GET", "/api/v1/omen/heat?"+bad, ""); status != 400 {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}
}

// An absolute span is rounded to whole cells, as wide as make at most 168 of them; to
// alone ends the span that last has.
func TestHeatOfAnAbsoluteSpan(t *testing.T) {
	f := heated(t)
	for _, c := range []struct {
		asked, from string
		step        time.Duration
		cells       int
	}{
		{"from=2026-03-01T10:00:30Z&to=2026-03-01T11:00:00Z", "2026-03-01T10:00:00Z", time.Minute, 60},
		{"from=2026-03-01T10:00:00Z&to=2026-03-01T12:48:00Z", "2026-03-01T10:00:00Z", time.Minute, 168},
		{"from=2026-03-01T10:03:00Z&to=2026-03-01T12:52:00Z", "2026-03-01T10:00:00Z", 5 * time.Minute, 35},
		{"from=2026-03-01T10:00:00Z&to=2026-03-01T10:00:01Z", "2026-03-01T10:00:00Z", time.Minute, 1},
		{"from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z", 10 * time.Minute, 144},
		{"from=2026-03-01T00:00:00Z&to=2026-03-08T00:00:00Z", "2026-03-01T00:00:00Z", time.Hour, 168},
		{"from=2026-03-01T05:00:00Z&to=2026-04-10T05:00:00Z", "2026-03-01T00:00:00Z", 6 * time.Hour, 161},
		{"to=2026-03-01T12:00:00Z&last=1h", "2026-03-01T11:00:00Z", time.Minute, 60},
	} {
		h := read[HeatMap](t, f, "heat?"+c.asked)
		if got := time.Time(h.From).UTC().Format(time.RFC3339); got != c.from || float64(h.Step) != c.step.Seconds() || h.Cells != c.cells {
			t.Errorf("%s: from %s, %d cells of %v s, want from %s, %d of %v", c.asked, got, h.Cells, h.Step, c.from, c.cells, c.step)
		}
	}
	for _, bad := range []string{"from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z", "from=soon"} {
		if status, body, _ := f.call(t, "GET", "/api/v1/omen/heat?"+bad, ""); status != 400 {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}
}
