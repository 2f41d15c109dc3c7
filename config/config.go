package config

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// Config is a whole configuration file.
type Config struct {
	ExternalURL string        `yaml:"external_url,omitempty"`
	TimeZone    string        `yaml:"time_zone,omitempty"` // of times of day, such as "expected at this time"; empty: this machine's
	Local       Local         `yaml:"local"`
	Sources     []Source      `yaml:"sources,omitempty"`
	Profiles    []Profile     `yaml:"profiles,omitempty"`
	Learn       Learn         `yaml:"learn"`
	Pages       Pages         `yaml:"pages"`
	Storage     Storage       `yaml:"storage"`
	Incidents   Incidents     `yaml:"incidents"`
	Role        string        `yaml:"role_label,omitempty"` // the label that is a host's role; empty: the first of role, job that it has
	Maintenance []Maintenance `yaml:"maintenance,omitempty"`
	Calendars   []Calendar    `yaml:"calendars,omitempty"`
	Web         Web           `yaml:"web,omitempty"`
	Remedy      Remedy        `yaml:"remedy,omitempty"`

	// Kept as written, for package notify; the zero Node where left out.
	Global            yaml.Node `yaml:"global,omitempty"`
	Route             yaml.Node `yaml:"route,omitempty"`
	Receivers         yaml.Node `yaml:"receivers,omitempty"`
	Templates         yaml.Node `yaml:"templates,omitempty"`
	TimeIntervals     yaml.Node `yaml:"time_intervals,omitempty"`
	MuteTimeIntervals yaml.Node `yaml:"mute_time_intervals,omitempty"`
	Alertmanagers     yaml.Node `yaml:"alertmanagers,omitempty"`
	Notify            yaml.Node `yaml:"notify,omitempty"`

	written *walker // where each key is; nil: there was no file
}

// At is what another part of Omen finds wrong with the value at a key such as
// maintenance[0].match[1]: an [Error] with the place of that key, or of the
// nearest one above it that is written.
func (c *Config) At(key, problem string) error {
	if c.written == nil {
		return &Error{File: "configuration", Key: key, Problem: problem}
	}
	return c.written.find(key, problem)
}

// AtLine is the same of a line, and of the value there, where that is known and
// only once there.
func (c *Config) AtLine(line int, value, problem string) error {
	if c.written == nil {
		return &Error{File: "configuration", Problem: problem}
	}
	e := &Error{File: c.written.file, Line: line, Column: 1, Problem: problem}
	if key, n := only(c.written.places, line, value); n != nil {
		e.Key, e.Column = key, n.Column
	}
	return e
}

// UnknownAt is an error for a key in a line that is none of those that are known
// below the key above it.
func (c *Config) UnknownAt(line int, name string, known func(above string) []string) error {
	e := &Error{File: "configuration", Key: name, Problem: unknown(name, nil)}
	if c.written == nil {
		return e
	}
	e.File, e.Line, e.Column = c.written.file, line, 1
	if key, n := only(c.written.keys, line, name); n != nil {
		e.Key, e.Column, e.Problem = key, n.Column, unknown(name, known(strings.TrimSuffix(key, "."+name)))
	}
	return e
}

// only is the one node of a line that is written so.
func only(all map[string]*yaml.Node, line int, text string) (key string, found *yaml.Node) {
	for path, n := range all {
		if n.Line != line || n.Value != text || n.Kind != yaml.ScalarNode {
			continue
		}
		if found != nil {
			return "", nil
		}
		key, found = path, n
	}
	return key, found
}

// Local is this machine as a source. Its name is "local".
type Local struct {
	Enabled  *bool          `yaml:"enabled,omitempty"`                                        // left out: true if there are no sources
	Step     model.Duration `yaml:"step" zero:"write at least 100ms, or leave it out for 1s"` // default 1s
	Instance string         `yaml:"instance,omitempty"`
	Profiles []string       `yaml:"profiles,flow"` // default [node]

	Labels     map[string]string `yaml:"labels,omitempty"` // of this machine
	LabelsFrom []LabelsFrom      `yaml:"labels_from,omitempty"`
}

// Source is a server with Prometheus' query API.
type Source struct {
	Name        string                       `yaml:"name"`
	URL         Address                      `yaml:"url"`
	Step        model.Duration               `yaml:"step" zero:"write at least 1s, or leave it out for 15s"`                                  // default 15s
	Delay       model.Duration               `yaml:"delay,omitempty"`                                                                         // how late samples come
	Window      model.Duration               `yaml:"window,omitempty" zero:"write at least two steps, or leave it out: it is measured"`       // of rates; 0: measured from the data
	Timeout     model.Duration               `yaml:"timeout" zero:"write how long a request may take, or leave it out for 30s"`               // of one request; default 30s
	Concurrency int                          `yaml:"concurrency,omitempty" zero:"write at least 1, or leave it out for 4"`                    // requests at once; 0: 4
	Profiles    []string                     `yaml:"profiles,flow"`                                                                           // default [node]
	History     model.Duration               `yaml:"history,omitempty" zero:"write how much is read back, or leave it out for that of learn"` // 0: learn.history
	MaxHosts    int                          `yaml:"max_hosts,omitempty" zero:"write at least 1, or leave it out for 10000"`                  // 0: 10000
	Labels      map[string]string            `yaml:"labels,omitempty"`                                                                        // of all its hosts, where their series have none of the name
	LabelsFrom  []LabelsFrom                 `yaml:"labels_from,omitempty"`                                                                   // of its hosts
	HTTPConfig  *promconfig.HTTPClientConfig `yaml:"http_config,omitempty"`
}

