package config

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
)

// checkLimitForm checks which keys a limit has: one that means nothing for its kind is
// refused, whatever its value.
func (w *walker) checkLimitForm(at string, l *Limit) {
	if l.Name == "" {
		w.nameless(at+"name", "give it a name such as connections")
	}
	if l.Used == "" {
		w.at(at+"used", "is missing: give the PromQL expression for how much is used")
	}
	w.oneOf(at+"kind", &l.Kind, []string{"", "date"}, "write date if used is the instant at which it is over, or leave it out")
	switch {
	case l.Kind == "date":
		for _, key := range []string{"limit", "max", "full", "unit"} {
			if w.given(at + key) {
				w.needless(at+key, "is for amounts, and this is a date: remove it: used is the instant, in seconds since 1970; or remove kind: date")
			}
		}
		return
	case w.wrong(at + "kind"):
		return // it is not known what it is
	}
	for _, key := range []string{"warning", "critical"} {
		if w.given(at + key) {
			w.needless(at+key, "is for dates: remove it, or write kind: date")
		}
	}
	switch {
	case l.Limit == "" && l.Max == 0:
		w.at(at+"limit", "is missing: give the PromQL expression for how much there is, or else max: a number")
	case l.Limit != "" && l.Max != 0:
		w.at(at+"max", "is given together with limit: remove one of them")
	}
}

// derivedKinds are the kinds of derived features.
var derivedKinds = []string{"change", "rate", "mean", "deviation", "ratio", "above", "hour", "weekday"}

// derivedBy are the keys by which each kind of derived feature is computed.
var derivedBy = map[string][]string{
	"change": {"of", "over"}, "rate": {"of", "over"}, "mean": {"of", "over"}, "deviation": {"of", "over"},
	"ratio": {"of", "per"}, "above": {"of", "limit"}, "hour": {"zone"}, "weekday": {"zone"},
}

// checkDerived checks which keys a derived feature has, and how far it looks back. A
// key that means nothing for its kind is refused, whatever its value.
func (c *Config) checkDerived(w *walker, at string, d *Derived) {
	const hint = "write change, rate, mean, deviation, ratio, above, hour or weekday"
	if d.Kind == "" {
		w.at(at+"kind", "is missing: "+hint)
		return
	}
	w.oneOf(at+"kind", &d.Kind, derivedKinds, hint)
	takes, known := derivedBy[d.Kind]
	if !known {
		return // it is not known what it is
	}
	for _, key := range []string{"of", "per", "over", "limit", "zone"} {
		switch needed := slices.Contains(takes, key); {
		case !needed && w.given(at+key):
			w.needless(at+key, "means nothing to kind: %s, which takes %s: remove it", d.Kind, strings.Join(takes, " and "))
		case key == "limit" && needed && d.Limit == nil:
			w.at(at+key, "is missing: write above what it counts, in the unit of %q, such as limit: 0.9", d.Of)
		}
	}
	if d.Kind == "hour" || d.Kind == "weekday" {
		for _, key := range []string{"range", "direction", "deviation", "work"} {
			if w.given(at + key) {
				w.needless(at+key, "means nothing to kind: %s, which is never to blame: remove it", d.Kind)
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
