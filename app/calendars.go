package app

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/config"
)

// refresh is how often calendar files are read again.
const refresh = time.Minute

// calendarFiles are the calendar files of a configuration and how reading
// them went. It is safe for concurrent use.
type calendarFiles struct {
	mu  sync.Mutex
	all []api.CalendarFile // in the configuration's order
}

// newCalendarFiles takes files that were read at now, each without an error: a
// configuration with a bad one is refused.
func newCalendarFiles(files []config.Calendar, now time.Time) *calendarFiles {
	c := &calendarFiles{}
	for _, k := range files {
		c.all = append(c.all, api.CalendarFile{Name: k.Name, File: k.File, ReadAt: api.Instant(now)})
	}
	return c
}

// note remembers how reading a file went, and reports whether that is news:
// whether another error than before came, or none.
func (c *calendarFiles) note(name string, now time.Time, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.all, func(k api.CalendarFile) bool { return k.Name == name })
	if i < 0 {
		return false
	}
	k, was := &c.all[i], c.all[i].Err
	if err == nil {
		k.ReadAt, k.FailedSince, k.Err = api.Instant(now), api.Instant{}, ""
		return was != ""
	}
	if k.Err = err.Error(); was == "" {
		k.FailedSince = api.Instant(now)
	}
	return k.Err != was
}

// status is a copy of what is known.
func (c *calendarFiles) status() []api.CalendarFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// refreshCalendars reads calendar files again until ctx ends: whoever edits
// one need not tell Omen.
func (g *generation) refreshCalendars(ctx context.Context) error {
	if len(g.conf.Calendars) == 0 {
		<-ctx.Done()
		return nil
	}
	timer := time.NewTicker(refresh)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-timer.C:
			g.readCalendars(ctx, now)
		}
	}
}

// readCalendars reads every calendar file once. The windows of one that cannot
// be read stay as they were.
func (g *generation) readCalendars(ctx context.Context, now time.Time) {
	for _, k := range g.conf.Calendars {
		windows, err := readCalendar(k, now)
		if err == nil {
			err = g.p.putCalendar(ctx, k.Name, windows)
		}
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return
		}
		switch news := g.calendars.note(k.Name, now, err); {
		case news && err != nil:
			g.p.log.Error("calendar cannot be read: its windows stay as they were", "path", k.File, "err", err)
		case news:
			g.p.log.Info("calendar can be read again", "path", k.File, "count", len(windows))
		}
	}
}
