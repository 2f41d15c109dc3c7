// Package omen holds the nouns that every part of Omen shares: hosts, vectors,
// scores, causes, incidents and the changes in their lives. Start at [Score]
// (what a model says of one sample) and [Change] (what the journal keeps).
//
// It has values only: no interface, no I/O, no clock, and nothing but the
// standard library, so that any package may import it.
package omen

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Host is the entity that a model belongs to: one value of a profile's
// identifying labels, read from one source. It is comparable and serves as a
// map key.
type Host struct {
	Source  string `json:"source"`  // the source's name in the configuration; "local" for this machine
	Profile string `json:"profile"` // the profile's name, such as "node"
	Name    string `json:"name"`    // the identifying labels' values, joined by "/": "web-1:9100", "shop/checkout"
}

// ID is the host's unambiguous name, "source/profile/name". Sources and
// profiles never contain a slash, so [ParseHost] takes it apart again.
func (h Host) ID() string { return h.Source + "/" + h.Profile + "/" + h.Name }

// String is what people read: the name alone.
func (h Host) String() string { return h.Name }

// ParseHost takes apart what [Host.ID] made.
func ParseHost(id string) (Host, error) {
	parts := strings.SplitN(id, "/", 3)
	if len(parts) != 3 || slices.Contains(parts, "") {
		return Host{}, fmt.Errorf("host id %q: want source/profile/name", id)
	}
	return Host{Source: parts[0], Profile: parts[1], Name: parts[2]}, nil
}

// Vector is one host's features at one instant, in schema order. NaN is a gap:
// the host lacks the feature, or its sample is missing.
type Vector struct {
	Host   Host
	At     time.Time
	Values []float64
	// Shift is the ID of the window in which other values are to be expected at
	// At (mute.EffectShift); empty: none.
	Shift string
}

// Cause is one feature's part in a score.
type Cause struct {
	Feature  string  `json:"feature"`
	Unit     Unit    `json:"unit"`
	Share    float64 `json:"share"`    // part of the score, 0…1; the shares of all features add up to 1
	Actual   float64 `json:"actual"`   // in Unit
	Expected float64 `json:"expected"` // in Unit
	Lower    float64 `json:"lower"`    // the expected band's lower end, in Unit
	Upper    float64 `json:"upper"`    // the expected band's upper end, in Unit
	Trivial  bool    `json:"trivial"`  // statistically far, yet below the smallest deviation or against the direction that matters
	// Smallest is the smallest deviation that is worth waking somebody for, or
	// how far the feature usually moves where it has none, in Unit; 0: not known, or
	// any amount may be normal.
	Smallest float64 `json:"smallest,omitzero"`
	// Clears says that it is in the smallest set of causes whose return
	// to what is expected would take the sample to the limit or below.
	Clears bool `json:"clears,omitzero"`
	// Stuck is for how long the feature has kept one value, longer than it ever did
	// in training; 0: it has not.
	Stuck time.Duration `json:"stuck_ns,omitzero"`
	// Drifting is for how long the feature has been drifting slowly away from what is
	// expected of it; 0: it is not.
	Drifting time.Duration `json:"drifting_ns,omitzero"`
}

// A rate of so much a second, and so many times what is expected, is as likely a
// counter that jumped as what it counts: ten gigabits are 1.25e9 bytes.
const (
	jumpedRate  = 1e9
	jumpedTimes = 1000
)

// String says a cause the way a person would: "disk_write 240 MB/s, expected 8–15 MB/s".
func (c Cause) String() string {
	var text [96]byte
	b := append(append(text[:0], c.Feature...), ' ')
	if c.Stuck > 0 {
		b = c.Unit.appendTo(append(b, "stuck at "...), c.Actual)
		return string(appendFor(b, c.Stuck))
	}
	b = c.appendBand(append(c.Unit.appendTo(b, c.Actual), ", expected "...))
	if (c.Unit == BytesPerSecond || c.Unit == PerSecond) && c.Actual >= max(jumpedRate, jumpedTimes*c.Upper) {
		b = append(b, " (or its counter jumped)"...)
	}
	if c.Drifting > 0 {
		b = appendFor(append(b, ", drifting"...), c.Drifting)
	}
	return string(b)
}

// appendFor appends " for 2h25m".
func appendFor(b []byte, d time.Duration) []byte {
	return append(append(b, " for "...), strings.TrimSuffix(d.Round(time.Minute).String(), "0s")...)
}

// Band is the expected band in words, with the unit once where both ends share
// it: "8–15 MB/s", "-3 to 15 MB/s".
func (c Cause) Band() string {
	var text [48]byte
	return string(c.appendBand(text[:0]))
}

func (c Cause) appendBand(b []byte) []byte {
	var low, high [24]byte
	lower, upper := c.Unit.appendTo(low[:0], c.Lower), c.Unit.appendTo(high[:0], c.Upper)
	if bytes.Equal(lower, upper) {
		return append(b, lower...)
	}
	number, unit, spaced := bytes.Cut(lower, []byte(" "))
	if _, same, _ := bytes.Cut(upper, []byte(" ")); spaced && bytes.Equal(unit, same) {
		lower = number
	}
	to := "–"
	if bytes.HasPrefix(lower, []byte("-")) { // a dash beside a minus is hard to read
		to = " to "
	}
	return append(append(append(b, lower...), to...), upper...)
}

