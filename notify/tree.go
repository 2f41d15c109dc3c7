package notify

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/dispatch"
)

// Routing is one route of the configuration, with what it inherits.
type Routing struct {
	Key           string // in the configuration, such as route.routes[1]
	Depth         int    // 0: the topmost
	Match         []string
	Receiver      string
	GroupBy       []string // by name; ... alone: by all labels
	GroupWait     time.Duration
	GroupInterval time.Duration
	Repeat        time.Duration
	Continue      bool     // what matches is matched with the routes after it, too
	Muted         []string // time intervals in which nothing is sent
	Active        []string // time intervals outside of which nothing is sent
}

// Routes are the routes of the configuration, each before those below it. Without
// any, every receiver is notified of everything.
func (s *Settings) Routes() []Routing {
	if s.plain || s.alertmanager.Route == nil {
		return nil
	}
	var all []Routing
	var add func(r *dispatch.Route, key string, depth int)
	add = func(r *dispatch.Route, key string, depth int) {
		o := r.RouteOpts
		one := Routing{
			Key: key, Depth: depth, Receiver: o.Receiver, GroupWait: o.GroupWait, GroupInterval: o.GroupInterval, Repeat: o.RepeatInterval,
			Continue: r.Continue, Muted: o.MuteTimeIntervals, Active: o.ActiveTimeIntervals,
		}
		for _, m := range r.Matchers {
			one.Match = append(one.Match, m.String())
		}
		for name := range o.GroupBy {
			one.GroupBy = append(one.GroupBy, string(name))
		}
		slices.Sort(one.GroupBy)
		if o.GroupByAll {
			one.GroupBy = []string{"..."}
		}
		all = append(all, one)
		for i, child := range r.Routes {
			add(child, fmt.Sprintf("%s.routes[%d]", key, i), depth+1)
		}
	}
	add(dispatch.NewRoute(s.alertmanager.Route, nil), "route", 0)
	return all
}
