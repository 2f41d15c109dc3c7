-- +goose Up
-- Actions, and the chain of the audit; see actions.go and ledger.go.
CREATE TABLE action (
  id       TEXT PRIMARY KEY, -- omen.ActionID(): two planners make one row
  incident TEXT    NOT NULL,
  playbook TEXT    NOT NULL,
  grp      TEXT    NOT NULL,
  target   TEXT    NOT NULL,
  host     TEXT    NOT NULL,
  attempt  INTEGER NOT NULL,
  state    TEXT    NOT NULL,
  epoch    INTEGER NOT NULL, -- of the process that wrote "started"; 0: it was not
  at       INTEGER NOT NULL,
  started  INTEGER NOT NULL,
  ended    INTEGER NOT NULL,
  body     BLOB    NOT NULL, -- omen.Action as JSON
  sum      INTEGER NOT NULL,
  UNIQUE (incident, playbook, attempt)
) WITHOUT ROWID;
CREATE INDEX action_at ON action (at);
CREATE INDEX action_host ON action (host, at);
CREATE INDEX action_unsettled ON action (grp)
  WHERE state IN ('waiting', 'approved', 'started', 'unknown', 'stuck', 'done', 'measuring');
ALTER TABLE audit ADD COLUMN action_id TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN prev BLOB;
ALTER TABLE audit ADD COLUMN mac BLOB;
CREATE INDEX audit_action ON audit (action_id, seq) WHERE action_id <> '';

-- +goose Down
DROP INDEX audit_action;
ALTER TABLE audit DROP COLUMN mac;
ALTER TABLE audit DROP COLUMN prev;
ALTER TABLE audit DROP COLUMN action_id;
DROP TABLE action;
