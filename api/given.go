package api

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"

	"github.com/go-faster/jx"
)

// given is what POST /predict is asked, in memory that the next request uses
// again. It is read without reflection where it is as it should be; else the
// general way reads it, or says what is wrong.
type given struct {
	json     jx.Decoder
	body     []byte
	instance string
	names    []byte // of the features, one after the other
	ends     []int  // where in names each one ends
	values   []float64
	ordered  []float64 // the values as [given.order] has put them
	placed   []bool    // which of these
}

var givens = sync.Pool{New: func() any { return new(given) }}

// keptBody is up to how many bytes of a body the memory is kept: vectors have some
// two thousand.
const keptBody = 64 << 10

// release gives the memory back.
func (g *given) release() {
	if cap(g.body) <= keptBody {
		givens.Put(g)
	}
}

// take reads a request's body.
func (g *given) take(r *http.Request) error {
	if err := isJSON(r); err != nil {
		return err
	}
	text := bytes.NewBuffer(g.body[:0])
	_, err := text.ReadFrom(r.Body) // bounded by protected
	g.body = text.Bytes()
	if err == nil && g.read(g.body) {
		return nil
	}
	var p Predict
	if err := decodeJSON(io.MultiReader(bytes.NewReader(g.body), broken{err}), &p); err != nil {
		return err
	}
	g.reset()
	g.instance = p.Instance
	for name, v := range p.Features {
		g.names = append(g.names, name...)
		g.add(float64(v))
	}
	return nil
}

func (g *given) reset() {
	g.instance, g.names, g.ends, g.values = "", g.names[:0], g.ends[:0], g.values[:0]
}

// add keeps the value of the feature whose name was appended to names.
func (g *given) add(v float64) {
	g.ends, g.values = append(g.ends, len(g.names)), append(g.values, v)
}

// errUnknownKey ends the reading of a body that has more than it should.
var errUnknownKey = errors.New("unknown key")

// read reads the body, and reports whether it could: if not, what was read of it
// means nothing.
func (g *given) read(text []byte) bool {
	g.reset()
	g.json.ResetBytes(text)
	err := g.json.ObjBytes(func(j *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "instance":
			g.instance, err = j.Str()
		case "features":
			g.names, g.ends, g.values = g.names[:0], g.ends[:0], g.values[:0] // given twice, the last ones count
			err = j.ObjBytes(g.feature)
		default:
			err = errUnknownKey
		}
		return err
	})
	return err == nil && errors.Is(g.json.Skip(), io.EOF)
}

// feature reads one feature's value; null is a gap.
func (g *given) feature(j *jx.Decoder, name []byte) (err error) {
	v := math.NaN()
	if j.Next() == jx.Null {
		err = j.Null()
	} else {
		v, err = j.Float64()
	}
	g.names = append(g.names, name...)
	g.add(v)
	return err
}

// order puts the values in their places, and reports whether each place has got
// one, and each value a place. The result is valid until the memory is released.
func (g *given) order(places map[string]int) ([]float64, bool) {
	n := len(places)
	if len(g.values) != n {
		return nil, false
	}
	g.ordered, g.placed = slices.Grow(g.ordered[:0], n)[:n], slices.Grow(g.placed[:0], n)[:n]
	clear(g.placed)
	from := 0
	for i, end := range g.ends {
		at, known := places[string(g.names[from:end])]
		if !known || g.placed[at] {
			return nil, false
		}
		g.ordered[at], g.placed[at], from = g.values[i], true, end
	}
	return g.ordered, true
}

// features are the values by name; of one that was given twice the last counts.
func (g *given) features() map[string]Number {
	all := make(map[string]Number, len(g.values))
	from := 0
	for i, end := range g.ends {
		all[string(g.names[from:end])], from = Number(g.values[i]), end
	}
	return all
}
