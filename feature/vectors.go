package feature

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// AppendVectors appends one vector per host of the frame, as it was at the
// instant at, and returns the longer slice. The values of all vectors share
// one new array.
//
// Values are cleaned: see [Feature.Clean] and [Profile.Uptime]; a feature that
// the frame lacks is a gap throughout. Derived features look back into the
// frame's earlier instants; where the frame does not reach back far enough
// they are gaps, so let it start [Schema.Lookback] before at. A host that is
// silent at that instant has gaps only ([Silent]). If the frame has no such
// instant, nothing is appended.
func (s *Schema) AppendVectors(dst []omen.Vector, f *series.Frame, source string, at time.Time) []omen.Vector {
	instant := instantOf(f, at)
	if instant < 0 {
		return dst
	}
	r := s.reader(f)
	n := s.Len()
	values := make([]float64, n*len(f.Hosts))
	for h, name := range f.Hosts {
		v := values[h*n : (h+1)*n : (h+1)*n]
		r.read(v, h, instant)
		dst = append(dst, omen.Vector{Host: s.Host(source, name), At: f.Time(instant), Values: v})
	}
	return dst
}

// stepsBack is how an expression makes a rate below 0 infinite; see [rate]. Others are
// infinite where they divide by 0 only: PromQL's own rates never are.
var stepsBack = regexp.MustCompile(`\b1\s*/\s*clamp_min\s*\(\s*1\s*/`)

// Stepping reports whether a feature's expression is infinite for a host at an instant
// since one of its counters steps back: a gap though its series are there.
func (s *Schema) Stepping(f *series.Frame, host string, at time.Time, feature int) bool {
	if !stepsBack.MatchString(s.features[feature].Expr) {
		return false
	}
	h, instant := f.Host(host), instantOf(f, at)
	c := slices.Index(f.Features, s.features[feature].Name)
	return h >= 0 && instant >= 0 && c >= 0 && math.IsInf(f.At(h, instant, c), 0)
}

// Failed appends, in schema order, whether the query of each feature failed, or of one
// that it is derived from.
func (s *Schema) Failed(dst []bool, f *series.Frame) []bool {
	for _, spec := range s.features[:s.base] {
		dst = append(dst, f.Failed[spec.Name] != nil)
	}
	for _, r := range s.rules {
		dst = append(dst, r.of >= 0 && r.of < len(dst) && dst[r.of] || r.per >= 0 && r.per < len(dst) && dst[r.per])
	}
	return dst
}

// History is every instant of one host of the frame, oldest first, cleaned and
// derived exactly as [Schema.AppendVectors] does.
func (s *Schema) History(f *series.Frame, source string, host int) []omen.Vector {
	r := s.reader(f)
	n := s.Len()
	values := make([]float64, n*f.Instants)
	out := make([]omen.Vector, f.Instants)
	id := s.Host(source, f.Hosts[host])
	for i := range out {
		v := values[i*n : (i+1)*n : (i+1)*n]
		r.read(v, host, i)
		out[i] = omen.Vector{Host: id, At: f.Time(i), Values: v}
	}
	return out
}

// Uptime is how long a host of the frame had been up at an instant. It is
// false if the profile has no uptime or the host was silent.
func (s *Schema) Uptime(f *series.Frame, host, instant int) (time.Duration, bool) {
	r := s.reader(f)
	if r.uptime < 0 {
		return 0, false
	}
	up := f.At(host, instant, r.uptime)
	if !(up >= 0 && up < 1e10) {
		return 0, false
	}
	return time.Duration(up * float64(time.Second)), true
}

// instantOf is the frame's instant at a time, to the millisecond that sources
// keep, or -1.
func instantOf(f *series.Frame, at time.Time) int {
	at = at.Truncate(time.Millisecond)
	if f.Instants == 0 || at.Before(f.Start) {
		return -1
	}
	if f.Instants == 1 || f.Step <= 0 {
		if at.Equal(f.Start) {
			return 0
		}
		return -1
	}
	d := at.Sub(f.Start)
	if d%f.Step != 0 || int(d/f.Step) >= f.Instants {
		return -1
	}
	return int(d / f.Step)
}

// reader takes the base features of one frame apart.
type reader struct {
	s       *Schema
	f       *series.Frame
	columns []int // per base feature, its column in the frame or -1
	reach   []float64
	uptime  int // column or -1
}

func (s *Schema) reader(f *series.Frame) reader {
	r := reader{s: s, f: f, columns: make([]int, s.base), reach: make([]float64, s.base), uptime: -1}
	byName := make(map[string]int, len(f.Features))
	for i, name := range f.Features {
		byName[name] = i
	}
	for i := range r.columns {
		r.columns[i] = -1
		if c, ok := byName[s.features[i].Name]; ok {
			r.columns[i] = c
		}
		if strings.Contains(s.features[i].Expr, "$window") {
			r.reach[i] = f.Window.Seconds()
		}
	}
	// Where the uptime's query failed, presence cannot be told: do without.
	if c, ok := byName[UptimeColumn]; ok && s.uptime != "" && f.Failed[UptimeColumn] == nil {
		r.uptime = c
	}
	return r
}

// read fills one vector.
func (r reader) read(dst []float64, host, instant int) {
	some := false
	for i := range r.columns {
		dst[i] = r.at(host, instant, i)
		some = some || !math.IsNaN(dst[i])
	}
	for i, rule := range r.s.rules {
		j := r.s.base + i
		dst[j] = math.NaN()
		if some {
			dst[j] = r.s.features[j].Clean(r.derive(rule, dst, host, instant))
		}
	}
}

// at is one clean base feature; a gap while the host is silent, and until its
// window no longer reaches behind its start.
func (r reader) at(host, instant, feature int) float64 {
	row := r.f.Row(host, instant)
	c := r.columns[feature]
	if c < 0 || r.uptime >= 0 && !(row[r.uptime] >= r.reach[feature]) { // also where the uptime is NaN
		return math.NaN()
	}
	return r.s.features[feature].Clean(row[c])
}

// overshoot is how far beyond its physical range a value may lie, as a part of
// the range, and still be taken for its end. rate() extrapolates to the edges
// of its window and /proc counts in hundredths of a second, so that a busy
// disk or processor reads up to a fifth too high at a one-second step.
const overshoot = 0.25

// Clean is a value as the physical range allows it: infinite values are gaps;
// values just outside the range (by up to a quarter of it, or of the scale
// where the range is open or wide) are its nearest end; values further out are
// gaps.
func (f Feature) Clean(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return math.NaN()
	}
	slack := overshoot * min(f.Max-f.Min, max(f.Scale, 0))
	if f.Unit == omen.Ratio {
		slack = overshoot * min(f.Max-f.Min, 1)
	}
	switch {
	case v < f.Min-slack || v > f.Max+slack:
		return math.NaN()
	case v < f.Min:
		return f.Min
	case v > f.Max:
		return f.Max
	}
	return v
}
