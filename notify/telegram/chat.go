package telegram

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/store"
)

// Options are what a [Sender] needs to follow a chat that is not where the
// configuration says.
type Options struct {
	Name     string           // the channel's, such as oncall/telegram
	Store    *store.DB        // keeps what a group became; nil: known until the end of the process
	Troubles message.Troubles // hears what to change in the configuration; nil: the log alone does
}

// chats follows one sender's chat: Telegram gives a group another number when
// it becomes a supergroup, and answers messages to the old one with the new.
type chats struct {
	o      Options
	mu     sync.Mutex
	became map[int64]int64 // by configured chat; 0: it is what it was

	saying  sync.Mutex
	trouble message.Trouble // guarded by saying
}

// movedError is Telegram's answer that a group has become a supergroup.
type movedError struct {
	to  int64
	err error
}

func (e movedError) Error() string { return e.err.Error() }
func (e movedError) Unwrap() error { return e.err }

// topicGone reports whether Telegram has no such topic in the chat, or lets
// nobody write there.
func topicGone(err error) bool {
	return err != nil && message.Permanent(err) && (strings.Contains(err.Error(), "message thread not found") ||
		strings.Contains(err.Error(), "TOPIC_CLOSED") || strings.Contains(err.Error(), "TOPIC_DELETED"))
}

// setting is where the store keeps what a chat became: whichever receiver
// notices, all know it.
func setting(chat int64) string { return "notify.telegram.chat." + strconv.FormatInt(chat, 10) }

// now is the number that a configured chat has today.
func (c *chats) now(ctx context.Context, chat int64) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to, known := c.became[chat]
	if !known && c.o.Store != nil {
		if _, err := c.o.Store.Kept(ctx, setting(chat), &to); err != nil {
			return 0, fmt.Errorf("read what chat %d became: %w", chat, err)
		}
	}
	c.became[chat] = to
	if to != 0 {
		return to, nil
	}
	return chat, nil
}

// move remembers what a configured chat became. It is known to this process
// even if it cannot be stored: the next one is answered the same.
func (c *chats) move(ctx context.Context, chat, to int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.became[chat] = to
	if c.o.Store == nil {
		return nil
	}
	return c.o.Store.PutSetting(context.WithoutCancel(ctx), setting(chat), to)
}

// deliver makes a call to the sender's chat and topic, wherever they are. What
// a person has to change for the next message to go straight there, it says.
func (s *Sender) deliver(ctx context.Context, out outgoing, send func(context.Context, outgoing) error) error {
	configured, err := s.configured()
	if err != nil {
		return err
	}
	if out.ChatID, err = s.chats.now(ctx, configured); err != nil {
		return err
	}
	err = send(ctx, out)
	var moved movedError
	if errors.As(err, &moved) {
		out.ChatID = moved.to
		if err := s.chats.move(ctx, configured, moved.to); err != nil {
			s.log.Warn("telegram chat's new number not stored", "err", err)
		}
		s.log.Warn("telegram group has become a supergroup", "err", s.wrongChat(configured, moved.to))
		err = send(ctx, out)
	}
	gone := out.Thread != 0 && topicGone(err)
	if gone {
		s.log.Warn("telegram topic is gone, sending to the chat", "err", err)
		out.Thread = 0
		err = send(ctx, out)
	}
	if err == nil {
		s.say(ctx, configured, out.ChatID, gone)
	}
	return err
}

func (s *Sender) wrongChat(configured, now int64) string {
	return fmt.Sprintf("receiver %s: the group has become a supergroup and is notified under its new number; set chat_id: %d in place of %d", s.chats.o.Name, now, configured)
}

// say reports what a person has to change, or that there is nothing.
func (s *Sender) say(ctx context.Context, configured, now int64, topicGone bool) {
	t := &s.chats.trouble
	s.chats.saying.Lock()
	defer s.chats.saying.Unlock()
	switch {
	case topicGone:
		t.Is(omen.Warning, fmt.Sprintf("receiver %s: topic %d is deleted or closed, messages go to the chat itself; change or remove message_thread_id", s.chats.o.Name, s.conf.MessageThreadID))
	case now != configured:
		t.Is(omen.Info, s.wrongChat(configured, now))
	default:
		t.Over()
	}
	if err := t.Say(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("receiver's trouble not recorded, trying again with the next message", "err", err)
	}
}

// Settle says, at start, whether the configuration names the chat's number of
// today; a topic is known when a message was sent there.
func (s *Sender) Settle(ctx context.Context) error {
	configured, err := s.configured()
	if err != nil {
		return s.unsettled(ctx, err)
	}
	now, err := s.chats.now(ctx, configured)
	if err != nil {
		return err
	}
	if now != configured {
		s.log.Warn("telegram group has become a supergroup", "err", s.wrongChat(configured, now))
	}
	if now != configured || s.conf.MessageThreadID == 0 {
		s.say(ctx, configured, now, false)
	}
	return nil
}

// unsettled says that nobody knows to which chat messages go: they will fail.
func (s *Sender) unsettled(ctx context.Context, why error) error {
	t := &s.chats.trouble
	s.chats.saying.Lock()
	defer s.chats.saying.Unlock()
	s.log.Error("telegram chat is not known, its messages fail", "err", why)
	t.Is(omen.Critical, fmt.Sprintf("receiver %s: the chat is not known, its messages fail: %v", s.chats.o.Name, why))
	return t.Say(ctx)
}
