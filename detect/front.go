package detect

import (
	"math"
	"time"

	"github.com/omenhq/omen/autoencoder"
	"github.com/omenhq/omen/internal/simd"
)

const (
	averages  = 3                  // moving averages that the forecast sees
	harmonics = 3                  // of the day
	groups    = autoencoder.Groups // of features that are hidden together at scoring
	jumpMean  = simd.JumpMean      // samples over which a jump is averaged
	jumpSpan  = simd.JumpSpan      // samples over which jumps are collected
)

// alphas are the weights of the newest sample in the moving averages.
var alphas = [averages]float32{0.1, 0.03, 0.01}

// front is the first half of scoring: from values to what each of the three
// channels finds odd about each feature. It keeps what the forecast and the
// breadth need of the past, per active feature.
type front struct {
	*workspace
	m       *Model
	started bool
	last    time.Time
	shift   *shift // the window that the sample is in, set before each step; nil: none

	ok    []bool    // false: a gap
	gaps  int       // how many
	phi   []float32 // regressors: last A, its averages, 1, time of day
	past  []float64 // Z of the last jumpMean samples, ring
	moves []float32 // squared moves of the last jumpSpan samples, ring
	held  []float64 // values that have not changed…
	stood []float32 // …for so many samples
	stuck int       // features that have stood for too long
	at    int       // samples seen since the last start

	learn func(phi []float32, a []float64) // told of regressors and targets while fitting
}

// newFront is the state before the first sample.
func newFront(m *Model) *front {
	n := len(m.active)
	f := &front{}
	f.init(m, newWorkspace(m), make([]float64, frontWide*n), make([]float32, frontFloats(n)))
	return f
}

// frontFloats is how many float32 a front keeps for n features.
func frontFloats(n int) int { return regressors(n, true) + (jumpSpan+1)*n }

// frontWide is how many float64 it keeps per feature.
const frontWide = jumpMean + 1

func (f *front) init(m *Model, w *workspace, wide []float64, rest []float32) {
	n := len(m.active)
	p, q := regressors(n, true), regressors(n, true)+jumpSpan*n
	*f = front{
		workspace: w, m: m, ok: make([]bool, n), past: wide[: jumpMean*n : jumpMean*n], held: wide[jumpMean*n:],
		phi: rest[:p:p], moves: rest[p:q:q], stood: rest[q:],
	}
}

// regressors is the number of inputs of the forecast.
func (m *Model) regressors() int { return regressors(len(m.active), m.timeOfDay) }

// The season forecasts a feature from its own two slowest averages and the
// time of day: few enough weights that it knows what is usual at this hour and
// cannot follow an anomaly by way of the other features.
const (
	slowAverages  = 2
	seasonWeights = slowAverages + 1 + 2*harmonics
)

// seasonal fills x with the season's regressors of feature j.
func (f *front) seasonal(x *[seasonWeights]float32, j int) {
	n := len(f.ok)
	for k := range slowAverages {
		x[k] = f.phi[(1+averages-slowAverages+k)*n+j]
	}
	copy(x[slowAverages:], f.phi[(1+averages)*n:])
}

func regressors(features int, timeOfDay bool) int {
	n := (1+averages)*features + 1
	if timeOfDay {
		n += 2 * harmonics
	}
	return n
}

// step takes in one sample, values in schema order. It reports whether the
// residuals mean anything: not at the first sample after a start or a long
// gap.
func (f *front) step(at time.Time, values []float64) bool {
	m := f.m
	if f.started && (!at.After(f.last) || at.Sub(f.last) > restartSteps*m.step) {
		f.started = false
	}
	warm := f.started
	if !warm {
		clear(f.stood)
	}
	f.last = at
	f.observe(values)
	f.ahead.pull()
	f.predict(at)
	f.ahead.pull()
	f.complete(warm)
	f.ahead.pull()
	if warm && f.learn != nil {
		f.learn(f.phi, f.a)
	}
	f.reconstruct()
	f.ahead.pull()
	f.collectMoves(warm)
	f.ahead.pull()
	f.remember(warm)
	f.ahead.pull()
	f.started = true
	return warm
}

// observe scales the sample. Gaps are marked; complete fills them.
func (f *front) observe(values []float64) {
	f.gaps = 0
	for j, i := range f.m.active {
		v := math.NaN()
		if int(i) < len(values) {
			v = values[i]
		}
		f.x[j], f.ok[j] = v, usable(v)
		if !f.ok[j] {
			f.gaps++
		}
		if f.shift != nil {
			f.x[j] -= f.shift.by[j]
		}
	}
	f.stand()
	simd.Standardise(f.z, f.a, f.x, f.m.scales)
	for j, z := range f.z {
		f.s[j] = soft(z)
	}
}

// predict forecasts A from what was seen before this sample.
func (f *front) predict(at time.Time) {
	n := len(f.m.active)
	f.setClock(at)
	if f.m.ridge != nil {
		simd.Project(f.forecast[:simd.Pad(n)], f.phi[:f.m.regressors()], f.m.ridge)
	}
	if f.m.season != nil {
		simd.Project(f.usual[:simd.Pad(n)], f.phi[(1+averages)*n:], f.m.season[slowAverages*simd.Pad(n):])
		for k := range slowAverages {
			simd.Mix(f.usual, f.phi[(1+averages-slowAverages+k)*n:][:n], f.m.season[k*simd.Pad(n):])
		}
	}
}

