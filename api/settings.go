package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/omenhq/omen"
)

// Settings is the configuration that runs, and what of it people may try; package
// app implements it. It is safe for concurrent use.
type Settings interface {
	// Configuration is what runs, with its secrets hidden.
	Configuration(context.Context) (Config, error)

	// Receivers is every receiver and Alertmanager of the configuration, in its
	// order, and how each answered.
	Receivers(context.Context) (Receivers, error)

	// TestReceiver sends one test message to every channel of a receiver.
	// [omen.ErrNotFound]: there is no such receiver, [omen.ErrConflict]: a test is
	// under way. That a channel refuses is no error of the call.
	TestReceiver(ctx context.Context, receiver, by string) (ReceiverTest, error)

	// FirstRun is when Omen first ran on its store: no incident is older.
	FirstRun(context.Context) (time.Time, error)
}

// unset are the Settings of an API without a configuration.
type unset struct{}

func (unset) Configuration(context.Context) (c Config, err error) { return c, errors.ErrUnsupported }
func (unset) Receivers(context.Context) (r Receivers, err error)  { return r, errors.ErrUnsupported }
func (unset) FirstRun(context.Context) (t time.Time, err error)   { return t, errors.ErrUnsupported }

func (unset) TestReceiver(context.Context, string, string) (t ReceiverTest, err error) {
	return t, errors.ErrUnsupported
}

// Written is where something of the configuration comes from.
type Written struct {
	File string `json:"file" doc:"the configuration file; empty: it is in none"`
	Line int    `json:"line" doc:"from 1; 0: it is not written in the file"`
	Text string `json:"text" doc:"for people: omen.yml:12, default, or the flag that says it"`
}

// Config is the configuration that runs.
type Config struct {
	File     string              `json:"file" doc:"what --config.file names; empty: there is none, and all is as by default"`
	ReadAt   Instant             `json:"read_at" null:"never"`
	Changed  bool                `json:"changed" doc:"the file now holds something else than what runs: a reload takes it up"`
	Text     string              `json:"text" doc:"all of it as YAML with every default, secrets as <secret>"`
	Sources  List[ConfigSource]  `json:"sources" doc:"how each answers is in /sources, by name"`
	Profiles List[ConfigProfile] `json:"profiles"`
	Routes   List[ConfigRoute]   `json:"routes" doc:"each before those below it; empty: every receiver is notified of everything"`
	Values   List[ConfigValue]   `json:"values" doc:"single numbers, such as the budget and how long what is kept"`
}

// ConfigSource is a source as it runs.
type ConfigSource struct {
	Name     string       `json:"name"`
	Address  string       `json:"address"`
	Profiles List[string] `json:"profiles"`
	Step     Number       `json:"step_seconds" null:"never"`
	Written  Written      `json:"written"`
}

// ConfigProfile is a profile as it runs.
type ConfigProfile struct {
	Name     string       `json:"name"`
	Help     string       `json:"help"`
	Features int          `json:"features"`
	Limits   int          `json:"limits" doc:"kinds of resources that are forecast"`
	By       List[string] `json:"by" doc:"labels that identify its hosts"`
	Sources  List[string] `json:"sources" doc:"where it is watched; empty: nowhere"`
	Written  Written      `json:"written" doc:"text is built in for those that Omen ships"`
}

// ConfigRoute is a route with what it inherits.
type ConfigRoute struct {
	Depth    int          `json:"depth" doc:"0: the topmost"`
	Match    List[string] `json:"match" doc:"all must hold; empty: everything"`
	Receiver string       `json:"receiver"`
	GroupBy  List[string] `json:"group_by"`
	Wait     Number       `json:"group_wait_seconds" null:"never"`
	Interval Number       `json:"group_interval_seconds" null:"never"`
	Repeat   Number       `json:"repeat_interval_seconds" null:"never"`
	Continue bool         `json:"continue" doc:"the routes after it are tried, too"`
	Muted    List[string] `json:"mute_time_intervals"`
	Active   List[string] `json:"active_time_intervals"`
	Written  Written      `json:"written"`
}

