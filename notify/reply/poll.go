package reply

import (
	"context"
	"errors"
	"fmt"
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
	// Edit has a message that was sent say one thing more, and have the buttons that
	// it has now.
	Edit(ctx context.Context, m message.Shown, note string) error
}

// Poll asks a bot for pressed buttons and takes what they say until ctx ends:
// verdicts for b, decisions for a. Each may be nil. That nobody hears them is the
// trouble.
func Poll(ctx context.Context, b *Buttons, a *Approvals, bot Bot, trouble message.Trouble, log *slog.Logger) error {
	var from int64
	var since time.Time // of failures
	wait := message.Backoff{}
	for ctx.Err() == nil {
		presses, next, err := bot.Presses(ctx, from)
		if ctx.Err() != nil {
			break
		}
		switch {
		case err == nil:
			trouble.Over()
		case wait.Tries == 0:
			since = time.Now()
			log.Warn("presses of buttons not read", "err", err)
		case time.Since(since) >= message.FailingAfter:
			trouble.Is(omen.Warning, fmt.Sprintf("buttons that people press in Telegram are not heard: %v", err))
		}
		if err := trouble.Say(ctx); err != nil {
			log.Warn("receiver's trouble not recorded, trying again with the next presses", "err", err)
		}
		if err != nil {
			omen.Sleep(ctx, max(min(wait.Next(), message.FailingAfter), message.RetryAfter(err)))
			continue
		}
		wait = message.Backoff{}
		from = next
		for _, p := range presses {
			if ours(p.Token, "") {
				a.take(ctx, bot, p, log)
			} else {
				answer(ctx, bot, p, b.press(ctx, p, log), log)
			}
		}
	}
	return nil
}

// answer shows a text to the person who pressed a button, who may be gone by now.
func answer(ctx context.Context, bot Bot, p message.Press, text string, log *slog.Logger) {
	within, cancel := message.WithTimeout(ctx, message.SendTimeout)
	defer cancel()
	if err := bot.Answer(within, p.ID, text); err != nil && ctx.Err() == nil {
		log.Debug("button not answered", "err", err)
	}
}

const notValid = "This button is not valid here."

// press records a pressed button's verdict and says what to answer. One that comes
// again after a crash finds its token used.
func (b *Buttons) press(ctx context.Context, p message.Press, log *slog.Logger) string {
	if b == nil || !p.Known {
		return notValid
	}
	done, err := b.redeem(ctx, p.Token, p.By(), time.Now())
	switch {
	case err == nil:
		return "Recorded: " + strings.ToLower(done.label)
	case errors.Is(err, errTooOld):
		return "This button has expired. Please use Omen's web UI."
	case errors.Is(err, omen.ErrConflict):
		return "This was already recorded."
	case errors.Is(err, omen.ErrNotFound):
		return "There is no such incident any more."
	case errors.Is(err, omen.ErrDenied):
		return notValid
	}
	log.Error("feedback not recorded", "err", err)
	return "This could not be recorded. Please try again."
}
