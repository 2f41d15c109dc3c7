package api

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// The codes of a heat map's cells. A score is rounded up, by less than 3 % above the
// limit, so that none above it looks like one below.
const (
	heatNone   = 0   // no score was stored
	heatLimit  = 85  // the limit: 1 is a score of 0, between them it is linear
	heatMost   = 253 // a score of 100 or more; from the limit on by its logarithm
	heatUnread = 255 // not read yet

	heatDecade = heatLimit - 1 // codes from 0 to the limit, and from there to 10 and 100 each
)

// HeatCode is a score as a cell of a heat map: 0 for NaN, 1 to 85 for 0 to the limit,
// 86 to 253 above it, 84 codes to ten times as much.
func HeatCode(score float64) uint8 {
	switch {
	case math.IsNaN(score):
		return heatNone
	case score <= 1:
		return uint8(1 + math.Ceil(heatDecade*max(score, 0)))
	}
	return uint8(min(heatMost, heatLimit+max(1, math.Ceil(heatDecade*math.Log10(score)))))
}

// heatSpans are what a heat map may reach back, by their names, and what a cell of
// each stands for.
var heatSpans = map[HeatSpan]struct{ last, step time.Duration }{
	Heat1h: {time.Hour, time.Minute}, Heat12h: {12 * time.Hour, 5 * time.Minute},
	Heat24h: {24 * time.Hour, 10 * time.Minute}, Heat7d: {7 * 24 * time.Hour, time.Hour},
}

// mostHeatRows bounds an answer: with the most cells of a row, 168, one names fewer
// hosts than a 16-bit number counts.
const mostHeatRows = 300

// HeatMap is the highest scores of hosts by time.
type HeatMap struct {
	From  Instant       `json:"from" null:"never" doc:"when the first cell of a row begins"`
	Step  Number        `json:"step_seconds" null:"never" doc:"what a cell stands for"`
	Cells int           `json:"cells" doc:"how many a row has; the last one may not be over"`
	Read  Instant       `json:"read_from" null:"never" doc:"since when scores have been read; what is earlier is 255: ask again"`
	Hosts int           `json:"hosts" doc:"how many all rows stand for"`
	Group List[string]  `json:"groups" doc:"labels by which these hosts can be grouped"`
	Rows  List[HeatRow] `json:"rows" doc:"in order of name"`
	Codes string        `json:"codes" doc:"base64 of a byte for each cell, row by row: 0 no score was stored (silent, learning, or Omen did not run), 1 to 85 a score of 0 to the limit, linear, 86 to 253 above the limit, its logarithm, 84 to ten times as much, the last one 100 or more, 255 not read yet"`
	Named string        `json:"named" doc:"base64 of a little-endian 16-bit number for each cell: 0, or for a cell above the limit of a row of several hosts 1 + the index in of of the host with this score; empty if all are 0"`
	Of    List[HostRef] `json:"of" doc:"hosts that named names"`
}

// HeatRow is a row of a heat map.
type HeatRow struct {
	Name   string  `json:"name" doc:"of the host, or the value of the label; empty: hosts without that label"`
	Last   string  `json:"last" doc:"the last name, where neighbours share the row; else empty"`
	Hosts  int     `json:"hosts" doc:"how many it stands for"`
	Host   HostRef `json:"host" doc:"the host; of several that with the highest score, or the first"`
	Peak   Number  `json:"peak" doc:"its highest score, to 3 %, 100 at most; null: it has none"`
	PeakAt Instant `json:"peak_at" doc:"when that cell began"`
}

// heatSteps are what a cell may stand for, each as long as a whole number of those
// before it; with the last one a row of [maxSpan] has as many cells as one of 7 days.
var heatSteps = []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}

// mostHeatCells bounds the cells of a row.
const mostHeatCells = 168

