package omen

import "time"

// NewLevel is a feature that has left its level for another one and stayed there:
// what is expected of it has moved along.
type NewLevel struct {
	Feature string    `json:"feature"`
	Unit    Unit      `json:"unit"`
	Level   float64   `json:"level"`         // in Unit
	Was     float64   `json:"was"`           // in Unit
	Since   time.Time `json:"since"`         // when it left the old level, to some minutes
	At      time.Time `json:"at"`            // when the new one was taken as usual
	Back    time.Time `json:"back,omitzero"` // since when it is back at the old level; zero: it is not
}

// String is the new level the way a person would say it, with the time of day in
// the zone of Since: "memory_used: new level 41 %, was 62 %, since 14:05".
func (l NewLevel) String() string {
	if !l.Back.IsZero() {
		return l.Feature + ": back at " + l.Unit.Format(l.Was) + ", was " + l.Unit.Format(l.Level) + ", since " + l.Back.Format("15:04")
	}
	return l.Feature + ": new level " + l.Unit.Format(l.Level) + ", was " + l.Unit.Format(l.Was) + ", since " + l.Since.Format("15:04")
}
