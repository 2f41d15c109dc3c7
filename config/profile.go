package config

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
)

// checkLimitForm checks which keys a limit has.
func (w *walker) checkLimitForm(at string, l Limit) {
	if l.Name == "" {
		w.at(at+"name", "is missing: give it a name such as connections")
	}
	if l.Used == "" {
		w.at(at+"used", "is missing: give the PromQL expression for how much is used")
	}
	switch {
	case l.Kind != "" && l.Kind != "date":
		w.at(at+"kind", "%q is not known: write date if used is the instant at which it is over, or leave it out", l.Kind)
	case l.Kind == "" && l.Limit == "" && l.Max == 0:
		w.at(at+"limit", "is missing: give the PromQL expression for how much there is, or else max: a number")
	case l.Kind == "" && l.Limit != "" && l.Max != 0:
		w.at(at+"max", "is given together with limit: remove one of them")
	}
}

// derivedBy are the keys by which each kind of derived feature is computed.
var derivedBy = map[string][]string{
	"change": {"of", "over"}, "rate": {"of", "over"}, "mean": {"of", "over"}, "deviation": {"of", "over"},
	"ratio": {"of", "per"}, "above": {"of", "limit"}, "hour": {"zone"}, "weekday": {"zone"},
}

// checkDerived checks which keys a derived feature has, and how far it looks back.
func (c *Config) checkDerived(w *walker, at string, d Derived) {
	takes, known := derivedBy[d.Kind]
	if d.Kind == "" {
		w.at(at+"kind", "is missing: write change, rate, mean, deviation, ratio, above, hour or weekday")
	}
	if !known {
		return // package feature says which there are
	}
	given := map[string]bool{"of": d.Of != "", "per": d.Per != "", "over": d.Over != 0, "limit": d.Limit != nil, "zone": d.Zone != ""}
	for _, key := range []string{"of", "per", "over", "limit", "zone"} {
		switch needed := slices.Contains(takes, key); {
		case given[key] && !needed:
			w.at(at+key, "means nothing to kind: %s, which takes %s: remove it", d.Kind, strings.Join(takes, " and "))
		case key == "limit" && needed && !given[key]:
			w.at(at+key, "is missing: write above what it counts, in the unit of %q, such as limit: 0.9", d.Of)
		}
	}
	if d.Kind == "hour" || d.Kind == "weekday" {
		for _, key := range []struct {
			name  string
			given bool
		}{{"range", d.Range != nil}, {"direction", d.Direction != ""}, {"deviation", d.Deviation != 0}, {"work", d.Work}} {
			if key.given {
				w.at(at+key.name, "means nothing to kind: %s, which is never to blame: remove it", d.Kind)
			}
		}
	}
	if most := c.longestHistory(); slices.Contains(takes, "over") && d.Over > most {
		w.at(at+"over", "%s is further back than history is read: write less, or more as learn.history", d.Over)
	}
}

// longestHistory is how far back a model may learn.
func (c *Config) longestHistory() model.Duration {
	most := c.Learn.History
	for _, s := range c.Sources {
		most = max(most, s.History)
	}
	return most
}
