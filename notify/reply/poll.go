package reply

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// Bot is a chat's side of buttons.
type Bot interface {
	// Presses waits for pressed buttons and says from where to ask next; asking
	// from there confirms these.
	Presses(ctx context.Context, from int64) (all []message.Press, next int64, err error)
	// Answer shows a text to the person who pressed a button.
	Answer(ctx context.Context, press, text string) error
}

// Poll asks a bot for pressed buttons and records their verdicts until ctx
// ends.
func (b *Buttons) Poll(ctx context.Context, bot Bot, log *slog.Logger) error {
	var from int64
	wait := message.Backoff{}
	for ctx.Err() == nil {
		presses, next, err := bot.Presses(ctx, from)
		if err != nil && ctx.Err() == nil {
			if wait.Tries == 0 {
				log.Warn("presses of buttons not read", "err", err)
			}
			message.Sleep(ctx, max(wait.Next(), message.RetryAfter(err)))
			continue
		}
		wait = message.Backoff{}
		from = next
		for _, p := range presses {
			b.press(ctx, bot, p, log)
		}
	}
	return nil
}

// press records a pressed button and answers its presser. One that comes again
// after a crash finds its token used.
func (b *Buttons) press(ctx context.Context, bot Bot, p message.Press, log *slog.Logger) {
	text := "This button is not valid here."
	if p.Known {
		done, err := b.redeem(ctx, p.Token, p.By, time.Now())
		switch {
		case err == nil:
			text = "Recorded: " + strings.ToLower(done.label)
		case errors.Is(err, errTooOld):
			text = "This button has expired. Please use Omen's web UI."
		case errors.Is(err, omen.ErrConflict):
			text = "This was already recorded."
		case errors.Is(err, omen.ErrNotFound):
			text = "There is no such incident any more."
		case !errors.Is(err, omen.ErrDenied):
			log.Error("feedback not recorded", "err", err)
			text = "This could not be recorded. Please try again."
		}
	}
	call, cancel := message.WithTimeout(ctx, message.SendTimeout)
	defer cancel()
	if err := bot.Answer(call, p.ID, text); err != nil && ctx.Err() == nil {
		log.Debug("button not answered", "err", err)
	}
}
