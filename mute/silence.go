package mute

import (
	"fmt"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// Effect is what a silence or a maintenance window does to the incidents that
// it matches, and to the training of their hosts.
type Effect string

// Each effect includes the effects before it.
const (
	EffectSilence Effect = "silence" // nobody is notified
	EffectExclude Effect = "exclude" // and its time is left out of training
	EffectShift   Effect = "shift"   // and the hosts learn it as expected at this time: never left out of training
)

// Silence suppresses the incidents that it matches, for a while: they are
// recorded and shown, and nobody is notified.
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

// Validate reports what is missing or contradictory, as [omen.ErrInvalid].
func (s Silence) Validate() error {
	what := strings.TrimSpace("silence " + s.ID)
	switch {
	case s.By == "":
		return omen.WithHint(fmt.Errorf("%s: no author: %w", what, omen.ErrInvalid), "say who silences in by")
	case strings.TrimSpace(s.Reason) == "":
		return omen.WithHint(fmt.Errorf("%s: no reason: %w", what, omen.ErrInvalid), "say why in reason")
	case s.Until.IsZero():
		return omen.WithHint(fmt.Errorf("%s: no end: %w", what, omen.ErrInvalid), "say in until when it ends, such as 2026-01-31T18:00:00Z")
	case !s.Until.After(s.From):
		return omen.WithHint(fmt.Errorf("%s: ends at %s, before it begins: %w", what, s.Until.Format(time.RFC3339), omen.ErrInvalid), "until is an instant after from, which is now if it is left out")
	}
	return validate(what, s.Match, s.Effect)
}

// NotOver reports, as [omen.ErrInvalid], a silence that ended before an instant: made
// then, it suppresses nothing. With another effect than [EffectSilence] it may be of
// the past, since it says what is learned.
func (s Silence) NotOver(now time.Time) error {
	if s.Until.After(now) || s.Effect == EffectExclude || s.Effect == EffectShift {
		return nil
	}
	return omen.WithHint(fmt.Errorf("%s: until %s is over, it is %s: %w", strings.TrimSpace("silence "+s.ID), s.Until.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), omen.ErrInvalid),
		"until is an instant in the future; to end a silence now delete it; to keep a past time from training use the effect exclude")
}

// validate checks what silences and windows share.
func validate(what string, match []Matcher, effect Effect) error {
	if len(match) == 0 {
		return omen.WithHint(fmt.Errorf("%s: no matcher: %w", what, omen.ErrInvalid), `say which incidents are meant, such as host="web-1"`)
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
	return omen.WithHint(fmt.Errorf("%s: effect %q is not known: %w", what, effect, omen.ErrInvalid), "silence, exclude or shift")
}
