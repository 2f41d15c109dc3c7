package autoencoder

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Export says what surrounds the network in an ONNX file: how raw features
// become the standardised rows that the network takes, and what is written
// into the metadata.
type Export struct {
	Shift, Scale []float64 // per feature: z = (x − Shift)/Scale
	Limit        float64   // z is clipped to ±Limit
	Knee         float64   // beyond ±Knee z grows as Knee + ln(|z|−Knee+1)
	Names        []string  // of the features; stored as a JSON list under "features"
	Meta         map[string]string
}

func (e Export) check(width int) error {
	bad := func(what string, v any) error { return fmt.Errorf("export autoencoder: %s is %v", what, v) }
	for name, l := range map[string]int{"shift": len(e.Shift), "scale": len(e.Scale), "names": len(e.Names)} {
		if l != width {
			return fmt.Errorf("export autoencoder: %s of %d features, the network has %d", name, l, width)
		}
	}
	for i := range width {
		if !finite(e.Shift[i]) {
			return bad(fmt.Sprintf("shift of feature %d", i), e.Shift[i])
		}
		if !finite(e.Scale[i]) || e.Scale[i] == 0 {
			return bad(fmt.Sprintf("scale of feature %d", i), e.Scale[i])
		}
	}
	if !finite(e.Limit) || !(e.Limit > 0) {
		return bad("limit", e.Limit)
	}
	if !finite(e.Knee) || !(e.Knee > 0) {
		return bad("knee", e.Knee)
	}
	return nil
}

// maxGrowth bounds the exponent that undoes the knee, so that "expected" stays
// finite.
const maxGrowth = 12

// ONNX encodes a masked network with its input scaling as an ONNX model (opset
// 13, IR version 7). N is the number of rows.
//
// Inputs: "x", float64 [N, Width], features in their own units, where NaN is a
// gap and counts as hidden; and "mask", float32 [N, Width], 1 where an entry is
// present and 0 where it is to be predicted from the others.
//
// Outputs: "standardised", float32, the rows as the network takes them (0 at
// gaps); "reconstruction", float32, what [Network.Reconstruct] gives for them;
// "expected", float64, the same in the features' own units.
func (n *Network) ONNX(e Export) ([]byte, error) {
	if err := e.check(n.width); err != nil {
		return nil, err
	}
	if !n.masked {
		return nil, errors.New("export autoencoder: the network takes no mask")
	}
	names, err := json.Marshal(e.Names)
	if err != nil {
		return nil, fmt.Errorf("export autoencoder: names: %w", err)
	}
	meta := map[string]string{"features": string(names)}
	maps.Copy(meta, e.Meta)
	var m message
	m.number(1, 7) // ir_version
	m.text(2, "omen")
	m.bytes(7, n.graph(e))
	var opset message
	opset.text(1, "")
	opset.number(2, 13)
	m.bytes(8, opset)
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		var entry message
		entry.text(1, k)
		entry.text(2, meta[k])
		m.bytes(14, entry)
	}
	return m, nil
}

// graph is the GraphProto: scaling, network, scaling back.
func (n *Network) graph(e Export) message {
	var g graph
	g.scaleIn(e)
	g.node("Not", []string{"gap"}, "known")
	g.cast("known", "known_float", typeFloat)
	g.node("Mul", []string{"mask", "known_float"}, "present")
	g.node("Mul", []string{"standardised", "present"}, "shown")
	g.node("Concat", []string{"shown", "present"}, "input", intAttribute("axis", 1))
	h := "input"
	for i, l := range n.Parameters() {
		name := func(s string) string { return fmt.Sprintf("layer%d_%s", i+1, s) }
		g.floats(name("weights"), l.Weights, l.In, l.Out)
		g.floats(name("bias"), l.Bias, l.Out)
		g.node("MatMul", []string{h, name("weights")}, name("product"))
		h = name("sum")
		if l.Activation == "linear" {
			h = "reconstruction"
		}
		g.node("Add", []string{name("product"), name("bias")}, h)
		if l.Activation == "tanh" {
			g.node("Tanh", []string{h}, name("tanh"))
			h = name("tanh")
		}
	}
	g.scaleOut()

	var m message
	m = append(m, g.nodes...)
	m.text(2, "autoencoder")
	m = append(m, g.initializers...)
	m.bytes(11, value("x", typeDouble, n.width))
	m.bytes(11, value("mask", typeFloat, n.width))
	m.bytes(12, value("standardised", typeFloat, n.width))
	m.bytes(12, value("reconstruction", typeFloat, n.width))
	m.bytes(12, value("expected", typeDouble, n.width))
	return m
}

