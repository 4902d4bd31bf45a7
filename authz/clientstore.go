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
	// its live secrets. It takes as long for an id that nobody holds.
	ClientForAuth(ctx context.Context, id models.ClientID) (models.ClientStanding, [][]byte, error)
	OnceStore
	// RevokeToken ends an access token of a client by a digest of its id, until it has
	// expired.
	RevokeToken(ctx context.Context, id models.ClientID, digest []byte, until time.Time) error
	// NoteAuthentication keeps for auditors from where a client proved itself, or somebody
	// failed to in its name. It takes no time that would tell whether somebody holds the id.
	NoteAuthentication(id models.ClientID, source string, refused bool)
	// MarkUsed notes that the client got a token.
	MarkUsed(ctx context.Context, id models.ClientID) error
}

// TokenStore is what the verifier asks on every request. An id nobody holds is an error
// of kind errs.NotFound.
type TokenStore interface {
	OnceStore
	ClientStanding(ctx context.Context, id models.ClientID) (models.ClientStanding, error)
}
