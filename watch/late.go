package watch

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// maxLate bounds the late hosts that a status names.
const maxLate = 20

// spareDelay is what a delay has beyond how late samples were seen to come.
const spareDelay = 5 * time.Second

// lateness takes up which hosts' samples come later than the source is read, and
// says so: empty where there are none. The caller holds mu.
func (w *Watch) lateness(late map[string]time.Duration) string {
	before := w.status.LateHosts
	w.status.Late, w.status.LateHosts = map[string]string{}, len(late)
	if len(late) == 0 {
		if before > 0 {
			w.log.Info("samples of all hosts come in time again")
		}
		return ""
	}
	most := slices.Max(slices.Collect(maps.Values(late)))
	delay := most + spareDelay
	names := slices.Sorted(maps.Keys(late))
	for _, name := range names[:min(len(names), maxLate)] {
		w.status.Late[name] = "its samples come " + late[name].String() + " late"
	}
	if before == 0 {
		w.log.Warn("samples of some hosts come later than the source is read", "count", len(late), "host", names[0], "dur", most, "hint", "set the source's delay: "+delay.String())
	}
	return fmt.Sprintf("%s up to %s late, such as %s: what is read of them is missing or old; set the source's delay: %s", omen.Plural(len(late), "host is", "hosts are"), most, names[0], delay)
}