// scaleIn turns x into "standardised", in float64 until the last step: a
// feature's mean may exceed its deviation by more than float32 resolves.
func (g *graph) scaleIn(e Export) {
	g.node("IsNaN", []string{"x"}, "gap")
	g.doubles("shift", e.Shift, len(e.Shift))
	g.doubles("scale", e.Scale, len(e.Scale))
	constants := map[string]float64{"zero": 0, "one": 1, "limit": e.Limit, "minus_limit": -e.Limit, "knee": e.Knee, "below_knee": e.Knee - 1, "growth": maxGrowth}
	for _, name := range slices.Sorted(maps.Keys(constants)) {
		g.doubles(name, []float64{constants[name]})
	}
	g.node("Sub", []string{"x", "shift"}, "shifted")
	g.node("Div", []string{"shifted", "scale"}, "scaled")
	g.node("Where", []string{"gap", "zero", "scaled"}, "z")
	g.node("Clip", []string{"z", "minus_limit", "limit"}, "clipped")
	// sign z · (min(|z|, knee) + ln max(|z|−knee+1, 1))
	g.node("Sign", []string{"clipped"}, "z_sign")
	g.node("Abs", []string{"clipped"}, "z_size")
	g.node("Min", []string{"z_size", "knee"}, "z_straight")
	g.node("Sub", []string{"z_size", "below_knee"}, "z_beyond")
	g.node("Max", []string{"z_beyond", "one"}, "z_over")
	g.node("Log", []string{"z_over"}, "z_log")
	g.node("Add", []string{"z_straight", "z_log"}, "z_soft")
	g.node("Mul", []string{"z_sign", "z_soft"}, "softened")
	g.cast("softened", "standardised", typeFloat)
}

// scaleOut undoes it: "reconstruction" to "expected".
func (g *graph) scaleOut() {
	g.cast("reconstruction", "y", typeDouble)
	// sign y · (min(|y|, knee) + exp max(|y|−knee, 0) − 1)
	g.node("Sign", []string{"y"}, "y_sign")
	g.node("Abs", []string{"y"}, "y_size")
	g.node("Min", []string{"y_size", "knee"}, "y_straight")
	g.node("Sub", []string{"y_size", "knee"}, "y_beyond")
	g.node("Clip", []string{"y_beyond", "zero", "growth"}, "y_over")
	g.node("Exp", []string{"y_over"}, "y_exp")
	g.node("Sub", []string{"y_exp", "one"}, "y_more")
	g.node("Add", []string{"y_straight", "y_more"}, "y_hard")
	g.node("Mul", []string{"y_sign", "y_hard"}, "hardened")
	g.node("Mul", []string{"hardened", "scale"}, "unscaled")
	g.node("Add", []string{"unscaled", "shift"}, "expected")
}

// ONNX element types (onnx.proto, TensorProto.DataType).
const (
	typeFloat  = 1
	typeDouble = 11
)

// message is a protocol buffer being written; field numbers below are those of
// onnx.proto.
type message []byte

func (m *message) number(field protowire.Number, v uint64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), v)
}

func (m *message) bytes(field protowire.Number, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), b)
}

func (m *message) text(field protowire.Number, s string) { m.bytes(field, []byte(s)) }

// graph collects the nodes (field 1) and initializers (field 5) of a
// GraphProto.
type graph struct {
	nodes, initializers message
}

func (g *graph) node(op string, inputs []string, output string, attributes ...message) {
	var m message
	for _, in := range inputs {
		m.text(1, in)
	}
	m.text(2, output)
	m.text(3, output)
	m.text(4, op)
	for _, a := range attributes {
		m.bytes(5, a)
	}
	g.nodes.bytes(1, m)
}

func (g *graph) cast(in, out string, to uint64) {
	g.node("Cast", []string{in}, out, intAttribute("to", to))
}

func intAttribute(name string, v uint64) message {
	var m message
	m.text(1, name)
	m.number(3, v)
	m.number(20, 2) // AttributeProto.INT
	return m
}

// tensor adds a constant; no dims make a scalar.
func (g *graph) tensor(name string, kind uint64, raw []byte, dims []int) {
	var m message
	for _, d := range dims {
		m.number(1, uint64(d))
	}
	m.number(2, kind)
	m.text(8, name)
	m.bytes(9, raw)
	g.initializers.bytes(5, m)
}

func (g *graph) floats(name string, v []float32, dims ...int) {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	g.tensor(name, typeFloat, raw, dims)
}

func (g *graph) doubles(name string, v []float64, dims ...int) {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
	}
	g.tensor(name, typeDouble, raw, dims)
}

// value is the ValueInfoProto of a matrix of N rows.
func value(name string, kind uint64, width int) message {
	var rows, columns, shape, tensor, kindOf, m message
	rows.text(2, "N")
	columns.number(1, uint64(width))
	shape.bytes(1, rows)
	shape.bytes(1, columns)
	tensor.number(1, kind)
	tensor.bytes(2, shape)
	kindOf.bytes(1, tensor)
	m.text(1, name)
	m.bytes(2, kindOf)
	return m
}
