package app

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/incident"
)

// configuredWindows is the calendar under which the windows of the file's
// section "maintenance" are stored; no calendar of a file can be named so,
// since a name of ours has no space.
const configuredWindows = "configuration file"

// by is who makes what a configuration file asks for.
const by = "configuration"

// settingCalendars is where the store keeps which calendars the file had.
const settingCalendars = "app.calendars"

// loadQuiet reads maintenance windows and calendars.
func (l *loaded) loadQuiet(now time.Time) error {
	l.windows = nil
	for i, m := range l.conf.Maintenance {
		match, err := matchers(m.Match)
		if err == nil {
			w := omen.Window{
				ID: fmt.Sprintf("config.%d", i), Name: m.Name, Match: match, Zone: m.Zone, Start: m.Start,
				Duration: time.Duration(m.Duration), Rule: m.Rule, Except: m.Except, Effect: omen.Effect(m.Effect),
				Calendar: configuredWindows, By: by, Created: now,
			}
			l.windows = append(l.windows, w)
			err = w.Validate()
		}
		if err != nil {
			return invalid(fmt.Errorf("maintenance[%d]: %w", i, err))
		}
	}
	l.calendars = map[string][]omen.Window{}
	for i, k := range l.conf.Calendars {
		windows, err := readCalendar(k, now)
		if err != nil {
			return invalid(fmt.Errorf("calendars[%d]: %w", i, err))
		}
		l.calendars[k.Name] = windows
	}
	return nil
}

func readCalendar(k config.Calendar, now time.Time) ([]omen.Window, error) {
	match, err := matchers(k.Match)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(k.Zone)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(k.File)
	if err != nil {
		return nil, err
	}
	windows, err := incident.ParseCalendar(text, k.Name, zone)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.File, err)
	}
	for i := range windows {
		w := &windows[i]
		w.Match, w.Effect, w.By, w.Created = match, omen.Effect(k.Effect), by, now
		if w.ID == "" {
			w.ID = fmt.Sprintf("%s.%d", k.Name, i)
		}
		if err := w.Validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", k.File, err)
		}
	}
	return windows, nil
}

var matcherForm = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*$`)

// matchers reads conditions as PromQL and Alertmanager write them: host=~"db-.*".
func matchers(texts []string) ([]omen.Matcher, error) {
	var all []omen.Matcher
	for _, text := range texts {
		part := matcherForm.FindStringSubmatch(text)
		if part == nil {
			return nil, fmt.Errorf("match %q: want a name, one of = != =~ !~, and a value, such as host=~\"db-.*\": %w", text, omen.ErrInvalid)
		}
		value := part[3]
		if unquoted, err := strconv.Unquote(value); err == nil {
			value = unquoted
		}
		m := omen.Matcher{Name: part[1], Value: value, IsRegex: part[2] == "=~" || part[2] == "!~", IsEqual: part[2][0] == '='}
		if err := m.Validate(); err != nil {
			return nil, fmt.Errorf("match %q: %w", text, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// storeQuiet makes the stored windows those of the file.
func (p *process) storeQuiet(ctx context.Context, l *loaded) error {
	var before []string
	if _, err := p.db.Setting(ctx, settingCalendars, &before); err != nil {
		return err
	}
	after := []string{}
	for _, k := range l.conf.Calendars {
		after = append(after, k.Name)
	}
	if err := p.putCalendar(ctx, configuredWindows, l.windows); err != nil {
		return err
	}
	for name, windows := range l.calendars {
		if err := p.putCalendar(ctx, name, windows); err != nil {
			return err
		}
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
func (p *process) putCalendar(ctx context.Context, name string, windows []omen.Window) error {
	stored, err := p.db.Windows(ctx)
	if err != nil {
		return err
	}
	old := map[string]omen.Window{}
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
func equalWindow(a, b omen.Window) bool {
	if len(a.Except) == 0 && len(b.Except) == 0 {
		a.Except, b.Except = nil, nil
	}
	return reflect.DeepEqual(a, b)
}