// LabelsFrom takes labels of hosts from an info series.
type LabelsFrom struct {
	Series string   `yaml:"series"`            // PromQL, such as node_uname_info
	On     []string `yaml:"on,flow,omitempty"` // labels that series and host share; empty: those that identify the host
	Take   []string `yaml:"take,flow"`         // labels to take
}

// Profile is a named list of features.
type Profile struct {
	Name     string    `yaml:"name"`
	Help     string    `yaml:"help,omitempty"`
	Extends  string    `yaml:"extends,omitempty"` // another profile whose features come first
	Without  []string  `yaml:"without,flow,omitempty"`
	By       []string  `yaml:"by,flow,omitempty"`
	Uptime   string    `yaml:"uptime,omitempty"`
	Labels   string    `yaml:"labels,omitempty"` // PromQL whose series carry the hosts' labels
	Features []Feature `yaml:"features,omitempty"`
	Derive   []Derived `yaml:"derive,omitempty"`
	Limits   []Limit   `yaml:"limits,omitempty"`
}

// Meaning is what read and derived features have in common.
type Meaning struct {
	Help      string    `yaml:"help,omitempty"`
	Group     string    `yaml:"group,omitempty"`
	Unit      string    `yaml:"unit,omitempty"`
	Range     []float64 `yaml:"range,flow,omitempty"` // empty, or lowest and highest
	Direction string    `yaml:"direction,omitempty"`
	Deviation float64   `yaml:"deviation,omitempty"`
	Work      bool      `yaml:"work,omitempty"` // how much is done, of which any amount may be normal
	Scale     float64   `yaml:"scale,omitempty" zero:"write a number above 0, in the unit, or leave it out for deviation, or else the unit's own"`
}

// Feature is read by a PromQL expression.
type Feature struct {
	Name    string `yaml:"name"`
	Expr    string `yaml:"expr"`
	Meaning `yaml:",inline"`
}

// Derived is computed from other features.
type Derived struct {
	Name    string         `yaml:"name"`
	Kind    string         `yaml:"kind"`
	Of      string         `yaml:"of,omitempty"`
	Per     string         `yaml:"per,omitempty"`
	Over    model.Duration `yaml:"over,omitempty" zero:"write how far to look back, such as 5m"`
	Limit   *float64       `yaml:"limit,omitempty"` // above: left out is a mistake, and 0 is none
	Zone    string         `yaml:"zone,omitempty"`
	Meaning `yaml:",inline"`
}

// Limit is a kind of resource that can be used up. What is wrong inside one is
// said by package feature.
type Limit struct {
	Name     string   `yaml:"name"`
	Kind     string   `yaml:"kind,omitempty"`  // date: used is the instant at which it is over; empty: an amount
	Title    string   `yaml:"title,omitempty"` // what people call one, with $where
	Help     string   `yaml:"help,omitempty"`
	Used     string   `yaml:"used"`                                                                                                              // PromQL: how much is used
	Limit    string   `yaml:"limit,omitempty"`                                                                                                   // PromQL: how much there is…
	Max      float64  `yaml:"max,omitempty" zero:"of an amount without limit: write how much there is, above 0, in the unit; else leave it out"` // …or that number
	By       []string `yaml:"by,flow,omitempty"`                                                                                                 // labels that tell a host's resources apart; $where is their values but that of same
	Same     string   `yaml:"same,omitempty"`                                                                                                    // one of by: resources with one value of it are one
	Unit     string   `yaml:"unit,omitempty"`                                                                                                    //
	Full     float64  `yaml:"full,omitempty" zero:"of an amount: write a share above 0 and at most 1, such as 0.98, or leave it out for 0.995"`  // share from which it counts as full; 0: almost 1
	Features []string `yaml:"features,flow,omitempty"`                                                                                           // that show the same trouble
	LeftOut  string   `yaml:"left_out,omitempty"`                                                                                                // PromQL: how many of a host are not forecast

	Warning  model.Duration `yaml:"warning,omitempty" zero:"of a date: write how long before it people are notified, or leave it out for 14d"` // of a date: how long before it people are notified; default 14d
	Critical model.Duration `yaml:"critical,omitempty" zero:"of a date: write how long before it people are notified, or leave it out for 3d"` // and again, as critical; default 3d
}

