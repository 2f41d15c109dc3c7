package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/telegram"
)

// itself reports whether an incident is about this very channel: that it
// refuses messages is no message for it.
func (r rules) itself(in omen.Incident) bool {
	return in.Trouble != "" && in.Trouble == message.TroubleKey(r.channel)
}

// stranded reports whether the routes lead an incident about a channel to that
// channel alone. Every other one is then notified, or nobody would be.
func (r rules) stranded(in omen.Incident) bool {
	about, found := strings.CutPrefix(in.Trouble, message.TroubleKey(""))
	if !found || r.route == nil {
		return false
	}
	led := false
	for _, route := range r.route.Match(r.view.Labels(in)) {
		for _, channel := range r.channels[route.RouteOpts.Receiver] {
			if channel != about {
				return false
			}
			led = true
		}
	}
	return led
}

// rendered says whether the configuration's templates could write a message. That
// they can write the one about themselves proves nothing.
func (w *worker) rendered(m message.Message, builtIn error) {
	if builtIn == nil {
		if m.Incident == nil || m.Incident.Trouble != message.TemplateKey(w.channel.name) {
			w.template.Over()
		}
		return
	}
	w.builtIn.Inc()
	w.log.Error("message cannot be rendered, the built-in text is sent", "err", builtIn)
	w.template.Is(omen.Warning, fmt.Sprintf("receiver %s gets the built-in text: %v", w.channel.name, builtIn))
}

// settleTroubles resolves what was reported of channels that are no longer
// configured, and has those that are say what a person has to change.
func (r *Relay) settleTroubles(ctx context.Context, removed []string) error {
	if r.troubles == nil {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	over := func(channel string, keys ...string) {
		g.Go(func() error {
			message.Retry(ctx, r.log.With("receiver", channel), "receiver's trouble not recorded", func(ctx context.Context) error {
				for _, key := range keys {
					if err := r.troubles.Resolve(ctx, key); err != nil {
						return err
					}
				}
				return nil
			})
			return nil
		})
	}
	for _, channel := range removed {
		over(channel, message.TroubleKey(channel), message.ChatKey(channel), message.RecipientKey(channel), message.TemplateKey(channel), message.ButtonsKey(channel))
	}
	for _, chat := range r.chats {
		if !slices.ContainsFunc(r.bots, func(b *telegram.Bot) bool { return b.Name() == chat.Name() }) { // nobody asks for its presses
			over(chat.Name(), message.ButtonsKey(chat.Name()))
		}
		g.Go(func() error {
			message.Retry(ctx, r.log, "receiver's trouble not recorded", chat.Settle)
			return nil
		})
	}
	return g.Wait()
}
