package omen

import "time"

// Horizons are the spans that a [Forecast] has probabilities for, shortest
// first.
func Horizons() [5]time.Duration {
	return [5]time.Duration{time.Hour, 4 * time.Hour, 24 * time.Hour, 72 * time.Hour, 7 * 24 * time.Hour}
}

// Indices of [Forecast.P].
const (
	Within1h = iota
	Within4h
	Within24h
	Within72h
	Within7d
)

// Forecast is what is expected of one resource that has a limit: a file system,
// memory, file handles.
type Forecast struct {
	At    time.Time `json:"at"`    // the last sample that it rests on
	Used  float64   `json:"used"`  // in the resource's unit
	Limit float64   `json:"limit"` // in the resource's unit

	Exhausted bool `json:"exhausted"` // it is full now

	// P is the probability of being full within each of [Horizons]. It never
	// falls with the horizon.
	P [5]float64 `json:"p"`

	// Full, Early and Late are the median, 10 % and 90 % quantile of the time
	// until it is full, given that it is full within seven days. All are 0 if
	// it is full now, or if that is not to be expected (less than 5 %).
	Full  time.Duration `json:"full_ns"`
	Early time.Duration `json:"early_ns"`
	Late  time.Duration `json:"late_ns"`

	Rate  float64   `json:"rate"`  // of the current rise, in units per second; 0 when nothing rises
	Since time.Time `json:"since"` // when the current rise began; zero when nothing rises

	Rises  int `json:"rises"`  // rises of the last 14 days that went at least as far as the current one
	Longer int `json:"longer"` // those of them that would fill the resource from here
	Days   int `json:"days"`   // days of history behind it, at most 14

	// Ceiling is the level, in the resource's unit, from which it was usually
	// cleaned, as by a garbage collector; 0 if there is none above Used.
	Ceiling float64 `json:"ceiling"`

	Calibrated bool `json:"calibrated"` // P was corrected by what happened on limits that were tried
}
