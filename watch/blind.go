package watch

import (
	"time"

	"github.com/omenhq/omen"
)

// unheard is for how long all hosts together may be silent before their source is
// as good as down: some steps, if steps are long.
const unheard = 30 * time.Second

// blind reports whether the source has hosts and none of them sends anything. It
// is so until one does: no host is forgotten meanwhile. The caller holds mu.
func (w *Watch) blind(at time.Time) bool {
	if w.spoke.IsZero() {
		w.spoke = at // the process before this one may have left hosts
	}
	return len(w.hosts) > 0 && at.Sub(w.spoke) > max(unheard, 3*w.o.Step)
}

// heard notes that a host of the source has sent something. Silence of the others
// counts from when any was last heard again. The caller holds mu.
func (w *Watch) heard(at time.Time) {
	if w.blind(at) {
		for _, h := range w.hosts {
			h.awaited = omen.Later(h.awaited, at)
		}
	}
	w.spoke, w.anyHeard = at, true
}
