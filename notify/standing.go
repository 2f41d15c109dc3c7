package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// standingFor is how far back the journal is asked for attempts.
const standingFor = 30 * 24 * time.Hour

// Standing is what is known of one channel, or of one Alertmanager: where it is
// configured, and how it answered.
type Standing struct {
	Receiver  string        // empty: an Alertmanager
	Channel   string        // such as ops/slack[1]
	Kind      string        // such as slack
	Key       string        // in the configuration, such as receivers[0].slack_configs[1]
	Resolved  bool          // it is notified of ends
	Delivered time.Time     // the last message that arrived, of any kind; zero: none on record
	Failed    time.Time     // the last attempt that failed; zero: none on record
	Err       string        // why it failed
	Trouble   omen.Incident // of Omen's own, that is open; zero: it has none
}

// Standings are those of all channels, in the configuration's order, and of all
// Alertmanagers.
func (r *Relay) Standings(ctx context.Context) ([]Standing, error) {
	var all []Standing
	for _, w := range r.workers {
		s := Standing{Receiver: w.channel.receiver, Channel: w.channel.name, Kind: w.channel.kind, Key: w.channel.key, Resolved: w.channel.resolved}
		s.Delivered, s.Failed, s.Err = w.channel.last.get()
		all = append(all, s)
	}
	for i, c := range r.clients {
		all = append(all, Standing{Channel: c.Name(), Kind: "alertmanager", Key: fmt.Sprintf("alertmanagers[%d]", i), Resolved: true})
	}
	if r.store == nil {
		return all, nil
	}
	recorded, err := r.store.LastDeliveries(ctx, time.Now().Add(-standingFor))
	if err != nil {
		return nil, err
	}
	open, err := r.store.OpenIncidents(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		s := &all[i]
		for _, d := range recorded {
			if d.Receiver == s.Channel {
				s.take(d)
			}
		}
		about := message.TroubleKey(s.Channel)
		if k := slices.IndexFunc(open, func(in omen.Incident) bool { return in.Trouble == about || strings.HasPrefix(in.Trouble, about+"/") }); k >= 0 {
			s.Trouble = open[k]
		}
	}
	return all, nil
}

// take enters what is on record of an attempt.
func (s *Standing) take(d omen.Delivery) {
	switch d.Outcome {
	case message.Delivered:
		s.Delivered = omen.Later(s.Delivered, d.At)
	case message.Retrying, message.GaveUp:
		if d.At.After(s.Failed) {
			s.Failed, s.Err = d.At, d.Detail
		}
	}
}

// attempts are the last ones of a channel since it was built, tests and heartbeats
// included, which no journal has. It is safe for concurrent use; nil keeps nothing.
type attempts struct {
	mu              sync.Mutex
	arrived, failed time.Time
	err             string
}

// note enters one attempt.
func (a *attempts) note(at time.Time, err error) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		a.arrived = at
	} else {
		a.failed, a.err = at, message.OneLine(err.Error())
	}
}

func (a *attempts) get() (arrived, failed time.Time, err string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.arrived, a.failed, a.err
}
