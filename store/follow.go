package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	omen "github.com/omenhq/omen"
)

// page is how many changes a reader fetches at once.
const page = 256

// followAgain is how long a reader waits after an error.
const followAgain = time.Second

// Follow yields the changes after reader's cursor, oldest first, waits for new
// ones, and ends with ctx. It does not move the cursor: the reader does, with
// [DB.Advance], once it has dealt with a change. A reader without a cursor
// starts at the journal's beginning; see [DB.StartHere].
//
// A row that is damaged is set aside and counted; in its place comes the incident
// as it is now, if that is whole: one damaged row keeps nobody from the others. On
// another error it yields that error and goes on if the loop does; the next attempt
// comes after a second.
func (db *DB) Follow(ctx context.Context, reader string) iter.Seq2[omen.Change, error] {
	return func(yield func(omen.Change, error) bool) {
		seq, err := db.Cursor(ctx, reader)
		for err != nil {
			if ctx.Err() != nil || !yield(omen.Change{}, err) || !omen.Sleep(ctx, followAgain) {
				return
			}
			seq, err = db.Cursor(ctx, reader)
		}
		db.FollowFrom(ctx, seq)(yield)
	}
}

// FollowFrom is [DB.Follow] for a reader that keeps its place itself, such as
// a browser's event stream: it yields the changes after seq.
func (db *DB) FollowFrom(ctx context.Context, seq int64) iter.Seq2[omen.Change, error] {
	return func(yield func(omen.Change, error) bool) {
		for ctx.Err() == nil {
			grown := db.grown() // before the read, so that nothing slips between
			changes, last, err := db.following(ctx, seq)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				if !yield(omen.Change{}, err) || !omen.Sleep(ctx, followAgain) {
					return
				}
				continue
			}
			for _, c := range changes {
				if !yield(c, nil) {
					return
				}
			}
			if last > seq {
				seq = last
				continue
			}
			select {
			case <-grown:
			case <-ctx.Done():
			}
		}
	}
}

// following is the next changes after seq for a reader that must not stop at a
// damaged one, and the seq of the last row read; seq itself if there is none.
func (db *DB) following(ctx context.Context, seq int64) (changes []omen.Change, last int64, err error) {
	rows, err := query(ctx, db.read, func(rows *sql.Rows) (r journalRow, err error) {
		err = r.scan(rows)
		return r, err
	}, "SELECT "+journalColumns+" FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", seq, page)
	if err != nil {
		return nil, seq, fmt.Errorf("read journal: %w", err)
	}
	for _, r := range rows {
		c, err := r.change()
		if err != nil {
			db.setAside("journal", strconv.FormatInt(r.seq, 10), err)
			in, err := db.Incident(ctx, r.incident)
			switch {
			case errors.Is(err, omen.ErrNotFound), errors.Is(err, omen.ErrCorrupt):
				last = r.seq
				continue
			case err != nil:
				return nil, seq, err
			}
			c = omen.Change{Seq: r.seq, Kind: omen.ChangeUpdated, At: in.UpdatedAt, Incident: in, By: "omen"}
			if in.State == omen.Closed {
				c.Kind, c.Reason = omen.ChangeClosed, in.Reason
			}
		}
		changes, last = append(changes, c), r.seq
	}
	return changes, max(seq, last), nil
}
