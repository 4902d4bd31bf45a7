-- Clients of a customer that prove themselves by tokens of the customer's own issuer.

-- +goose Up
ALTER TABLE oauth_clients ADD COLUMN issuer text;
ALTER TABLE oauth_clients ADD COLUMN issuer_subject text;

-- +goose Down
ALTER TABLE oauth_clients DROP COLUMN issuer_subject;
ALTER TABLE oauth_clients DROP COLUMN issuer;
