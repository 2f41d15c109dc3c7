package detect

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/autoencoder"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/simd"
)

// A stored model is magic and version, its fields in a fixed order, little
// endian, slices and strings with their length before them, and a CRC-32C of
// all that precedes it.
const (
	magic      = "OMENRAN"
	version    = 6
	leaned     = 5 // the version before: its slow drifts are of another factor, its units are unitYoung
	straight   = 4 // the one before that, without what finds slow drifts
	unstuck    = 3 // without what finds stuck features, either
	maxEncoded = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MarshalBinary encodes the model; [Load] decodes it to one that scores the
// same, bit for bit.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := writer{b: append(make([]byte, 0, 1<<16), magic...)}
	w.u64(version)
	w.fields(m)
	var net []byte
	if m.net != nil {
		var err error
		if net, err = m.net.MarshalBinary(); err != nil {
			return nil, fmt.Errorf("encode model %s: %w", m.id, err)
		}
	}
	w.bytes(net)
	w.bytes(m.cardJSON())
	return binary.LittleEndian.AppendUint32(w.b, crc32.Checksum(w.b, castagnoli)), nil
}

func (w *writer) fields(m *Model) {
	w.text(m.schema)
	w.text(m.id)
	w.text(m.host.Source)
	w.text(m.host.Profile)
	w.text(m.host.Name)
	w.text(string(m.grade))
	w.u64(uint64(m.step))
	w.u64(uint64(m.from.UnixNano()))
	w.u64(uint64(m.trainedAt.UnixNano()))
	w.u64(uint64(m.rows))
	w.f64(m.pages)
	w.u64(m.without.bits())
	w.u64(uint64(len(m.suspects)))
	for _, s := range m.suspects {
		w.u64(uint64(s.From.UnixNano()))
		w.u64(uint64(s.To.UnixNano()))
	}
	w.u64(uint64(len(m.active)))
	for j, i := range m.active {
		w.u64(uint64(i))
		sc := m.scales[j]
		w.f64(sc.ZCentre)
		w.f64(sc.ZWidth)
		w.f64(sc.ACentre)
		w.f64(sc.AWidth)
	}
	w.u64(boolBit(m.timeOfDay, 0))
	w.bytes(m.group)
	w.f32s(unturned(m.ridge, len(m.active)))
	w.f32s(unturned(m.season, len(m.active)))
	for _, v := range m.vectors() {
		w.f32s(*v)
	}
	for _, v := range m.numbers() {
		w.f64(*v)
	}
	w.u64(uint64(len(m.shifts)))
	for _, s := range m.shifts {
		w.text(s.id)
		w.f64(s.ease)
		for j := range s.by {
			w.f64(s.by[j])
		}
		for _, v := range [][]float32{s.r, s.e, s.u} {
			w.f32s(v)
		}
	}
	w.f32s(m.stuckAfter)
	w.f32s(m.leanMost)
	w.f64(m.unit)
}

// vectors are the model's float32 parameters per feature, in storage order.
func (m *Model) vectors() []*[]float32 {
	return []*[]float32{&m.rmsR, &m.rmsE, &m.rmsU, &m.liftR, &m.liftE, &m.liftU, &m.jump, &m.bandLow, &m.bandHigh}
}

// numbers are its float64 parameters in storage order.
func (m *Model) numbers() []*float64 {
	v := []*float64{&m.recentre, &m.limit, &m.pageLevel, &m.busy}
	for c := range byStuck { // whose unit follows from the limit
		v = append(v, &m.middle[c], &m.spread[c])
	}
	return v
}

