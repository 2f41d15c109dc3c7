package api

import (
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/omenhq/omen"
)

// pulseEvery is how often at most the pulse looks at all hosts, for all streams
// together.
const pulseEvery = 2 * time.Second

// pulse counts how often what people see of Omen as a whole has changed: the
// state of a host or of a source, that a host has its first score, which model it
// has and whether one is being trained, whether Omen is ready. Pages that hear of it by the stream need not poll.
type pulse struct {
	mu   sync.Mutex
	seed maphash.Seed
	at   time.Time // when it last looked
	last uint64    // what it saw, as a hash
	n    int64
}

// count is how often it has changed, as far as was seen.
func (p *pulse) count(live Runtime, now time.Time) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.at) < pulseEvery && !now.Before(p.at) {
		return p.n
	}
	p.at = now
	if seen := p.look(live); seen != p.last {
		p.last = seen
		p.n++
	}
	return p.n
}

// look is what is seen now, as a hash. Hosts come in no particular order.
func (p *pulse) look(live Runtime) uint64 {
	var hosts uint64
	for _, h := range live.Hosts() {
		hosts += maphash.Comparable(p.seed, struct {
			host  omen.Host
			state omen.HostState
			model string
			train bool
			score bool
		}{h.Host, h.State, h.Model.ID, h.Training.Running, !h.Score.At.IsZero()})
	}
	var rest maphash.Hash
	rest.SetSeed(p.seed)
	_, _ = fmt.Fprintf(&rest, "%d %v", hosts, live.Ready())
	for _, s := range live.Sources() {
		_, _ = fmt.Fprintf(&rest, " %q %s %q %d %d %d", s.Name, s.State, s.Err, s.RefusedHosts, s.LateHosts, s.SilentHosts)
	}
	return rest.Sum64()
}
