package omen

import "time"

// SlowDrift is a feature that has slowly gone away from what is expected of it, no
// reading of which need be odd: their mean is.
type SlowDrift struct {
	Feature  string    `json:"feature"`
	Unit     Unit      `json:"unit"`
	Up       bool      `json:"up"`
	Mean     float64   `json:"mean"`             // of about the last hour of samples when it was found, in Unit
	Expected float64   `json:"expected"`         // then, in Unit
	Since    time.Time `json:"since"`            // from when on it was further away than it ever was in training
	At       time.Time `json:"at"`               // when it was found
	Back     time.Time `json:"back,omitzero"`    // since when it is no longer; zero: it goes on
	Learned  bool      `json:"learned,omitzero"` // it is no longer because another model expects what it has become
}

// Is reports whether two are the same drift, however far it has come.
func (d SlowDrift) Is(o SlowDrift) bool { return d.Feature == o.Feature && d.Since.Equal(o.Since) }

// String is the drift the way a person would say it, with the time of day in the zone
// of its times: "memory_used drifts upwards: 71 % on average where 64 % is expected, since 14:05".
func (d SlowDrift) String() string {
	way := "downwards"
	if d.Up {
		way = "upwards"
	}
	switch {
	case d.Back.IsZero():
		return d.Feature + " drifts " + way + ": " + d.Unit.Format(d.Mean) + " on average where " + d.Unit.Format(d.Expected) + " is expected, since " + d.Since.Format("15:04")
	case d.Learned:
		return d.Feature + ": a new model expects what it has drifted to, since " + d.Back.Format("15:04")
	}
	return d.Feature + ": back from drifting " + way + ", since " + d.Back.Format("15:04")
}
