package notify

import (
	"errors"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// Time intervals hold by the clock of their zone, also in a file without receivers.
func TestHours(t *testing.T) {
	const intervals = `
time_intervals:
  - name: nights
    time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: '06:00'}], location: Europe/Berlin}]
  - name: weekends
    time_intervals: [{weekdays: [saturday, sunday]}]
`
	for name, file := range map[string]string{"alone": intervals, "with receivers": intervals + "receivers: [{name: r, webhook_configs: [{url: 'http://127.0.0.1:1/'}]}]\n"} {
		s := must.Get(Load([]byte(file), t.TempDir()))(t)
		h := must.Get(s.Hours([]string{"nights", "weekends"}))(t)
		for at, want := range map[string]string{
			"2026-11-25T21:30:00Z": "nights",   // Wednesday, 22:30 in Berlin
			"2026-07-01T20:30:00Z": "nights",   // Wednesday, 22:30 in summer
			"2026-11-25T20:30:00Z": "",         // 21:30 in winter
			"2026-11-25T05:30:00Z": "",         // 06:30
			"2026-11-28T12:00:00Z": "weekends", // Saturday
		} {
			if got := h.Holds(must.Get(time.Parse(time.RFC3339, at))(t)); got != want {
				t.Errorf("%s, %s: %q, want %q", name, at, got, want)
			}
		}
		if _, err := s.Hours([]string{"nights", "holidays"}); !errors.Is(err, omen.ErrInvalid) || omen.Hint(err) == "" {
			t.Errorf("%s: an interval that there is not: %v", name, err)
		}
	}
}
