package config

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen/internal/spelling"
)

// builtins are the profiles that need no declaration; package feature has
// them. A test of package app compares.
// The name of one but workload is taken: that is younger than declarations of it.
var builtins = []string{"node", "original", "workload"}

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// check finds what is written well and means nothing.
func (c *Config) check(w *walker) {
	if c.ExternalURL != "" {
		w.checkURL("external_url", c.ExternalURL)
	}
	w.checkZone("time_zone", c.TimeZone)
	if c.Local.Step < model.Duration(100*time.Millisecond) {
		w.at("local.step", "%s is too short: write at least 100ms", c.Local.Step)
	}
	if c.Local.Enabled != nil && !*c.Local.Enabled && len(c.Sources) == 0 && !w.lost("sources") {
		w.at("local.enabled", "is false and there are no sources: nothing would be watched")
	}
	c.Web.check(w)
	if c.Role != "" && !labelForm.MatchString(c.Role) {
		w.at("role_label", "%q is not a label name: write one such as role", c.Role)
	}
	w.checkLabels("local.", c.Local.Labels, c.Local.LabelsFrom)
	profiles := c.checkProfiles(w)
	w.checkUses("local.profiles", c.Local.Profiles, profiles)
	c.checkSources(w, profiles)
	c.checkNumbers(w)
	c.checkMaintenance(w)
	c.checkReceivers(w)
	c.checkRemedy(w)
}

func (w *walker) checkURL(key, text string) {
	u, err := url.Parse(text)
	if err == nil && u.Port() != "" {
		_, err = strconv.ParseUint(u.Port(), 10, 16)
	}
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		w.at(key, "%q is not an address: write http://host:port or https://host:port", Address(text).Redacted())
	}
}

func (w *walker) checkZone(key, zone string) {
	if _, err := time.LoadLocation(zone); err != nil {
		w.at(key, "%q is not a time zone: write an IANA name such as Europe/Berlin", zone)
	}
}

// checkName checks a name that is used in host names and addresses.
func (w *walker) checkName(key, name string, seen map[string]bool) {
	switch {
	case name == "":
		w.nameless(key, "give it a short name")
	case !nameForm.MatchString(name):
		w.at(key, "%q must be letters, digits, dots, underscores and dashes", name)
	case seen[name]:
		w.at(key, "%q is taken: give it another name", name)
	}
	seen[name] = true
}

func (w *walker) checkUses(key string, uses, profiles []string) {
	for i, p := range uses {
		if slices.Contains(uses[:i], p) {
			w.at(fmt.Sprintf("%s[%d]", key, i), "%q is there twice: remove one", p)
			continue
		}
		if slices.Contains(profiles, p) || w.lost("profiles") {
			continue
		}
		fix := "known are " + strings.Join(profiles, ", ")
		if near := spelling.Nearest(p, profiles); near != "" {
			fix = fmt.Sprintf("did you mean %q?", near)
		}
		w.at(fmt.Sprintf("%s[%d]", key, i), "there is no profile %q: %s", p, fix)
	}
}

func (c *Config) checkSources(w *walker, profiles []string) {
	seen := map[string]bool{"local": true}
	for i, s := range c.Sources {
		key := fmt.Sprintf("sources[%d].", i)
		w.checkName(key+"name", s.Name, seen)
		w.checkURL(key+"url", string(s.URL))
		if api, found := strings.CutSuffix(strings.TrimRight(string(s.URL), "/"), "/api/v1"); found { // the API server's own path may begin so
			w.at(key+"url", "has the API's path: write %s", Address(api).Redacted())
		}
		if s.Step < model.Duration(time.Second) {
			w.at(key+"step", "%s is too short: write at least 1s", s.Step)
		}
		if s.Window > 0 && s.Window < 2*s.Step {
			w.at(key+"window", "%s is too short for a step of %s: write at least two steps, better four, or leave it out", s.Window, s.Step)
		}
		if s.MaxHosts < 0 {
			w.at(key+"max_hosts", "%d is below 0", s.MaxHosts)
		}
		if s.Concurrency < 0 {
			w.at(key+"concurrency", "%d is below 0", s.Concurrency)
		}
		w.checkUses(key+"profiles", s.Profiles, profiles)
		w.checkLabels(key, s.Labels, s.LabelsFrom)
	}
}

