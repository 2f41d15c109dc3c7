package omen

import (
	"testing"
	"time"
)

func TestSoon(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 2 * time.Second: "2 s", 59400 * time.Millisecond: "59 s", 59600 * time.Millisecond: "1 min", 89 * time.Minute: "89 min",
		90 * time.Minute: "1½ h", 10 * time.Hour: "10 h", 60 * time.Hour: "2½ d", 876_000 * time.Hour: "36500 d",
	} {
		if got := Soon(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
