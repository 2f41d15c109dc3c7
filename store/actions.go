package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
)

// AppendAction makes a step of an action durable: its row, the audit row of who
// made the step, and the changes of its incident, all or nothing. From is the
// state that it was in; empty: it is new.
//
// It is [omen.ErrConflict], and nothing is written, if the action is not in that
// state any more, if another one of its group may still change the world, or if
// another process has written that it started; and [omen.ErrCorrupt] if the action is
// not what its last audit row says, or if the audit's key is not there.
func (db *DB) AppendAction(ctx context.Context, from omen.ActionState, a omen.Action, by omen.Audit, changes ...omen.Change) error {
	body, err := json.Marshal(a)
	if err != nil || a.ID == "" || !slices.Contains(from.Next(), a.State) {
		return fmt.Errorf("store action %q, %s after %q: %w", a.ID, a.State, from, errors.Join(omen.ErrInvalid, err))
	}
	by.ActionID, by.Detail = a.ID, string(body)
	return db.appendWith(ctx, changes, func(tx *sql.Tx) error {
		if err := db.putAction(ctx, tx, from, a, body); err != nil {
			return err
		}
		return db.putAudit(ctx, tx, by)
	})
}

// unsettled is where the actions of [omen.UnsettledStates] are. The condition is the
// index's own: SQLite uses a partial index only where its condition is repeated
// (https://sqlite.org/partialindex.html), and INDEXED BY fails where it is not. A
// loop asks for them every few seconds, among all that ever were.
const unsettled = "action INDEXED BY action_unsettled WHERE state IN ('waiting', 'approved', 'started', 'unknown', 'stuck', 'done', 'measuring')"

const actionRow = "id, incident, playbook, grp, target, host, attempt, state, epoch, at, started, ended, body"

func (db *DB) putAction(ctx context.Context, tx *sql.Tx, from omen.ActionState, a omen.Action, body []byte) error {
	if err := alone(ctx, tx, from, a); err != nil {
		return err
	}
	if from != "" {
		if err := db.asAudited(ctx, tx, a.ID); err != nil {
			return err
		}
	} else if err := db.keyThere(ctx, tx); err != nil {
		return omen.WithHint(fmt.Errorf("action %s: it is not begun: %w: %w", a.ID, omen.ErrCorrupt, err), omen.Hint(err))
	}
	var epoch int64
	if !a.Started.IsZero() {
		epoch = db.epoch
	}
	statement := "INSERT INTO action (" + actionRow + `, sum)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, omen_sum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13))
		ON CONFLICT DO NOTHING`
	args := []any{
		a.ID, a.Incident, a.Playbook, a.Group, a.Target.ID(), a.Host.ID(), a.Attempt, string(a.State), epoch,
		nanos(a.At), nanos(a.Started), nanos(a.Ended), body,
	}
	if from != "" {
		// What started here is settled here; elsewhere it can only come into doubt.
		statement = `UPDATE action SET grp = ?4, target = ?5, state = ?8, epoch = ?9, started = ?11, ended = ?12, body = ?13,
			sum = omen_sum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
			WHERE id = ?1 AND incident = ?2 AND playbook = ?3 AND attempt = ?7 AND at = ?10 AND state = ?14
			AND (state <> 'started' OR epoch = ?9 OR ?8 = 'unknown')`
		args = append(args, string(from))
	}
	done, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("store action %s: %w", a.ID, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 1 {
		return err
	}
	var now omen.Action
	var is []byte
	if err := tx.QueryRowContext(ctx, "SELECT body FROM action WHERE id = ?", a.ID).Scan(&is); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = omen.ErrNotFound
		}
		return fmt.Errorf("store action %s: %w", a.ID, err)
	}
	if err := json.Unmarshal(is, &now); err != nil {
		return fmt.Errorf("store action %s: %w: %w", a.ID, omen.ErrCorrupt, err)
	}
	who := ""
	if now.By != "" {
		who = " by " + now.By
	}
	return fmt.Errorf("action %s: it is already %s%s: %w", a.ID, now.State, who, omen.ErrConflict)
}

// alone reports another action that may still change the world of the same group,
// when one is about to. The guard one_at_a_time has looked before; it cannot see what
// another planner writes at the same moment.
func alone(ctx context.Context, tx *sql.Tx, from omen.ActionState, a omen.Action) error {
	if from.Live() || !a.State.Live() {
		return nil
	}
	var other string
	args := []any{a.Group, a.ID}
	err := tx.QueryRowContext(ctx, "SELECT id FROM "+unsettled+" AND grp = ? AND id <> ? AND "+in("state", omen.LiveStates(), &args)+" LIMIT 1", args...).Scan(&other)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("look for other actions of group %s: %w", a.Group, err)
	}
	return fmt.Errorf("action %s: action %s of the same group (%s) is not settled yet: %w", a.ID, other, a.Group, omen.ErrConflict)
}

