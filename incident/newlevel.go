package incident

import (
	"slices"
	"strings"

	omen "github.com/omenhq/omen"
)

// levels keeps which features have taken a new level since an incident opened: what
// is expected of them has moved, so that a score that falls then says nothing of a
// recovery. People read it in the message that closes the incident.
func (t *Tracker) levels(in *omen.Incident, s *omen.Score) {
	if len(s.NewLevels) == 0 && len(in.NewLevels) == 0 {
		return
	}
	now := slices.DeleteFunc(slices.Clone(s.NewLevels), func(l omen.NewLevel) bool { return !l.Back.IsZero() || l.At.Before(in.OpenedAt) })
	if slices.Equal(now, in.NewLevels) {
		return
	}
	more := len(now) > len(in.NewLevels)
	if in.NewLevels = now; more {
		t.emit(in, omen.ChangeUpdated, s.At, omen.ReasonNewLevel)
	}
}

// newLevels says where an incident's features are now.
func (t *Tracker) newLevels(in *omen.Incident) string {
	var all []string
	for _, l := range in.NewLevels {
		l.Since = l.Since.In(t.zone)
		all = append(all, l.String())
	}
	return strings.Join(all, "; ")
}
