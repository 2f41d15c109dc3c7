package app

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/incident"
)

// Hosts is the live state of every host, without features.
func (g *generation) Hosts() []omen.HostStatus {
	var all []omen.HostStatus
	for _, w := range g.watches {
		all = append(all, w.Brief()...)
	}
	g.p.pages.fill(all, g.conf.Pages.PerHostWeek, time.Now())
	return all
}

// Forecasts is what is expected of every resource that has a limit.
func (g *generation) Forecasts() []omen.Outlook {
	var all []omen.Outlook
	for _, w := range g.watches {
		all = append(all, w.Forecasts()...)
	}
	return all
}

// Unread are the limits that cannot be read, now or for their history.
func (g *generation) Unread() []omen.UnreadLimit {
	var all []omen.UnreadLimit
	for _, w := range g.watches {
		all = append(all, w.Unread()...)
	}
	return all
}

// Pending is every resource that has a limit and is not forecast yet.
func (g *generation) Pending() []omen.Pending {
	var all []omen.Pending
	for _, w := range g.watches {
		all = append(all, w.Pending()...)
	}
	return all
}

// Used is how much of a resource's limit was used since an instant.
func (g *generation) Used(r omen.Resource, from time.Time) []omen.UsedPoint {
	if w := g.of(r.Host); w != nil {
		return w.Used(r, from)
	}
	return nil
}

// Host is the live state of one host.
func (g *generation) Host(id omen.Host) (omen.HostStatus, bool) {
	w := g.of(id)
	if w == nil {
		return omen.HostStatus{}, false
	}
	h, known := w.Host(id)
	one := []omen.HostStatus{h}
	g.p.pages.fill(one, g.conf.Pages.PerHostWeek, time.Now())
	return one[0], known
}

// Subject is what a prediction needs to know of a host.
func (g *generation) Subject(id omen.Host) (api.Subject, bool) {
	w := g.of(id)
	if w == nil {
		return api.Subject{}, false
	}
	model, instance, known := w.Serving(id)
	return api.Subject{Instance: instance, Places: w.schema.Places(), Model: model.ID, Grade: model.Grade}, known
}

// Named are the hosts of a name or instance label.
func (g *generation) Named(name string) []omen.Host {
	var all []omen.Host
	for _, w := range g.watches {
		all = append(all, w.Named(name)...)
	}
	return all
}

// Pages are those of all hosts, and all since the start by severity.
func (g *generation) Pages(hosts []omen.HostStatus) (omen.Pages, map[omen.Severity]uint64) {
	return ofAll(hosts, g.conf.Pages.PerHostWeek), g.p.pages.totals()
}

// Calendars are the calendar files, and how reading them went.
func (g *generation) Calendars() []api.CalendarFile { return g.calendars.status() }

// Chart is a message's picture of an incident.
func (g *generation) Chart(ctx context.Context, incident, signature string) ([]byte, error) {
	return g.relay.Chart(ctx, incident, signature)
}

// Reload asks the process to read the configuration again, and waits for the
// outcome.
func (g *generation) Reload(ctx context.Context) error {
	answer := make(chan error, 1) // room for one: nobody waits for a client that has gone
	select {
	case g.p.reloads <- answer:
	case <-g.p.stopping:
		return fmt.Errorf("reload: Omen is stopping: %w", omen.ErrUnavailable)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Labels are a host's labels as last read.
func (g *generation) Labels(h omen.Host) map[string]string {
	if w := g.of(h); w != nil {
		return w.Labels(h)
	}
	return nil
}

// of is the watch of a host.
func (g *generation) of(h omen.Host) *watched {
	for _, w := range g.watches {
		if w.source == h.Source && w.schema.Profile() == h.Profile {
			return w
		}
	}
	return nil
}

// Queues is how full the incident manager is.
func (g *generation) Queues() []api.Queue {
	h := g.manager.Health()
	return []api.Queue{{Name: "incidents", Length: h.Queued, Capacity: incident.QueueLength, Dropped: h.Dropped}}
}

// Predict scores values as though they were the host's next sample.
func (g *generation) Predict(h omen.Host, values []float64) (omen.Score, error) {
	w := g.of(h)
	if w == nil {
		return omen.Score{}, fmt.Errorf("host %s: %w", h.ID(), omen.ErrNotFound)
	}
	return w.Predict(h, values)
}
