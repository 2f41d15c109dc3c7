package bench

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// made is a world before it is replayed: a series whose values are its own to
// change.
type made struct {
	*Series
	world  World
	random *rand.Rand
	mean   []float64 // per feature, of the training part
	sd     []float64
	least  []float64
	moving []int     // features that are not constant in training
	others []*Series // with the same features and step
}

// changes are the kinds of benign change. Sizes are in the training part's
// standard deviations; a change that a series has no room for says false.
var changes = []struct {
	name string
	make func(*made) (what string, ok bool)
}{
	{"level", (*made).level},
	{"gain", (*made).gain},
	{"noise", (*made).noise},
	{"job begins", func(m *made) (string, bool) { return m.jobs(false, true, 0) }},
	{"job moves", func(m *made) (string, bool) { return m.jobs(true, true, 3+m.random.IntN(18)) }},
	{"job ends", func(m *made) (string, bool) { return m.jobs(true, false, 0) }},
	{"other work", (*made).otherWork},
	{"restart", (*made).restart},
	{"gaps", (*made).gaps},
}

// makeWorld is the k-th world of a series.
func makeWorld(series []*Series, i, k int) *made {
	s := series[i]
	c := *s
	c.Train, c.Test = copied(s.Train), copied(s.Test)
	return changed(&c, othersOf(series, s), i+k, k)
}

// othersOf are the other series of the same features and step.
func othersOf(series []*Series, s *Series) (others []*Series) {
	for _, o := range series {
		if o != s && o.Step == s.Step && slices.Equal(o.Features, s.Features) {
			others = append(others, o)
		}
	}
	return others
}

// seedOf makes the seeds of one series unlike those of another.
func seedOf(s *Series) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.Set + "/" + s.Name))
	return h.Sum64()
}

// changed makes a benign change in a series whose samples are its own: of the
// first kind, or the next that it has room for.
func changed(s *Series, others []*Series, first, k int) *made {
	m := &made{Series: s, random: rand.New(rand.NewPCG(seedOf(s), uint64(k))), others: others}
	m.know()
	m.world = World{Set: s.Set, Series: s.Name, Seed: uint64(k), At: m.moment()}
	for try := range changes {
		kind := changes[(first+try)%len(changes)]
		if what, ok := kind.make(m); ok {
			m.world.Kind, m.world.Change = kind.name, what
			break
		}
	}
	return m
}

func copied(vectors []omen.Vector) []omen.Vector {
	out := slices.Clone(vectors)
	for i := range out {
		out[i].Values = slices.Clone(out[i].Values)
	}
	return out
}

// know learns how the features move in training.
func (m *made) know() {
	for j := range m.Features {
		n, sum, squares, least := 0.0, 0.0, 0.0, math.Inf(1)
		for _, v := range m.Train {
			if x := v.Values[j]; !math.IsNaN(x) {
				n, sum, squares, least = n+1, sum+x, squares+x*x, min(least, x)
			}
		}
		mean := sum / max(1, n)
		m.mean, m.least = append(m.mean, mean), append(m.least, least)
		m.sd = append(m.sd, math.Sqrt(max(0, squares/max(1, n)-mean*mean)))
		if m.sd[j] > 1e-6 {
			m.moving = append(m.moving, j)
		}
	}
}

// moment is when the change happens: in the second to fifth tenth of the test
// part, as far as can be not in a labelled segment or within twenty samples of it.
func (m *made) moment() int {
	at := 0
	for range 100 {
		at = len(m.Test)/10 + m.random.IntN(max(1, 4*len(m.Test)/10))
		if !slices.ContainsFunc(m.Segments, func(g Segment) bool { return g.Start-20 <= at && at <= g.End+20 }) {
			break
		}
	}
	return at
}

// since changes a feature from the moment on. What was never below zero stays so.
func (m *made) since(j int, to func(x float64) float64) {
	for _, v := range m.Test[m.world.At:] {
		v.Values[j] = m.floor(j, to(v.Values[j]))
	}
}

func (m *made) floor(j int, x float64) float64 {
	if m.least[j] >= 0 {
		return max(0, x) // NaN stays NaN
	}
	return x
}

// feature draws one that moves.
func (m *made) feature() (int, bool) {
	if len(m.moving) == 0 {
		return 0, false
	}
	return m.moving[m.random.IntN(len(m.moving))], true
}

// between draws a number, evenly.
func (m *made) between(from, to float64) float64 { return from + (to-from)*m.random.Float64() }

func (m *made) level() (string, bool) {
	j, ok := m.feature()
	by := m.between(1, 6)
	if m.random.IntN(2) == 0 {
		by = -by
	}
	if ok {
		m.since(j, func(x float64) float64 { return x + by*m.sd[j] })
	}
	return fmt.Sprintf("feature %d %+.1f sd", j+1, by), ok
}

