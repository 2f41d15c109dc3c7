package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/mute"
)

// refresh is how often calendar files are read again.
const refresh = time.Minute

// calendarFiles are the calendar files of a configuration and how reading
// them went. It is safe for concurrent use.
type calendarFiles struct {
	mu  sync.Mutex
	all []api.CalendarFile // in the configuration's order
}

// newCalendarFiles takes files that have not been read.
func newCalendarFiles(files []config.Calendar) *calendarFiles {
	c := &calendarFiles{}
	for _, k := range files {
		c.all = append(c.all, api.CalendarFile{Name: k.Name, File: k.File})
	}
	return c
}

// note remembers how reading a file went, and reports whether that is news:
// whether another error than before came, or none, or other events are left out.
func (c *calendarFiles) note(name string, now time.Time, left []mute.Omitted, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.all, func(k api.CalendarFile) bool { return k.Name == name })
	if i < 0 {
		return false
	}
	k, was := &c.all[i], c.all[i].Err
	if err != nil {
		if k.Err = err.Error(); was == "" {
			k.FailedSince = api.Instant(now)
		}
		return k.Err != was
	}
	omitted := make(api.List[api.Omitted], len(left))
	for i := range left {
		omitted[i] = api.Omitted(left[i])
	}
	news := was != "" || !slices.Equal(omitted, k.Left)
	k.ReadAt, k.FailedSince, k.Err, k.Left = api.Instant(now), api.Instant{}, "", omitted
	return news
}

// status is a copy of what is known.
func (c *calendarFiles) status() []api.CalendarFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// refreshCalendars reads calendar files again until ctx ends: an edit
// takes effect without a reload. Those that cannot be read are a trouble of
// Omen's own, until all can.
func (g *generation) refreshCalendars(ctx context.Context) error {
	g.reportCalendars(ctx, g.manager)
	timer := time.NewTicker(refresh)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-timer.C:
			g.readCalendars(ctx, now)
			g.reportCalendars(ctx, g.manager)
		}
	}
}

// reportCalendars says which calendar files could not be read the last time.
func (g *generation) reportCalendars(ctx context.Context, to troubles) {
	var failing []string
	for _, k := range g.calendars.status() {
		if k.Err != "" {
			failing = append(failing, fmt.Sprintf("%s (%s)", k.Name, k.Err))
		}
	}
	var err error
	if len(failing) > 0 {
		err = to.Report(ctx, troubleCalendars, omen.Warning, "calendars cannot be read, their windows are kept: "+strings.Join(failing, "; "))
	} else {
		err = to.Resolve(ctx, troubleCalendars)
	}
	if err != nil && ctx.Err() == nil {
		g.p.log.Error("own trouble not reported", "err", err)
	}
}

// mostNamed bounds how many events of a calendar are named in the log.
const mostNamed = 20

// readCalendars reads every calendar file once. The windows of one that cannot
// be read are kept.
func (g *generation) readCalendars(ctx context.Context, now time.Time) {
	for i, c := range g.p.readings.calendars(ctx, g.conf.Calendars, now) {
		k, windows, left, err := g.conf.Calendars[i], c.windows, c.left, c.err
		if err == nil {
			err = g.p.putCalendar(ctx, k.Name, windows)
		}
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return
		}
		switch news := g.calendars.note(k.Name, now, left, err); {
		case news && err != nil:
			g.p.log.Error("calendar cannot be read: its windows are kept", "path", k.File, "err", err)
		case news:
			g.p.log.Info("calendar read", "path", k.File, "count", len(windows))
			for _, o := range left[:min(mostNamed, len(left))] {
				g.p.log.Warn("left out of calendar", "path", k.File, "err", fmt.Sprintf("%s (%s): %s", o.Summary, o.UID, o.Why))
			}
			if more := len(left) - mostNamed; more > 0 {
				g.p.log.Warn("more is left out of calendar", "path", k.File, "count", more)
			}
		}
	}
}