// ConfigValue is one value of the configuration.
type ConfigValue struct {
	Section string  `json:"section" doc:"what it is about: budget, learning, retention, incidents, general or actions"`
	Key     string  `json:"key" doc:"such as pages.per_host_week"`
	Value   string  `json:"value" doc:"as it is written in a file"`
	Help    string  `json:"help"`
	Written Written `json:"written"`
}

// Channel is one integration of a receiver, or an Alertmanager.
type Channel struct {
	Name         string  `json:"name" doc:"such as ops/slack; deliveries of incidents name it so"`
	Kind         string  `json:"kind" doc:"such as slack, email or alertmanager"`
	Resolved     bool    `json:"send_resolved" doc:"it is notified when something is over"`
	State        string  `json:"state" doc:"working, failing, or untried: nothing was sent within 30 days"`
	DeliveredAt  Instant `json:"delivered_at" doc:"the last message that arrived, tests and heartbeats of this process included; null: none within 30 days"`
	FailedAt     Instant `json:"failed_at" doc:"the last attempt that failed; null: none within 30 days"`
	Err          string  `json:"err" doc:"why that failed, in the words of the receiver"`
	Trouble      string  `json:"trouble" doc:"summary of the open incident about it; empty: there is none"`
	Incident     string  `json:"incident" doc:"the ID of that incident"`
	TroubleSince Instant `json:"trouble_since"`
	Written      Written `json:"written"`
}

// Receiver is a receiver of the configuration, or an Alertmanager.
type Receiver struct {
	Name     string        `json:"name"`
	Testable bool          `json:"testable" doc:"a test message can be sent; an Alertmanager gets an alert that ends by itself, and decides whom to notify"`
	Channels List[Channel] `json:"channels"`
	Written  Written       `json:"written"`
}

type Receivers struct {
	Receivers List[Receiver] `json:"receivers" doc:"in the configuration's order; empty: nobody is notified"`
}

// AskTest asks for a test message.
type AskTest struct {
	By string `json:"by,omitempty" doc:"who asks; with basic auth, the signed-in user always. The message names them"`
}

// ReceiverTest is how a receiver took a test message.
type ReceiverTest struct {
	Receiver  string              `json:"receiver"`
	Delivered bool                `json:"delivered" doc:"every channel took it"`
	Channels  List[ChannelAnswer] `json:"channels"`
}

// ChannelAnswer is how one channel took it.
type ChannelAnswer struct {
	Channel string `json:"channel"`
	Took    Number `json:"took_seconds" null:"never"`
	Note    string `json:"note" doc:"what was not as configured, such as a template that failed"`
	Err     string `json:"err" doc:"why it did not, in the words of the receiver; empty: it took the message"`
}

// What a channel's State may be.
const (
	ChannelWorking = "working"
	ChannelFailing = "failing"
	ChannelUntried = "untried"
)

// maxAuthor bounds who asks, in bytes, as it does who makes a silence.
const maxAuthor = 200

func (a *API) settingsRoutes() []route {
	return []route{
		{method: "GET", path: base + "/config", summary: "The configuration that runs, with places and hidden secrets", answer: Config{}, handle: func(r *http.Request) (any, error) {
			return a.settings.Configuration(r.Context())
		}},
		{method: "GET", path: base + "/receivers", summary: "Who is notified, and how each receiver answered", answer: Receivers{}, handle: func(r *http.Request) (any, error) {
			return a.settings.Receivers(r.Context())
		}},
		{method: "POST", path: base + "/receivers/{name}/test", least: RoleOperate, summary: "Send one test message to every channel of a receiver, and say how each answered", body: AskTest{}, answer: ReceiverTest{}, handle: a.testReceiver},
	}
}

func (a *API) testReceiver(r *http.Request) (any, error) {
	var in AskTest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	by := author(r, in.By)
	if len(by) > maxAuthor {
		return nil, fmt.Errorf("by: has %d bytes, want at most %d: %w", len(by), maxAuthor, omen.ErrInvalid)
	}
	out, err := a.settings.TestReceiver(r.Context(), r.PathValue("name"), by)
	if err != nil {
		return nil, err
	}
	a.log.Info("receiver tested", "receiver", out.Receiver, "why", "asked for by "+by)
	return out, nil
}