// ActionFilter chooses actions. Its zero value chooses all.
type ActionFilter struct {
	Incident, Playbook string
	Host               omen.Host          // zero: any
	States             []omen.ActionState // empty: any
	Since              time.Time          // drafted then or later, or not settled yet; zero: whenever
	ToPlan             bool               // what a plan needs: with Since, of what is settled only what was started, and all of open incidents
	Newest             int                // at most so many, the newest; 0: all
}

// Actions is what the filter chooses, oldest first. One damaged row is
// [omen.ErrCorrupt] for all: what is done, and how often, must not be worked out
// from a part.
func (db *DB) Actions(ctx context.Context, f ActionFilter) ([]omen.Action, error) {
	where, args := []string{"1"}, []any{}
	if f.Incident != "" {
		where, args = append(where, "incident = ?"), append(args, f.Incident)
	}
	if f.Playbook != "" {
		where, args = append(where, "playbook = ?"), append(args, f.Playbook)
	}
	if f.Host != (omen.Host{}) {
		where, args = append(where, "host = ?"), append(args, f.Host.ID())
	}
	if len(f.States) > 0 {
		where = append(where, in("state", f.States, &args))
		if !slices.ContainsFunc(f.States, func(s omen.ActionState) bool { return !slices.Contains(omen.UnsettledStates(), s) }) {
			where = append(where, "id IN (SELECT id FROM "+unsettled+")")
		}
	}
	if !f.Since.IsZero() {
		of := ""
		if f.ToPlan {
			of = " AND started <> 0 UNION ALL SELECT id FROM action WHERE incident IN (SELECT id FROM incident WHERE state <> 'closed')"
		}
		where = append(where, "id IN (SELECT id FROM action WHERE at >= ?"+of+" UNION ALL SELECT id FROM "+unsettled+")")
		args = append(args, nanos(f.Since))
	}
	limit := -1
	if f.Newest > 0 {
		limit = f.Newest
	}
	all, err := query(ctx, db.read, scanAction, "SELECT id, body, "+wholeAction+" FROM action WHERE "+strings.Join(where, " AND ")+
		" ORDER BY at DESC, id DESC LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("read actions: %w", err)
	}
	slices.Reverse(all)
	return all, nil
}

// Action is one action, or [omen.ErrNotFound].
func (db *DB) Action(ctx context.Context, id string) (a omen.Action, err error) {
	all, err := query(ctx, db.read, scanAction, "SELECT id, body, "+wholeAction+" FROM action WHERE id = ?", id)
	switch {
	case err != nil:
		return a, fmt.Errorf("read action %s: %w", id, err)
	case len(all) == 0:
		return a, fmt.Errorf("action %s: %w", id, omen.ErrNotFound)
	}
	return all[0], nil
}

func scanAction(rows *sql.Rows) (a omen.Action, err error) {
	var id string
	var body []byte
	var whole bool
	if err := rows.Scan(&id, &body, &whole); err != nil {
		return a, err
	}
	if err := decode(body, whole, &a); err != nil {
		return a, omen.WithHint(fmt.Errorf("action %s: %w: %w", id, omen.ErrCorrupt, err), "restore a backup; until then nothing is acted on")
	}
	return a, nil
}

// PutSettingAudited is [DB.PutSetting] together with the audit row of who did it.
func (db *DB) PutSettingAudited(ctx context.Context, key string, value any, a omen.Audit) error {
	return db.putAudited(ctx, document{kind: kindSetting, id: key, value: value}, a)
}

// ActionCount is how many actions of a playbook ever reached a state, or were
// refused by a guard.
type ActionCount struct {
	Playbook string
	State    omen.ActionState
	Guard    string // of the refused ones
	N        int
}

// CountActions counts the steps of all actions, as the audit has them: the numbers
// never fall.
func (db *DB) CountActions(ctx context.Context) ([]ActionCount, error) {
	all, err := query(ctx, db.read, func(rows *sql.Rows) (c ActionCount, err error) {
		err = rows.Scan(&c.Playbook, &c.State, &c.Guard, &c.N)
		return c, err
	}, `SELECT a.playbook, substr(u.action, length('action.') + 1), iif(u.action = 'action.refused', coalesce(a.body ->> '$.guard', ''), ''), count(*)
		FROM audit u JOIN action a ON a.id = u.action_id WHERE u.action_id <> '' GROUP BY 1, 2, 3`)
	if err != nil {
		return nil, fmt.Errorf("count actions: %w", err)
	}
	return all, nil
}
