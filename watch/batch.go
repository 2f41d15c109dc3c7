package watch

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

// batch is the hosts of one tick that are scored together. It is kept from
// tick to tick; what it scores is not.
type batch struct {
	hosts   []*host
	streams []*detect.Stream
	vectors []omen.Vector
	results []detect.Result
}

func (b *batch) add(h *host, v omen.Vector) {
	b.hosts = append(b.hosts, h)
	b.streams = append(b.streams, h.stream)
	b.vectors = append(b.vectors, v)
}

// clear empties the batch, and lets go of what was in it.
func (b *batch) clear() {
	clear(b.hosts)
	clear(b.streams)
	clear(b.vectors)
	clear(b.results)
	b.hosts, b.streams, b.vectors, b.results = b.hosts[:0], b.streams[:0], b.vectors[:0], b.results[:0]
}

// alone is how many hosts one processor scores before others help: a
// millisecond's work.
const alone = 256

// run scores the batch: in as many parts as there are processors, if it is
// large.
func (b *batch) run() {
	n := len(b.hosts)
	b.results = slices.Grow(b.results[:0], n)[:n]
	part := max(alone, (n+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var others sync.WaitGroup
	for from := part; from < n; from += part {
		others.Go(func() { b.runPart(from, min(from+part, n)) })
	}
	b.runPart(0, min(part, n))
	others.Wait()
}

func (b *batch) runPart(from, to int) {
	detect.ScoreBatch(b.results[from:from:to], b.streams[from:to], b.vectors[from:to])
}

// score scores the batch, in the order in which it was filled, and gives each
// host its score, which outlives the batch. The caller holds mu.
func (w *Watch) score(b *batch, step time.Duration) []omen.Score {
	b.run()
	keep := room(b.results)
	for i, r := range b.results {
		h := b.hosts[i]
		if r.Err != nil { // another width: the model is of another schema
			w.log.Error("sample not scored", "host", h.id.Name, "err", r.Err)
			h.model, h.stream = nil, nil
			continue
		}
		h.score = keep.take(r.Score)
		if n := h.stream.Turns(); n != h.turns {
			w.turned(h, n)
		}
		h.score.NewLevels = h.newLevels
		h.score.Level = h.level.Next(h.score.At, h.score.Value, step, w.o.Detect.PagesPerWeek)
		h.drift.add(h.score, step)
		keep.scores = append(keep.scores, h.score)
	}
	return keep.scores
}

// part gives a host that is silent memory of its own: its last sample's would
// keep all hosts' of that tick.
func (h *host) part() {
	if !h.apart {
		h.score, h.values, h.apart = h.score.Clone(), slices.Clone(h.values), true
	}
}

// arena holds a tick's scores in a few blocks of memory, instead of five for
// each host.
type arena struct {
	scores []omen.Score
	floats []float64
	causes []omen.Cause
}

// room is an arena of the size that results take.
func room(results []detect.Result) *arena {
	floats, causes := 0, 0
	for i := range results {
		s := &results[i].Score
		floats += len(s.Expected) + len(s.Lower) + len(s.Upper) + len(s.Shares)
		causes += len(s.Causes)
	}
	return &arena{make([]omen.Score, 0, len(results)), make([]float64, 0, floats), make([]omen.Cause, 0, causes)}
}

// take is a copy of a score in the arena.
func (a *arena) take(s omen.Score) omen.Score {
	s.Expected, s.Lower, s.Upper, s.Shares = a.copy(s.Expected), a.copy(s.Lower), a.copy(s.Upper), a.copy(s.Shares)
	from := len(a.causes)
	a.causes = append(a.causes, s.Causes...)
	s.Causes = a.causes[from:len(a.causes):len(a.causes)]
	return s
}

func (a *arena) copy(v []float64) []float64 {
	from := len(a.floats)
	a.floats = append(a.floats, v...)
	return a.floats[from:len(a.floats):len(a.floats)]
}