// Load decodes a stored model and binds it to schema. Bytes that are cut or
// altered are [omen.ErrCorrupt]; a model of another schema, or of another release's
// version, is [omen.ErrSchema].
func Load(data []byte, schema *feature.Schema) (*Model, error) {
	corrupt := func(what string) error {
		return fmt.Errorf("load model: %s: %w", what, omen.ErrCorrupt)
	}
	if len(data) < len(magic)+12 || len(data) > maxEncoded || string(data[:len(magic)]) != magic {
		return nil, corrupt("not a model")
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, corrupt("checksum differs")
	}
	r := &reader{b: body[len(magic):]}
	v := r.u64()
	if v < unstuck || v > version {
		return nil, omen.WithHint(fmt.Errorf("load model: of version %d, this Omen makes version %d: %w", v, version, omen.ErrSchema),
			"it was made by another release of Omen; a new one is learned from history")
	}
	m := &Model{schema: r.text()}
	if !r.bad && m.schema != schema.Hash() {
		return nil, omen.WithHint(fmt.Errorf("load model: made for schema %s, not %s: %w", m.schema, schema.Hash(), omen.ErrSchema),
			"the profile changed since the model was made; a new one is learned from history")
	}
	kind := shapeOf(schema)
	m.specs = kind.specs
	if r.fields(m); v != unstuck {
		m.stuckAfter = r.f32s()
	}
	if v >= leaned {
		m.leanMost = r.f32s()
	}
	if m.unit = unitYoung; v == version {
		m.unit = r.f64()
	} else {
		m.leanMost = nil // until the next training
	}
	net, card := r.bytes(), r.bytes()
	if r.bad || len(r.b) != 0 {
		return nil, corrupt("fields do not add up")
	}
	if len(net) > 0 {
		var err error
		if m.net, err = autoencoder.Unmarshal(net); err != nil {
			return nil, corrupt(err.Error())
		}
	}
	m.storedCard = card
	if err := m.check(); err != nil {
		return nil, corrupt(err.Error())
	}
	m.bind(kind)
	m.settle()
	m.setStuckUnit()
	if m.net != nil {
		m.cross = m.net.Crossing(m.group)
	}
	return m, nil
}

func (r *reader) fields(m *Model) {
	m.id = r.text()
	m.host = omen.Host{Source: r.text(), Profile: r.text(), Name: r.text()}
	m.grade = omen.Grade(r.text())
	m.step = time.Duration(r.u64())
	m.from = time.Unix(0, int64(r.u64())).UTC()
	m.trainedAt = time.Unix(0, int64(r.u64())).UTC()
	m.rows = int(r.u64())
	m.pages = r.f64()
	m.without = partsOf(r.u64())
	for range r.length(16) {
		m.suspects = append(m.suspects, omen.Span{From: time.Unix(0, int64(r.u64())).UTC(), To: time.Unix(0, int64(r.u64())).UTC()})
	}
	n := r.length(40)
	m.active, m.scales = make([]int32, n), make([]simd.Scaling, n)
	for j := range m.active {
		m.active[j] = int32(r.u64())
		m.scales[j] = simd.Scaling{ZCentre: r.f64(), ZWidth: r.f64(), ACentre: r.f64(), AWidth: r.f64()}
	}
	m.timeOfDay = r.u64() != 0
	m.group = r.bytes()
	m.ridge, m.season = r.turned(n), r.turned(n)
	for _, v := range m.vectors() {
		*v = r.f32s()
	}
	for _, v := range m.numbers() {
		*v = r.f64()
	}
	for range r.length(16) {
		s := shift{id: r.text(), ease: r.f64(), by: make([]float64, n)}
		for j := range s.by {
			s.by[j] = r.f64()
		}
		s.r, s.e, s.u = r.f32s(), r.f32s(), r.f32s()
		m.shifts = append(m.shifts, s)
	}
}

