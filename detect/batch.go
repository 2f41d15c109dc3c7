package detect

import (
	"unsafe"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/simd"
)

// Result is one host's part of a batch.
type Result struct {
	Score omen.Score
	Err   error
}

// ScoreBatch scores one vector per stream, vectors[i] with streams[i], and
// appends the results to dst in that order. A result equals that of
// [Stream.Score], whatever else is in the batch; its slices are valid until
// its stream's next call. With room in dst it allocates nothing. It panics if
// the lengths disagree, and a stream may not be in a batch twice.
func ScoreBatch(dst []Result, streams []*Stream, vectors []omen.Vector) []Result {
	if len(streams) != len(vectors) {
		panic("detect: a batch needs one vector per stream")
	}
	if len(streams) == 0 {
		return dst
	}
	w := streams[0].front.workspace
	for i, s := range streams {
		own := s.front.workspace
		if w.fits(s.m) {
			s.workIn(w)
		}
		if i+2 < len(streams) {
			simd.Prefetch(unsafe.Pointer(streams[i+2]), 0, bodyLines)
		}
		if i+1 < len(streams) {
			w.ahead.aim(streams[i+1], &vectors[i+1])
		} else {
			w.ahead.aim(nil, nil)
		}
		score, err := s.Score(vectors[i])
		s.workIn(own)
		dst = append(dst, Result{score, err})
	}
	return dst
}

// workIn makes the stream use the workspace.
func (s *Stream) workIn(w *workspace) { s.front.workspace, s.judge.workspace = w, w }
