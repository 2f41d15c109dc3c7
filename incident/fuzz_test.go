package incident

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// FuzzMatcher: a matcher that validates compiles, alone and among others, says
// the same each time, and the opposite when it is turned around. One that does
// not validate is ErrInvalid and breaks no other rule.
func FuzzMatcher(f *testing.F) {
	f.Add("host", "web-.*", true, true, "web-1")
	f.Add("job", "", false, false, "a\x00b")
	f.Add("cause", "(", true, true, "")
	f.Add("", "(?i:x)|y", true, false, "X")
	f.Fuzz(func(t *testing.T, name, value string, expression, equal bool, host string) {
		m := omen.Matcher{Name: name, Value: value, IsRegex: expression, IsEqual: equal}
		good := omen.Matcher{Name: omen.MatchSource, Value: "prod", IsEqual: true}
		tr := NewTracker(Hysteresis{}, nil)
		broken := tr.SetRules(Rules{Silences: []omen.Silence{
			{ID: "fuzzed", Match: []omen.Matcher{m}, From: noon, Until: noon.Add(time.Hour)},
			{ID: "good", Match: []omen.Matcher{good}, From: noon, Until: noon.Add(time.Hour)},
		}})
		if err := m.Validate(); err != nil {
			if !errors.Is(err, omen.ErrInvalid) || len(broken) != 1 {
				t.Fatalf("%v is not ErrInvalid, or not the one broken rule of %v", err, broken)
			}
		} else if len(broken) != 0 {
			t.Fatalf("it validates, and is broken: %v", broken)
		}
		in := &omen.Incident{Kind: omen.HostIncident, Host: hostNamed(host)}
		who := []subject{{in.Host, map[string]string{name: host}}}
		if why := tr.rules.quiet(in, who, noon); why != omen.ReasonSilenced {
			t.Fatalf("the good silence does not hold: %q", why)
		}
		holds, err := omen.Compile([]omen.Matcher{m})
		if err != nil {
			return
		}
		m.IsEqual = !m.IsEqual
		opposite, err := omen.Compile([]omen.Matcher{m})
		if err != nil {
			t.Fatal(err)
		}
		if holdsForAll(holds, in, who) == holdsForAll(opposite, in, who) {
			t.Fatalf("%s and its opposite say the same of %q", m, host)
		}
	})
}

// FuzzEvents: whatever is noted, its grace begins with it, ends when it says,
// and hides nobody else's trouble.
func FuzzEvents(f *testing.F) {
	f.Add("deploy", "web-1", int64(0), int64(time.Hour))
	f.Add("boot", "", int64(-time.Minute), int64(0))
	f.Add("note", "web-2", int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, kind, host string, after, grace int64) {
		e := omen.Event{ID: "e", Kind: omen.EventKind(kind), At: noon.Add(time.Duration(after)), Grace: time.Duration(grace),
			Match: []omen.Matcher{{Name: omen.MatchHost, Value: host, IsEqual: true}}}
		if checkEvent(e) != nil {
			return
		}
		tr := NewTracker(Hysteresis{}, nil)
		if broken := tr.SetRules(Rules{Events: []omen.Event{e}}); broken != nil {
			t.Fatal(broken)
		}
		quiet := func(name string, at time.Time) bool {
			in := &omen.Incident{Kind: omen.HostIncident, Host: hostNamed(name)}
			return tr.rules.quiet(in, []subject{{host: in.Host}}, at) != ""
		}
		lasts := e.Grace
		if lasts == 0 {
			lasts = Grace(e.Kind)
		}
		if quiet(host, e.At.Add(-time.Nanosecond)) || quiet(host, e.At.Add(lasts)) || lasts > 0 && !quiet(host, e.At) || quiet(host+"x", e.At) {
			t.Fatalf("event %+v does not hold for its %s", e, lasts)
		}
	})
}

// FuzzScores: scores with any numbers and any times make well-formed lives of
// incidents, and nothing that the journal could not hold.
func FuzzScores(f *testing.F) {
	f.Add([]byte("a quick brown fox jumps over the lazy dog, and then the same again and again and again"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tr := NewTracker(Hysteresis{}, nil)
		at := noon
		var all []omen.Change
		for ; len(data) >= 12; data = data[12:] {
			at = at.Add(time.Duration(int16(binary.LittleEndian.Uint16(data))) * time.Second / 16)
			value := math.Float64frombits(binary.LittleEndian.Uint64(data[2:]))
			s := scoreOf(string('a'+data[10]%4), at, value, "cpu")
			s.Unsmoothed = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[8:])) << 16))
			s.PageLevel, s.Causes[0].Share, s.Causes[0].Actual = value/2, value, s.Unsmoothed
			k := omen.Tick{Source: "prod", At: at, Scores: []omen.Score{s}}
			switch data[11] % 8 {
			case 0:
				k.Err, k.Scores = "refused", nil
			case 1:
				k.Scores[0].At = at.Add(time.Duration(int8(data[11])) * time.Minute)
			}
			for range 1 + data[11]%5 {
				all = append(all, tr.Tick(k)...)
				k.At = k.At.Add(15 * time.Second)
				for i := range k.Scores {
					k.Scores[i].At = k.Scores[i].At.Add(15 * time.Second)
				}
			}
			at = k.At
			all = append(all, tr.Idle(at)...)
		}
		for _, c := range all {
			for _, v := range []float64{c.Incident.Score, c.Incident.Peak} {
				if !finite(v) {
					t.Fatalf("%s of %s has the score %v", c.Kind, c.Incident.ID, v)
				}
			}
			for _, cause := range c.Incident.Causes {
				if !finite(cause.Share) || !finite(cause.Actual) {
					t.Fatalf("%s of %s has the cause %+v", c.Kind, c.Incident.ID, cause)
				}
			}
		}
		numbered(t, all)
	})
}

// numbered fails unless each incident's changes count up from 1. Times may go
// back: clocks do.
func numbered(t *testing.T, all []omen.Change) {
	last := map[string]int{}
	for _, c := range all {
		if c.Incident.ChangeNumber != last[c.Incident.ID]+1 {
			t.Fatalf("%s: change %d after %d", c.Incident.ID, c.Incident.ChangeNumber, last[c.Incident.ID])
		}
		last[c.Incident.ID]++
	}
}
