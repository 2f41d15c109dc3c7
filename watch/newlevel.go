package watch

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/mute"
)

// turned takes up which of a host's features are at new levels and which drift slowly,
// and has what is new of that marked on its timeline. The caller holds mu.
func (w *Watch) turned(h *host, turns int) {
	before := h.newLevels
	h.newLevels, h.turns = h.stream.NewLevels(), turns
	w.drifted(h, h.drifts)
	for _, l := range h.newLevels {
		if slices.Contains(before, l) {
			continue
		}
		at := l.At
		if !l.Back.IsZero() {
			at = l.Back
		}
		l.Since, l.Back = w.local(l.Since), w.local(l.Back)
		w.mark(h, fmt.Sprintf("level-%s-%s-%d", h.id.ID(), l.Feature, at.Unix()), at, l.String())
	}
	nudge(w.news)
	nudge(w.levelsChanged)
}

// drifted takes up which of a host's features drift slowly, with those of before. Each
// drift is marked at its begin and, once it has turned round, at its end; again, if it
// goes on after that. One that a model has learned goes on as a rule: its end is marked
// once it is listed no more. What became a new level, or is measured no more, has no
// end of its own. The caller holds mu.
func (w *Watch) drifted(h *host, before []omen.SlowDrift) {
	h.drifts = h.stream.SlowDrifts()
	said := func(d omen.SlowDrift) string {
		d.Since, d.Back = w.local(d.Since), w.local(d.Back)
		return d.String()
	}
	id := func(d omen.SlowDrift, what string) string {
		return fmt.Sprintf("%s-%s-%s-%d", what, h.id.ID(), d.Feature, d.Since.Unix())
	}
	over := func(d omen.SlowDrift) {
		w.mark(h, id(d, "drifted")+"-"+strconv.FormatInt(d.Back.Unix(), 10), d.Back, said(d))
	}
	for _, d := range h.drifts {
		begun := d
		begun.Back, begun.Learned = time.Time{}, false
		switch was := slices.IndexFunc(before, d.Is); {
		case was < 0:
			w.mark(h, id(d, "drift"), d.Since, said(begun))
			if turnedRound(d) {
				over(d)
			}
		case turnedRound(d) && !before[was].Back.Equal(d.Back):
			over(d)
		case d.Back.IsZero() && turnedRound(before[was]):
			w.mark(h, id(d, "drift-again")+"-"+strconv.FormatInt(before[was].Back.Unix(), 10), h.seen, "again: "+said(begun))
		}
	}
	for _, d := range before {
		if slices.ContainsFunc(h.drifts, d.Is) {
			continue
		}
		other := slices.IndexFunc(h.drifts, func(o omen.SlowDrift) bool { return o.Feature == d.Feature })
		switch {
		case d.Learned:
			over(d)
		case d.Back.IsZero() && other >= 0: // the other way, without a time between
			d.Back = omen.Later(h.drifts[other].Since, d.Since)
			over(d)
		}
	}
}

// turnedRound reports whether a drift is over because its feature came back.
func turnedRound(d omen.SlowDrift) bool { return !d.Back.IsZero() && !d.Learned }

// mark has a host's timeline say something of an instant.
func (w *Watch) mark(h *host, id string, at time.Time, title string) {
	w.moves = append(w.moves, mute.Event{
		ID: id, Kind: mute.EventNote, At: at.UTC(), By: "omen", Title: title,
		Match: []mute.Matcher{
			{Name: "source", Value: h.id.Source, IsEqual: true}, {Name: "profile", Value: h.id.Profile, IsEqual: true},
			{Name: "host", Value: h.id.Name, IsEqual: true},
		},
	})
}

// local is an instant in the zone of people; the zero one stays what it is.
func (w *Watch) local(at time.Time) time.Time {
	if at.IsZero() || w.o.Zone == nil {
		return at.UTC()
	}
	return at.In(w.o.Zone)
}

// lastCentres are where the host's stream is centred, or the one before the start
// was.
func (h *host) lastCentres() detect.Centres {
	if h.stream != nil {
		return h.stream.Centres()
	}
	return h.centres
}
