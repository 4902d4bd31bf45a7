package authz

import (
	"context"
	"time"

	"countersign/models"
)

// ClientStore is what the token endpoint needs to know of clients. An id nobody
// holds is an error of kind errs.NotFound.
type ClientStore interface {
	// ClientForAuth returns a client, its owner's standing and the digests of
	// its live secrets.
	ClientForAuth(ctx context.Context, id models.ClientID) (models.ClientStanding, [][]byte, error)
	OnceStore
	// RevokeToken ends an access token of a client by a digest of its id, until it has
	// expired.
	RevokeToken(ctx context.Context, id models.ClientID, digest []byte, until time.Time) error
	// NoteAuthentication keeps from where a client proved itself, or somebody failed to in its
	// name. A client that nobody holds is no error.
	NoteAuthentication(ctx context.Context, id models.ClientID, source string, refused bool) error
	// MarkUsed notes that the client got a token.
	MarkUsed(ctx context.Context, id models.ClientID) error
}

// TokenStore is what the verifier asks on every request. An id nobody holds is an error
// of kind errs.NotFound.
type TokenStore interface {
	OnceStore
	ClientStanding(ctx context.Context, id models.ClientID) (models.ClientStanding, error)
}
