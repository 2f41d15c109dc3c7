package omen

import (
	"fmt"
	"regexp"
	"strings"
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
		return WithHint(fmt.Errorf("matcher for %q: no name: %w", m.Value, ErrInvalid), "its name is host, profile, source, kind, severity, cause, or a label of the host")
	}
	if m.IsRegex {
		if _, err := regexp.Compile("^(?:" + m.Value + ")$"); err != nil {
			return WithHint(fmt.Errorf("matcher %s: %w: %w", m.Name, err, ErrInvalid), "expressions are those of RE2; a dot that is meant as a dot is written \\.")
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
	what := strings.TrimSpace("silence " + s.ID)
	switch {
	case s.By == "":
		return WithHint(fmt.Errorf("%s: no author: %w", what, ErrInvalid), "say who silences in by")
	case strings.TrimSpace(s.Reason) == "":
		return WithHint(fmt.Errorf("%s: no reason: %w", what, ErrInvalid), "say in reason why, for those who wonder later")
	case s.Until.IsZero():
		return WithHint(fmt.Errorf("%s: no end: %w", what, ErrInvalid), "say in until when it ends, such as 2026-01-31T18:00:00Z")
	case !s.Until.After(s.From):
		return WithHint(fmt.Errorf("%s: ends at %s, before it begins: %w", what, s.Until.Format(time.RFC3339), ErrInvalid), "until is an instant after from, which is now if it is left out")
	}
	return validate(what, s.Match, s.Effect)
}

// validate checks what silences and windows share.
func validate(what string, match []Matcher, effect Effect) error {
	if len(match) == 0 {
		return WithHint(fmt.Errorf("%s: no matcher: %w", what, ErrInvalid), `say whose incidents are meant, such as host="web-1"`)
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
	return WithHint(fmt.Errorf("%s: effect %q is not known: %w", what, effect, ErrInvalid), "silence, exclude or shift")
}
