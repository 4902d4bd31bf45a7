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
	// UseAssertion remembers an assertion until it can no longer be valid and
	// reports whether this was its first use, over all replicas.
	UseAssertion(ctx context.Context, id models.ClientID, jtiDigest []byte, until time.Time) (fresh bool, err error)
	// MarkUsed notes that the client got a token.
	MarkUsed(ctx context.Context, id models.ClientID) error
}

// StandingReader is what the verifier asks on every request. An id nobody holds
// is an error of kind errs.NotFound.
type StandingReader interface {
	ClientStanding(ctx context.Context, id models.ClientID) (models.ClientStanding, error)
}