var labelForm = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// checkLabels checks what is added to the labels of hosts.
func (w *walker) checkLabels(key string, labels map[string]string, from []LabelsFrom) {
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if !labelForm.MatchString(name) {
			w.at(key+"labels", "%q is not a label name: write letters, digits and underscores", name)
		} else if strings.HasPrefix(name, "__") {
			w.at(key+"labels", "%q begins with __, which Prometheus keeps to itself: choose another name", name)
		}
	}
	for i, f := range from {
		at := fmt.Sprintf("%slabels_from[%d].", key, i)
		if strings.TrimSpace(f.Series) == "" {
			w.at(at+"series", "is missing: name an info series such as node_uname_info")
		}
		if len(f.Take) == 0 {
			w.at(at+"take", "is missing: list the labels to take, such as [nodename]")
		}
		for _, name := range slices.Concat(f.On, f.Take) {
			if !labelForm.MatchString(name) || strings.HasPrefix(name, "__") {
				w.at(at+"take", "%q is not a label name: write letters, digits and underscores", name)
			}
		}
	}
}

// checkProfiles returns the names of all profiles. What is wrong inside one is
// said by package feature, which knows the grammar's meaning.
func (c *Config) checkProfiles(w *walker) []string {
	names := slices.Clone(builtins)
	seen := map[string]bool{}
	for _, b := range builtins {
		seen[b] = b != "workload"
	}
	for i, p := range c.Profiles {
		key := fmt.Sprintf("profiles[%d].", i)
		w.checkName(key+"name", p.Name, seen)
		if p.Extends != "" && !slices.Contains(names, p.Extends) && !w.lost("profiles") {
			w.at(key+"extends", "there is no profile %q before this one: known are %s", p.Extends, strings.Join(names, ", "))
		}
		if len(p.Features) == 0 && p.Extends == "" {
			w.at(key+"features", "is missing: list at least one feature with name and expr, or extend another profile")
		}
		names = append(names, p.Name)
		for j := range p.Limits {
			w.checkLimitForm(fmt.Sprintf("%slimits[%d].", key, j), &p.Limits[j])
		}
		for j, f := range p.Features {
			w.checkRange(fmt.Sprintf("%sfeatures[%d]", key, j), f.Name, f.Range)
			if f.Expr == "" {
				w.at(fmt.Sprintf("%sfeatures[%d].expr", key, j), "is missing: give the PromQL expression")
			}
		}
		for j, d := range p.Derive {
			at := fmt.Sprintf("%sderive[%d]", key, j)
			w.checkRange(at, d.Name, d.Range)
			c.checkDerived(w, at+".", &p.Derive[j])
		}
	}
	return names
}

func (w *walker) checkRange(key, name string, limits []float64) {
	if name == "" {
		w.nameless(key+".name", "give it a name such as disk_write")
	}
	if len(limits) != 0 && (len(limits) != 2 || !(limits[0] < limits[1])) {
		w.at(key+".range", "must be the lowest and the highest possible value, such as [0, 1]")
	}
}

func (c *Config) checkNumbers(w *walker) {
	if !(c.Pages.PerHostWeek > 0) || math.IsInf(c.Pages.PerHostWeek, 0) {
		w.at("pages.per_host_week", "%v is not above 0: write how many false pages a week are acceptable for a host, such as 1 or 0.25", c.Pages.PerHostWeek)
	}
	if c.Learn.History < model.Duration(3*time.Minute) {
		w.at("learn.history", "%s is too short: write at least 3m, better some days", c.Learn.History)
	}
	if c.Learn.Retrain < model.Duration(10*time.Minute) {
		w.at("learn.retrain", "%s is too short: write at least 10m, better 1d", c.Learn.Retrain)
	}
	if c.Storage.RetentionTime < model.Duration(time.Hour) {
		w.at("storage.retention_time", "%s is too short: write at least 1h, better 15d", c.Storage.RetentionTime)
	}
	if c.Storage.RetentionSize != 0 && c.Storage.RetentionSize < 64<<20 {
		w.at("storage.retention_size", "%s is too small: write at least 64MB, or 0 for no bound", c.Storage.RetentionSize)
	}
	for key, n := range map[string]int{"learn.workers": c.Learn.Workers, "incidents.fleet_hosts": c.Incidents.FleetHosts, "incidents.storm_hosts": c.Incidents.StormHosts} {
		if n < 0 {
			w.at(key, "%d is below 0", n)
		}
	}
}

