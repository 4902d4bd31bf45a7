package partners

import (
	"context"
	"time"

	"countersign/models"
)

// sweepSize bounds how many used assertions one sweep forgets.
const sweepSize = 1000

// ClientStanding returns a client and its owner's standing, read from the
// database at this moment; ErrClientNotFound when nobody holds the id.
func (r *Registry) ClientStanding(ctx context.Context, id models.ClientID) (models.ClientStanding, error) {
	if !validClientID(id) {
		return models.ClientStanding{}, ErrClientNotFound
	}
	standing, err := r.read(ctx).standing(id)
	return standing, stored(err)
}

// ClientForAuth returns what ClientStanding does, with the digests of the
// client's live secrets.
func (r *Registry) ClientForAuth(ctx context.Context, id models.ClientID) (models.ClientStanding, [][]byte, error) {
	standing, err := r.ClientStanding(ctx, id)
	if err != nil {
		return models.ClientStanding{}, nil, err
	}
	digests, err := r.read(ctx).liveDigests(id, r.deps.Now())
	return standing, digests, stored(err)
}

// UseAssertion remembers a client assertion by the digest of its jti until a
// time after which it is refused anyway, and reports whether this was its first
// use. The primary key decides between two replicas.
func (r *Registry) UseAssertion(ctx context.Context, id models.ClientID, jtiDigest []byte, until time.Time) (bool, error) {
	fresh, err := rows{r.deps.DB.Write().WithContext(ctx)}.useAssertion(
		models.UsedAssertion{ClientID: id, JTIDigest: jtiDigest, ExpiresAt: until})
	return fresh, stored(err)
}

// SweepAssertions forgets assertions that have expired, a bounded number at a
// time, and returns how many; call it again while it returns any.
func (r *Registry) SweepAssertions(ctx context.Context) (int64, error) {
	n, err := rows{r.deps.DB.Write().WithContext(ctx)}.forgetAssertions(r.deps.Now(), sweepSize)
	return n, stored(err)
}

// MarkUsed notes that a client was used. It writes at most once a minute per
// client and process: the figure helps an operator to find forgotten clients,
// and must not cost a write per request.
func (r *Registry) MarkUsed(ctx context.Context, id models.ClientID) error {
	now := r.deps.Now()
	if !r.used.due(id, now) {
		return nil
	}
	return stored(rows{r.deps.DB.Write().WithContext(ctx)}.markUsed(id, now))
}