// Learn says from what and when models are made.
type Learn struct {
	History model.Duration `yaml:"history" zero:"write at least 3m, or leave it out for 7d"`  // read back at start; default 7d
	Retrain model.Duration `yaml:"retrain" zero:"write at least 10m, or leave it out for 1d"` // of a grown-up model; default 1d
	Workers int            `yaml:"workers,omitempty" zero:"write at least 1, or leave it out for one for each processor, less one"`
	Seed    uint64         `yaml:"seed"`
}

// Pages is how many false pages are acceptable.
type Pages struct {
	PerHostWeek float64 `yaml:"per_host_week" zero:"write how many false pages a week are acceptable for a host, such as 1 or 0.25"` // default 1
}

// Storage bounds what is kept of this machine's metrics and of incidents.
type Storage struct {
	RetentionTime model.Duration `yaml:"retention_time" zero:"write at least 1h, or leave it out for 15d"` // of metrics; default 15d
	RetentionSize Size           `yaml:"retention_size,omitempty"`
	Incidents     model.Duration `yaml:"incidents" zero:"write how long they are kept, or leave it out for 400d"` // of closed incidents; default 400d
	GoneHosts     model.Duration `yaml:"gone_hosts" zero:"write how long they are kept, or leave it out for 30d"` // of models of hosts that are gone; default 30d
}

// Incidents says when incidents close, come back and join. 0 is the built-in
// number that docs/incidents.md gives reasons for.
type Incidents struct {
	CloseAfter   model.Duration `yaml:"close_after,omitempty"`
	ReopenWithin model.Duration `yaml:"reopen_within,omitempty"`
	ExpireAfter  model.Duration `yaml:"expire_after,omitempty"`
	HostGone     model.Duration `yaml:"host_gone,omitempty"`
	SourceDown   model.Duration `yaml:"source_down,omitempty"`
	FleetHosts   int            `yaml:"fleet_hosts,omitempty"`
	FleetWindow  model.Duration `yaml:"fleet_window,omitempty"`
	StormHosts   int            `yaml:"storm_hosts,omitempty"`
}

// Maintenance is a window, once or recurring, in local time.
type Maintenance struct {
	Name     string         `yaml:"name"`
	Match    []string       `yaml:"match,flow"`       // such as instance=~"db-.*"
	Zone     string         `yaml:"zone,omitempty"`   // empty: UTC
	Start    string         `yaml:"start"`            // local: 2026-01-31T02:00:00
	Duration model.Duration `yaml:"duration"`         //
	Rule     string         `yaml:"rule,omitempty"`   // RRULE; empty: once
	Except   []string       `yaml:"except,omitempty"` //
	Effect   string         `yaml:"effect,omitempty"` // silence, exclude, shift
}

// Calendar is an ICS file whose events are maintenance windows.
type Calendar struct {
	Name   string   `yaml:"name"`
	File   string   `yaml:"file"`
	Match  []string `yaml:"match,flow"`
	Zone   string   `yaml:"zone,omitempty"`
	Effect string   `yaml:"effect,omitempty"`
}

// LocalEnabled reports whether this machine is watched.
func (c *Config) LocalEnabled() bool {
	if c.Local.Enabled != nil {
		return *c.Local.Enabled
	}
	return len(c.Sources) == 0
}

// fill sets every default.
func (c *Config) fill() {
	or := func(d *model.Duration, to time.Duration) {
		if *d == 0 {
			*d = model.Duration(to)
		}
	}
	or(&c.Local.Step, time.Second)
	or(&c.Learn.History, 7*24*time.Hour)
	or(&c.Learn.Retrain, 24*time.Hour)
	or(&c.Storage.RetentionTime, 15*24*time.Hour)
	or(&c.Storage.Incidents, 400*24*time.Hour)
	or(&c.Storage.GoneHosts, 30*24*time.Hour)
	c.Web.fill()
	if c.Pages.PerHostWeek == 0 {
		c.Pages.PerHostWeek = 1
	}
	if len(c.Local.Profiles) == 0 {
		c.Local.Profiles = []string{"node"}
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		or(&s.Step, 15*time.Second)
		or(&s.Timeout, 30*time.Second)
		if len(s.Profiles) == 0 {
			s.Profiles = []string{"node"}
		}
	}
}

// Address is a URL that may carry a password or a token, which is not printed.
type Address string

// MarshalYAML hides what is secret.
func (a Address) MarshalYAML() (any, error) { return a.Redacted(), nil }

// secretParameter is a parameter of a query that holds a secret, by its name.
var secretParameter = regexp.MustCompile(`(?i)((?:^|[?&;])[^=&;#]*(?:password|secret|token|key|credential)[^=&;#]*=)[^&;#]*`)

// Redacted is the address with its password, and the secrets among its parameters,
// hidden.
func (a Address) Redacted() string {
	u, err := url.Parse(string(a))
	if err != nil {
		return "<secret>" // whatever it is, it may hold one
	}
	text := string(a)
	if _, has := u.User.Password(); has {
		text = strings.Replace(u.Redacted(), ":xxxxx@", ":<secret>@", 1)
	}
	before, query, asks := strings.Cut(text, "?")
	if !asks {
		return text
	}
	return before + "?" + secretParameter.ReplaceAllString(query, "${1}<secret>")
}
