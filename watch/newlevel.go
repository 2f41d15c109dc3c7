package watch

import (
	"fmt"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/mute"
)

// turned takes up which of a host's features are at new levels, and has what is new
// of that marked on its timeline. The caller holds mu.
func (w *Watch) turned(h *host, turns int) {
	before := h.newLevels
	h.newLevels, h.turns = h.stream.NewLevels(), turns
	for _, l := range h.newLevels {
		if slices.Contains(before, l) {
			continue
		}
		at := l.At
		if !l.Back.IsZero() {
			at = l.Back
		}
		w.moves = append(w.moves, mute.Event{
			ID:   fmt.Sprintf("level-%s-%s-%d", h.id.ID(), l.Feature, at.Unix()),
			Kind: mute.EventNote, At: at.UTC(), By: "omen", Title: w.local(l).String(),
			Match: []mute.Matcher{
				{Name: "source", Value: h.id.Source, IsEqual: true}, {Name: "profile", Value: h.id.Profile, IsEqual: true},
				{Name: "host", Value: h.id.Name, IsEqual: true},
			},
		})
	}
	nudge(w.news)
	nudge(w.levelsChanged)
}

// local is a new level with its times in the zone of people.
func (w *Watch) local(l omen.NewLevel) omen.NewLevel {
	zone := w.o.Zone
	if zone == nil {
		zone = time.UTC
	}
	l.Since = l.Since.In(zone)
	if !l.Back.IsZero() {
		l.Back = l.Back.In(zone)
	}
	return l
}

// lastCentres are where the host's stream is centred, or the one before the start
// was.
func (h *host) lastCentres() detect.Centres {
	if h.stream != nil {
		return h.stream.Centres()
	}
	return h.centres
}
