package omen

import (
	"fmt"
	"strings"
	"time"
)

// Window is maintenance that recurs: it begins at a wall-clock time in its own
// time zone, so that daylight saving moves it with the people who work then.
type Window struct {
	ID       string        `json:"id"`
	Name     string        `json:"name"`
	Match    []Matcher     `json:"match"`
	Zone     string        `json:"zone"`  // an IANA name such as "Europe/Berlin"; empty: UTC
	Start    string        `json:"start"` // the first one's local beginning, as "2006-01-02T15:04:05"
	Duration time.Duration `json:"duration_ns"`
	Rule     string        `json:"rule"`     // an RFC 5545 RRULE, see [ParseRule]; empty: once
	Except   []string      `json:"except"`   // local beginnings that do not take place
	Calendar string        `json:"calendar"` // the ICS calendar that it was read from; empty: made by hand
	Effect   Effect        `json:"effect"`   // empty: [EffectSilence]
	By       string        `json:"by"`
	Created  time.Time     `json:"created"`
}

// localLayout is how windows write wall-clock times.
const localLayout = "2006-01-02T15:04:05"

// maxWindow bounds a window's length; a longer one is a silence.
const maxWindow = 31 * 24 * time.Hour

// Validate reports what is missing or unreadable, as [ErrInvalid].
func (w Window) Validate() error {
	if strings.TrimSpace(w.Name) == "" {
		return WithHint(fmt.Errorf("window without a name: %w", ErrInvalid), "name it after what happens in it, such as backup")
	}
	what := "window " + w.Name
	if w.Duration <= 0 || w.Duration > maxWindow {
		return WithHint(fmt.Errorf("%s: lasts %s: %w", what, w.Duration, ErrInvalid), fmt.Sprintf("a window lasts more than nothing and up to %s", maxWindow))
	}
	if _, err := w.schedule(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return validate(what, w.Match, w.Effect)
}

// Active reports whether one of the window's occurrences holds at t.
func (w Window) Active(t time.Time) bool {
	return len(w.Between(t, t.Add(1))) > 0
}

// Between is every occurrence that overlaps from…to, oldest first. A window
// that does not validate has none. A beginning that daylight saving skips
// falls into the hour after it; one that occurs twice is the first of the two.
func (w Window) Between(from, to time.Time) []Span {
	s, err := w.schedule()
	if err != nil || w.Duration <= 0 || w.Duration > maxWindow {
		return nil
	}
	var spans []Span
	for begin := range s.all(from.Add(-w.Duration), to) {
		end := begin.Add(w.Duration)
		if end.After(from) && begin.Before(to) {
			spans = append(spans, Span{From: begin.UTC(), To: end.UTC(), Why: "window " + w.Name})
		}
	}
	return spans
}