// Score is what a model says of one vector.
//
// The slices of a Score belong to the stream that made it and are valid until
// that stream's next call; [Score.Clone] keeps them.
type Score struct {
	Host                Host      `json:"host"`
	At                  time.Time `json:"at"`
	Value               float64   `json:"score"`                // finite; 1.0 is the calibrated limit, above it is anomalous
	Unsmoothed          float64   `json:"unsmoothed"`           // the same before smoothing: the causes' contributions add up to it
	ReconstructionError float64   `json:"reconstruction_error"` // mean squared error of the autoencoder in scaled units
	Grade               Grade     `json:"grade"`
	PageLevel           float64   `json:"page_level"` // the score from which the page budget is kept; below 1: the limit itself
	Level               float64   `json:"level"`      // the score above which the host alerts; below 1: the limit itself
	Model               string    `json:"model"`      // the model's ID
	Causes              []Cause   `json:"causes"`     // the largest shares first, at most [MaxCauses]
	Expected            []float64 `json:"expected"`   // per feature in schema order, in the feature's unit; NaN where the host lacks it
	Lower               []float64 `json:"lower"`      // the expected band, like Expected
	Upper               []float64 `json:"upper"`
	Shares              []float64 `json:"shares"` // per feature in schema order, adding up to 1 where Unsmoothed > 0
	// NewLevels are the features whose level has moved since the model was made.
	// Never changed, only replaced.
	NewLevels []NewLevel `json:"new_levels,omitempty"`
}

// MaxCauses bounds the causes that a score carries.
const MaxCauses = 8

// Anomalous reports whether the score is above its limit and the host's level.
func (s Score) Anomalous() bool { return s.Value > max(1, s.Level) }

// Clone is a copy that outlives the stream that made s.
func (s Score) Clone() Score {
	s.Causes = slices.Clone(s.Causes)
	floats := make([]float64, 0, len(s.Expected)+len(s.Lower)+len(s.Upper)+len(s.Shares)) // one piece of memory
	for _, v := range []*[]float64{&s.Expected, &s.Lower, &s.Upper, &s.Shares} {
		if *v != nil {
			from := len(floats)
			floats = append(floats, *v...)
			*v = floats[from:len(floats):len(floats)]
		}
	}
	return s
}

// Grade says how much a model can be trusted.
type Grade string

// A model grows up from provisional (minutes of samples) through learning
// (hours) to established (a day or more).
const (
	Provisional Grade = "provisional"
	Learning    Grade = "learning"
	Established Grade = "established"
)

// Tick is one round of scoring over one source: what the scoring job hands to
// the incident manager. Scores and Silent together name every host it watches
// that has a model.
type Tick struct {
	Source  string
	Profile string // of the hosts; each profile of a source has ticks of its own
	At      time.Time
	Scores  []Score // cloned: a tick outlives the streams' buffers
	Silent  []Host  // hosts that sent nothing: missing, not anomalous
	Young   int     // hosts that sent samples and are not judged: they have no model yet, or the clock was set
	Err     string  // why the source could not be read; then Scores is empty and no host is judged
	Relived bool    // the clock was set back and the instant was judged before: nothing is read, and nothing is wrong with the source
}

// ModelInfo describes a stored model; the model itself is a blob that only
// package detect reads.
type ModelInfo struct {
	ID        string    `json:"id"` // sortable by time within a host
	Host      Host      `json:"host"`
	Schema    string    `json:"schema"` // hash of the schema that the model is bound to
	Grade     Grade     `json:"grade"`
	TrainedAt time.Time `json:"trained_at"`
	From      time.Time `json:"from"` // the span of history it learned from
	To        time.Time `json:"to"`
	Rows      int       `json:"rows"`
	Card      []byte    `json:"-"` // the model card as JSON (detect.Card)
	Serving   bool      `json:"serving"`
	Note      string    `json:"note"` // why it serves, or why it was not promoted
	// Served is when it judged its host, oldest first; the last span of the model
	// that serves has no end. The store keeps it. Empty: it never did, or that was
	// not recorded yet.
	Served []Span `json:"served,omitempty"`
}

// Judged reports whether the model judged its host at an instant, as far as that
// was recorded. Of one that serves since before it was, that is since its training.
func (m ModelInfo) Judged(t time.Time) bool {
	for _, s := range m.Served {
		if !t.Before(s.From) && (s.To.IsZero() || t.Before(s.To)) {
			return true
		}
	}
	return m.Serving && len(m.Served) == 0 && !t.Before(m.TrainedAt)
}

// ScorePoint is one instant of a host's score history.
type ScorePoint struct {
	At    time.Time `json:"at"`
	Value float64   `json:"value"`
	Level float64   `json:"level,omitempty"` // the score above which the host alerted; below 1: the limit itself
}

// Audit is one row of who did what. Rows are never changed.
type Audit struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Action  string    `json:"action"`  // such as "silence.create", "pattern.revert"
	Subject string    `json:"subject"` // the ID of what was acted on
	Detail  string    `json:"detail"`
	// ActionID names the action whose step this is; Detail is then the action as JSON.
	ActionID string `json:"action_id,omitempty"`
}

// Span is a stretch of time, such as one that a host's model must not learn from,
// and why.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why,omitzero"` // such as "incident 2026…", "silence …"
	// Confirmed says that an operator called it real trouble.
	Confirmed bool `json:"confirmed,omitzero"`
}

// Contains reports whether an instant is within the span, both ends included.
func (s Span) Contains(t time.Time) bool { return !t.Before(s.From) && !t.After(s.To) }

// Later is the later one of two instants.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
