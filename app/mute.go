package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/mute"
)

// configuredWindows is the calendar under which the windows of the file's
// section "maintenance" are stored; no calendar of a file can be named so,
// since a name of ours has no space.
const configuredWindows = "configuration file"

// by is who makes what a configuration file asks for.
const by = "configuration"

// settingCalendars is where the store keeps which calendars the file had.
const settingCalendars = "app.calendars"

// loadMutes reads maintenance windows, and what can be said of calendars without
// reading them: their files are read while Omen runs, and stop nothing.
func (l *loaded) loadMutes(now time.Time) error {
	var wrong []error
	l.windows = nil
	for i, m := range l.conf.Maintenance {
		key := fmt.Sprintf("maintenance[%d]", i)
		match, err := l.matchers(key, m.Match)
		w := configuredWindow(i, m)
		w.Match, w.Created = match, now
		l.windows = append(l.windows, w)
		if err == nil {
			if err = w.Validate(); err != nil {
				err = at(l.conf, key, err)
			}
		}
		wrong = append(wrong, err)
	}
	for i, k := range l.conf.Calendars {
		_, err := l.matchers(fmt.Sprintf("calendars[%d]", i), k.Match)
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// configuredWindow is an entry of the file's section "maintenance", without its
// conditions.
func configuredWindow(i int, m config.Maintenance) mute.Window {
	return mute.Window{
		ID: fmt.Sprintf("config.%d", i), Name: m.Name, Zone: m.Zone, Start: m.Start,
		Duration: time.Duration(m.Duration), Rule: m.Rule, Except: m.Except, Effect: mute.Effect(m.Effect),
		Calendar: configuredWindows, By: by,
	}
}

// matchers reads the conditions below a key of the file.
func (l *loaded) matchers(key string, texts []string) ([]mute.Matcher, error) {
	var wrong []error
	for i, text := range texts {
		if _, err := mute.ParseMatcher(text); err != nil {
			wrong = append(wrong, at(l.conf, fmt.Sprintf("%s.match[%d]", key, i), err))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return matchers(texts)
}

// calendar is what a calendar file holds, and what was left out of it, or why it
// cannot be read.
type calendar struct {
	windows []mute.Window
	left    []mute.Omitted
	err     error
}

// calendars reads calendar files, all at once: one that hangs holds up no other.
func (r *readings) calendars(ctx context.Context, files []config.Calendar, now time.Time) []calendar {
	all := make([]calendar, len(files))
	var group sync.WaitGroup
	for i, k := range files {
		group.Go(func() {
			c := &all[i]
			c.windows, c.left, c.err = r.calendar(ctx, k, now)
		})
	}
	group.Wait()
	return all
}

// calendar reads the windows of a calendar file, and what it left out.
func (r *readings) calendar(ctx context.Context, k config.Calendar, now time.Time) ([]mute.Window, []mute.Omitted, error) {
	match, err := matchers(k.Match)
	if err != nil {
		return nil, nil, err
	}
	var zone *time.Location // nil: the calendar's own
	if k.Zone != "" {
		if zone, err = time.LoadLocation(k.Zone); err != nil {
			return nil, nil, err
		}
	}
	text, err := r.read(ctx, k.File, mute.MaxCalendar+1)
	if err != nil {
		return nil, nil, err
	}
	windows, left, err := mute.ParseCalendar(text, k.Name, zone, time.UTC)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", k.File, err)
	}
	for i := range windows {
		w := &windows[i]
		w.Match, w.Effect, w.By, w.Created = match, mute.Effect(k.Effect), by, now
	}
	return windows, left, nil
}

// OverMaintenance is a line for each window of a configuration that is over at an
// instant. It is no error: a file that was valid stays so.
func OverMaintenance(conf *config.Config, now time.Time) (lines []string) {
	for i, m := range conf.Maintenance {
		if err := configuredWindow(i, m).NotOver(now); err != nil {
			lines = append(lines, fmt.Sprintf("maintenance[%d]: %v", i, err))
		}
	}
	return lines
}

// Calendars says what each calendar file of a configuration holds at an instant: a
// line for the file, for each of its windows with when it is next within a year,
// and for each event that is left out.
func Calendars(ctx context.Context, conf *config.Config, now time.Time) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for i, c := range new(readings).calendars(ctx, conf.Calendars, now) {
		k := conf.Calendars[i]
		if c.err != nil {
			add("calendar %s cannot be read: %v", k.Name, c.err)
			continue
		}
		add("calendar %s: windows: %d, left out: %d", k.Name, len(c.windows), len(c.left))
		for _, w := range c.windows {
			zone, err := time.LoadLocation(w.Zone)
			next := w.Between(now, now.AddDate(1, 0, 0))
			if err != nil || len(next) == 0 {
				add("  %s: not within a year", w.Name)
				continue
			}
			add("  %s: next %s for %s", w.Name, next[0].From.In(zone).Format("Mon 2006-01-02 15:04 -0700"), omen.Soon(next[0].To.Sub(next[0].From)))
		}
		for _, o := range c.left {
			add("  %s is left out: %s", cmp.Or(o.Summary, o.UID), o.Why)
		}
	}
	return lines
}

// readRegular reads a file, at most so many bytes of it. A pipe or device is
// refused: to read one may never end.
func readRegular(path string, most int64) (text []byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: it is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, most))
}

// matchers reads one condition from each text.
func matchers(texts []string) ([]mute.Matcher, error) {
	all := make([]mute.Matcher, len(texts))
	for i, text := range texts {
		var err error
		if all[i], err = mute.ParseMatcher(text); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// storeMutes makes the stored windows those of the file, except the windows of
// its calendars.
func (p *process) storeMutes(ctx context.Context, l *loaded) error {
	var before []string
	if _, err := p.db.Kept(ctx, settingCalendars, &before); err != nil {
		return err
	}
	after := []string{}
	for _, k := range l.conf.Calendars {
		after = append(after, k.Name)
	}
	if err := p.putCalendar(ctx, configuredWindows, l.windows); err != nil {
		return err
	}
	for _, name := range before {
		if !slices.Contains(after, name) {
			if err := p.putCalendar(ctx, name, nil); err != nil {
				return err
			}
		}
	}
	if slices.Equal(before, after) {
		return nil
	}
	return p.db.PutSetting(ctx, settingCalendars, after)
}

// putCalendar stores a calendar's windows if they changed.
func (p *process) putCalendar(ctx context.Context, name string, windows []mute.Window) error {
	stored, err := p.db.Windows(ctx)
	if err != nil {
		return err
	}
	old := map[string]mute.Window{}
	for _, w := range stored {
		if w.Calendar == name {
			w.Created = time.Time{}
			old[w.ID] = w
		}
	}
	same := len(old) == len(windows)
	for _, w := range windows {
		w.Created = time.Time{}
		same = same && equalWindow(old[w.ID], w)
	}
	if same {
		return nil
	}
	return p.db.PutCalendar(ctx, name, windows, omen.Audit{At: time.Now(), By: by, Action: "calendar.put", Subject: name})
}

// equalWindow compares what windows mean: an absent list is an empty one.
func equalWindow(a, b mute.Window) bool {
	if len(a.Except) == 0 && len(b.Except) == 0 {
		a.Except, b.Except = nil, nil
	}
	return reflect.DeepEqual(a, b)
}
