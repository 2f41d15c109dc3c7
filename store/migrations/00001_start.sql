-- +goose Up
-- Times are nanoseconds since 1970 in UTC; 0 is "never". Hosts are omen.Host.ID().
CREATE TABLE journal (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  key      TEXT    NOT NULL UNIQUE, -- omen.Change.Key(): appending twice is appending once
  incident TEXT    NOT NULL,
  kind     TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  body     BLOB    NOT NULL         -- omen.Change as JSON
);
CREATE INDEX journal_incident ON journal (incident, seq);

-- The incident as its last change left it: a projection of the journal.
CREATE TABLE incident (
  id       TEXT PRIMARY KEY,
  number   INTEGER NOT NULL, -- of its last change
  kind     TEXT    NOT NULL,
  host     TEXT    NOT NULL,
  source   TEXT    NOT NULL,
  state    TEXT    NOT NULL,
  severity TEXT    NOT NULL,
  verdict  TEXT    NOT NULL,
  quiet    INTEGER NOT NULL, -- 1: suppressed
  fleet    TEXT    NOT NULL, -- the fleet incident that it is part of
  since    INTEGER NOT NULL,
  closed   INTEGER NOT NULL,
  body     BLOB    NOT NULL
) WITHOUT ROWID;
CREATE INDEX incident_state ON incident (state, since);
CREATE INDEX incident_since ON incident (since);
CREATE INDEX incident_fleet ON incident (fleet) WHERE fleet <> '';

-- Which hosts an incident is of: one row for a host incident, many for a fleet's.
CREATE TABLE incident_host (
  host     TEXT NOT NULL,
  incident TEXT NOT NULL,
  PRIMARY KEY (host, incident)
) WITHOUT ROWID;
CREATE INDEX incident_host_incident ON incident_host (incident);

CREATE TABLE cursor (
  reader TEXT PRIMARY KEY,
  seq    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE delivery (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  incident TEXT    NOT NULL,
  key      TEXT    NOT NULL,
  receiver TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  took     INTEGER NOT NULL,
  outcome  TEXT    NOT NULL,
  detail   TEXT    NOT NULL
);
CREATE INDEX delivery_incident ON delivery (incident, id);
CREATE INDEX delivery_at ON delivery (at);

CREATE TABLE model (
  id      TEXT PRIMARY KEY,
  host    TEXT    NOT NULL,
  trained INTEGER NOT NULL,
  serving INTEGER NOT NULL,
  sum     BLOB    NOT NULL, -- SHA-256 of the blob
  info    BLOB    NOT NULL, -- omen.ModelInfo as JSON
  card    BLOB
) WITHOUT ROWID;
CREATE INDEX model_host ON model (host, id);
CREATE UNIQUE INDEX model_serving ON model (host) WHERE serving = 1;

CREATE TABLE model_blob (
  id   TEXT PRIMARY KEY,
  data BLOB NOT NULL
);

-- Small documents: settings, silences, windows, patterns, events, …
CREATE TABLE document (
  kind    TEXT    NOT NULL,
  id      TEXT    NOT NULL,
  at      INTEGER NOT NULL, -- what it is sorted by
  until   INTEGER NOT NULL, -- when it no longer matters; 0: always matters
  body    BLOB    NOT NULL,
  PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX document_at ON document (kind, at);

CREATE TABLE audit (
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  by      TEXT    NOT NULL,
  action  TEXT    NOT NULL,
  subject TEXT    NOT NULL,
  detail  TEXT    NOT NULL
);
CREATE INDEX audit_subject ON audit (subject, seq);

-- +goose Down
DROP TABLE audit;
DROP TABLE document;
DROP TABLE model_blob;
DROP TABLE model;
DROP TABLE delivery;
DROP TABLE cursor;
DROP TABLE incident_host;
DROP TABLE incident;
DROP TABLE journal;