// check refuses parameters that would panic or give NaN.
func (m *Model) check() error {
	n := len(m.active)
	for _, i := range m.active {
		if i < 0 || int(i) >= len(m.specs) {
			return fmt.Errorf("feature %d of %d", i, len(m.specs))
		}
	}
	for _, v := range [][]float32{m.rmsR, m.rmsE, m.rmsU, m.liftR, m.liftE, m.liftU, m.jump, m.bandLow, m.bandHigh} {
		if len(v) != n {
			return fmt.Errorf("%d numbers for %d features", len(v), n)
		}
	}
	for _, g := range m.group {
		if g >= groups {
			return fmt.Errorf("group %d of %d", g, groups)
		}
	}
	if !(m.unit > 0 && m.unit < 1) {
		return fmt.Errorf("a unit is the quantile %v", m.unit)
	}
	for _, v := range m.numbers() {
		if !finite(*v) {
			return fmt.Errorf("a number is %v", *v)
		}
	}
	for i := range m.shifts {
		if err := m.shifts[i].check(n); err != nil {
			return err
		}
	}
	switch {
	case n == 0 || len(m.group) != n || m.step <= 0 || !(m.limit > 0) || !(m.recentre >= 1):
		return fmt.Errorf("empty or without limit")
	case len(m.stuckAfter) != 0 && len(m.stuckAfter) != n || slices.ContainsFunc(m.stuckAfter, func(v float32) bool { return !(v >= 1) }):
		return fmt.Errorf("%d lengths of still times for %d features, or one below 1", len(m.stuckAfter), n)
	case len(m.leanMost) != 0 && len(m.leanMost) != n || slices.ContainsFunc(m.leanMost, func(v float32) bool { return !(v > 0) }):
		return fmt.Errorf("%d means for %d features, or one that is not above 0", len(m.leanMost), n)
	case len(m.ridge) != 0 && len(m.ridge) != simd.Pad(n)*m.regressors():
		return fmt.Errorf("%d forecast weights for %d features", len(m.ridge), n)
	case len(m.season) != 0 && len(m.season) != simd.Pad(n)*seasonWeights:
		return fmt.Errorf("%d season weights for %d features", len(m.season), n)
	case m.net != nil && (m.net.Width() != n || !m.net.Masked()):
		return fmt.Errorf("the network has %d features, want %d", m.net.Width(), n)
	}
	return nil
}

func (p Parts) bits() uint64 {
	return boolBit(p.Forecast, 0) | boolBit(p.Autoencoder, 1) | boolBit(p.Breadth, 2) |
		boolBit(p.Smoothing, 3) | boolBit(p.Recentring, 4) | boolBit(p.TimeOfDay, 5) | boolBit(p.Season, 6) | boolBit(p.Cleaning, 7) |
		boolBit(p.SecondLook, 8) | boolBit(p.Level, 9) | boolBit(p.Moving, 10) | boolBit(p.Stuck, 11) | boolBit(p.Leaning, 12)
}

func partsOf(b uint64) Parts {
	has := func(i int) bool { return b>>i&1 == 1 }
	return Parts{Forecast: has(0), Autoencoder: has(1), Breadth: has(2), Smoothing: has(3), Recentring: has(4), TimeOfDay: has(5), Season: has(6), Cleaning: has(7),
		SecondLook: has(8), Level: has(9), Moving: has(10), Stuck: has(11), Leaning: has(12)}
}

func boolBit(b bool, at int) uint64 {
	if b {
		return 1 << at
	}
	return 0
}

type writer struct{ b []byte }

func (w *writer) u64(v uint64)   { w.b = binary.LittleEndian.AppendUint64(w.b, v) }
func (w *writer) f64(v float64)  { w.u64(math.Float64bits(v)) }
func (w *writer) text(s string)  { w.bytes([]byte(s)) }
func (w *writer) bytes(s []byte) { w.u64(uint64(len(s))); w.b = append(w.b, s...) }
func (w *writer) f32s(v []float32) {
	w.u64(uint64(len(v)))
	for _, x := range v {
		w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(x))
	}
}

// reader reads until something does not fit; then bad is set and everything
// reads as zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) f64() float64 { return math.Float64frombits(r.u64()) }

// length reads a count of things that take at least size bytes each.
func (r *reader) length(size int) int {
	n := r.u64()
	if r.bad || n > uint64(len(r.b)/size) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte { return append([]byte(nil), r.take(r.length(1))...) }
func (r *reader) text() string  { return string(r.take(r.length(1))) }

// turned reads weights, one row per target, into the form of [turned].
func (r *reader) turned(targets int) []float32 {
	b := r.take(4 * r.length(4))
	if len(b) == 0 {
		return nil
	}
	if targets == 0 || len(b)%(4*targets) != 0 {
		r.bad = true
		return nil
	}
	row, n := len(b)/targets, simd.Pad(targets)
	out := make([]float32, row/4*n)
	for k := range row / 4 {
		for j, from := 0, b[4*k:]; j < targets; j++ {
			out[k*n+j] = math.Float32frombits(binary.LittleEndian.Uint32(from[j*row:]))
		}
	}
	return out
}

func (r *reader) f32s() []float32 {
	b := r.take(4 * r.length(4))
	if len(b) == 0 {
		return nil
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}
