package notify

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
)

// poller hears the buttons of one Telegram bot by long polling, so that Omen
// needs no port that Telegram can reach.
type poller struct {
	bot     bot
	chats   []func() (int64, error) // the chats whose buttons count
	buttons *buttons
	log     *slog.Logger
}

// pollWait is how long Telegram holds a request open; pollTimeout leaves it
// time to answer.
const (
	pollWait    = 50 * time.Second
	pollTimeout = pollWait + 15*time.Second
)

type telegramUpdate struct {
	ID       int64             `json:"update_id"`
	Callback *telegramCallback `json:"callback_query"`
}

type telegramCallback struct {
	ID   string `json:"id"`
	Data string `json:"data"`
	From struct {
		ID        int64  `json:"id"`
		Username  string `json:"username"`
		FirstName string `json:"first_name"`
	} `json:"from"`
	Message struct {
		Chat struct {
			ID int64 `json:"id"`
		} `json:"chat"`
	} `json:"message"`
}

// run polls until ctx ends.
func (p *poller) run(ctx context.Context) error {
	var offset int64
	wait := backoff{}
	for ctx.Err() == nil {
		updates, err := p.poll(ctx, offset)
		if err != nil && ctx.Err() == nil {
			if wait.tries == 0 {
				p.log.Warn("telegram buttons not heard", "err", err)
			}
			sleep(ctx, max(wait.next(), retryAfter(err)))
			continue
		}
		wait.reset()
		for _, u := range updates {
			offset = max(offset, u.ID+1)
			if u.Callback != nil {
				p.answer(ctx, *u.Callback)
			}
		}
	}
	return nil
}

// poll waits for the next updates; asking from offset on confirms the earlier
// ones.
func (p *poller) poll(ctx context.Context, offset int64) (updates []telegramUpdate, err error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	err = p.bot.call(ctx, "getUpdates", map[string]any{
		"offset": offset, "timeout": int(pollWait.Seconds()), "allowed_updates": []string{"callback_query"},
	}, &updates, time.Now())
	return updates, err
}

// answer records a pressed button and tells its presser. An update that is
// delivered again after a crash finds its token used.
func (p *poller) answer(ctx context.Context, c telegramCallback) {
	text := "This button is not valid here."
	if p.known(c.Message.Chat.ID) {
		done, err := p.buttons.redeem(ctx, c.Data, presser(c), time.Now())
		switch {
		case err == nil:
			text = "Recorded: " + strings.ToLower(done.label)
		case errors.Is(err, errTooOld):
			text = "This button is too old. Please use Omen's page."
		case errors.Is(err, omen.ErrConflict):
			text = "This was already recorded."
		case errors.Is(err, omen.ErrNotFound):
			text = "There is no such incident any more."
		case !errors.Is(err, omen.ErrDenied):
			p.log.Error("feedback not recorded", "err", err)
			text = "This could not be recorded. Please try again."
		}
	}
	call, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := p.bot.call(call, "answerCallbackQuery", map[string]any{"callback_query_id": c.ID, "text": text}, nil, time.Now()); err != nil && ctx.Err() == nil {
		p.log.Debug("telegram button not answered", "err", err)
	}
}

func (p *poller) known(chat int64) bool {
	return slices.ContainsFunc(p.chats, func(f func() (int64, error)) bool {
		id, err := f()
		return err == nil && id == chat
	})
}

func presser(c telegramCallback) string {
	if c.From.Username != "" {
		return "@" + oneLine(c.From.Username) + " (Telegram)"
	}
	return oneLine(c.From.FirstName) + " (Telegram)"
}
