package app

import (
	"os"
	"strings"
	"time"

	"github.com/omenhq/omen/config"
)

// zoneOf is the time zone in which "at this time of day" is meant: the
// configured one, or else this machine's, by its IANA name where it has one.
func zoneOf(c *config.Config) *time.Location {
	if c.TimeZone != "" {
		if zone, err := time.LoadLocation(c.TimeZone); err == nil { // the configuration was checked
			return zone
		}
	}
	name, set := os.LookupEnv("TZ")
	if !set {
		link, err := os.Readlink("/etc/localtime")
		if err != nil {
			return time.Local
		}
		_, name, _ = strings.Cut(link, "zoneinfo/")
	}
	zone, err := time.LoadLocation(strings.TrimPrefix(name, ":"))
	if now := time.Now(); err != nil || now.In(zone).Format(time.RFC3339) != now.Local().Format(time.RFC3339) {
		return time.Local
	}
	return zone
}