// checkMaintenance checks what can be told without knowing calendars; the rest
// is said by package mute's windows.
func (c *Config) checkMaintenance(w *walker) {
	seen := map[string]bool{}
	for i, m := range c.Maintenance {
		key := fmt.Sprintf("maintenance[%d].", i)
		w.checkWindow(key, m.Name, m.Match, m.Zone, m.Effect, seen)
		if _, err := time.Parse("2006-01-02T15:04:05", m.Start); err != nil {
			w.at(key+"start", "%q is not a local time: write it like 2026-01-31T02:00:00", m.Start)
		}
		if m.Duration <= 0 {
			w.at(key+"duration", "is missing: write how long it lasts, such as 2h")
		}
	}
	for i, k := range c.Calendars {
		key := fmt.Sprintf("calendars[%d].", i)
		w.checkWindow(key, k.Name, k.Match, k.Zone, k.Effect, seen)
		if k.File == "" {
			w.at(key+"file", "is missing: name an .ics file")
		}
	}
}

func (w *walker) checkWindow(key, name string, match []string, zone, effect string, seen map[string]bool) {
	switch {
	case name == "":
		w.at(key+"name", "is missing: give it a name")
	case seen[name]:
		w.at(key+"name", "%q is taken: give it another name", name)
	}
	seen[name] = true
	if len(match) == 0 {
		w.at(key+"match", `is missing: say which hosts, such as [host=~"db-.*"]`)
	}
	w.checkZone(key+"zone", zone)
	if !slices.Contains([]string{"", "silence", "exclude", "shift"}, effect) {
		w.at(key+"effect", "%q is not known: write silence, exclude or shift", effect)
	}
}

// checkReceivers checks that receivers have names and that routes name them;
// the rest is said by package notify.
func (c *Config) checkReceivers(w *walker) {
	names := map[string]bool{}
	if list := c.Receivers; list.Kind == yaml.SequenceNode {
		for i, r := range list.Content {
			if r.Kind == yaml.AliasNode {
				r = r.Alias
			}
			name := value(r, "name")
			if name == nil || name.Value == "" {
				w.fail(r, fmt.Sprintf("receivers[%d].name", i), "is missing: give the receiver a name")
				continue
			}
			if names[name.Value] {
				w.fail(name, fmt.Sprintf("receivers[%d].name", i), "%q is taken: give it another name", name.Value)
			}
			names[name.Value] = true
		}
	} else if list.Kind != 0 && list.Tag != "!!null" {
		w.fail(&list, "receivers", "want a list: a line with a dash for each")
	}
	if c.Route.Kind == yaml.MappingNode {
		w.checkRoute(&c.Route, "route", names, 0)
	}
}

func (w *walker) checkRoute(r *yaml.Node, key string, names map[string]bool, depth int) {
	if depth > maxDepth {
		return
	}
	if n := value(r, "receiver"); n != nil && !names[n.Value] {
		fix := "declare it under receivers"
		if near := spelling.Nearest(n.Value, slices.Sorted(maps.Keys(names))); near != "" {
			fix = fmt.Sprintf("did you mean %q?", near)
		}
		w.fail(n, key+".receiver", "there is no receiver %q: %s", n.Value, fix)
	}
	if routes := value(r, "routes"); routes != nil && routes.Kind == yaml.SequenceNode {
		for i, child := range routes.Content {
			w.checkRoute(child, fmt.Sprintf("%s.routes[%d]", key, i), names, depth+1)
		}
	}
}

// value is a mapping's value at a key, or nil.
func value(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