func (m *made) gain() (string, bool) {
	j, ok := m.feature()
	by := math.Exp(m.between(math.Log(1.5), math.Log(3)))
	if m.random.IntN(2) == 0 {
		by = 1 / by
	}
	if ok {
		m.since(j, func(x float64) float64 { return x * by })
	}
	return fmt.Sprintf("feature %d times %.2f", j+1, by), ok
}

func (m *made) noise() (string, bool) {
	j, ok := m.feature()
	by := m.between(.5, 2)
	if ok {
		m.since(j, func(x float64) float64 { return x + by*m.sd[j]*m.random.NormFloat64() })
	}
	return fmt.Sprintf("feature %d plus noise of %.1f sd", j+1, by), ok
}

// jobs adds a daily job of 15 to 45 minutes that lifts one to four features by
// three to ten deviations: before the moment, after it, or both, then so many
// hours later.
func (m *made) jobs(before, after bool, later int) (string, bool) {
	if len(m.moving) == 0 || len(m.Test) < 2*m.PerDay() {
		return "", false
	}
	length := time.Duration(m.between(15, 45) * float64(time.Minute)).Truncate(time.Second)
	length = max(length, m.Step)
	start := time.Duration(m.random.IntN(24*60)) * time.Minute
	lifted := map[int]float64{}
	for range 1 + m.random.IntN(4) {
		j, _ := m.feature()
		lifted[j] = m.between(3, 10)
	}
	add := func(vectors []omen.Vector, start time.Duration) {
		for _, v := range vectors {
			midnight := v.At.Truncate(24 * time.Hour)
			if into := (v.At.Sub(midnight) - start + 48*time.Hour) % (24 * time.Hour); into < length {
				for j, by := range lifted {
					v.Values[j] += by * m.sd[j]
				}
			}
		}
	}
	if before {
		add(m.Train, start)
		add(m.Test[:m.world.At], start)
	}
	if after {
		add(m.Test[m.world.At:], start+time.Duration(later)*time.Hour)
	}
	return fmt.Sprintf("daily at %s for %s, %d features, then %d h later", start, length, len(lifted), later), true
}

// otherWork gives the host another one's samples of the same time of day. In
// labelled segments the deviation from the hour before stays the host's own.
func (m *made) otherWork() (string, bool) {
	if len(m.others) == 0 {
		return "", false
	}
	o := m.others[m.random.IntN(len(m.others))]
	day := m.PerDay()
	offset := (len(m.Train) + m.world.At) % min(day, len(o.Train))
	whole := len(o.Train) / day * day // days, so that the time of day stays
	if whole == 0 {
		whole = len(o.Train)
	}
	own := copied(m.Test)
	for i := m.world.At; i < len(m.Test); i++ {
		copy(m.Test[i].Values, o.Train[(offset+i-m.world.At)%whole].Values)
	}
	hour := max(1, int(time.Hour/m.Step))
	for _, g := range m.Segments {
		for j := range m.Features {
			usual, n := 0.0, 0.0
			for i := max(0, g.Start-hour); i < g.Start; i++ {
				if x := own[i].Values[j]; !math.IsNaN(x) {
					usual, n = usual+x, n+1
				}
			}
			for i := max(g.Start, m.world.At); i <= g.End && n > 0; i++ {
				m.Test[i].Values[j] = m.floor(j, m.Test[i].Values[j]+own[i].Values[j]-usual/n)
			}
		}
	}
	return "the work of " + o.Name, true
}

// restart takes slow features to their least value, from which they come back
// over two to twelve hours; the host is away for one to five samples.
func (m *made) restart() (string, bool) {
	var slow []int
	for _, j := range m.moving {
		moves := 0.0
		for i := 1; i < len(m.Train); i++ {
			if d := m.Train[i].Values[j] - m.Train[i-1].Values[j]; !math.IsNaN(d) {
				moves += d * d
			}
		}
		if math.Sqrt(moves/float64(len(m.Train))) < .3*m.sd[j] {
			slow = append(slow, j)
		}
	}
	if len(slow) == 0 {
		return "", false
	}
	back := m.between(2, 12) * float64(time.Hour/m.Step)
	away := 1 + m.random.IntN(5)
	for i := m.world.At; i < len(m.Test); i++ {
		since := i - m.world.At
		for _, j := range slow {
			m.Test[i].Values[j] -= (m.Test[i].Values[j] - m.least[j]) * math.Exp(-float64(since)/back)
		}
		if since < away {
			m.silent(i)
		}
	}
	return fmt.Sprintf("%d slow features from the bottom, %d samples away", len(slow), away), true
}

// gaps leaves out one sample in ten, one to ten at a time.
func (m *made) gaps() (string, bool) {
	for i := m.world.At; i < len(m.Test); i++ {
		if m.random.Float64() < .02 {
			for range 1 + m.random.IntN(10) {
				m.silent(i)
				i++
			}
		}
	}
	return "one sample in ten is missing", true
}

// silent takes away a sample, unless it is labelled.
func (m *made) silent(i int) {
	if i < len(m.Test) && !m.Labels[i] {
		for j := range m.Test[i].Values {
			m.Test[i].Values[j] = math.NaN()
		}
	}
}
