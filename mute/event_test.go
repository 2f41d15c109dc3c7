package mute

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// FuzzEvents: whatever is noted, its grace begins with it, ends when it says,
// and hides nobody else's trouble.
func FuzzEvents(f *testing.F) {
	f.Add("deploy", "web-1", int64(0), int64(time.Hour))
	f.Add("boot", "", int64(-time.Minute), int64(0))
	f.Add("note", "web-2", int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, kind, host string, after, grace int64) {
		e := Event{ID: "e", Kind: EventKind(kind), At: noon.Add(time.Duration(after)), Grace: time.Duration(grace),
			Match: []Matcher{{Name: MatchHost, Value: host, IsEqual: true}}}
		if e.Validate() != nil {
			return
		}
		set, broken := Rules{Events: []Event{e}}.Compile()
		if broken != nil {
			t.Fatal(broken)
		}
		muted := func(name string, at time.Time) bool {
			in := &omen.Incident{Kind: omen.HostIncident, Host: omen.Host{Source: "prod", Name: name}}
			return set.Reason(in, []Subject{{Host: in.Host}}, at) != ""
		}
		if muted(host, e.At.Add(-time.Nanosecond)) || muted(host, e.Until()) || e.Until().After(e.At) && !muted(host, e.At) || muted(host+"x", e.At) {
			t.Fatalf("event %+v does not hold until %s", e, e.Until())
		}
	})
}
