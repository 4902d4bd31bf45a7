-- Clients that authenticate by a certificate. SQLite cannot change a CHECK; what it stores of it is a
-- text, and its documentation allows to change that for a constraint that only lets more through.

-- +goose Up
ALTER TABLE oauth_clients ADD COLUMN tls_subject TEXT;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '(''client_secret_basic'', ''private_key_jwt'')',
    '(''client_secret_basic'', ''private_key_jwt'', ''tls_client_auth'', ''self_signed_tls_client_auth'')')
    WHERE type = 'table' AND name = 'oauth_clients';
PRAGMA writable_schema = RESET;

-- +goose Down
DELETE FROM oauth_clients WHERE auth_method LIKE '%tls_client_auth';
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, ', ''tls_client_auth'', ''self_signed_tls_client_auth'')', ')')
    WHERE type = 'table' AND name = 'oauth_clients';
PRAGMA writable_schema = RESET;
ALTER TABLE oauth_clients DROP COLUMN tls_subject;
