package detect

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/internal/simd"
)

var epoch = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// columns is a schema of n features without physical range.
func columns(t testing.TB, n int) *feature.Schema {
	t.Helper()
	names := make([]string, n)
	for i := range names {
		names[i] = "f" + string(rune('a'+i/26)) + string(rune('a'+i%26))
	}
	return must.Get(feature.FromColumns("test", names, feature.Feature{Scale: 0.1, Deviation: 0.01}))(t)
}

// synthetic is a host whose features follow two hidden causes: a daily wave
// and a slow random walk.
func synthetic(seed uint64, rows, width int, step time.Duration) []omen.Vector {
	rng := rand.New(rand.NewPCG(seed, 1))
	walk := 0.0
	out := make([]omen.Vector, rows)
	for t := range out {
		at := epoch.Add(time.Duration(t) * step)
		wave := math.Sin(2 * math.Pi * float64(at.Sub(epoch)%day) / float64(day))
		walk = 0.95*walk + 0.3*rng.NormFloat64()
		v := make([]float64, width)
		for j := range v {
			a := float64(j%5)/5 - 0.4
			v[j] = 0.5 + 0.2*a*wave + 0.1*(1-math.Abs(a))*walk + 0.02*rng.NormFloat64()
		}
		out[t] = omen.Vector{Host: omen.Host{Source: "s", Profile: "test", Name: "h"}, At: at, Values: v}
	}
	return out
}

func fitted(t testing.TB, s *feature.Schema, train []omen.Vector, o Options) *Model {
	t.Helper()
	return must.Get(Fit(context.Background(), s, train, nil, o))(t)
}

// play scores vectors and returns clones.
func play(t testing.TB, s *Stream, vs []omen.Vector) []omen.Score {
	t.Helper()
	var out []omen.Score
	for _, v := range vs {
		score := must.Get(s.Score(v))(t)
		out = append(out, score.Clone())
	}
	return out
}

func TestFindsAndExplains(t *testing.T) {
	s := columns(t, 10)
	all := synthetic(1, 3*1440+200, 10, time.Minute)
	m := fitted(t, s, all[:3*1440], Options{})
	test := all[3*1440:]
	for k := 100; k < 120; k++ {
		test[k].Values = slices.Clone(test[k].Values)
		test[k].Values[3] += 1 // fifty times the noise
	}
	scores := play(t, m.Stream(all[2*1440:3*1440]), test)
	for k, sc := range scores[:100] {
		if sc.Value > 2 {
			t.Errorf("normal sample %d scores %.2f", k, sc.Value)
		}
	}
	first := slices.IndexFunc(scores, func(s omen.Score) bool { return s.At.Sub(test[100].At) >= 0 && s.Anomalous() })
	if first < 100 || first > 102 {
		t.Fatalf("fault at 100 first seen at %d", first)
	}
	c := scores[first].Causes[0]
	if c.Feature != s.Features()[3].Name || c.Share < 0.5 {
		t.Errorf("first cause is %v, share %.2f", c, c.Share)
	}
	if math.Abs(c.Expected-0.5) > 0.3 || c.Lower > c.Expected || c.Upper < c.Expected || c.Actual < c.Upper || c.Trivial {
		t.Errorf("cause %+v: want expected about 0.5 within its band and actual above", c)
	}
}

// The contributions add up to the unsmoothed score, so shares add up to 1; and
// what decides whether people are notified comes with each score.
func TestSharesAddUp(t *testing.T) {
	s := columns(t, 7)
	all := synthetic(2, 2000, 7, time.Minute)
	m := fitted(t, s, all[:1500], Options{})
	for _, sc := range play(t, m.Stream(nil), all[1500:]) {
		var sum float64
		for _, x := range sc.Shares {
			sum += x
		}
		if sc.Unsmoothed > 0 && math.Abs(sum-1) > 1e-9 {
			t.Fatalf("shares add up to %v at score %v", sum, sc.Unsmoothed)
		}
		if sc.PageLevel != m.PageLevel() || sc.PageLevel < 1 {
			t.Fatalf("page level %v, want the model's %v, at least 1", sc.PageLevel, m.PageLevel())
		}
		if !slices.IsSortedFunc(sc.Causes, func(a, b omen.Cause) int { return cmp.Compare(b.Share, a.Share) }) {
			t.Fatalf("causes are not ranked: %v", sc.Causes)
		}
	}
}

