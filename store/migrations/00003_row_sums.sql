-- +goose Up
-- Checksums of rows as the journal has them; see sum.go. What is there already
-- is taken for whole.
ALTER TABLE document ADD COLUMN sum INTEGER;
ALTER TABLE incident ADD COLUMN sum INTEGER;
ALTER TABLE cursor ADD COLUMN sum INTEGER;
ALTER TABLE delivery ADD COLUMN sum INTEGER;
ALTER TABLE audit ADD COLUMN sum INTEGER;
ALTER TABLE model ADD COLUMN rowsum INTEGER;
UPDATE document SET sum = omen_sum(kind, id, at, until, body);
UPDATE incident SET sum = omen_sum(id, number, kind, host, source, state, severity, verdict, quiet, fleet, since, closed, body);
UPDATE cursor SET sum = omen_sum(reader, seq);
UPDATE delivery SET sum = omen_sum(incident, key, receiver, at, took, outcome, detail);
UPDATE audit SET sum = omen_sum(at, by, action, subject, detail);
UPDATE model SET rowsum = omen_sum(id, host, trained, serving, sum, info, card);

-- +goose Down
ALTER TABLE model DROP COLUMN rowsum;
ALTER TABLE audit DROP COLUMN sum;
ALTER TABLE delivery DROP COLUMN sum;
ALTER TABLE cursor DROP COLUMN sum;
ALTER TABLE incident DROP COLUMN sum;
ALTER TABLE document DROP COLUMN sum;
