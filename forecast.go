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
// memory, file handles. Of a known date, such as a certificate's end, nothing is
// estimated: see [Forecast.Expires].
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

	// Expires is the known instant at which it is over, as of a certificate; zero:
	// it is an amount. Full, Early and Late are then the time to it, however long
	// that is, P is 0 or 1, Exhausted means that it has passed, and Used and
	// Limit are 0.
	Expires time.Time `json:"expires,omitzero"`
	// Notice is how long before Expires people are notified.
	Notice Notice `json:"notice,omitzero"`

	// Ceiling is the level, in the resource's unit, from which it was usually
	// cleaned, as by a garbage collector; 0 if there is none above Used.
	Ceiling float64 `json:"ceiling"`
}

// Notice is how long before a known date people are notified of it.
type Notice struct {
	Warning  time.Duration `json:"warning_ns"`
	Critical time.Duration `json:"critical_ns"`
}

// Dates, in seconds since 1970, are of the years 2000 to 9999. What is before is a
// span and no instant, or 0, by which exporters say that there is no end; what is
// beyond is in milliseconds or finer.
const (
	firstDate = 946684800
	pastDates = 253402300800
)

// DateOf is the known date that a sample gives in seconds since 1970; false: it is
// none.
func DateOf(secs float64) (time.Time, bool) {
	if !(secs >= firstDate && secs < pastDates) {
		return time.Time{}, false
	}
	return time.Unix(int64(secs), 0).UTC(), true
}

// Expiry is the forecast of a known date at an instant.
func Expiry(expires, at time.Time, n Notice) Forecast {
	f := Forecast{At: at, Expires: expires, Notice: n, Exhausted: !expires.After(at)}
	if !f.Exhausted {
		f.Full = expires.Sub(at)
		f.Early, f.Late = f.Full, f.Full
	}
	for i, h := range Horizons() {
		if f.Full <= h {
			f.P[i] = 1
		}
	}
	return f
}

// Dated reports whether it is a known date.
func (f *Forecast) Dated() bool { return !f.Expires.IsZero() }

// Due reports whether people are to be notified of a known date: whether it has
// passed, or is within the notice.
func (f *Forecast) Due() bool { return f.Dated() && (f.Exhausted || f.Full <= f.Notice.Warning) }

// UsedPoint is how much of a resource's limit was used at an instant, 0…1 and
// more of what is over-full.
type UsedPoint struct {
	At    time.Time
	Share float64
}
