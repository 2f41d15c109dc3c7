package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	omen "github.com/omenhq/omen"
)

// keepModels is how many versions of a host's model are kept: the serving one
// and two to fall back to.
const keepModels = 3

// PutModel stores a model. If info.Serving is set it serves its host from now
// on, in the same transaction. Only the last three of a host are kept, and
// the serving one always. Putting the same ID again replaces it, but for one that
// serves by one that does not: where the clock was set back, it is another model of the
// same instant.
func (db *DB) PutModel(ctx context.Context, info omen.ModelInfo, blob []byte) error {
	what := fmt.Sprintf("store model %s of host %s", info.ID, info.Host.ID())
	if info.ID == "" || info.Host == (omen.Host{}) || len(blob) == 0 {
		return fmt.Errorf("%s: id, host or bytes are missing: %w", what, omen.ErrInvalid)
	}
	now := time.Now().UTC()
	if info.Serving {
		info.Served = append(info.Served, omen.Span{From: now})
	}
	body, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", what, omen.ErrInvalid, err)
	}
	sum, host := sha256.Sum256(blob), info.Host.ID()
	err = db.tx(ctx, func(tx *sql.Tx) error {
		if info.Serving {
			if err := demote(ctx, tx, host, now); err != nil {
				return err
			}
		} else {
			var serves bool
			err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM model WHERE id = ? AND serving = 1)", info.ID).Scan(&serves)
			if err != nil || serves {
				return err
			}
		}
		for _, s := range []statement{
			{`INSERT INTO model (id, host, trained, serving, sum, info, card, rowsum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, omen_sum(?1, ?2, ?3, ?4, ?5, ?6, ?7))
			  ON CONFLICT (id) DO UPDATE SET host = excluded.host, trained = excluded.trained,
			  serving = excluded.serving, sum = excluded.sum, info = excluded.info, card = excluded.card, rowsum = excluded.rowsum`,
				[]any{info.ID, host, nanos(info.TrainedAt), info.Serving, sum[:], body, info.Card}},
			{"INSERT INTO model_blob (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data", []any{info.ID, blob}},
			{"DELETE FROM model_blob WHERE id IN (" + surplus + ")", []any{host, nanos(now), keepModels}},
			{"DELETE FROM model WHERE id IN (" + surplus + ")", []any{host, nanos(now), keepModels}},
		} {
			if _, err := tx.ExecContext(ctx, s.text, s.args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// demote ends the service of the model that serves a host, if any.
func demote(ctx context.Context, tx *sql.Tx, host string, now time.Time) error {
	var m storedModel
	var id string
	err := tx.QueryRowContext(ctx, "SELECT id, info, "+wholeModel+" FROM model WHERE host = ? AND serving = 1", host).Scan(&id, &m.body, &m.whole)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	body := m.body
	if info, err := m.info(); err == nil { // a damaged one stays as it is
		if len(info.Served) == 0 { // it serves since before this was recorded
			info.Served = []omen.Span{{From: info.TrainedAt}}
		}
		info.Served[len(info.Served)-1].To = now
		info.Serving = false
		if body, err = json.Marshal(info); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "UPDATE model SET serving = 0, info = ?1, rowsum = omen_sum(id, host, trained, 0, sum, ?1, card) WHERE id = ?2", body, id)
	return err
}

type statement struct {
	text string
	args []any
}

// surplus chooses a host's models beyond the newest few; the serving one counts
// as the newest, and those of a time that lies ahead, since the clock was set back, as
// the oldest.
const surplus = "SELECT id FROM model WHERE host = ? ORDER BY serving DESC, trained > ?, id DESC LIMIT -1 OFFSET ?"

// Model is a stored model, or [omen.ErrNotFound]. A blob that is not what was
// stored is [omen.ErrCorrupt].
func (db *DB) Model(ctx context.Context, id string) (omen.ModelInfo, []byte, error) {
	what := "read model " + id
	var blob []byte
	var m storedModel
	err := db.read.QueryRowContext(ctx, "SELECT info, card, serving, sum, data, "+wholeModel+" FROM model JOIN model_blob USING (id) WHERE id = ?", id).
		Scan(&m.body, &m.card, &m.serving, &m.sum, &blob, &m.whole)
	if errors.Is(err, sql.ErrNoRows) {
		return omen.ModelInfo{}, nil, fmt.Errorf("%s: %w", what, omen.ErrNotFound)
	}
	if err != nil {
		return omen.ModelInfo{}, nil, describe(fmt.Errorf("%s: %w", what, err))
	}
	info, err := m.info()
	if err != nil {
		return omen.ModelInfo{}, nil, fmt.Errorf("%s: %w", what, err)
	}
	if sum := sha256.Sum256(blob); !bytes.Equal(sum[:], m.sum) {
		return info, nil, fmt.Errorf("%s: checksum differs: %w", what, omen.ErrCorrupt)
	}
	return info, blob, nil
}

// storedModel is a row of the table model.
type storedModel struct {
	body, card, sum []byte
	serving, whole  bool
}

func (m storedModel) info() (info omen.ModelInfo, err error) {
	if err := decode(m.body, m.whole, &info); err != nil {
		return info, fmt.Errorf("%w: %w", omen.ErrCorrupt, err)
	}
	info.Card, info.Serving = m.card, m.serving
	return info, nil
}

// Models is what is stored of a host's models, the newest first, without the
// blobs. The zero Host means all hosts, ordered by host.
func (db *DB) Models(ctx context.Context, host omen.Host) ([]omen.ModelInfo, error) {
	where, args := "ORDER BY host, id DESC", []any(nil)
	if host != (omen.Host{}) {
		where, args = "WHERE host = ? ORDER BY id DESC", []any{host.ID()}
	}
	var found []omen.ModelInfo
	_, err := query(ctx, db.read, func(rows *sql.Rows) (struct{}, error) {
		var m storedModel
		var id string
		if err := rows.Scan(&id, &m.body, &m.card, &m.serving, &m.whole); err != nil {
			return struct{}{}, err
		}
		if info, err := m.info(); err != nil {
			db.setAside("model", id, err)
		} else {
			found = append(found, info)
		}
		return struct{}{}, nil
	}, "SELECT id, info, card, serving, "+wholeModel+" FROM model "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read models: %w", err)
	}
	return found, nil
}

// LastTrained is, by host, up to when the newest of its stored models learned,
// whether it was promoted or not.
func (db *DB) LastTrained(ctx context.Context) (map[omen.Host]time.Time, error) {
	out := map[omen.Host]time.Time{}
	_, err := query(ctx, db.read, func(rows *sql.Rows) (struct{}, error) {
		var id string
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			return struct{}{}, err
		}
		h, err := omen.ParseHost(id)
		if err != nil {
			return struct{}{}, fmt.Errorf("%w: %w", omen.ErrCorrupt, err)
		}
		out[h] = instant(at)
		return struct{}{}, nil
	}, "SELECT host, max(trained) FROM model GROUP BY host")
	if err != nil {
		return nil, fmt.Errorf("read when hosts were last trained: %w", err)
	}
	return out, nil
}

// ServingModels hands the serving model of each of the hosts, or of all hosts if
// hosts is nil, to load, ordered by host.
//
// Where the blob is not what was stored, or load answers [omen.ErrCorrupt], the
// host's next older model is tried; the one that loads serves from then on,
// with a note that says why. A host of which none loads is logged and left
// out, to be trained again. Any other error of load ends the walk. load must
// not write to the database.
func (db *DB) ServingModels(ctx context.Context, hosts []omen.Host, load func(omen.ModelInfo, []byte) error) error {
	names, err := json.Marshal(hostIDs(hosts))
	if err != nil {
		return fmt.Errorf("read serving models: %w", err)
	}
	ids, err := query(ctx, db.read, func(rows *sql.Rows) (id [2]string, err error) {
		err = rows.Scan(&id[0], &id[1])
		return id, err
	}, "SELECT host, id FROM model WHERE serving = 1 AND (? OR host IN (SELECT value FROM json_each(?))) ORDER BY host", hosts == nil, string(names))
	if err != nil {
		return fmt.Errorf("read serving models: %w", err)
	}
	for _, id := range ids {
		if err := db.loadServing(ctx, id[0], id[1], load); err != nil {
			return err
		}
	}
	return nil
}

func hostIDs(hosts []omen.Host) []string {
	all := make([]string, len(hosts))
	for i, h := range hosts {
		all[i] = h.ID()
	}
	return all
}

// DropModels removes all models of hosts, such as those that are gone for good.
func (db *DB) DropModels(ctx context.Context, hosts ...omen.Host) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		for _, id := range hostIDs(hosts) {
			for _, text := range []string{"DELETE FROM model_blob WHERE id IN (SELECT id FROM model WHERE host = ?)", "DELETE FROM model WHERE host = ?"} {
				if _, err := tx.ExecContext(ctx, text, id); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("drop models of %d hosts: %w", len(hosts), err)
	}
	return nil
}

func (db *DB) loadServing(ctx context.Context, host, id string, load func(omen.ModelInfo, []byte) error) error {
	err := db.loadModel(ctx, id, load)
	if err == nil || !errors.Is(err, omen.ErrCorrupt) {
		return err
	}
	db.log.Error("model is damaged, an older one will serve", "host", host, "model", id, "err", err)
	older, qerr := query(ctx, db.read, func(rows *sql.Rows) (id string, err error) {
		err = rows.Scan(&id)
		return id, err
	}, "SELECT id FROM model WHERE host = ?1 AND id <> ?2 AND (id < ?2 OR trained > ?3) ORDER BY trained > ?3, id DESC", host, id, nanos(time.Now()))
	if qerr != nil {
		return fmt.Errorf("read older models of host %s: %w", host, qerr)
	}
	for _, o := range older {
		switch err := db.loadModel(ctx, o, load); {
		case err == nil:
			return db.Promote(ctx, o, fmt.Sprintf("model %s was damaged", id))
		case !errors.Is(err, omen.ErrCorrupt):
			return err
		}
	}
	db.log.Error("no model of the host can be read, it is retrained", "host", host)
	return nil
}

func (db *DB) loadModel(ctx context.Context, id string, load func(omen.ModelInfo, []byte) error) error {
	info, blob, err := db.Model(ctx, id)
	if err != nil {
		return err
	}
	return load(info, blob)
}

// Promote makes a stored model the one that serves its host, and notes why.
// Promoting an older one is how to roll back.
func (db *DB) Promote(ctx context.Context, id, note string) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		var m storedModel
		var host string
		err := tx.QueryRowContext(ctx, "SELECT host FROM model WHERE id = ?", id).Scan(&host)
		if errors.Is(err, sql.ErrNoRows) {
			return omen.ErrNotFound
		}
		if err != nil {
			return err
		}
		now := time.Now().UTC()
		if err := demote(ctx, tx, host, now); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT info, "+wholeModel+" FROM model WHERE id = ?", id).Scan(&m.body, &m.whole); err != nil {
			return err
		}
		info, err := m.info()
		if err != nil {
			return err
		}
		info.Serving, info.Note, info.Served = true, note, append(info.Served, omen.Span{From: now})
		body, err := json.Marshal(info)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE model SET serving = 1, info = ?1, rowsum = omen_sum(id, host, trained, 1, sum, ?1, card) WHERE id = ?2", body, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("promote model %s: %w", id, err)
	}
	return nil
}
