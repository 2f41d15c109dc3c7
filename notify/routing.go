package notify

import (
	"fmt"
	"maps"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// rules are what a queue goes by.
type rules struct {
	channel      string
	receiver     string
	route        *dispatch.Route // nil: every receiver is notified of everything at once
	intervals    *timeinterval.Intervener
	channels     map[string][]string // by receiver
	view         message.View
	resolved     bool // notify when an incident is over
	acknowledged bool
	machine      bool
	storm        int
}

// Without a route a message waits a second for others, which is what makes a
// storm one message from its first minute on, and is never repeated.
var plainOptions = dispatch.RouteOpts{GroupWait: time.Second, GroupInterval: time.Second}

const (
	stormInterval       = time.Minute     // a storm's messages, when more opens
	stormClosedInterval = 5 * time.Minute // and when incidents only close
	stormMemory         = 2 * time.Minute // how long after a storm's message new incidents still join it
	muteCheck           = 30 * time.Second
)

// groupByIncident gives each incident a message of its own, at once, on the
// routes for which no group_by is written: by Alertmanager's defaults they share
// one group, in which the incident of a second host waits for group_interval.
// What is written stays; at and below a group_by Alertmanager's defaults hold.
func groupByIncident(root *amconfig.Route) {
	if root.GroupByStr != nil {
		return
	}
	root.GroupBy = []model.LabelName{"incident"}
	groupTogether(root.Routes, root.GroupWait == nil, root.GroupInterval == nil)
	setDefaultOf(&root.GroupWait, plainOptions.GroupWait)
	setDefaultOf(&root.GroupInterval, plainOptions.GroupInterval)
}

// groupTogether gives Alertmanager's defaults to the topmost routes that have a
// group_by, for the waits that no route above them has written.
func groupTogether(routes []*amconfig.Route, wait, interval bool) {
	for _, r := range routes {
		if r.GroupByStr == nil {
			groupTogether(r.Routes, wait && r.GroupWait == nil, interval && r.GroupInterval == nil)
			continue
		}
		if wait {
			setDefaultOf(&r.GroupWait, dispatch.DefaultRouteOpts.GroupWait)
		}
		if interval {
			setDefaultOf(&r.GroupInterval, dispatch.DefaultRouteOpts.GroupInterval)
		}
	}
}

func setDefaultOf(d **model.Duration, to time.Duration) {
	if *d == nil {
		*d = new(model.Duration(to))
	}
}

// groupOf is the group that an incident's messages belong to by the routes, or
// nil if none leads to this receiver. A receiver that several routes lead to is
// notified by the first.
func (q *queue) groupOf(in omen.Incident) *group {
	if q.rules.route == nil {
		return q.ownGroup(in)
	}
	set := q.rules.view.Labels(in)
	for _, route := range q.rules.route.Match(set) {
		if route.RouteOpts.Receiver != q.rules.receiver {
			continue
		}
		labels := model.LabelSet{}
		for name, value := range set {
			if _, by := route.RouteOpts.GroupBy[name]; by || route.RouteOpts.GroupByAll {
				labels[name] = value
			}
		}
		return q.group(fmt.Sprintf("%s:%s", route.Key(), labels), labels, route.RouteOpts)
	}
	if q.rules.stranded(in) {
		return q.ownGroup(in)
	}
	return nil
}

// ownGroup is a group of the incident alone.
func (q *queue) ownGroup(in omen.Incident) *group {
	labels := model.LabelSet{"incident": model.LabelValue(in.ID)}
	return q.group(fmt.Sprintf("{}:%s", labels), labels, plainOptions)
}

func (q *queue) stormGroup() *group {
	opts := dispatch.RouteOpts{GroupInterval: stormInterval}
	g := q.group("{}/storm:"+q.rules.channel, model.LabelSet{model.AlertNameLabel: alertStorm}, opts)
	g.storm = true
	return g
}

func (q *queue) group(key string, labels model.LabelSet, opts dispatch.RouteOpts) *group {
	g := q.groups[key]
	if g == nil {
		g = &group{key: key, labels: labels, opts: opts, members: map[string]*entry{}}
		q.groups[key] = g
	}
	return g
}

// muted reports whether the group's route is muted at an instant, and by which
// interval.
func (q *queue) muted(g *group, now time.Time) (string, bool) {
	if q.rules.intervals == nil {
		return "", false
	}
	if names := g.opts.MuteTimeIntervals; len(names) > 0 {
		if muted, by, err := q.rules.intervals.Mutes(names, now); err == nil && muted {
			return by[0], true
		}
	}
	if names := g.opts.ActiveTimeIntervals; len(names) > 0 {
		if active, _, err := q.rules.intervals.Mutes(names, now); err == nil && !active {
			return "outside " + names[0], true
		}
	}
	return "", false
}

// intervalsOf are the named time intervals of a configuration.
func intervalsOf(s *Settings) *timeinterval.Intervener {
	all := map[string][]timeinterval.TimeInterval{}
	for _, i := range s.alertmanager.MuteTimeIntervals {
		all[i.Name] = i.TimeIntervals
	}
	for _, i := range s.alertmanager.TimeIntervals {
		all[i.Name] = i.TimeIntervals
	}
	return timeinterval.NewIntervener(maps.Clone(all))
}

// Hours are some of a configuration's time intervals.
type Hours struct {
	names     []string
	intervals *timeinterval.Intervener
}

// Hours are the time intervals of these names; one that there is not is
// [omen.ErrInvalid].
func (s *Settings) Hours(names []string) (*Hours, error) {
	h := &Hours{names, intervalsOf(s)}
	if _, _, err := h.intervals.Mutes(names, time.Time{}); err != nil {
		return nil, omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrInvalid), "name one of time_intervals")
	}
	return h, nil
}

// Holds is the name of the first that holds at an instant; empty: none does.
func (h *Hours) Holds(at time.Time) string {
	_, names, err := h.intervals.Mutes(h.names, at)
	if err != nil || len(names) == 0 {
		return "" // they were all there when the configuration was read
	}
	return names[0]
}
