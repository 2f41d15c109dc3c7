package mute

import (
	"fmt"
	"strings"
	"time"

	"github.com/omenhq/omen"
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
	// Nominal says that Duration is counted on the local clock: a day then lasts
	// from midnight to midnight, which is 23 or 25 hours when the clocks change.
	Nominal  bool      `json:"nominal,omitzero"`
	Rule     string    `json:"rule"`     // an RFC 5545 RRULE, see [readRule]; empty: once
	Except   []string  `json:"except"`   // local beginnings that do not take place
	Calendar string    `json:"calendar"` // the ICS calendar that it was read from; empty: made by hand
	Effect   Effect    `json:"effect"`   // empty: [EffectSilence]
	By       string    `json:"by"`
	Created  time.Time `json:"created"`
}

// localLayout is how windows write wall-clock times.
const localLayout = "2006-01-02T15:04:05"

// maxWindow bounds a window's length; a longer one is a silence. maxName bounds
// the name of a calendar's, in bytes: it is in the reason of all that it suppresses.
const (
	maxWindow = 366 * 24 * time.Hour
	maxName   = 200
)

// Validate reports what is missing or unreadable, as [omen.ErrInvalid].
func (w Window) Validate() error {
	if strings.TrimSpace(w.Name) == "" {
		return omen.WithHint(fmt.Errorf("window without a name: %w", omen.ErrInvalid), "name it after what happens in it, such as backup")
	}
	what := "window " + w.Name
	if w.Duration <= 0 || w.Duration > maxWindow {
		return omen.WithHint(fmt.Errorf("%s: lasts %g hours: %w", what, w.Duration.Hours(), omen.ErrInvalid), fmt.Sprintf("a window lasts longer than 0 and up to %g days", maxWindow.Hours()/24))
	}
	s, err := w.schedule()
	if err == nil {
		err = s.happens()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return validate(what, w.Match, w.Effect)
}

// NotOver reports, as [omen.ErrInvalid], a window whose last occurrence ended before
// an instant, as [Silence.NotOver] does. It is for a window that validates.
func (w Window) NotOver(now time.Time) error {
	if w.Effect == EffectExclude || w.Effect == EffectShift {
		return nil
	}
	s, err := w.schedule()
	if err != nil {
		return err
	}
	for wall := range s.walls(now.Add(-w.Duration), time.Date(lastBeginning, 1, 1, 0, 0, 0, 0, time.UTC)) {
		if w.end(s, wall).After(now) {
			return nil
		}
	}
	return omen.WithHint(fmt.Errorf("window %s: it is over: no occurrence of start %s ends after %s: %w", w.Name, w.Start, now.UTC().Format(time.RFC3339), omen.ErrInvalid),
		"choose a start in the future, or a rule that goes on; to keep a past time from training use the effect exclude")
}

// end is when the occurrence that begins at a wall-clock time ends.
func (w Window) end(s schedule, wall time.Time) time.Time {
	if w.Nominal {
		return s.instant(wall.Add(w.Duration))
	}
	return s.instant(wall).Add(w.Duration)
}

// Between is every occurrence that overlaps from…to, oldest first. A window
// that does not validate has none. A beginning that daylight saving skips
// falls into the hour after it; one that occurs twice is the first of the two.
func (w Window) Between(from, to time.Time) []omen.Span {
	s, err := w.schedule()
	if err != nil || w.Duration <= 0 || w.Duration > maxWindow {
		return nil
	}
	var spans []omen.Span
	for wall := range s.walls(from.Add(-w.Duration), to) {
		begin, end := s.instant(wall), w.end(s, wall)
		if end.After(from) && begin.Before(to) {
			spans = append(spans, omen.Span{From: begin.UTC(), To: end.UTC(), Why: "window " + w.Name})
		}
	}
	return spans
}

// Occurrences are a window whose next day is remembered, for those who ask at
// every sample. They serve one goroutine.
type Occurrences struct {
	Window   Window
	from, to time.Time // spans are those within
	spans    []omen.Span
}

// Active reports whether one of the window's occurrences holds at an instant.
func (o *Occurrences) Active(at time.Time) bool {
	if at.Before(o.from) || !at.Before(o.to) {
		o.from, o.to = at, at.Add(24*time.Hour)
		o.spans = o.Window.Between(o.from, o.to)
	}
	for _, s := range o.spans {
		if !at.Before(s.From) && at.Before(s.To) {
			return true
		}
	}
	return false
}
