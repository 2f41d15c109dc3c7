-- +goose Up
-- CRC-32C of a row, see rowSum; NULL: written before there were sums.
ALTER TABLE journal ADD COLUMN sum INTEGER;

-- +goose Down
ALTER TABLE journal DROP COLUMN sum;
