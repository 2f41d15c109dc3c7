package omen

import (
	"fmt"
	"regexp"
	"time"
)

// Matcher is one condition on an incident, in the form of Alertmanager's API.
// Name is one of the Match constants, or else a label of the host.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"` // Value is a regular expression, anchored at both ends
	IsEqual bool   `json:"isEqual"` // false: the condition is that the value does not match
}

// Names that a matcher may use beside the labels of a host. A fleet incident
// matches on hosts only if all its members do.
const (
	MatchHost     = "host"     // the host's name
	MatchProfile  = "profile"  // the profile's name
	MatchSource   = "source"   // the source's name
	MatchKind     = "kind"     // the incident's kind
	MatchSeverity = "severity" // the incident's severity
	MatchCause    = "cause"    // the feature of the largest cause that is not trivial
)

// Validate reports a matcher without a name or with a bad expression, as
// [ErrInvalid].
func (m Matcher) Validate() error {
	if m.Name == "" {
		return fmt.Errorf("matcher for %q: no name: %w", m.Value, ErrInvalid)
	}
	if m.IsRegex {
		if _, err := regexp.Compile("^(?:" + m.Value + ")$"); err != nil {
			return fmt.Errorf("matcher %s: %w: %w", m.Name, err, ErrInvalid)
		}
	}
	return nil
}

// String writes the matcher the way PromQL does: instance=~"web-.*".
func (m Matcher) String() string {
	op := map[[2]bool]string{
		{true, false}: "=", {false, false}: "!=", {true, true}: "=~", {false, true}: "!~",
	}[[2]bool{m.IsEqual, m.IsRegex}]
	return fmt.Sprintf("%s%s%q", m.Name, op, m.Value)
}

// Effect is what a silence or a maintenance window does beside keeping quiet.
type Effect string

// Each effect includes the ones before it.
const (
	EffectSilence Effect = "silence" // nobody is told
	EffectExclude Effect = "exclude" // and its time is left out of training
	EffectShift   Effect = "shift"   // and the hosts learn it as expected at this time: never left out of training
)

// Silence keeps quiet about the incidents that it matches, for a while.
// Incidents are recorded and shown all the same.
type Silence struct {
	ID      string    `json:"id"`
	Match   []Matcher `json:"match"` // all must hold; an empty list is invalid
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Effect  Effect    `json:"effect"` // empty: [EffectSilence]
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
	Created time.Time `json:"created"`
}

// Active reports whether the silence holds at t.
func (s Silence) Active(t time.Time) bool { return !t.Before(s.From) && t.Before(s.Until) }

// Validate reports what is missing or contradictory, as [ErrInvalid].
func (s Silence) Validate() error {
	switch {
	case s.By == "":
		return fmt.Errorf("silence %s: no author: %w", s.ID, ErrInvalid)
	case s.Reason == "":
		return fmt.Errorf("silence %s: no reason: %w", s.ID, ErrInvalid)
	case !s.Until.After(s.From):
		return fmt.Errorf("silence %s: ends at %s, before it begins: %w", s.ID, s.Until.Format(time.RFC3339), ErrInvalid)
	}
	return validate("silence "+s.ID, s.Match, s.Effect)
}

// validate checks what silences and windows share.
func validate(what string, match []Matcher, effect Effect) error {
	if len(match) == 0 {
		return fmt.Errorf("%s: no matcher: %w", what, ErrInvalid)
	}
	for _, m := range match {
		if err := m.Validate(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	switch effect {
	case "", EffectSilence, EffectExclude, EffectShift:
		return nil
	}
	return fmt.Errorf("%s: effect %q, want silence, exclude or shift: %w", what, effect, ErrInvalid)
}
