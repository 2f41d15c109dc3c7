package omen

import "time"

// EventKind says what happened to a host.
type EventKind string

// Boots, restarts and deploys open a grace window; notes are only drawn.
const (
	EventBoot    EventKind = "boot"
	EventRestart EventKind = "restart"
	EventDeploy  EventKind = "deploy"
	EventNote    EventKind = "note"
)

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
	Grace time.Duration `json:"grace_ns"` // how long to be lenient; 0: the kind's own
}
