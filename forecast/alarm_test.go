package forecast

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
)

func TestAlarm(t *testing.T) {
	at := func(minute int, p4, p24 float64) omen.Forecast {
		return omen.Forecast{At: monday.Add(time.Duration(minute) * time.Minute), P: [5]float64{0, p4, p24, p24, p24}}
	}
	full := at(60, 1, 1)
	days := func(d float64) omen.Forecast {
		left := time.Duration(d * float64(24*time.Hour))
		return omen.Expiry(monday.Add(left), monday, omen.Notice{Warning: 14 * 24 * time.Hour, Critical: 3 * 24 * time.Hour})
	}
	full.Exhausted = true
	for _, c := range []struct {
		name     string
		say      []omen.Forecast
		want     []Level
		cameTrue bool
	}{
		{"one is none", []omen.Forecast{at(0, 0, .95), at(1, 0, .86), at(2, 0, .95)}, []Level{None, None, None}, false},
		{"two warn", []omen.Forecast{at(0, 0, .87), at(1, 0, .87)}, []Level{None, Warning}, false},
		{"escalates and stays", []omen.Forecast{at(0, .5, .9), at(1, .5, .9), at(2, 0, .9), at(3, 0, .4)}, []Level{None, Critical, Critical, Critical}, false},
		{"ends after half an hour below", []omen.Forecast{at(0, 0, .87), at(1, 0, .87), at(2, 0, .19), at(31, 0, .19), at(32, 0, .19)}, []Level{None, Warning, Warning, Warning, None}, false},
		{"half an hour begins again", []omen.Forecast{at(0, 0, .87), at(1, 0, .87), at(2, 0, .19), at(20, 0, .2), at(32, 0, .19), at(61, 0, .19)}, []Level{None, Warning, Warning, Warning, Warning, Warning}, false},
		{"comes true", []omen.Forecast{at(0, 0, .87), at(1, 0, .87), full}, []Level{None, Warning, None}, true},
		{"comes true and stays full", []omen.Forecast{at(0, 0, .87), at(1, 0, .87), full, full}, []Level{None, Warning, None, None}, true},
		{"full unforeseen", []omen.Forecast{at(0, 0, 0), full, full, full}, []Level{None, None, None, None}, false},
		{"a date", []omen.Forecast{days(15), days(14), days(3.1), days(3), days(0)}, []Level{None, Warning, Warning, Critical, None}, true},
		{"a date that is renewed", []omen.Forecast{days(9), days(90)}, []Level{Warning, None}, false},
		{"a date that has passed", []omen.Forecast{days(-1), days(-2)}, []Level{None, None}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a Alarm
			for i, f := range c.say {
				before := a.Level
				if changed := a.Evaluate(f); a.Level != c.want[i] || changed != (before != a.Level) {
					t.Fatalf("step %d: level %d, changed %v; want level %d", i, a.Level, changed, c.want[i])
				}
			}
			if a.CameTrue != c.cameTrue {
				t.Errorf("came true: %v", a.CameTrue)
			}
		})
	}
}