// setClock writes the constant and the time of day into the regressors.
func (f *front) setClock(at time.Time) {
	k := (1 + averages) * len(f.m.active)
	f.phi[k] = 1
	f.clock.set(at)
	copy(f.phi[k+1:], f.clock.waves[:])
}

// clock is the time of day as the regressors have it; it remembers the last.
type clock struct {
	at    time.Time
	waves [2 * harmonics]float32
}

func (c *clock) set(at time.Time) {
	if at == c.at && !at.IsZero() {
		return
	}
	u := at.UTC()
	seconds := u.Hour()*3600 + u.Minute()*60 + u.Second()
	for k := range harmonics {
		sin, cos := math.Sincos(2 * math.Pi * float64(k+1) * float64(seconds) / day.Seconds())
		c.waves[2*k], c.waves[2*k+1] = float32(sin), float32(cos)
	}
	c.at = at
}

// complete fills gaps with what was expected and computes the forecast's
// residuals.
func (f *front) complete(warm bool) {
	clear(f.r)
	clear(f.u)
	if warm && f.m.ridge != nil {
		simd.Residual(f.r, f.a, f.forecast)
	}
	if warm && f.m.season != nil {
		simd.Residual(f.u, f.a, f.usual)
	}
	if f.gaps == 0 {
		return
	}
	for j, ok := range f.ok {
		switch {
		case ok:
			continue
		case !warm:
			f.a[j], f.z[j], f.s[j] = 0, 0, 0
		default:
			// The last value, drawn to the middle: a forecast fed with its own
			// answers may wander off, this cannot.
			f.a[j] = gapDecay * float64(f.phi[j])
			f.z[j] = f.past[(f.at+jumpMean-1)%jumpMean*len(f.ok)+j]
			f.s[j] = soft(f.z[j])
		}
		f.r[j], f.u[j] = 0, 0
	}
}

// reconstruct predicts each feature from the features of the other groups.
func (f *front) reconstruct() {
	if f.m.net == nil {
		return
	}
	for j, s := range f.s {
		f.soft[j] = float32(s)
	}
	if f.gaps > 0 {
		for j, ok := range f.ok {
			f.here[j] = 1
			if !ok {
				f.soft[j], f.here[j] = 0, 0
			}
		}
	}
	f.m.cross.Predict(f.recon, f.soft, f.here, f.gaps == 0, f.memory)
	simd.Residual(f.e, f.z, f.recon)
	f.lookAgain()
	if f.gaps > 0 {
		for j, ok := range f.ok {
			if !ok {
				f.e[j] = 0
			}
		}
	}
}

// witnessMax is how far from what the others say of it, in root mean squares, a
// feature may be and still be asked about them. From 4 to 7 the benchmark gives
// the same to .01; below, innocent features are shut out, too.
const witnessMax = 5

// lookAgain predicts all features a second time without those that the first
// look found odd: what is broken would bend what all others are expected to be,
// hide in part behind those that it drags along, and blame them.
//
// A model that is being fitted has no scales yet, so that its limit is from
// first looks: its own history does not surprise it often. (With second looks
// there, too, half of what they gain is lost.) Nor is there a second look in a
// window that shifts the expectation: what is usual in it was measured by first
// looks.
func (f *front) lookAgain() {
	rms := f.m.rmsE
	if len(rms) == 0 || f.shift != nil || f.m.without.SecondLook {
		return
	}
	odd := false
	for j, e := range f.e {
		f.here[j] = 1
		switch most := witnessMax * rms[j]; {
		case !f.ok[j]:
			f.here[j] = 0
		case e > most || e < -most:
			f.soft[j], f.here[j], odd = 0, 0, true
		}
	}
	if !odd {
		return
	}
	f.m.cross.Predict(f.recon, f.soft, f.here, false, f.memory)
	simd.Residual(f.e, f.z, f.recon)
}

// collectMoves measures how far each feature went lately: the root of the sum
// of squares, over jumpSpan samples, of the mean of jumpMean changes (which is
// a difference over jumpMean samples).
func (f *front) collectMoves(warm bool) {
	n := len(f.ok)
	if !warm {
		f.at = 0
		clear(f.moves)
		for k := range jumpMean {
			copy(f.past[k*n:(k+1)*n], f.z)
		}
	}
	simd.Travel(f.jump, f.moves, f.at%jumpSpan*n, n, f.z, f.past[f.at%jumpMean*n:][:n])
	f.at++
}

// remember moves the sample into the regressors of the next one.
func (f *front) remember(warm bool) {
	n := len(f.ok)
	now := f.phi[:n]
	for j, v := range f.a {
		now[j] = float32(v)
	}
	for k, alpha := range alphas {
		if average := f.phi[(k+1)*n:][:n]; warm {
			simd.Follow(average, now, alpha)
		} else {
			copy(average, now)
		}
	}
}

const (
	// restartSteps is how many steps of silence make the past worthless.
	restartSteps = 20
	gapDecay     = 0.98
)

// trace is what was found odd in the last sample.
func (f *front) trace() trace {
	return trace{stood: f.stood, stuck: f.stuck, r: f.r, e: f.e, u: f.u, jump: f.jump, ok: f.ok, shift: f.shift}
}
