package notify

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/alert"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/alertmanager"
	"github.com/omenhq/omen/notify/message"
)

// Names of the alerts that no incident stands behind.
const (
	alertWatchdog = "Watchdog" // the heartbeat
	alertTest     = "OmenTest" // omen notify test
)

// prove says that a channel takes messages to its worker.
func (w *worker) prove() {
	select {
	case w.proven <- struct{}{}:
	default:
	}
}

// heartbeats are the channels that want a sign of life: a dead man's switch
// that alerts when Omen stops.
func (r *Relay) heartbeats() []*worker {
	var out []*worker
	for _, w := range r.workers {
		if slices.Contains(r.settings.own.Heartbeat.Receivers, w.channel.receiver) {
			out = append(out, w)
		}
	}
	return out
}

// beat sends the Watchdog alert to a worker's channel at every interval. A beat that
// fails is not tried again: the next one comes. One that arrives shows the worker
// that its channel takes messages.
func (r *Relay) beat(ctx context.Context, w *worker) error {
	c := w.channel
	ticker := time.NewTicker(time.Duration(r.settings.own.Heartbeat.Interval))
	defer ticker.Stop()
	failing, begun := false, time.Now()
	for {
		_, err := c.send(ctx, r.ownMessage(alertWatchdog, "Omen is alive", "This message comes regularly. Be alarmed when it does not."+r.auditHead(ctx), begun, time.Now()))
		if err != nil && ctx.Err() == nil && !failing {
			r.log.Warn("heartbeat not delivered", "receiver", c.name, "err", err)
		}
		failing = err != nil
		if !failing {
			w.prove()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// auditHead is how far the audit has come: noted at the receiver, it shows what is
// cut off at the audit's end.
func (r *Relay) auditHead(ctx context.Context) string {
	if r.store == nil {
		return ""
	}
	head, err := r.store.AuditHead(ctx)
	if err != nil || head == "" { // that the store fails is said elsewhere
		return ""
	}
	return " Head of the audit: " + head
}

// ownMessage is a message that no incident stands behind. Its key is its own, also where
// the clock was set back and its second comes again: a receiver would take it for one
// that it has.
func (r *Relay) ownMessage(name, headline, detail string, since, now time.Time) message.Message {
	link, key := r.view.External.String(), fmt.Sprintf("%s.%d.%s", name, now.Unix(), rand.Text()[:8])
	a := &alert.Alert{UpdatedAt: now, Alert: model.Alert{
		StartsAt: since, GeneratorURL: link,
		Labels: model.LabelSet{model.AlertNameLabel: model.LabelValue(name), "severity": model.LabelValue(omen.Info)},
		Annotations: model.LabelSet{
			"summary": model.LabelValue(headline), "headline": model.LabelValue(headline), "icon": "ℹ️",
			"description": model.LabelValue(detail), "detail": model.LabelValue(detail), "link": model.LabelValue(link),
			"key": model.LabelValue(key),
		},
	}}
	return message.Message{
		Key:      key,
		GroupKey: fmt.Sprintf("{}:{alertname=%q}", name), Group: model.LabelSet{model.AlertNameLabel: model.LabelValue(name)},
		Alerts: []*alert.Alert{a}, Reason: amnotify.ReasonFirstNotification, At: now,
	}
}

// Tested is how one channel took a test.
type Tested struct {
	Channel string
	Took    time.Duration
	BuiltIn error  // why a built-in text was sent in the place of the configuration's; nil: it was not
	Err     error  // nil: it took the message
	Note    string // what that it was taken means, where it is not that people were notified
}

// Test sends a message to every channel of a receiver, whatever the routes
// say, and, where the receiver is notified of ends, that it is over. The message
// says that it is a test and, where that is known, who asked for it. All channels
// get one attempt at once; one that takes it works again. [omen.ErrNotFound] if there is
// no such receiver, [omen.ErrConflict] while another test is under way. An Alertmanager,
// by its name, gets one alert, which ends by itself.
func (r *Relay) Test(ctx context.Context, receiver, by string) ([]Tested, error) {
	peer := slices.IndexFunc(r.clients, func(c *alertmanager.Client) bool { return c.Name() == receiver })
	if r.settings.receiver(receiver) == nil && peer < 0 {
		return nil, omen.WithHint(fmt.Errorf("test receiver %q: %w", receiver, omen.ErrNotFound),
			fmt.Sprintf("the configuration has these receivers: %q", r.Notified()))
	}
	if !r.testing.CompareAndSwap(false, true) {
		return nil, omen.WithHint(fmt.Errorf("test receiver %q: another test is under way: %w", receiver, omen.ErrConflict), "try again when it has its answer")
	}
	defer r.testing.Store(false)
	if r.settings.receiver(receiver) == nil {
		begun := time.Now()
		err := r.clients[peer].Test(ctx, r.testAlert(receiver, by, "", begun).Alerts[0])
		note := fmt.Sprintf("it took the alert %s, which ends by itself after %s; its own routes say whom that notifies", alertTest, omen.Soon(alertmanager.TestFor))
		return []Tested{{Channel: receiver, Took: time.Since(begun), Err: err, Note: note}}, nil
	}
	workers := slices.DeleteFunc(slices.Clone(r.workers), func(w *worker) bool { return w.channel.receiver != receiver })
	if len(workers) == 0 {
		return nil, omen.WithHint(fmt.Errorf("test receiver %q: it has no channel: %w", receiver, omen.ErrConflict), "write one below it, such as webhook_configs")
	}
	all := make([]Tested, len(workers))
	var g errgroup.Group
	for i, w := range workers {
		g.Go(func() error {
			begun := time.Now()
			builtIn, err := r.test(ctx, w.channel, by, begun)
			if err == nil {
				w.prove()
			}
			all[i] = Tested{Channel: w.channel.name, Took: time.Since(begun), BuiltIn: builtIn, Err: err}
			return nil
		})
	}
	return all, g.Wait()
}

// test tests one channel; what it returns is that of [channel.send].
func (r *Relay) test(ctx context.Context, c channel, by string, now time.Time) (builtIn, err error) {
	m, err := r.testMessage(c, by, now)
	if err != nil {
		return nil, err
	}
	builtIn, err = c.send(ctx, m)
	if err == nil && c.resolved {
		over := *m.Alerts[0]
		over.EndsAt, over.Annotations = now, over.Annotations.Clone()
		for _, name := range []model.LabelName{"summary", "headline"} {
			over.Annotations[name] = "The test is over"
		}
		over.Annotations["icon"] = "✅"
		delete(over.Annotations, "causes")
		m.Chart = nil
		m.Alerts, m.Reason, m.Key = []*alert.Alert{&over}, amnotify.ReasonAllAlertsResolved, m.Key+".over"
		_, err = c.send(ctx, m)
	}
	return builtIn, err
}

// testAlert is what every test says.
func (r *Relay) testAlert(receiver, by, more string, now time.Time) message.Message {
	if by != "" {
		by = " Sent by " + by + "."
	}
	return r.ownMessage(alertTest, "Omen can reach you", "This is a test of receiver "+receiver+"."+by+more, now, now)
}

// testMessage looks like a message about an incident, with a chart where the
// channel shows one, and says that it is none.
func (r *Relay) testMessage(c channel, by string, now time.Time) (message.Message, error) {
	m := r.testAlert(c.receiver, by, " Causes and chart are made up.", now)
	sample := omen.Incident{
		ID: "test", Kind: omen.HostIncident, Host: omen.Host{Name: "example"}, Since: now.Add(-8 * time.Minute),
		Causes: []omen.Cause{
			{Feature: "disk_write", Unit: omen.BytesPerSecond, Share: .7, Actual: 240e6, Expected: 11e6, Lower: 8e6, Upper: 15e6},
			{Feature: "cpu_iowait", Unit: omen.Ratio, Share: .3, Actual: .41, Expected: .02, Lower: 0, Upper: .05},
		},
	}
	lines := make([]string, len(sample.Causes))
	for i, cause := range sample.Causes {
		lines[i] = cause.String()
	}
	m.Alerts[0].Annotations["causes"] = model.LabelValue(strings.Join(lines, "\n"))
	if !showsCharts[c.kind] || !r.settings.charts() {
		return m, nil
	}
	var points []omen.ScorePoint
	for at := sample.Since.Add(-message.ChartBefore); !at.After(now); at = at.Add(15 * time.Second) {
		value := .4 + .15*math.Sin(float64(at.Unix())/90)
		if up := at.Sub(sample.Since); up > 0 {
			value += 3 * (1 - math.Exp(-up.Minutes()))
		}
		points = append(points, omen.ScorePoint{At: at, Value: value})
	}
	var err error
	m.Chart, err = message.Chart(sample, points)
	return m, err
}
