package app

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/notify"
)

// maxConfig bounds how much of a configuration file is compared with what runs.
const maxConfig = 16 << 20

// Configuration is what runs, and where each part of it is written.
func (g *generation) Configuration(ctx context.Context) (api.Config, error) {
	file := g.p.o.ConfigFile
	out := api.Config{File: file, ReadAt: api.Instant(g.loaded.at), Text: g.conf.String(), Sources: g.sourcesAsRun(), Profiles: g.profilesAsRun(), Values: g.values()}
	if file != "" {
		now, err := g.p.readings.read(ctx, file, maxConfig)
		out.Changed = err != nil || !bytes.Equal(now, g.loaded.text)
	}
	for _, r := range g.loaded.settings.Routes() {
		out.Routes = append(out.Routes, api.ConfigRoute{
			Depth: r.Depth, Match: r.Match, Receiver: r.Receiver, GroupBy: r.GroupBy,
			Wait: seconds(r.GroupWait), Interval: seconds(r.GroupInterval), Repeat: seconds(r.Repeat),
			Continue: r.Continue, Muted: r.Muted, Active: r.Active, Written: g.written(r.Key),
		})
	}
	return out, nil
}

func seconds(d time.Duration) api.Number { return api.Number(d.Seconds()) }

// written is where a key is.
func (g *generation) written(key string) api.Written {
	p := g.conf.Place(key)
	w := api.Written{Line: p.Line, Text: p.String()}
	if p.Line > 0 {
		w.File = p.File
	}
	return w
}

func (g *generation) sourcesAsRun() (all api.List[api.ConfigSource]) {
	c := g.conf
	if c.LocalEnabled() {
		all = append(all, api.ConfigSource{Name: localName, Address: "this machine", Profiles: c.Local.Profiles, Step: seconds(time.Duration(c.Local.Step)), Written: g.written("local")})
	}
	inFile := len(c.Sources) - len(g.p.o.PrometheusURLs) // those of the command line come last
	for i, s := range c.Sources {
		w := api.Written{Text: "--prometheus.url"}
		if i < inFile {
			w = g.written(fmt.Sprintf("sources[%d]", i))
		}
		all = append(all, api.ConfigSource{Name: s.Name, Address: s.URL.Redacted(), Profiles: s.Profiles, Step: seconds(time.Duration(s.Step)), Written: w})
	}
	return all
}

