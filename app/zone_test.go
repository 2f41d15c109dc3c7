package app

import (
	"testing"
	"time"

	"github.com/omenhq/omen/config"
)

// The configured zone is the one of patterns, whatever the machine's is; without
// one it is the machine's, and never a clock that it does not show.
func TestTheConfiguredZoneIsMeant(t *testing.T) {
	if zone := zoneOf(&config.Config{TimeZone: "Europe/Berlin"}); zone.String() != "Europe/Berlin" {
		t.Errorf("zone %s, want the configured one", zone)
	}
	now := time.Now()
	for _, tz := range []string{"", "UTC", "Asia/Tokyo", "No/Where"} {
		t.Setenv("TZ", tz) // time.Local was set at the start, and is what this process shows
		if zone := zoneOf(&config.Config{}); now.In(zone).Format(time.RFC3339) != now.Local().Format(time.RFC3339) {
			t.Errorf("TZ=%s: it is %s in %s, and %s here", tz, now.In(zone), zone, now.Local())
		}
	}
}
