package message

import (
	"strings"
	"testing"
	"time"
)

func TestTimesOnAnAxisAreWhole(t *testing.T) {
	at := time.Date(2026, 3, 2, 11, 43, 17, 0, time.UTC)
	for length, want := range map[time.Duration]string{
		25 * time.Minute: "11:45 11:50 11:55 12:00 12:05",
		3 * time.Hour:    "12:00 12:30 13:00 13:30 14:00 14:30",
		50 * time.Hour:   "2 Mar 12:00 3 Mar 00:00 3 Mar 12:00 4 Mar 00:00 4 Mar 12:00",
	} {
		var got []string
		for _, tick := range (wholeTimes{}).Ticks(float64(at.Unix()), float64(at.Add(length).Unix())) {
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", length, got, want)
		}
	}
}