// profilesAsRun are the built-in profiles and those of the file, those that are
// watched first, by name.
func (g *generation) profilesAsRun() (all api.List[api.ConfigProfile]) {
	for name, schema := range g.loaded.profiles {
		p := api.ConfigProfile{Name: name, Features: schema.Len(), Limits: len(schema.Limits()), By: schema.By(), Written: api.Written{Text: "built in"}}
		if i := slices.IndexFunc(g.conf.Profiles, func(c config.Profile) bool { return c.Name == name }); i >= 0 {
			p.Written, p.Help = g.written(fmt.Sprintf("profiles[%d]", i)), g.conf.Profiles[i].Help
		}
		for _, w := range g.watches {
			if w.schema.Profile() == name {
				p.Sources = append(p.Sources, w.source)
			}
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b api.ConfigProfile) int {
		return cmp.Or(min(len(b.Sources), 1)-min(len(a.Sources), 1), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// values are the single numbers that an operator decides on.
func (g *generation) values() api.List[api.ConfigValue] {
	c := g.conf
	lasting := func(d model.Duration) string {
		if d == 0 {
			return "0"
		}
		return d.String()
	}
	all := api.List[api.ConfigValue]{
		{Section: "budget", Key: "pages.per_host_week", Value: strconv.FormatFloat(c.Pages.PerHostWeek, 'g', -1, 64), Help: "false pages per host and week that are accepted; limits follow from it"},
		{Section: "learning", Key: "learn.history", Value: lasting(c.Learn.History), Help: "how much is read back at start and learned from"},
		{Section: "learning", Key: "learn.retrain", Value: lasting(c.Learn.Retrain), Help: "how often an established model is retrained"},
		{Section: "learning", Key: "learn.workers", Value: strconv.Itoa(c.Learn.Workers), Help: "models trained at once; 0: one for each processor, less one"},
		{Section: "retention", Key: "storage.retention_time", Value: lasting(c.Storage.RetentionTime), Help: "how long this machine's metrics and all scores are kept"},
		{Section: "retention", Key: "storage.retention_size", Value: c.Storage.RetentionSize.String(), Help: "the most that they take on disk; 0: no limit"},
		{Section: "retention", Key: "storage.incidents", Value: lasting(c.Storage.Incidents), Help: "how long timelines of closed incidents are kept"},
		{Section: "retention", Key: "storage.gone_hosts", Value: lasting(c.Storage.GoneHosts), Help: "how long the models of a host that is gone are kept"},
		{Section: "incidents", Key: "incidents.close_after", Value: lasting(model.Duration(hysteresis(c).Close.For)), Help: "how long a host must be normal before its incident closes"},
		{Section: "incidents", Key: "incidents.reopen_within", Value: lasting(model.Duration(hysteresis(c).Reopen)), Help: "an onset within this time of the closing reopens the incident"},
		{Section: "incidents", Key: "incidents.fleet_hosts", Value: strconv.Itoa(hysteresis(c).FleetHosts), Help: "hosts with the same trouble that make one incident"},
		{Section: "general", Key: "external_url", Value: g.p.externalURL(c), Help: "the address of the web UI in messages"},
		{Section: "general", Key: "time_zone", Value: zoneOf(c).String(), Help: "in which a time of day is meant"},
		{Section: "actions", Key: "remedy.mode", Value: string(cmp.Or(g.loaded.policy.Mode, omen.ModeOff)), Help: "the ceiling of all playbooks"},
	}
	for i := range all {
		all[i].Written = g.written(all[i].Key)
	}
	return all
}

// Receivers is who is notified, and how each answered.
func (g *generation) Receivers(ctx context.Context) (api.Receivers, error) {
	standings, err := g.relay.Standings(ctx)
	if err != nil {
		return api.Receivers{}, err
	}
	var all api.List[api.Receiver]
	for i, name := range g.relay.Receivers() {
		all = append(all, api.Receiver{Name: name, Testable: true, Written: g.written(fmt.Sprintf("receivers[%d]", i))})
	}
	for _, s := range standings {
		one := g.channel(s)
		if s.Receiver == "" {
			all = append(all, api.Receiver{Name: s.Channel, Testable: true, Channels: api.List[api.Channel]{one}, Written: one.Written})
			continue
		}
		i := slices.IndexFunc(all, func(r api.Receiver) bool { return r.Name == s.Receiver })
		all[i].Channels = append(all[i].Channels, one)
	}
	for i := range all {
		all[i].Testable = all[i].Testable && len(all[i].Channels) > 0
	}
	return api.Receivers{Receivers: all}, nil
}

// channel is one channel with its state: it fails while an incident about it is
// open, or if its last attempt failed.
func (g *generation) channel(s notify.Standing) api.Channel {
	c := api.Channel{
		Name: s.Channel, Kind: s.Kind, Resolved: s.Resolved, State: api.ChannelWorking, DeliveredAt: api.Instant(s.Delivered),
		FailedAt: api.Instant(s.Failed), Err: s.Err, Trouble: s.Trouble.Summary, Incident: s.Trouble.ID, TroubleSince: api.Instant(s.Trouble.Since), Written: g.written(s.Key),
	}
	switch {
	case s.Trouble.ID != "" || s.Failed.After(s.Delivered):
		c.State = api.ChannelFailing
	case s.Delivered.IsZero():
		c.State = api.ChannelUntried
	}
	return c
}

// FirstRun is when Omen first ran here.
func (g *generation) FirstRun(context.Context) (time.Time, error) { return g.p.pages.since, nil }

// TestReceiver sends a test message through the receiver's own channels.
func (g *generation) TestReceiver(ctx context.Context, receiver, by string) (api.ReceiverTest, error) {
	all, err := g.relay.Test(ctx, receiver, by)
	if err != nil {
		return api.ReceiverTest{}, err
	}
	out := api.ReceiverTest{Receiver: receiver, Delivered: true}
	for _, t := range all {
		one := api.ChannelAnswer{Channel: t.Channel, Took: seconds(t.Took)}
		if t.BuiltIn != nil {
			one.Note = "the built-in text was sent: " + t.BuiltIn.Error()
		}
		if t.Err != nil {
			one.Err, out.Delivered = t.Err.Error(), false
		}
		out.Channels = append(out.Channels, one)
	}
	return out, nil
}