// heatSpan reads which time a heat map is of: when its first cell begins, what a cell
// stands for, and how many there are. from and to are instead of last.
func heatSpan(r *http.Request, now time.Time) (from time.Time, step time.Duration, n int, err error) {
	q := r.URL.Query()
	span, known := heatSpans[cmp.Or(HeatSpan(q.Get("last")), Heat12h)]
	if !known {
		return from, 0, 0, fmt.Errorf("last=%s: want 1h, 12h, 24h or 7d: %w", q.Get("last"), omen.ErrInvalid)
	}
	to, err := timeParam(q.Get("to"), "to", now)
	if err != nil {
		return from, 0, 0, err
	}
	if from, err = timeParam(q.Get("from"), "from", to.Add(-span.last)); err != nil {
		return from, 0, 0, err
	}
	if !q.Has("from") && !q.Has("to") {
		return now.Truncate(span.step).Add(span.step - span.last), span.step, int(span.last / span.step), nil
	}
	if err := spanFits(from, to); err != nil {
		return from, 0, 0, err
	}
	for _, step = range heatSteps {
		from = from.Truncate(step)
		if n = int((to.Sub(from) + step - 1) / step); n <= mostHeatCells {
			break
		}
	}
	return from, step, n, nil
}

func (a *API) getHeat(r *http.Request) (any, error) {
	q := r.URL.Query()
	from, step, n, err := heatSpan(r, time.Now())
	if err != nil {
		return nil, err
	}
	rows, err := intParam(q.Get("rows"), "rows", 200, 1, mostHeatRows)
	if err != nil {
		return nil, err
	}
	meant, err := labelMatch(q.Get("match"))
	if err != nil {
		return nil, err
	}
	high, err := a.live.Highest(r.Context(), from, step, n)
	if err != nil {
		return nil, err
	}
	m := heatMap{from: from, step: step, n: n, unread: int(max(0, high.Read.Sub(from)) / step)}
	lines := heatLines(a.live.Hosts(), high, meant)
	return m.answer(grouped(lines, q.Get("group")), rows, groupsOf(lines)), nil
}

// heatLine is a host of a heat map.
type heatLine struct {
	host   omen.Host
	labels map[string]string
	codes  []uint8 // nil: it has no score
}

// heatLines are the hosts that are known, and those of the past that have scores, in
// order of name.
func heatLines(known []omen.HostStatus, high Highest, meant func(omen.Host, map[string]string) bool) []heatLine {
	lines := make([]heatLine, 0, len(known))
	seen := make(map[omen.Host]bool, len(known))
	for _, h := range known {
		seen[h.Host] = true
		if meant(h.Host, h.Labels) {
			lines = append(lines, heatLine{h.Host, h.Labels, high.Hosts[h.Host]})
		}
	}
	for h, codes := range high.Hosts {
		if !seen[h] && meant(h, nil) {
			lines = append(lines, heatLine{h, nil, codes})
		}
	}
	slices.SortFunc(lines, func(x, y heatLine) int {
		return cmp.Or(strings.Compare(x.host.Name, y.host.Name), strings.Compare(x.host.ID(), y.host.ID()))
	})
	return lines
}

// heatGroup is what a row stands for.
type heatGroup struct {
	name, last string
	lines      []heatLine
}

// grouped are lines by the value of a label, in order, those without it last; each by
// itself for no label.
func grouped(lines []heatLine, label string) []heatGroup {
	var all []heatGroup
	if label == "" {
		for i, l := range lines {
			all = append(all, heatGroup{name: l.host.Name, lines: lines[i : i+1]})
		}
		return all
	}
	by := map[string][]heatLine{}
	for _, l := range lines {
		value := mute.HostValue(l.host, l.labels)(label)
		by[value] = append(by[value], l)
	}
	for _, value := range slices.Sorted(maps.Keys(by)) {
		if value != "" {
			all = append(all, heatGroup{name: value, lines: by[value]})
		}
	}
	if without := by[""]; without != nil {
		all = append(all, heatGroup{lines: without})
	}
	return all
}

