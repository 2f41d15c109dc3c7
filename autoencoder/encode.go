package autoencoder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// The stored form, little-endian: "OMAE", version (1 byte), flags (1 byte, bit
// 0: masked), number of hidden layers (2 bytes), width and each hidden size (4
// bytes each), then per layer weights (in x out, row-major) and biases as
// float32, then CRC-32 (IEEE) of all before it.
const (
	magic   = "OMAE"
	version = 1
)

// maxParameters bounds what stored bytes may ask for.
const maxParameters = 1 << 26

var errCorrupt = errors.New("decode autoencoder: corrupt")

// MarshalBinary encodes the network. It never returns an error.
func (n *Network) MarshalBinary() ([]byte, error) {
	b := append([]byte(magic), version, 0)
	if n.masked {
		b[5] = 1
	}
	hidden := n.Hidden()
	b = binary.LittleEndian.AppendUint16(b, uint16(len(hidden)))
	b = binary.LittleEndian.AppendUint32(b, uint32(n.width))
	for _, h := range hidden {
		b = binary.LittleEndian.AppendUint32(b, uint32(h))
	}
	for _, l := range n.Parameters() {
		for _, v := range l.Weights {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		for _, v := range l.Bias {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)), nil
}

// Unmarshal decodes what [Network.MarshalBinary] wrote; the result equals the
// encoded network bit for bit. Bytes that are cut, altered or of another
// version give an error, never a panic.
func Unmarshal(b []byte) (*Network, error) {
	if len(b) < 16 || string(b[:4]) != magic {
		return nil, fmt.Errorf("%w: not an autoencoder", errCorrupt)
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return nil, fmt.Errorf("%w: checksum differs", errCorrupt)
	}
	if b[4] != version {
		return nil, fmt.Errorf("%w: version %d, want %d", errCorrupt, b[4], version)
	}
	flags, count, width := b[5], int(binary.LittleEndian.Uint16(b[6:])), binary.LittleEndian.Uint32(b[8:])
	rest := body[12:]
	if flags > 1 || count == 0 || width == 0 || width > maxUnits || len(rest) < 4*count {
		return nil, fmt.Errorf("%w: impossible shape", errCorrupt)
	}
	hidden := make([]int, count)
	in, total := int(width)*(1+int(flags)), 0
	for i := range hidden {
		h := binary.LittleEndian.Uint32(rest[4*i:])
		if h == 0 || h > maxUnits {
			return nil, fmt.Errorf("%w: hidden layer of %d", errCorrupt, h)
		}
		hidden[i] = int(h)
		total += (in + 1) * int(h)
		in = int(h)
		if total > maxParameters {
			return nil, fmt.Errorf("%w: more than %d parameters", errCorrupt, maxParameters)
		}
	}
	total += (in + 1) * int(width)
	rest = rest[4*count:]
	if total > maxParameters || len(rest) != 4*total {
		return nil, fmt.Errorf("%w: %d bytes of parameters, want %d", errCorrupt, len(rest), 4*total)
	}
	n := newNetwork(int(width), flags == 1, hidden)
	if !n.read(rest) {
		return nil, fmt.Errorf("%w: a parameter is not finite", errCorrupt)
	}
	return n, nil
}

// read fills the parameters from exactly as many bytes as they take and tells
// whether all are finite.
func (n *Network) read(b []byte) bool {
	ok := true
	take := func(dst []float32) {
		for j := range dst {
			dst[j] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*j:]))
			ok = ok && dst[j]-dst[j] == 0
		}
		b = b[4*len(dst):]
	}
	for i := range n.layers {
		l := &n.layers[i]
		for in := range l.in {
			r := n.row(i, in) * l.n
			take(l.w[r : r+l.out])
		}
		take(l.b[:l.out])
	}
	return ok
}
