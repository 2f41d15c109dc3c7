package replay

import (
	"slices"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
)

// ofTargets is a label of every series of a scrape: that an alert carries it says
// nothing about what of a host the alert is about.
const ofTargets = "job"

// subjects tells what alerts are about from what Omen's notifications are about.
type subjects struct {
	limits []feature.Limit
	labels map[omen.Resource]map[string]string // that tell a host's resources apart
}

// mayBe reports whether an alert may be about a resource; nil is the whole host.
// An alert with another mount point, or about a device, is about something else; one
// that names nothing of the host may be about all of it.
func (s subjects) mayBe(alert map[string]string, r *omen.Resource) bool {
	if r == nil || s.labels[*r] == nil {
		return true
	}
	i := slices.IndexFunc(s.limits, func(l feature.Limit) bool { return l.Name == r.Name })
	if i < 0 {
		return true
	}
	limit, labels := &s.limits[i], s.labels[*r]
	var same, other, agrees, differs bool // by the device; by the rest, such as the mount point
	for _, name := range limit.By {
		switch is, has := alert[name], labels[name]; {
		case is == "":
		case name == limit.Same:
			same = strings.TrimPrefix(is, "/dev/") == strings.TrimPrefix(has, "/dev/")
			other = !same
		case is != has:
			differs = true
		case name != ofTargets:
			agrees = true
		}
	}
	switch {
	case same: // mounted elsewhere, too
		return true
	case differs:
		return false
	case agrees: // the device of all tmpfs is "tmpfs"
		return true
	}
	return !other && !s.ofAnother(alert, limit)
}

// ofAnother reports whether an alert names a resource of another kind, as an alert
// about a mount point does beside memory.
func (s subjects) ofAnother(alert map[string]string, limit *feature.Limit) bool {
	for i := range s.limits {
		for _, name := range s.limits[i].By {
			if name != ofTargets && alert[name] != "" && !slices.Contains(limit.By, name) {
				return true
			}
		}
	}
	return false
}

// subject is the resource that a host's incident is about: of its forecast, if what
// people were notified of is a sign of that. nil: it is about the host.
func subject(f *omen.Outlook, causes []omen.Cause) *omen.Resource {
	i := slices.IndexFunc(causes, func(c omen.Cause) bool { return !c.Trivial })
	if f == nil || i < 0 || !slices.Contains(f.Features, causes[i].Feature) {
		return nil
	}
	return &f.Resource
}
