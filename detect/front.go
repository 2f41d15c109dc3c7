package detect

import (
	"math"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/omenhq/omen/autoencoder"
)

const (
	averages  = 3                  // moving averages that the forecast sees
	harmonics = 3                  // of the day
	groups    = autoencoder.Groups // of features that are hidden together at scoring
	jumpMean  = 3                  // samples over which a jump is averaged
	jumpSpan  = 6                  // samples over which jumps are collected
)

// alphas are the weights of the newest sample in the moving averages.
var alphas = [averages]float32{0.1, 0.03, 0.01}

// front is the first half of scoring: from values to what each of the three
// channels finds odd about each feature. It keeps what the forecast and the
// breadth need of the past, per active feature.
type front struct {
	m       *Model
	started bool
	last    time.Time
	shift   *shift // the window that the sample is in, set before each step; nil: none

	z, a, s  []float64 // the sample in scaled units; gaps hold what was expected
	ok       []bool    // false: a gap
	forecast []float32 // of A
	usual    []float32 // of A, at this time of day
	recon    []float32 // of S, each feature from the other groups
	r, e, u  []float32 // residuals of forecast, autoencoder and season, 0 at a gap
	jump     []float32 // size of recent moves

	phi    []float32 // regressors: last A, its averages, 1, time of day
	past   []float64 // Z of the last jumpMean samples, ring
	moves  []float32 // squared moves of the last jumpSpan samples, ring
	at     int       // samples seen since the last start
	soft   []float32 // the network's input, 0 at a gap
	here   []float32 // 0 at a gap, else 1
	memory *autoencoder.CrossScratch

	learn func(phi []float32, a []float64) // told of regressors and targets while fitting
}

func newFront(m *Model) *front {
	n := len(m.active)
	f := &front{
		m: m,
		z: make([]float64, n), a: make([]float64, n), s: make([]float64, n), ok: make([]bool, n),
		forecast: make([]float32, n), usual: make([]float32, n), recon: make([]float32, n),
		r: make([]float32, n), e: make([]float32, n), u: make([]float32, n), jump: make([]float32, n),
		phi:  make([]float32, regressors(n, true)),
		past: make([]float64, jumpMean*n), moves: make([]float32, jumpSpan*n),
	}
	if m.net != nil {
		f.soft, f.here = make([]float32, n), make([]float32, n)
		f.memory = m.net.NewCrossScratch()
	}
	return f
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
	f.last = at
	f.observe(values)
	f.predict(at)
	f.complete(warm)
	if warm && f.learn != nil {
		f.learn(f.phi, f.a)
	}
	f.reconstruct()
	f.collectMoves(warm)
	f.remember(warm)
	f.started = true
	return warm
}

// observe scales the sample. Gaps are marked; complete fills them.
func (f *front) observe(values []float64) {
	for j, i := range f.m.active {
		v := math.NaN()
		if int(i) < len(values) {
			v = values[i]
		}
		if f.ok[j] = usable(v); !f.ok[j] {
			continue
		}
		if f.shift != nil {
			v -= f.shift.by[j]
		}
		sc := &f.m.scales[j]
		f.z[j], f.a[j] = sc.z(v), sc.a(v)
		f.s[j] = soft(f.z[j])
	}
}

// predict forecasts A from what was seen before this sample.
func (f *front) predict(at time.Time) {
	n, p := len(f.m.active), f.m.regressors()
	f.setClock(at)
	clear(f.forecast)
	clear(f.usual)
	if f.m.ridge != nil {
		blas32.Gemv(blas.NoTrans, 1, blas32.General{Rows: n, Cols: p, Stride: p, Data: f.m.ridge},
			blas32.Vector{N: p, Inc: 1, Data: f.phi}, 0, blas32.Vector{N: n, Inc: 1, Data: f.forecast})
	}
	if f.m.season != nil {
		var x [seasonWeights]float32
		for j := range n {
			f.seasonal(&x, j)
			f.usual[j] = dot(f.m.season[j*seasonWeights:(j+1)*seasonWeights], x[:])
		}
	}
}

// setClock writes the constant and the time of day into the regressors.
func (f *front) setClock(at time.Time) {
	k := (1 + averages) * len(f.m.active)
	f.phi[k] = 1
	clock(f.phi[k+1:], at)
}

func clock(dst []float32, at time.Time) {
	u := at.UTC()
	seconds := u.Hour()*3600 + u.Minute()*60 + u.Second()
	for k := range harmonics {
		sin, cos := math.Sincos(2 * math.Pi * float64(k+1) * float64(seconds) / day.Seconds())
		dst[2*k], dst[2*k+1] = float32(sin), float32(cos)
	}
}

// complete fills gaps with what was expected and computes the forecast's
// residuals.
func (f *front) complete(warm bool) {
	for j := range f.ok {
		f.r[j], f.u[j] = 0, 0
		if f.ok[j] {
			if warm && f.m.ridge != nil {
				f.r[j] = float32(f.a[j]) - f.forecast[j]
			}
			if warm && f.m.season != nil {
				f.u[j] = float32(f.a[j]) - f.usual[j]
			}
			continue
		}
		if !warm {
			f.a[j], f.z[j], f.s[j] = 0, 0, 0
			continue
		}
		// The last value, drawn to the middle: a forecast fed with its own
		// answers may wander off, this cannot.
		f.a[j] = gapDecay * float64(f.phi[j])
		f.z[j] = f.past[(f.at+jumpMean-1)%jumpMean*len(f.ok)+j]
		f.s[j] = soft(f.z[j])
	}
}

// reconstruct predicts each feature from the features of the other groups.
func (f *front) reconstruct() {
	if f.m.net == nil {
		return
	}
	complete := true
	for j, ok := range f.ok {
		f.soft[j], f.here[j] = float32(f.s[j]), 1
		if !ok {
			f.soft[j], f.here[j], complete = 0, 0, false
		}
	}
	f.m.cross.Predict(f.recon, f.soft, f.here, complete, f.memory)
	for j, ok := range f.ok {
		f.e[j] = 0
		if ok {
			f.e[j] = float32(f.z[j]) - f.recon[j]
		}
	}
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
	old := f.past[(f.at%jumpMean)*n:][:n]
	now := f.moves[(f.at%jumpSpan)*n:][:n]
	for j := range n {
		d := float32((f.z[j] - old[j]) / jumpMean)
		now[j] = d * d
		var sum float32
		for k := range jumpSpan {
			sum += f.moves[k*n+j]
		}
		f.jump[j] = float32(math.Sqrt(float64(sum)))
	}
	copy(old, f.z)
	f.at++
}

// remember moves the sample into the regressors of the next one.
func (f *front) remember(warm bool) {
	n := len(f.ok)
	for j := range n {
		v := float32(f.a[j])
		f.phi[j] = v
		for k, alpha := range alphas {
			avg := &f.phi[(k+1)*n+j]
			if warm {
				*avg += alpha * (v - *avg)
			} else {
				*avg = v
			}
		}
	}
}

const (
	// restartSteps is how many steps of silence make the past worthless.
	restartSteps = 20
	gapDecay     = 0.98
)

// dot is the inner product.
func dot(a, b []float32) float32 {
	var s float32
	for i, x := range a {
		s += x * b[i]
	}
	return s
}

// trace is what was found odd in the last sample.
func (f *front) trace() trace {
	return trace{r: f.r, e: f.e, u: f.u, jump: f.jump, ok: f.ok, shift: f.shift}
}
