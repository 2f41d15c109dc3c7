package mute

import (
	"errors"
	"fmt"
	"time"

	"github.com/omenhq/omen"
)

// EventKind says what happened to a host.
type EventKind string

// Boots, restarts and deploys open a grace window; notes are only drawn.
const (
	EventBoot    EventKind = "boot"
	EventRestart EventKind = "restart"
	EventDeploy  EventKind = "deploy"
	EventNote    EventKind = "note"
)

// Grace is how long after an event of this kind its hosts' incidents are
// suppressed, unless the event says otherwise.
func (k EventKind) Grace() time.Duration {
	switch k {
	case EventBoot, EventDeploy:
		return 10 * time.Minute
	case EventRestart:
		return 5 * time.Minute
	}
	return 0
}

// Event is something that happened to hosts and that explains a change in
// their behaviour.
type Event struct {
	ID    string        `json:"id"`
	Kind  EventKind     `json:"kind"`
	At    time.Time     `json:"at"`
	Match []Matcher     `json:"match"` // the hosts; only host, profile, source and labels make sense
	Title string        `json:"title"`
	Link  string        `json:"link"`
	By    string        `json:"by"`
	Grace time.Duration `json:"grace_ns"` // how long incidents are suppressed; 0: the kind's own
}

// Until is when the event's grace ends; At where it has none.
func (e Event) Until() time.Time {
	if e.Grace == 0 {
		return e.At.Add(e.Kind.Grace())
	}
	return e.At.Add(e.Grace)
}

// MaxGrace is how long an event may suppress its hosts' incidents at most.
const MaxGrace = 24 * time.Hour

// maxText bounds the text of an event.
const maxText = 8 << 10

// Validate reports an event that no rule could be made of, as [omen.ErrInvalid].
func (e Event) Validate() error {
	if e.Grace < 0 || e.Grace > MaxGrace {
		return fmt.Errorf("event %s: grace of %s, want 0 to a day: %w", e.ID, omen.Soon(e.Grace.Abs()), omen.ErrInvalid)
	}
	switch e.Kind {
	case EventBoot, EventRestart, EventDeploy, EventNote:
	default:
		return fmt.Errorf("event %s: kind %q, want boot, restart, deploy or note: %w", e.ID, e.Kind, omen.ErrInvalid)
	}
	if len(e.Title)+len(e.Link)+len(e.By)+len(e.ID) > maxText {
		return fmt.Errorf("event %s: text is too long: %w", e.ID, omen.ErrInvalid)
	}
	for _, m := range e.Match {
		if !m.OfHost() {
			return fmt.Errorf("event %s: matcher %s says nothing of a host: %w", e.ID, m, omen.ErrInvalid)
		}
	}
	if _, err := Compile(e.Match); err != nil || len(e.Match) == 0 {
		return errors.Join(fmt.Errorf("event %s: it needs matchers that say which hosts: %w", e.ID, omen.ErrInvalid), err)
	}
	return nil
}
