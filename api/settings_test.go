package api

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// configured are the Settings of an Omen with one receiver, ops, that refuses
// what eve sends.
type configured struct{}

var line3 = Written{File: "/etc/omen.yml", Line: 3, Text: "omen.yml:3"}

func (configured) Configuration(context.Context) (Config, error) {
	return Config{
		File: "/etc/omen.yml", ReadAt: Instant(at), Text: "pages: {per_host_week: 1}\n",
		Sources:  List[ConfigSource]{{Name: "prom", Address: "http://p:9090", Profiles: List[string]{"node"}, Step: 15, Written: line3}},
		Profiles: List[ConfigProfile]{{Name: "node", Features: 41, Limits: 8, By: List[string]{"instance"}, Written: Written{Text: "built in"}}},
		Routes:   List[ConfigRoute]{{Receiver: "ops", Repeat: 14400, Written: line3}},
		Values:   List[ConfigValue]{{Section: "budget", Key: "pages.per_host_week", Value: "1", Written: Written{Text: "default"}}},
	}, nil
}

func (configured) Receivers(context.Context) (Receivers, error) {
	return Receivers{List[Receiver]{{Name: "ops", Testable: true, Written: line3, Channels: List[Channel]{{Name: "ops/slack", Kind: "slack", State: ChannelWorking, DeliveredAt: Instant(at), Written: line3}}}}}, nil
}

// FirstRun is six weeks and a half ago.
func (configured) FirstRun(context.Context) (time.Time, error) {
	return time.Now().Add(-13 * weekSpan / 2), nil
}

func (configured) TestReceiver(_ context.Context, receiver, by string) (ReceiverTest, error) {
	if receiver != "ops" {
		return ReceiverTest{}, omen.WithHint(fmt.Errorf("test receiver %q: %w", receiver, omen.ErrNotFound), "there is ops")
	}
	one := ChannelAnswer{Channel: "ops/slack", Took: 0.25}
	if by == "eve" {
		one.Err = "no_such_channel"
	}
	return ReceiverTest{Receiver: receiver, Delivered: one.Err == "", Channels: List[ChannelAnswer]{one}}, nil
}

// That a receiver refuses a test is the answer to it, and no error of the
// request; who asks is the signed-in user.
func TestReceiversAreTested(t *testing.T) {
	f := newFixture(t)
	const path = "/api/v1/omen/receivers/ops/test"
	for _, c := range []struct {
		path, body, user, want string
		status                 int
	}{
		{path, `{"by":"ann"}`, "", `"delivered":true`, 200},
		{path, `{}`, "", `"delivered":true`, 200},
		{path, `{"by":"eve"}`, "", `"err":"no_such_channel"`, 200},
		{path, `{"by":"ann"}`, "eve", `"err":"no_such_channel"`, 200},
		{path, `{"by":"` + strings.Repeat("n", 201) + `"}`, "", "201 bytes", 400},
		{path, `{"to":"ann"}`, "", "to", 400},
		{"/api/v1/omen/receivers/nobody/test", `{}`, "", "there is ops", 404},
	} {
		header := []string{}
		if c.user != "" {
			header = []string{"Authorization", "Basic ZXZlOng="} // eve:x
		}
		if status, body, _ := f.call(t, "POST", c.path, c.body, header...); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s, want %d with %s", c.path, c.body, status, body, c.status, c.want)
		}
	}
}

// An API over a directory has no configuration.
func TestNothingIsConfigured(t *testing.T) {
	f := newFixture(t)
	f.api.settings, f.api.budgets = unset{}, unplanned{}
	for _, c := range [][3]string{{"GET", "/config", ""}, {"GET", "/receivers", ""}, {"POST", "/receivers/ops/test", "{}"}, {"GET", "/trust/weeks", ""}, {"GET", "/budget", ""}, {"POST", "/budget/replay", `{"per_host_week":2}`}, {"DELETE", "/budget/replay", ""}} {
		if status, body, _ := f.call(t, c[0], "/api/v1/omen"+c[1], c[2]); status != 501 {
			t.Errorf("%s: %d %s", c[1], status, body)
		}
	}
}
