package detect

import (
	"unsafe"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/simd"
)

// Scoring many hosts is reading memory: some 50 KB for each, once per tick. So
// while one host is scored, the next one's memory is fetched, in portions
// between the steps, each of about as many cache lines as the processor has
// requests in flight.

const (
	lineBytes = 64
	portions  = 13 // calls of pull in the scoring of a sample
	bodyLines = int(unsafe.Sizeof(body{})+lineBytes-1) / lineBytes
)

// region is memory that scoring a host touches.
type region struct {
	at    unsafe.Pointer
	lines int
}

// regions lists such memory.
type regions struct {
	all   []region
	lines int
}

func (r *regions) add(at unsafe.Pointer, bytes uintptr) {
	if bytes == 0 {
		return
	}
	k := int(bytes+lineBytes-1) / lineBytes
	r.all = append(r.all, region{at, k})
	r.lines += k
}

func addSlice[T any](r *regions, v []T) {
	var t T
	r.add(unsafe.Pointer(unsafe.SliceData(v)), uintptr(len(v))*unsafe.Sizeof(t))
}

// mapMemory fills s.memory with what scoring touches of model and stream, in about
// the order of use.
func (s *Stream) mapMemory(wide []float64, single []float32) {
	m, r := s.m, &s.memory
	r.all = make([]region, 0, 24)
	r.add(unsafe.Pointer(m), unsafe.Offsetof(m.card))
	addSlice(r, m.scales)
	addSlice(r, single)
	addSlice(r, wide)
	addSlice(r, s.front.ok)
	addSlice(r, m.ridge)
	addSlice(r, m.slab)
	addSlice(r, m.stuckAfter)
	if m.net != nil {
		m.cross.Memory(r.add)
	}
	if !m.whole {
		addSlice(r, m.active)
		addSlice(r, m.blame)
		addSlice(r, m.within)
	}
	addSlice(r, s.causes[:cap(s.causes)])
}

// ahead fetches regions piece by piece.
type ahead struct {
	rest  []region
	done  int // lines of rest[0]
	share int // lines per pull
}

// aim turns to the next stream's memory; nil: there is none.
func (a *ahead) aim(next *Stream, v *omen.Vector) {
	if next == nil {
		a.rest = nil
		return
	}
	a.rest, a.done, a.share = next.memory.all, 0, next.memory.lines/portions+1
	if len(v.Values) > 0 {
		simd.Prefetch(unsafe.Pointer(&v.Values[0]), 0, (len(v.Values)*8+lineBytes-1)/lineBytes)
	}
}

// pull fetches the next portion.
func (a *ahead) pull() {
	for n := a.share; n > 0 && len(a.rest) > 0; {
		r := a.rest[0]
		k := min(n, r.lines-a.done)
		simd.Prefetch(r.at, a.done, k)
		n -= k
		if a.done += k; a.done == r.lines {
			a.rest, a.done = a.rest[1:], 0
		}
	}
}
