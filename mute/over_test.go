package mute

import (
	"errors"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// What is over suppresses nothing: it is refused, but where it says what is learned.
func TestWhatIsOverIsRefused(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		what   string
		until  time.Duration // of a silence, from now on
		start  string        // of a window of an hour
		rule   string
		except []string
		zone   string
		effect Effect
		over   bool
	}{
		{what: "silence that ends now", until: 0, over: true},
		{what: "silence that ended", until: -time.Second, effect: EffectSilence, over: true},
		{what: "silence that lasts", until: time.Second},
		{what: "past silence for training", until: -time.Hour, effect: EffectExclude},
		{what: "past silence to be learned", until: -time.Hour, effect: EffectShift},
		{what: "once, and over", start: "2026-03-10T11:00:00", over: true},
		{what: "once, and on", start: "2026-03-10T11:00:01"},
		{what: "once, and to come", start: "2027-03-10T11:00:00"},
		{what: "once, over by another clock", start: "2026-03-10T11:30:00", zone: "Europe/Berlin", over: true},
		{what: "once, to come by another clock", start: "2026-03-10T11:30:00", zone: "America/New_York"},
		{what: "for ever", start: "2026-01-01T02:00:00", rule: "FREQ=YEARLY"},
		{what: "the last one is on", start: "2026-03-08T11:30:00", rule: "FREQ=DAILY;COUNT=3"},
		{what: "counted out", start: "2026-03-07T11:30:00", rule: "FREQ=DAILY;COUNT=3", over: true},
		{what: "bounded", start: "2026-03-01T11:30:00", rule: "FREQ=DAILY;UNTIL=20260309T235959Z", over: true},
		{what: "the rest is left out", start: "2026-03-08T11:30:00", rule: "FREQ=DAILY;COUNT=3", except: []string{"2026-03-10T11:30:00"}, over: true},
		{what: "past window for training", start: "2026-03-01T11:30:00", effect: EffectExclude},
	} {
		var err error
		if c.start == "" {
			err = Silence{Until: now.Add(c.until), Effect: c.effect}.NotOver(now)
		} else {
			err = Window{Name: "w", Zone: c.zone, Start: c.start, Rule: c.rule, Except: c.except, Duration: time.Hour, Effect: c.effect}.NotOver(now)
		}
		if c.over != errors.Is(err, omen.ErrInvalid) || !c.over && err != nil {
			t.Errorf("%s: %v, want over %t", c.what, err, c.over)
		}
	}
}
