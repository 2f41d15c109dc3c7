package detect

import (
	"runtime"
	"slices"
	"sync"
	"time"
	"weak"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/autoencoder"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/simd"
)

// Model is what is normal for one host. It is immutable and safe for
// concurrent use; [Model.Stream] makes what scores with it.
//
// Its parameters are kept in the precision they are stored in, so that a
// loaded model scores bit for bit as the one that was saved.
type Model struct {
	id        string
	host      omen.Host
	schema    string // the schema's hash
	specs     []spec // all features of the schema, in order
	step      time.Duration
	grade     omen.Grade
	trainedAt time.Time // the last sample it learned from
	from      time.Time
	rows      int
	pages     float64
	without   Parts
	suspects  []omen.Span // episodes in which the models before alerted; holdBack says which are learned

	shifts []shift // windows in which other values are expected

	active    []int32        // schema index of each feature that the model uses
	scales    []simd.Scaling // per active feature, as all below
	timeOfDay bool           // the forecast knows the time of day
	ridge     []float32      // regressors x M padded: weights of the forecast
	season    []float32      // seasonWeights x M padded: what is usual at this time of day; empty without a day of history
	net       *autoencoder.Network
	whole     bool                  // all of the schema are active, in order
	blame     []bool                // not context
	within    []simd.Range          // physical ranges
	group     []uint8               // which features are hidden together
	cross     *autoencoder.Crossing // the network by these groups
	slab      []float32             // holds season and what follows, in the order of use
	rmsR      []float32             // scale of the forecast's residuals, in A
	rmsE      []float32             // scale of the autoencoder's residuals, in Z
	rmsU      []float32             // scale of the season's residuals, in A
	liftR     []float32             // what their evidence is multiplied with where it is worth it, at least 1
	liftE     []float32             // as liftR
	liftU     []float32             // as liftR
	jump      []float32             // a move beyond this is unusual, in Z
	bandLow   []float32             // usual residuals of the autoencoder lie between, in Z
	bandHigh  []float32

	// Per active feature, for how many samples it may keep one value; without a day of
	// history empty.
	stuckAfter []float32

	// Per active feature, how far the mean of the network's residuals lies from 0 at most,
	// in Z; without a day of history empty.
	leanMost []float32

	unit float64 // the quantile of a channel's evidence that is its unit

	recentre  float64 // samples over which the residuals' centres drift
	middle    [channels]float64
	spread    [channels]float64
	limit     float64
	busy      float64 // share of the samples in training above half of the limit
	pageLevel float64 // score from which episodes are as rare as the page budget asks

	card       Card
	storedCard []byte // of a loaded model, decoded when asked for
}

// spec is what detection needs to know of a feature.
type spec struct {
	name      string
	unit      omen.Unit
	min, max  float64 // physical range
	direction feature.Direction
	deviation float64 // smallest deviation worth waking somebody for
	scale     float64 // how far it moves on an ordinary host
	context   bool    // helps to predict, is never to blame
	work      bool    // of which any amount may be normal
}

// shape is what all models of a schema share.
type shape struct {
	specs  []spec
	active []int32 // of models that use every feature, as blame and within
	blame  []bool
	within []simd.Range
}

// shapes keeps the shape of each schema for as long as the schema lives.
var shapes sync.Map // weak.Pointer[feature.Schema] to *shape

func shapeOf(s *feature.Schema) *shape {
	key := weak.Make(s)
	if known, ok := shapes.Load(key); ok {
		return known.(*shape)
	}
	made := &shape{}
	for i, f := range s.Features() {
		p := spec{f.Name, f.Unit, f.Min, f.Max, f.Direction, f.Deviation, f.Scale, f.Context, f.Work}
		if !(p.scale > 0) || !finite(p.scale) {
			p.scale = 1
		}
		if !(p.deviation > 0) || !finite(p.deviation) {
			p.deviation = 0
		}
		made.specs = append(made.specs, p)
		made.active = append(made.active, int32(i))
		made.blame = append(made.blame, !p.context)
		made.within = append(made.within, simd.Range{Min: p.min, Max: p.max})
	}
	known, loaded := shapes.LoadOrStore(key, made)
	if !loaded {
		runtime.AddCleanup(s, func(key weak.Pointer[feature.Schema]) { shapes.Delete(key) }, key)
	}
	return known.(*shape)
}

// bind derives what depends on the features in use.
func (m *Model) bind(s *shape) {
	if m.whole = slices.Equal(m.active, s.active); m.whole {
		m.active, m.blame, m.within = s.active, s.blame, s.within
		return
	}
	m.blame, m.within = make([]bool, len(m.active)), make([]simd.Range, len(m.active))
	for j, i := range m.active {
		m.blame[j], m.within[j] = s.blame[i], s.within[i]
	}
}

// settle puts the small parameters into one place.
func (m *Model) settle() {
	vectors := append([]*[]float32{&m.season}, m.vectors()...)
	size := 0
	for _, v := range vectors {
		size += len(*v)
	}
	m.slab = make([]float32, 0, size)
	for _, v := range vectors {
		if len(*v) == 0 {
			continue
		}
		from := len(m.slab)
		m.slab = append(m.slab, *v...)
		*v = m.slab[from:len(m.slab):len(m.slab)]
	}
}

// ID is the model's name: the host's, and when and from what it was made. It
// sorts by time within a host.
func (m *Model) ID() string { return m.id }

// Host is the host it was fitted for.
func (m *Model) Host() omen.Host { return m.host }

// Schema is the hash of the schema it is bound to.
func (m *Model) Schema() string { return m.schema }

// Step is the time between two samples it expects.
func (m *Model) Step() time.Duration { return m.step }

// Rows is how many samples it learned from.
func (m *Model) Rows() int { return m.rows }

// Grade says how much it can be trusted.
func (m *Model) Grade() omen.Grade { return m.grade }

// PageLevel is the score, at least 1, above which the history had no more
// episodes than the page budget allows: where an alert is worth a page at once.
func (m *Model) PageLevel() float64 { return m.pageLevel }

// Card reports what it learned from and how well.
func (m *Model) Card() Card {
	if m.storedCard == nil {
		return m.card
	}
	var c Card
	if err := c.decode(m.storedCard); err != nil {
		return Card{Model: m.id} // unreachable: the bytes were checked by their sum when loaded
	}
	return c
}

// Network is the autoencoder inside.
func (m *Model) Network() *autoencoder.Network { return m.net }

// Info describes the model for the store. Card is filled, Serving and Note are
// the caller's.
func (m *Model) Info() omen.ModelInfo {
	return omen.ModelInfo{
		ID: m.id, Host: m.host, Schema: m.schema, Grade: m.grade,
		TrainedAt: m.trainedAt, From: m.from, To: m.trainedAt, Rows: m.rows, Card: m.cardJSON(),
	}
}

func (m *Model) cardJSON() []byte {
	if m.storedCard != nil {
		return m.storedCard
	}
	return m.card.JSON()
}