func equalScores(a, b omen.Score) bool {
	bits := func(x, y []float64) bool {
		return slices.EqualFunc(x, y, func(p, q float64) bool { return math.Float64bits(p) == math.Float64bits(q) })
	}
	return a.Value == b.Value && a.Unsmoothed == b.Unsmoothed && a.ReconstructionError == b.ReconstructionError &&
		bits(a.Expected, b.Expected) && bits(a.Lower, b.Lower) && bits(a.Upper, b.Upper) && bits(a.Shares, b.Shares) &&
		slices.Equal(a.Causes, b.Causes)
}

func TestLoadedScoresAsSaved(t *testing.T) {
	s := columns(t, 9)
	all := synthetic(3, 3300, 9, time.Minute)
	m := fitted(t, s, all[:3000], Options{SelfTest: true})
	data := must.Get(m.MarshalBinary())(t)
	loaded := must.Get(Load(data, s))(t)
	a, b := play(t, m.Stream(all[2800:3000]), all[3000:]), play(t, loaded.Stream(all[2800:3000]), all[3000:])
	for i := range a {
		if !equalScores(a[i], b[i]) {
			t.Fatalf("sample %d: saved %+v, loaded %+v", i, a[i], b[i])
		}
	}
	if string(m.Card().JSON()) != string(loaded.Card().JSON()) {
		t.Error("the card changed")
	}
	for i := 0; i < len(data); i += 1 + len(data)/97 {
		bad := slices.Clone(data)
		bad[i] ^= 0x40
		if _, err := Load(bad, s); !errors.Is(err, omen.ErrCorrupt) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if _, err := Load(data[:i], s); !errors.Is(err, omen.ErrCorrupt) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := Load(data, columns(t, 8)); !errors.Is(err, omen.ErrSchema) {
		t.Errorf("another schema: %v", err)
	}
	other := slices.Clone(data[:len(data)-4]) // whole, as another release made it
	other[len(magic)]++
	other = binary.LittleEndian.AppendUint32(other, crc32.Checksum(other, castagnoli))
	if _, err := Load(other, s); !errors.Is(err, omen.ErrSchema) || errors.Is(err, omen.ErrCorrupt) || omen.Hint(err) == "" {
		t.Errorf("another version: %v (hint %q)", err, omen.Hint(err))
	}
}

// The score at t does not depend on what comes after t, and not on which
// other hosts are scored in between.
func TestCausalAndIndependent(t *testing.T) {
	s := columns(t, 6)
	a, b := synthetic(4, 2100, 6, time.Minute), synthetic(5, 2100, 6, time.Minute)
	m, other := fitted(t, s, a[:1800], Options{}), fitted(t, s, b[:1800], Options{})
	alone := play(t, m.Stream(nil), a[1800:])
	changed := slices.Clone(a[1800:])
	for k := 150; k < len(changed); k++ {
		changed[k].Values = []float64{9, 9, 9, 9, 9, 9}
	}
	x, y := m.Stream(nil), other.Stream(nil)
	for k := range 150 {
		must.Get(y.Score(b[1800+k]))(t)
		sc := must.Get(x.Score(changed[k]))(t)
		if !equalScores(alone[k], sc) {
			t.Fatalf("sample %d differs", k)
		}
	}
}

func TestSameSeedSameModel(t *testing.T) {
	s := columns(t, 5)
	all := synthetic(6, 900, 5, time.Minute)
	x := must.Get(fitted(t, s, all, Options{Seed: 7}).MarshalBinary())(t)
	y := must.Get(fitted(t, s, all, Options{Seed: 7}).MarshalBinary())(t)
	if !slices.Equal(x, y) {
		t.Error("two fits with one seed differ")
	}
}

func TestScoreAllocatesNothing(t *testing.T) {
	s := columns(t, 40)
	all := synthetic(8, 800, 40, time.Minute)
	st := fitted(t, s, all, Options{}).Stream(nil)
	k, loud := 0, 0
	if n := testing.AllocsPerRun(200, func() {
		v := all[k%800]
		v.At = epoch.Add(time.Duration(2000+k) * time.Minute)
		v.Values[k%40] += float64(k % 3) // two of three samples are of a host in trouble
		if sc, err := st.Score(v); err != nil {
			t.Fatal(err)
		} else if sc.Unsmoothed > 1 {
			loud++
		}
		k++
	}); n != 0 || loud < 50 {
		t.Errorf("%v allocations per score, %d above the limit", n, loud)
	}
}

// From two minutes at a 1 s step on, there is a model; it is stricter the less
// it has seen, and quiet on more of the same.
func TestLittleHistory(t *testing.T) {
	s := columns(t, 40)
	all := synthetic(9, 7200+600, 40, time.Second)
	for _, c := range []struct {
		rows  int
		grade omen.Grade
	}{{120, omen.Provisional}, {600, omen.Provisional}, {3600, omen.Learning}, {7200, omen.Learning}} {
		m := fitted(t, s, all[:c.rows], Options{Step: time.Second})
		if m.Grade() != c.grade {
			t.Errorf("%d samples: grade %s, want %s", c.rows, m.Grade(), c.grade)
		}
		loud := 0
		for _, sc := range play(t, m.Stream(all[:c.rows]), all[c.rows:c.rows+600]) {
			if sc.Anomalous() {
				loud++
			}
		}
		// What two minutes of a host that wanders for longer cannot show is
		// allowed one sample in twenty, more history one in fifty.
		if loud > 600/50 && c.rows > 120 || loud > 600/20 {
			t.Errorf("%d samples: %d of 600 normal samples are above the limit", c.rows, loud)
		}
		if got := m.Card().Limit.Caution; got <= 1 {
			t.Errorf("%d samples: caution %v, want above 1", c.rows, got)
		}
	}
	if _, err := Fit(context.Background(), s, all[:10], nil, Options{}); !errors.Is(err, omen.ErrTooFew) {
		t.Errorf("10 samples: %v", err)
	}
}

// A feature that the host lacks is inactive and named; one that was constant
// is watched.
// Omen that ran for five minutes yesterday and five today knows ten minutes of
// the host, not a day.
func TestAGapIsNoHistory(t *testing.T) {
	s := columns(t, 4)
	whole := synthetic(5, 600, 4, time.Second)
	for gap, covered := range map[time.Duration]time.Duration{0: 600 * time.Second, 9 * time.Second: 609 * time.Second, time.Hour: 600 * time.Second, 25 * time.Hour: 600 * time.Second} {
		train := slices.Clone(whole)
		for i := 300; i < len(train); i++ {
			train[i].At = train[i].At.Add(gap)
		}
		m := fitted(t, s, train, Options{})
		if m.Grade() != omen.Provisional || m.timeOfDay || m.Card().Limit.Caution != caution(covered) {
			t.Errorf("a gap of %s: grade %s, time of day %v, caution %g: want those of %s", gap, m.Grade(), m.timeOfDay, m.Card().Limit.Caution, covered)
		}
	}
}

func TestAbsentAndConstant(t *testing.T) {
	s := columns(t, 4)
	all := synthetic(10, 2100, 4, time.Minute)
	for k := range all {
		all[k].Values[1] = math.NaN()
		all[k].Values[2] = 0.25
	}
	m := fitted(t, s, all[:2000], Options{})
	if c := m.Card(); len(c.Inactive) != 1 || c.Inactive[0].Feature != s.Features()[1].Name || len(c.Active) != 3 {
		t.Errorf("inactive %v, active %v", c.Inactive, c.Active)
	}
	test := all[2000:]
	for k := 50; k < len(test); k++ {
		test[k].Values[1] = 1e9 // it appears: nothing is known of it
		if k >= 80 {
			test[k].Values[2] = 0.75
		}
	}
	scores := play(t, m.Stream(all[1900:2000]), test)
	if scores[60].Value > 1 || !math.IsNaN(scores[60].Expected[1]) || scores[60].Shares[1] != 0 {
		t.Errorf("a feature unknown in training counts: %+v", scores[60])
	}
	if scores[81].Value <= 1 || scores[81].Causes[0].Feature != s.Features()[2].Name {
		t.Errorf("a constant that moved is not found: %v %v", scores[81].Value, scores[81].Causes)
	}
}

func TestExcludedSpanIsNotLearned(t *testing.T) {
	s := columns(t, 5)
	all := synthetic(11, 3000, 5, time.Minute)
	for k := 1000; k < 1100; k++ {
		all[k].Values = []float64{5, 5, 5, 5, 5}
	}
	span := omen.Span{From: all[1000].At, To: all[1099].At}
	m := fitted(t, s, all, Options{Excluded: []omen.Span{span}})
	if c := m.Card(); c.LeftOut != 100 || len(c.Excluded) != 1 || c.Rows != 2900 {
		t.Errorf("left out %d of %v, rows %d", c.LeftOut, c.Excluded, c.Rows)
	}
	with := fitted(t, s, all, Options{})
	if a, b := m.scales[0].ZWidth, with.scales[0].ZWidth; a > b/2 {
		t.Errorf("width %v without the incident, %v with it", a, b)
	}
}

// A model does not learn what the one before it alerted on, unless somebody
// said that it was benign.
func TestOwnAlertsAreNotLearned(t *testing.T) {
	s := columns(t, 5)
	all := synthetic(12, 4000, 5, time.Minute)
	old := fitted(t, s, all[:3000], Options{})
	for k := 3500; k < 3550; k++ {
		all[k].Values = []float64{5, 5, 5, 5, 5}
	}
	m := fitted(t, s, all, Options{Warm: old})
	held := func(m *Model) bool {
		return slices.ContainsFunc(m.Card().Suspects, func(x omen.Span) bool { return x.Contains(all[3510].At) })
	}
	if !held(m) {
		t.Errorf("suspects %v lack the incident", m.Card().Suspects)
	}
	if again := fitted(t, s, all, Options{Warm: m}); !held(again) {
		t.Error("the fit after it learned the incident")
	}
	benign := fitted(t, s, all, Options{Warm: old, Benign: []omen.Span{{From: all[3500].At, To: all[3549].At}}})
	if held(benign) {
		t.Error("a benign span was held back")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	s := columns(t, 3)
	all := synthetic(13, 100, 3, time.Minute)
	for name, o := range map[string]Options{
		"pages": {PagesPerWeek: -1}, "step": {Step: -1}, "mask": {MaskRate: 1}, "epochs": {Epochs: -1},
	} {
		if _, err := Fit(context.Background(), s, all, nil, o); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Fit(ctx, s, all, nil, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Fit(context.Background(), columns(t, 4), all, nil, Options{}); !errors.Is(err, omen.ErrSchema) {
		t.Errorf("width: %v", err)
	}
}

// A larger budget gives a lower limit.
func TestBudgetMovesTheLimit(t *testing.T) {
	s := columns(t, 5)
	all := synthetic(14, 7*1440, 5, time.Minute)
	few := fitted(t, s, all, Options{PagesPerWeek: 0.5})
	many := fitted(t, s, all, Options{PagesPerWeek: 5})
	if few.limit <= many.limit || few.PageLevel() < 1 {
		t.Errorf("limit %v with half a page a week, %v with five", few.limit, many.limit)
	}
}

// A young model's alerts are learned: it does not know the day yet.
func TestYoungModelHoldsNothingBack(t *testing.T) {
	s := columns(t, 5)
	all := synthetic(15, 2000, 5, time.Minute)
	young := fitted(t, s, all[:600], Options{})
	for k := 700; k < 760; k++ {
		all[k].Values = []float64{5, 5, 5, 5, 5}
	}
	if m := fitted(t, s, all, Options{Warm: young}); len(m.Card().Suspects) != 0 || m.rows != 2000 {
		t.Errorf("%d of 2000 rows learned, held back: %v", m.rows, m.Card().Suspects)
	}
}

// However much alerts, nine samples in ten are learned.
func TestHoldsBackATenthAtMost(t *testing.T) {
	s := columns(t, 5)
	all := synthetic(16, 4000, 5, time.Minute)
	old := fitted(t, s, all[:2000], Options{})
	for from := 2000; from < 3500; from += 150 {
		for k := from; k < from+100; k++ {
			all[k].Values = []float64{5, 5, 5, 5, 5}
		}
	}
	m := fitted(t, s, all, Options{Warm: old})
	if c := m.Card(); c.Rows < 3600 || c.Rows == 4000 {
		t.Errorf("%d of 4000 rows learned, of 1,000 in alert", c.Rows)
	}
}

// What begins at one time of day on three days in a row is a job and learned.
func TestJobsAreLearned(t *testing.T) {
	from := time.Date(2026, 3, 5, 2, 0, 0, 0, time.UTC)
	night := func(n int, late time.Duration) omen.Span {
		at := from.Add(time.Duration(n)*day + late)
		return omen.Span{From: at, To: at.Add(20 * time.Minute)}
	}
	var samples []omen.Vector
	for k := range 6 * 1440 {
		samples = append(samples, omen.Vector{At: from.Add(time.Duration(k) * time.Minute)})
	}
	for name, c := range map[string]struct {
		spans []omen.Span
		want  int
	}{
		"two nights":                    {[]omen.Span{night(0, 0), night(1, 0)}, 2},
		"three nights":                  {[]omen.Span{night(0, 0), night(1, time.Minute), night(2, 0)}, 0},
		"three nights and a noon":       {[]omen.Span{night(0, 0), night(1, 0), night(1, 10*time.Hour), night(2, 0)}, 1},
		"three nights, one in between":  {[]omen.Span{night(0, 0), night(1, 0), night(3, 0)}, 3},
		"three nights, at any old time": {[]omen.Span{night(0, 0), night(1, 2*time.Hour), night(2, 40*time.Minute)}, 3},
	} {
		if got := holdBack(c.spans, samples, time.Minute); len(got) != c.want {
			t.Errorf("%s: %d held back, want %d", name, len(got), c.want)
		}
	}
}

// A feature that was almost still is judged by what its host is like: the same
// small move is evidence on a quiet host and not on a noisy one.
func TestStillFeatureOnANoisyHost(t *testing.T) {
	var evidence [2]float64
	for k, noise := range []float64{0.05, 1} {
		trivial := func(int) float64 { return 0 }
		rms := []float64{0.01, noise, noise, noise, noise}
		scales, lifts := scaled(rms, trivial)
		evidence[k] = sq(0.4/float64(scales[0])) * float64(lifts[0])
	}
	if evidence[0] < 9 || evidence[1] > 1 {
		t.Errorf("evidence %.1f on a quiet host, %.1f on a noisy one; want much and none", evidence[0], evidence[1])
	}
	// A usual residual of .2 and the floor of .75 times it are .35: worth a page
	// is 8, in wakeSigmas (2) of 4.
	scales, lifts := scaled([]float64{0.2, 0.2}, func(int) float64 { return 8 })
	if want := min(sq(4/0.35), liftMost); scales[0] != 4 || math.Abs(float64(lifts[0])-want) > 1e-3 {
		t.Errorf("scale %v, lift %v of a feature whose smallest deviation worth a page is 8, want 4 and %v", scales[0], lifts[0], want)
	}
}

// A whole model and its scores are the same with the plain kernels.
func TestScoringEqualsPlain(t *testing.T) {
	if !simd.Plainly(func() {}) {
		t.Skip("this build or processor has only the plain kernels")
	}
	s := columns(t, 43)
	all := synthetic(15, 3*1440, 43, time.Minute)
	for k := 2000; k < len(all); k += 7 {
		all[k].Values[k%43] = math.NaN()
		all[k].Values[(k+5)%43] += 1
	}
	m := fitted(t, s, all[:3000], Options{})
	want := play(t, m.Stream(nil), all[3000:])
	simd.Plainly(func() {
		plain := fitted(t, s, all[:3000], Options{})
		for i, sc := range play(t, plain.Stream(nil), all[3000:]) {
			if !equalScores(sc, want[i]) {
				t.Fatalf("sample %d: %+v, plain %+v", i, want[i], sc)
			}
		}
	})
}
