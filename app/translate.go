package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/notify"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/remedy/kube"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/watch"
)

// loaded is a configuration that every part accepts.
type loaded struct {
	conf     *config.Config
	text     []byte    // of the file, as it was read
	at       time.Time // when
	profiles map[string]*feature.Schema
	windows  []mute.Window // maintenance of the file
	settings *notify.Settings
	policy   remedy.Policy
	hands    map[string]remedy.Hand // by playbook
	cluster  *kube.Cluster          // nil: no playbook needs one
	checking bool                   // perhaps elsewhere than where Omen will run
	notes    []error                // what may be a mistake, or be there where Omen runs
}

// Checked is what is to be said of a configuration that nothing refuses.
type Checked struct {
	Notifies string  // who is notified, or that nobody is
	Mistakes []error // what may be one
}

// Check reads a configuration file and reports what any part of Omen would
// refuse. It returns the effective configuration.
func Check(ctx context.Context, file string) (*config.Config, Checked, error) {
	l := &loaded{at: time.Now(), checking: true}
	if err := l.load(file, nil); err != nil {
		return nil, Checked{}, err
	}
	var wrong []error
	for i, c := range new(readings).calendars(ctx, l.conf.Calendars, time.Now()) {
		if c.err != nil {
			wrong = append(wrong, at(l.conf, fmt.Sprintf("calendars[%d].file", i), c.err))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, Checked{}, invalid(err)
	}
	return l.conf, Checked{notifies(l.settings.Notified()), l.notes}, nil
}

func (p *process) load() (*loaded, error) {
	return load(p.o.ConfigFile, p.o.PrometheusURLs, time.Now())
}

func load(file string, urls []string, now time.Time) (*loaded, error) {
	l := &loaded{at: now}
	if err := l.load(file, urls); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *loaded) load(file string, urls []string) (err error) {
	l.settings = &notify.Settings{}
	if file == "" {
		l.conf, err = config.Parse(nil)
	} else {
		l.conf, err = config.Load(file)
	}
	if errors.As(err, new(*fs.PathError)) {
		err = omen.WithHint(err, "give the path of a file that Omen can read, or leave it out: Omen needs none")
	}
	if err != nil && l.conf != nil { // what else is wrong with profiles is said, too
		_, more := Schemas(l.conf)
		err = config.InOrder(err, more, l.checkQueries(config.InOrder(err, more)))
	}
	if err != nil {
		return invalid(err)
	}
	var wrong []error
	if file != "" {
		if l.text, err = os.ReadFile(file); err != nil {
			return invalid(err)
		}
		if l.settings, err = notify.Load(l.text, filepath.Dir(file)); err == nil {
			_, err = notify.NewRelay(notify.Options{Settings: l.settings})
		}
		if err != nil {
			wrong = append(wrong, placed(l.conf, fmt.Errorf("%s: %w", file, err)))
		} else {
			for _, m := range l.settings.Doubts() {
				l.notes = append(l.notes, l.conf.At(m.Key, m.Problem))
			}
		}
	}
	for i, s := range l.conf.Sources {
		if _, err := Remote(s, nil); err != nil {
			wrong = append(wrong, at(l.conf, fmt.Sprintf("sources[%d]", i), err))
		}
	}
	if l.profiles, err = Schemas(l.conf); err != nil {
		wrong = append(wrong, err)
	}
	wrong = append(wrong, l.checkQueries(err), l.loadMutes(l.at), l.loadRemedy())
	if err := config.InOrder(wrong...); err != nil {
		return invalid(err)
	}
	addSources(l.conf, urls)
	for _, s := range l.conf.Sources {
		if _, err := Remote(s, nil); err != nil {
			return invalid(fmt.Errorf("source %s: %w", s.Name, err))
		}
	}
	return nil
}

// at is what a part finds wrong with a key, with the key's place and what to
// write instead.
func at(c *config.Config, key string, err error) error {
	why, hint := strings.TrimSuffix(err.Error(), ": "+omen.ErrInvalid.Error()), omen.Hint(err)
	if hint == "" && errors.As(err, new(*fs.PathError)) {
		hint = "correct the path, or make the file readable for Omen"
	}
	if hint != "" {
		why += ": " + hint
	}
	return c.At(key, why)
}

// placed gives mistakes in notification settings the places of their keys.
func placed(c *config.Config, err error) error {
	var found notify.Mistakes
	if !errors.As(err, &found) {
		return err
	}
	var all []error
	for _, m := range found {
		switch {
		case m.Line > 0 && m.Unknown != "":
			all = append(all, c.UnknownAt(m.Line, m.Unknown, notify.KeysAt))
		case m.Line > 0:
			all = append(all, c.AtLine(m.Line, m.Value, m.Problem))
		case m.Err != nil:
			all = append(all, at(c, m.Key, m.Err))
		default:
			all = append(all, c.At(m.Key, m.Problem))
		}
	}
	return errors.Join(all...)
}

// CheckHint is the hint of a mistake in a configuration file that has none of its own.
const CheckHint = "check a file with: omen check config FILE; see one with: omen config example"

// invalid marks an error of a configuration file.
func invalid(err error) error {
	hint := CheckHint
	var missing *fs.PathError
	if errors.As(err, &missing) {
		hint = fmt.Sprintf("the configuration names %s: correct the path there, or make the file readable for Omen", missing.Path)
	}
	if omen.Hint(err) != "" {
		hint = omen.Hint(err)
	}
	if !errors.Is(err, omen.ErrInvalid) {
		err = mark{err}
	}
	return omen.WithHint(err, hint)
}

// mark makes an error omen.ErrInvalid without another word.
type mark struct{ error }

func (m mark) Unwrap() []error { return []error{m.error, omen.ErrInvalid} }

// addSources adds those of the command line, with the defaults of the file's.
func addSources(c *config.Config, urls []string) {
	taken := map[string]bool{"local": true}
	for _, s := range c.Sources {
		taken[s.Name] = true
	}
	for _, u := range urls {
		name := "prometheus"
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("prometheus-%d", n)
		}
		taken[name] = true
		c.Sources = append(c.Sources, SourceAt(name, u))
	}
}

