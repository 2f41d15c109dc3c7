package notify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/alertmanager"
	"github.com/omenhq/omen/notify/webhook"
)

// Settings is the checked part of a configuration file that package notify
// reads. Its zero value notifies nobody.
type Settings struct {
	alertmanager  amconfig.Config // receivers, route, templates and intervals, with Alertmanager's defaults filled in
	plain         bool            // the file has no route: every receiver is notified of everything, at once
	alertmanagers []alertmanager.Settings
	own           ownSettings
	dir           string
}

// alertmanagerKeys are the top-level keys that are Alertmanager's own.
func alertmanagerKeys() []string {
	return []string{"global", "receivers", "route", "templates", "time_intervals", "mute_time_intervals"}
}

// ownSettings is the section "notify": what Alertmanager's format lacks.
type ownSettings struct {
	Acknowledged bool                       `yaml:"acknowledged"`  // notify of acknowledgements, too
	GiveUpAfter  model.Duration             `yaml:"give_up_after"` // how long a receiver that does not answer is tried
	Storm        int                        `yaml:"storm"`         // messages a minute above which a channel gets one a minute
	Heartbeat    heartbeatSettings          `yaml:"heartbeat"`
	Buttons      buttonSettings             `yaml:"buttons"`
	Signing      map[string]webhook.Signing `yaml:"signing"`  // receiver -> how its webhooks are signed
	Charts       *bool                      `yaml:"pictures"` // nil: yes
}

type heartbeatSettings struct {
	Receivers []string       `yaml:"receivers"`
	Interval  model.Duration `yaml:"interval"`
}

type buttonSettings struct {
	Telegram bool           `yaml:"telegram"` // inline keyboards; the bot's updates are polled
	Links    bool           `yaml:"links"`    // signed links in Slack messages and mails
	Expire   model.Duration `yaml:"expire"`
}

// Defaults of the section "notify".
const (
	defaultGiveUpAfter = 24 * time.Hour
	defaultStorm       = 5
	defaultHeartbeat   = time.Minute
	defaultExpire      = 7 * 24 * time.Hour
)

// Load reads its sections out of a whole configuration file; the others are
// somebody else's. Relative file names are relative to dir. Unknown keys and bad
// values are [Mistakes], which are [omen.ErrInvalid].
func Load(file []byte, dir string) (*Settings, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("read notification settings: %w", err)
	}
	s := &Settings{dir: dir}
	if err := s.load(file); err != nil {
		return nil, fmt.Errorf("read notification settings: %w: %w", omen.ErrInvalid, err)
	}
	return s, nil
}

func (s *Settings) load(file []byte) error {
	own, lined, err := section(file, "alertmanagers", "notify")
	if err != nil {
		return err
	}
	var top struct {
		Alertmanagers []alertmanager.Settings `yaml:"alertmanagers"`
		Notify        ownSettings             `yaml:"notify"`
	}
	if wrong := strict(own, &top); len(wrong) > 0 {
		return wrong.of(lined)
	}
	s.alertmanagers, s.own = top.Alertmanagers, top.Notify
	for i := range s.alertmanagers {
		if err := s.alertmanagers[i].Check(s.dir); err != nil {
			return Mistakes{{Key: fmt.Sprintf("alertmanagers[%d]", i), Problem: err.Error()}}
		}
	}
	if err := s.loadReceivers(file); err != nil {
		return err
	}
	return s.checkOwn()
}

// loadReceivers decodes Alertmanager's sections with Alertmanager's own
// structs, which also check them and fill in their defaults.
func (s *Settings) loadReceivers(file []byte) error {
	text, lined, err := section(file, alertmanagerKeys()...)
	if err != nil {
		return err
	}
	var outline struct {
		Route     *yaml.Node `yaml:"route"`
		Receivers []struct {
			Name  string `yaml:"name"`
			Slack []struct {
				Update any `yaml:"update_message"`
				APIURL any `yaml:"api_url"`
			} `yaml:"slack_configs"`
		} `yaml:"receivers"`
	}
	if err := yaml.Unmarshal(text, &outline); err != nil {
		return clean(err).of(lined)
	}
	if len(outline.Receivers) == 0 {
		if outline.Route != nil {
			return Mistakes{{Key: "route", Problem: "there are no receivers"}}
		}
		return s.loadUnrouted(text, lined)
	}
	for i, r := range outline.Receivers {
		for j, c := range r.Slack {
			if c.Update == true && c.APIURL == nil { // Alertmanager's decoder would crash
				return Mistakes{{Key: fmt.Sprintf("receivers[%d].slack_configs[%d].update_message", i, j), Problem: "wants api_url: https://slack.com/api/chat.postMessage, and the token under http_config: {authorization: {credentials: …}}"}}
			}
		}
	}
	if outline.Route == nil {
		// Alertmanager requires a route; it is never used.
		s.plain = true
		text = fmt.Appendf(text, "\nroute: {receiver: %q}\n", outline.Receivers[0].Name)
	}
	if wrong := strict(text, &s.alertmanager); len(wrong) > 0 {
		return blame(text, wrong.of(lined), func(text []byte) Mistakes { return strict(text, new(amconfig.Config)) })
	}
	groupByIncident(s.alertmanager.Route)
	return s.complete(text)
}

