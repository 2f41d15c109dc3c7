package detect

// CopyTo makes dst a copy of the stream as it is now, with memory of its own, and
// returns it: what the copy scores next is what the stream would, and the stream
// does not change. A dst that is nil or of another model is replaced by a new
// stream; else nothing is allocated.
func (s *Stream) CopyTo(dst *Stream) *Stream {
	if dst == nil || dst.m != s.m {
		dst = s.m.Stream(nil)
	}
	to, from := dst.front, s.front
	to.started, to.last, to.shift, to.gaps, to.at = from.started, from.last, from.shift, from.gaps, from.at
	copy(to.ok, from.ok)
	copy(to.phi, from.phi)
	copy(to.past, from.past)
	copy(to.moves, from.moves)
	copy(to.held, from.held)
	copy(to.stood, from.stood)
	to.stuck = from.stuck
	dst.mover.moved = append(dst.mover.moved[:0], s.mover.moved...)
	dst.leaner.drifts = append(dst.leaner.drifts[:0], s.leaner.drifts...)
	dst.leaner.taken, dst.leaner.found, dst.leaner.turns = s.leaner.taken, s.leaner.found, s.leaner.turns
	copy(dst.leaner.mean, s.leaner.mean)
	copy(dst.leaner.since, s.leaner.since)
	// The judge's scalars and sums are all copied; its centres keep their place.
	j := *s.judge
	j.workspace, j.centreR, j.centreE, j.centreU = dst.judge.workspace, dst.judge.centreR, dst.judge.centreE, dst.judge.centreU
	copy(j.centreR, s.judge.centreR)
	copy(j.centreE, s.judge.centreE)
	copy(j.centreU, s.judge.centreU)
	*dst.judge = j
	return dst
}
