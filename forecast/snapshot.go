package forecast

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/omenhq/omen"
)

// snapshotVersion is the first byte of a snapshot.
const snapshotVersion = 1

// header is the part of a snapshot that has a fixed size.
type header struct {
	Now, Onset        int64
	Full, Limit, Used float64
	Eps               float64
	Last, Low, High   uint16
	Up, Begun, Awake  bool
	Rises             uint8
	Minutes           [64]uint16
	Days              [keptDays + 1]span
}

// MarshalBinary implements [encoding.BinaryMarshaler]: a restored series
// forecasts the same bits. It is 250 bytes for a series that hardly moves.
func (s *Series) MarshalBinary() ([]byte, error) {
	z := &s.zigzag
	h := header{
		s.now, z.Onset, s.full, s.limit, s.used, z.eps, s.last, z.Low, z.High,
		z.Up, z.begins, s.quarters != nil, uint8(len(z.rises)), s.minutes, s.days,
	}
	b, err := binary.Append([]byte{snapshotVersion}, binary.LittleEndian, h)
	if err == nil {
		b, err = binary.Append(b, binary.LittleEndian, z.rises)
	}
	if err == nil {
		b, err = binary.Append(b, binary.LittleEndian, s.quarters)
	}
	if err != nil {
		return nil, fmt.Errorf("write forecast snapshot: %w", err)
	}
	return b, nil
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. Its errors are
// [omen.ErrInvalid]; the series is then unchanged.
func (s *Series) UnmarshalBinary(b []byte) error {
	next, err := unmarshal(b)
	if err != nil {
		return fmt.Errorf("read forecast snapshot: %w: %w", omen.ErrInvalid, err)
	}
	*s = next
	return nil
}

func unmarshal(b []byte) (s Series, err error) {
	if len(b) == 0 || b[0] != snapshotVersion {
		return s, errors.New("unknown version")
	}
	r := bytes.NewReader(b[1:])
	var h header
	if err := binary.Read(r, binary.LittleEndian, &h); err != nil {
		return s, err
	}
	if h.Rises > keptRises || h.Now != 0 && h.Now < earliest || h.Onset < 0 || h.Onset > h.Now ||
		!(h.Full > 0 && h.Full <= 1) || !(h.Eps > 0 && h.Eps < 1) ||
		h.Begun && (!(h.Limit > 0) || math.IsInf(h.Limit, 0) || !(h.Used >= 0) || math.IsInf(h.Used, 0)) {
		return s, errors.New("values that no series has")
	}
	s = Series{
		history: history{now: h.Now, minutes: h.Minutes, days: h.Days},
		zigzag:  zigzag{Up: h.Up, Low: h.Low, High: h.High, Onset: h.Onset, eps: h.Eps, begins: h.Begun},
		full:    h.Full, limit: h.Limit, used: h.Used, last: h.Last,
	}
	if h.Rises > 0 {
		s.zigzag.rises = make([]rise, h.Rises)
		if err := binary.Read(r, binary.LittleEndian, s.zigzag.rises); err != nil {
			return s, err
		}
	}
	if h.Awake {
		s.quarters = make([]quarter, keptDays*perDay)
		if err := binary.Read(r, binary.LittleEndian, s.quarters); err != nil {
			return s, err
		}
	}
	if r.Len() > 0 {
		return s, errors.New("more bytes than a series has")
	}
	return s, nil
}