// groupsOf are the labels that tell some of the hosts apart and not each from all
// others, in order, at most 50.
func groupsOf(lines []heatLine) List[string] {
	values := map[string]map[string]bool{}
	add := func(label, value string) {
		if values[label] == nil {
			values[label] = map[string]bool{}
		}
		if len(values[label]) <= mostHeatRows {
			values[label][value] = true
		}
	}
	for _, l := range lines {
		for label, value := range l.labels {
			add(label, value)
		}
		add(mute.MatchSource, l.host.Source)
		add(mute.MatchProfile, l.host.Profile)
	}
	labels := List[string]{}
	for _, label := range slices.Sorted(maps.Keys(values)) {
		if n := len(values[label]); n > 1 && n < len(lines) && n <= mostHeatRows && len(labels) < 50 {
			labels = append(labels, label)
		}
	}
	return labels
}

// heatMap is what all rows share.
type heatMap struct {
	from   time.Time
	step   time.Duration
	n      int // cells of a row
	unread int // of them, from the first on, that have not been read

	codes []byte
	named []byte
	hosts []HostRef            // that are named
	index map[omen.Host]uint16 // in hosts, from 1 on
}

// answer is a row for each group, or for so many neighbours that there are at most so
// many rows.
func (m *heatMap) answer(groups []heatGroup, rows int, labels List[string]) HeatMap {
	rows = min(rows, len(groups))
	out := HeatMap{
		From: Instant(m.from), Step: Number(m.step.Seconds()), Cells: m.n, Group: labels,
		Read: Instant(m.from.Add(time.Duration(m.unread) * m.step)),
	}
	m.codes, m.named = make([]byte, rows*m.n), make([]byte, 2*rows*m.n)
	for i := range rows {
		some := groups[i*len(groups)/rows : (i+1)*len(groups)/rows]
		one := some[0]
		if len(some) > 1 {
			one.last, one.lines = some[len(some)-1].name, nil
			for _, g := range some {
				one.lines = append(one.lines, g.lines...)
			}
		}
		out.Hosts += len(one.lines)
		out.Rows = append(out.Rows, m.row(i, one))
	}
	out.Codes = base64.StdEncoding.EncodeToString(m.codes)
	if out.Of = m.hosts; len(m.hosts) > 0 {
		out.Named = base64.StdEncoding.EncodeToString(m.named)
	}
	return out
}

// row fills in the cells of a row.
func (m *heatMap) row(i int, g heatGroup) HeatRow {
	out := HeatRow{Name: g.name, Last: g.last, Hosts: len(g.lines), Host: toRef(g.lines[0].host), Peak: Number(math.NaN())}
	peak := uint8(heatNone)
	for k := range m.n {
		at := i*m.n + k
		if k < m.unread {
			m.codes[at] = heatUnread
			continue
		}
		code, highest := uint8(heatNone), 0
		for l, line := range g.lines {
			if k < len(line.codes) && line.codes[k] > code {
				code, highest = line.codes[k], l
			}
		}
		m.codes[at] = code
		host := g.lines[highest].host
		if code > heatLimit && len(g.lines) > 1 {
			binary.LittleEndian.PutUint16(m.named[2*at:], m.name(host))
		}
		if code > peak {
			peak = code
			out.Host, out.Peak, out.PeakAt = toRef(host), Number(heatScore(code)), Instant(m.from.Add(time.Duration(k)*m.step))
		}
	}
	return out
}

// name is a host's number among those that are named, from 1 on.
func (m *heatMap) name(h omen.Host) uint16 {
	if m.index == nil {
		m.index = map[omen.Host]uint16{}
	}
	if m.index[h] == 0 {
		m.hosts = append(m.hosts, toRef(h))
		m.index[h] = uint16(len(m.hosts))
	}
	return m.index[h]
}

// heatScore is the highest score that a code stands for.
func heatScore(code uint8) float64 {
	if code <= heatLimit {
		return float64(code-1) / heatDecade
	}
	return math.Pow(10, float64(code-heatLimit)/heatDecade)
}
