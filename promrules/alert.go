package promrules

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/template"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// instants are those of a rule's evaluations, in milliseconds.
type instants struct{ from, to, every int64 }

// sample is one alert of a rule that its expression gave at an instant.
type sample struct {
	at    int64
	alert *alert
}

// alert is the state of one alert. Times are milliseconds since 1970.
type alert struct {
	labels  map[string]string
	key     string
	seen    int64 // the last instant at which the expression gave it
	active  int64 // since when it is pending or fires; 0: it does neither
	fired   int64 // 0: it is pending
	missing int64 // since when it fires without the expression; 0: it does not
}

// follow takes an alerting rule through the instants, by the rules of Prometheus'
// rules/alerting.go: an alert is pending until it was there for as long as for
// says without a break, and fires until it is missing for keep_firing_for. With
// more of them than the group's limit at an instant all are forgotten.
func (r *rule) follow(ctx context.Context, curves []series.Curve, in instants) ([]Firing, error) {
	samples, err := r.samples(ctx, curves)
	if err != nil {
		return nil, err
	}
	var out []Firing
	var active []*alert
	for at, i := in.from, 0; at <= in.to; at += in.every {
		if len(active) == 0 {
			if i == len(samples) {
				break
			}
			at += max(0, (samples[i].at-at)/in.every) * in.every // nothing happens before
		}
		for ; i < len(samples) && samples[i].at <= at; i++ {
			a := samples[i].alert
			if a.seen == at {
				return nil, fmt.Errorf("it gives several alerts of the same labels: %s: %w", a.key, omen.ErrInvalid)
			}
			a.seen = at
			if a.active == 0 {
				a.active, active = at, append(active, a)
			}
		}
		end := func(a *alert) bool {
			over := r.step(a, at)
			if over && a.fired > 0 {
				out = append(out, r.firing(a, at))
			}
			if over {
				a.active, a.fired, a.missing = 0, 0, 0
			}
			return over
		}
		if active = slices.DeleteFunc(active, end); r.limit > 0 && len(active) > r.limit {
			for _, a := range active {
				if a.fired > 0 && a.fired < at {
					out = append(out, r.firing(a, at))
				}
				a.active, a.fired, a.missing = 0, 0, 0
			}
			active = nil
		}
	}
	for _, a := range active {
		if a.fired > 0 {
			out = append(out, r.firing(a, 0))
		}
	}
	return out, nil
}

// step is an evaluation's effect on an alert, and reports whether it is over.
func (r *rule) step(a *alert, at int64) (over bool) {
	if a.seen == at {
		a.missing = 0
	} else {
		if a.fired == 0 || r.keep == 0 {
			return true
		}
		if a.missing == 0 {
			a.missing = at
		}
		if at-a.missing >= r.keep.Milliseconds() {
			return true
		}
	}
	if a.fired == 0 && at-a.active >= r.hold.Milliseconds() {
		a.fired = at
	}
	return false
}

func (r *rule) firing(a *alert, resolved int64) Firing {
	f := Firing{Place: r.Place, Labels: a.labels, Active: time.UnixMilli(a.active).UTC(), Fired: time.UnixMilli(a.fired).UTC()}
	if resolved > 0 {
		f.Resolved = time.UnixMilli(resolved).UTC()
	}
	return f
}

// samples are the alerts that the expression gave, by time.
func (r *rule) samples(ctx context.Context, curves []series.Curve) ([]sample, error) {
	known := map[string]*alert{}
	identify := func(c *series.Curve, i int) (*alert, error) {
		labels, err := r.alertLabels(ctx, c.Labels, c.Values[i], c.At[i])
		if err != nil {
			return nil, err
		}
		key := keyOf(labels)
		if known[key] == nil {
			known[key] = &alert{labels: labels, key: key}
		}
		return known[key], nil
	}
	moves := r.labelsMove()
	var all []sample
	for j := range curves {
		c := &curves[j]
		var a *alert
		for i, at := range c.At {
			if a == nil || moves {
				var err error
				if a, err = identify(c, i); err != nil {
					return nil, err
				}
			}
			all = append(all, sample{at, a})
		}
	}
	slices.SortStableFunc(all, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	return all, nil
}

// labelsMove reports whether a label may change while the series stays.
func (r *rule) labelsMove() bool {
	for _, text := range r.labels {
		if strings.Contains(text, "{{") && (strings.Contains(text, "alue") || strings.Contains(text, "now")) {
			return true
		}
	}
	return false
}

// alertLabels are those of an alert of a series: its own without the metric's
// name, those of the rule over them, expanded as Prometheus does.
func (r *rule) alertLabels(ctx context.Context, of map[string]string, v float64, at int64) (map[string]string, error) {
	labels := maps.Clone(of)
	delete(labels, model.MetricNameLabel)
	for name, text := range r.labels {
		if strings.Contains(text, "{{") {
			data := struct {
				Labels, ExternalLabels map[string]string
				ExternalURL            string
				Value                  any
			}{of, nil, "", v}
			var err error
			if text, err = template.NewTemplateExpander(ctx, templateDefs+text, "__alert_"+r.Rule, data, model.Time(at), nil, nil, nil).Expand(); err != nil {
				return nil, fmt.Errorf("label %s: %w: %w", name, err, omen.ErrInvalid)
			}
		}
		if labels[name] = text; text == "" {
			delete(labels, name)
		}
	}
	labels[model.AlertNameLabel] = r.Rule
	return labels, nil
}

// templateDefs are the variables that Prometheus gives a rule's templates.
const templateDefs = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
