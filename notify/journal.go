package notify

import (
	"context"
	"log/slog"
	"strings"

	"golang.org/x/sync/errgroup"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/store"
)

// consumer is who delivers the journal's changes: a worker to its channel, a
// client to its Alertmanager. It moves its cursor once it has dealt with them.
type consumer interface {
	// Name is what deliveries and the cursor are recorded under.
	Name() string
	// Restore rebuilds what was delivered of changes up to the cursor, and what
	// was not.
	Restore(ctx context.Context, cursor int64) error
	// Deliver takes the changes after the cursor until ctx ends.
	Deliver(ctx context.Context, changes <-chan omen.Change)
}

// changeBuffer is how many changes wait between the journal and a consumer.
const changeBuffer = 256

// feed reads the journal for a consumer until ctx ends. A new one starts at the
// journal's end, and learns of what is open when it is restored.
func feed(ctx context.Context, db *store.DB, c consumer, log *slog.Logger) error {
	log = log.With("receiver", c.Name())
	reader, cursor := message.Reader(c.Name()), int64(0)
	restore := func(ctx context.Context) error {
		readers, err := db.Readers(ctx)
		if err != nil {
			return err
		}
		if _, known := readers[reader]; !known {
			if err := db.StartHere(ctx, reader); err != nil {
				return err
			}
		}
		if cursor, err = db.Cursor(ctx, reader); err != nil {
			return err
		}
		return c.Restore(ctx, cursor)
	}
	if !message.Retry(ctx, log, "receiver's state not read", restore) {
		return nil
	}
	changes := make(chan omen.Change, changeBuffer) // bound changeBuffer, owner feed, full: the reader waits and the journal keeps the rest
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for change, err := range db.FollowFrom(ctx, cursor) {
			if err != nil {
				log.Error("journal not read", "err", err)
				continue
			}
			select {
			case changes <- change:
			case <-ctx.Done():
				return nil
			}
		}
		return nil
	})
	g.Go(func() error {
		c.Deliver(ctx, changes)
		return nil
	})
	return g.Wait()
}

// forget drops the cursors of receivers that are no longer configured, so that
// the journal does not wait for them, and returns their names.
func forget(ctx context.Context, db *store.DB, configured []consumer) (removed []string, err error) {
	readers, err := db.Readers(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range configured {
		delete(readers, message.Reader(c.Name()))
	}
	for reader := range readers {
		channel, ours := strings.CutPrefix(reader, message.ReaderPrefix)
		if !ours {
			continue
		}
		if err := db.Forget(ctx, reader); err != nil {
			return removed, err
		}
		removed = append(removed, channel)
	}
	return removed, nil
}
