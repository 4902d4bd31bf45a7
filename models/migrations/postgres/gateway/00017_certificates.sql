-- Clients that authenticate by a certificate.

-- +goose Up
ALTER TABLE oauth_clients ADD COLUMN tls_subject text;
ALTER TABLE oauth_clients DROP CONSTRAINT oauth_clients_auth_method_check;
ALTER TABLE oauth_clients ADD CONSTRAINT oauth_clients_auth_method_check
    CHECK (auth_method IN ('client_secret_basic', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'));

-- +goose Down
DELETE FROM oauth_clients WHERE auth_method LIKE '%tls_client_auth';
ALTER TABLE oauth_clients DROP CONSTRAINT oauth_clients_auth_method_check;
ALTER TABLE oauth_clients ADD CONSTRAINT oauth_clients_auth_method_check CHECK (auth_method IN ('client_secret_basic', 'private_key_jwt'));
ALTER TABLE oauth_clients DROP COLUMN tls_subject;
