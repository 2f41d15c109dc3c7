package app

import (
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// While time comes again that was judged before, that is a trouble of Omen's own; it
// is over when time goes on.
func TestAnHourThatComesAgainIsSaid(t *testing.T) {
	until := time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC)
	said := heard{}
	for _, c := range []struct {
		until time.Time
		want  string
	}{{time.Time{}, ""}, {until, "warning: the clock of Omen's machine was set back: what is read until 2026-03-02 13:00:00 UTC was judged before"}, {time.Time{}, ""}} {
		must.OK(t, reportClock(t.Context(), said, c.until))
		if text := said[troubleClock]; !strings.HasPrefix(text, c.want) || (text == "") != (c.want == "") {
			t.Errorf("said %q, want %q", text, c.want)
		}
	}
}