// SourceAt is a source of which nothing but the address is known.
func SourceAt(name, address string) config.Source {
	return config.Source{
		Name: name, URL: config.Address(address), Profiles: []string{"node"},
		Step: model.Duration(15 * time.Second), Timeout: model.Duration(30 * time.Second),
	}
}

// Remote is a configured source's client.
func Remote(s config.Source, log *slog.Logger) (*series.Remote, error) {
	return series.NewRemote(series.RemoteOptions{
		URL: string(s.URL), HTTP: s.HTTPConfig, Timeout: time.Duration(s.Timeout),
		Delay: time.Duration(s.Delay), Concurrency: s.Concurrency, Log: log,
	})
}

// labelsFrom is where hosts' labels are taken from.
func labelsFrom(from []config.LabelsFrom) []watch.LabelsFrom {
	out := make([]watch.LabelsFrom, len(from))
	for i, f := range from {
		out[i] = watch.LabelsFrom(f)
	}
	return out
}

// hysteresis is the built-in numbers with those of the file.
func hysteresis(conf *config.Config) incident.Hysteresis {
	h, c := incident.DefaultHysteresis(), conf.Incidents
	h.FalseForecasts = conf.Pages.PerHostWeek / 4 // the forecasts' share of the page budget
	set := func(to *time.Duration, from model.Duration) {
		if from > 0 {
			*to = time.Duration(from)
		}
	}
	set(&h.Close.For, c.CloseAfter)
	set(&h.Reopen, c.ReopenWithin)
	set(&h.Expire, c.ExpireAfter)
	set(&h.HostGone, c.HostGone)
	set(&h.SourceDown.For, c.SourceDown)
	set(&h.FleetWindow, c.FleetWindow)
	h.CloseMost = max(h.CloseMost, h.Close.For)
	if c.FleetHosts > 0 {
		h.FleetHosts = c.FleetHosts
	}
	if c.StormHosts > 0 {
		h.StormHosts = c.StormHosts
	}
	return h
}

// sourceNames are the sources that a configuration watches.
func sourceNames(c *config.Config) []string {
	names := []string{}
	if c.LocalEnabled() {
		names = append(names, localName)
	}
	for _, s := range c.Sources {
		names = append(names, s.Name)
	}
	return names
}