// unrouted is what a file without receivers may have of Alertmanager's sections.
type unrouted struct {
	Global    *amconfig.GlobalConfig      `yaml:"global"` // this one and the receivers are only checked
	Templates []string                    `yaml:"templates"`
	Receivers []struct{}                  `yaml:"receivers"`
	Active    []amconfig.TimeInterval     `yaml:"time_intervals"`
	Mute      []amconfig.MuteTimeInterval `yaml:"mute_time_intervals"`
}

// loadUnrouted reads the time intervals of a file without receivers, since what else
// goes by them is no matter of receivers, and the templates, to be checked.
func (s *Settings) loadUnrouted(text []byte, lined bool) error {
	var of unrouted
	if wrong := strict(text, &of); len(wrong) > 0 {
		return blame(text, wrong.of(lined), func(text []byte) Mistakes { return strict(text, new(unrouted)) })
	}
	s.alertmanager.TimeIntervals, s.alertmanager.MuteTimeIntervals, s.alertmanager.Templates = of.Active, of.Mute, of.Templates
	s.locateTemplates()
	return nil
}

// strict decodes one document and refuses unknown keys.
func strict(text []byte, into any) Mistakes {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return clean(err)
	}
	return nil
}

// checkOwn fills in the section's defaults and checks what it refers to.
func (s *Settings) checkOwn() error {
	o := &s.own
	setDefault(&o.GiveUpAfter, defaultGiveUpAfter)
	setDefault(&o.Heartbeat.Interval, defaultHeartbeat)
	setDefault(&o.Buttons.Expire, defaultExpire)
	if o.Storm <= 0 {
		o.Storm = defaultStorm
	}
	for i, name := range o.Heartbeat.Receivers {
		if s.receiver(name) == nil {
			return Mistakes{{Key: fmt.Sprintf("notify.heartbeat.receivers[%d]", i), Problem: fmt.Sprintf("there is no receiver %q", name)}}
		}
	}
	for name, sign := range o.Signing {
		if s.receiver(name) == nil {
			return Mistakes{{Key: "notify.signing." + name, Problem: fmt.Sprintf("there is no receiver %q", name)}}
		}
		if (sign.Secret == "") == (sign.SecretFile == "") {
			return Mistakes{{Key: "notify.signing." + name, Problem: "want either secret or secret_file"}}
		}
		if sign.SecretFile != "" && !filepath.IsAbs(sign.SecretFile) {
			sign.SecretFile = filepath.Join(s.dir, sign.SecretFile)
			o.Signing[name] = sign
		}
	}
	return nil
}

// buttonsOf reports whether messages to channels of a kind have buttons.
// Programs, which read webhooks, give no verdicts.
func (o ownSettings) buttonsOf(kind string) bool {
	switch kind {
	case "telegram":
		return o.Buttons.Telegram
	case "webhook":
		return false
	}
	return o.Buttons.Links
}

// InTelegram reports whether a receiver has chats in Telegram.
func (s *Settings) InTelegram() bool {
	return slices.ContainsFunc(s.alertmanager.Receivers, func(r amconfig.Receiver) bool { return len(r.TelegramConfigs) > 0 })
}

// charts reports whether messages come with charts, where they can.
func (s *Settings) charts() bool { return s.own.Charts == nil || *s.own.Charts }

func setDefault(d *model.Duration, to time.Duration) {
	if *d <= 0 {
		*d = model.Duration(to)
	}
}

func (s *Settings) receivers() (names []string) {
	for _, r := range s.alertmanager.Receivers {
		names = append(names, r.Name)
	}
	return names
}

// Notified are the names of all whom the settings have notified: the receivers and the
// Alertmanagers, in their order.
func (s *Settings) Notified() []string {
	names := s.receivers()
	for _, am := range s.alertmanagers {
		names = append(names, am.Name())
	}
	return names
}

func (s *Settings) receiver(name string) *amconfig.Receiver {
	for i := range s.alertmanager.Receivers {
		if r := &s.alertmanager.Receivers[i]; r.Name == name {
			return r
		}
	}
	return nil
}
