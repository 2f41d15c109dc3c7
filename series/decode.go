package series

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/go-faster/jx"
	"github.com/prometheus/prometheus/model/labels"
)

// decoder adds the series of one answer of the API as its text comes in: of the
// text it keeps what the series at hand needs, and of that what [Answer] keeps.
// They may come in any order: where a host has several, the first by its labels
// counts, as [HostValues.Put] says.
type decoder struct {
	answer *Answer
	whole  *curves // takes the series instead, with all of their labels; nil: the answer does
	delay  int64   // milliseconds: what is read as of an instant is the instant's
	piece  int64   // bytes of a host's values in this evaluation
	held   *lease

	status, errorType, message string
	kind                       string // of the result
	warnings                   []string
	some                       bool // there is a result
	histogram                  bool
	failed                     error // of ours, not of the text

	kept   int64 // bytes
	labels map[string]string
	points []point
	text   []byte
	names  map[string]string        // of labels: each is kept once
	first  map[string]labels.Labels // by host, of its first series
	later  map[string][]row         // by host, its others
}

// point is a sample at milliseconds since 1970.
type point struct {
	at int64
	v  float64
}

// row is a series that waits until the order of its host's is known.
type row struct {
	labels labels.Labels
	points []point
}

// readBuffer is how much of an answer's text is decoded at a time.
const readBuffer = 16 << 10

// pointBytes is what a point takes.
const pointBytes = 16

func newDecoder(a *Answer, delay int64, instants int, held *lease) *decoder {
	return &decoder{
		answer: a, delay: delay, piece: 8 * int64(instants), held: held, labels: map[string]string{}, names: map[string]string{},
		first: map[string]labels.Labels{}, later: map[string][]row{},
	}
}

// read decodes a whole answer.
func (d *decoder) read(body io.Reader) error {
	json := jx.Decode(body, readBuffer)
	err := json.ObjBytes(func(j *jx.Decoder, key []byte) error {
		if j.Next() == jx.Null {
			return j.Null()
		}
		switch string(key) {
		case "status":
			return str(j, &d.status)
		case "errorType":
			return str(j, &d.errorType)
		case "error":
			return str(j, &d.message)
		case "warnings":
			return j.Arr(d.warning)
		case "isPartial": // of VictoriaMetrics' cluster, while a storage node of it is away
			partial, err := j.Bool()
			if partial {
				d.warnings = append(d.warnings, "the answer is partial (isPartial)")
			}
			return err
		case "data":
			return j.ObjBytes(d.data)
		}
		return j.Skip()
	})
	if err != nil {
		return err
	}
	d.settle()
	return nil
}

func str(j *jx.Decoder, into *string) (err error) {
	*into, err = j.Str()
	return err
}

// maxWarnings bounds those that are read; an answer keeps fewer.
const maxWarnings = 100

func (d *decoder) warning(j *jx.Decoder) error {
	text, err := j.Str()
	if len(d.warnings) < maxWarnings {
		d.warnings = append(d.warnings, text)
	}
	return err
}

func (d *decoder) data(j *jx.Decoder, key []byte) error {
	switch string(key) {
	case "resultType":
		return str(j, &d.kind)
	case "result":
		if j.Next() != jx.Array {
			return j.Skip()
		}
		d.some = true
		return j.Arr(func(j *jx.Decoder) error {
			if j.Next() != jx.Object { // of a scalar
				return j.Skip()
			}
			return d.series(j)
		})
	}
	return j.Skip()
}

// series adds one series.
func (d *decoder) series(j *jx.Decoder) error {
	clear(d.labels)
	d.points = d.points[:0]
	err := j.ObjBytes(func(j *jx.Decoder, key []byte) error {
		switch string(key) {
		case "metric":
			return j.ObjBytes(d.label)
		case "value":
			return d.point(j)
		case "values":
			return j.Arr(d.point)
		case "histogram", "histograms":
			d.histogram = true
		}
		return j.Skip()
	})
	if err != nil {
		return err
	}
	if d.histogram {
		d.failed = ErrHistogram
		return d.failed
	}
	d.add()
	d.failed = d.held.settle(d.kept)
	return d.failed
}

func (d *decoder) label(j *jx.Decoder, key []byte) error {
	name, known := d.names[string(key)]
	if !known {
		name = string(key)
		d.names[name] = name
	}
	value, err := j.Str()
	d.labels[name] = value
	return err
}

// point reads [1772438400.123,"7"].
func (d *decoder) point(j *jx.Decoder) error {
	pair, err := j.ArrIter()
	if err != nil {
		return err
	}
	var p point
	n := 0
	for ; pair.Next(); n++ {
		switch n {
		case 0:
			seconds, err := j.Float64()
			if err != nil {
				return err
			}
			p.at = int64(math.Round(seconds*1000)) + d.delay
		case 1:
			if d.text, err = j.StrAppend(d.text[:0]); err != nil {
				return err
			}
			if p.v, err = strconv.ParseFloat(string(d.text), 64); err != nil && !errors.Is(err, strconv.ErrRange) {
				return fmt.Errorf("%.40q is no sample's value", d.text)
			}
		default:
			return errors.New("a sample has more than a time and a value")
		}
	}
	if err := pair.Err(); err != nil {
		return err
	}
	if n < 2 {
		return errors.New("a sample has no value")
	}
	d.points = append(d.points, p)
	return nil
}

// add enters the series that was read.
func (d *decoder) add() {
	if d.whole != nil {
		d.whole.take(d.labels, d.points)
		d.kept += int64(len(d.points)) * pointBytes
		return
	}
	known := len(d.answer.fresh)
	host := d.answer.Series(d.labels)
	if host == nil {
		return
	}
	var ls labels.Labels
	if !d.answer.strict { // there is no order of what is counted
		ls = d.sorted()
	}
	_, again := d.first[host.host]
	switch {
	case d.answer.strict:
	case again:
		d.later[host.host] = append(d.later[host.host], row{ls, slices.Clone(d.points)})
		d.kept += int64(len(d.points))*pointBytes + int64(ls.ByteSize())
		return
	default:
		d.first[host.host] = ls
	}
	if len(d.answer.fresh) > known {
		d.kept += d.piece
		for name, value := range d.labels {
			d.kept += int64(len(name) + len(value) + labelBytes)
		}
	}
	for _, p := range d.points {
		host.Put(p.at, p.v)
	}
}

// labelBytes is what a label takes beside its text.
const labelBytes = 32

// sorted is the labels at hand in the form whose order is that of Prometheus'
// answers.
func (d *decoder) sorted() labels.Labels {
	b := labels.NewScratchBuilder(len(d.labels))
	for name, value := range d.labels {
		b.Add(name, value)
	}
	b.Sort()
	return b.Labels()
}

// settle enters the series of hosts that have several, in the order of their
// labels.
func (d *decoder) settle() {
	for name, rows := range d.later {
		host, first := d.answer.hosts[name], d.first[name]
		slices.SortStableFunc(rows, func(a, b row) int { return labels.Compare(a.labels, b.labels) })
		before := 0
		for before < len(rows) && labels.Compare(rows[before].labels, first) < 0 {
			before++
		}
		for _, r := range slices.Backward(rows[:before]) {
			for _, p := range r.points {
				host.put(p.at, p.v, true)
			}
		}
		for _, r := range rows[before:] {
			for _, p := range r.points {
				host.Put(p.at, p.v)
			}
		}
	}
}
