package partners

import (
	"context"
	"time"

	"countersign/models"
)

// sweepSize bounds how many used assertions one sweep forgets.
const sweepSize = 1000

// ClientStanding returns a client and its owner's standing as they were within the last
// second, and after every change that was made here; ErrClientNotFound when nobody
// holds the id. Uploads, which a stop must not miss by a second, ask the gate besides.
func (r *Registry) ClientStanding(ctx context.Context, id models.ClientID) (models.ClientStanding, error) {
	if !validClientID(id) {
		return models.ClientStanding{}, ErrClientNotFound
	}
	return r.standings.Get(ctx, id, func(ctx context.Context) (models.ClientStanding, error) { return r.standingNow(ctx, id) })
}

func (r *Registry) standingNow(ctx context.Context, id models.ClientID) (models.ClientStanding, error) {
	standing, err := r.read(ctx).standing(id)
	if err != nil {
		return standing, stored(err)
	}
	standing.RevokedTokens, err = r.read(ctx).revokedTokens(id, r.deps.Now())
	return standing, stored(err)
}

// ClientForAuth returns a client and its owner's standing as they are at this moment, with
// the digests of the client's live secrets, the newest first. Which tokens were revoked is not
// looked at: that says nothing about a new one.
func (r *Registry) ClientForAuth(ctx context.Context, id models.ClientID) (models.ClientStanding, [][]byte, error) {
	if !validClientID(id) {
		return models.ClientStanding{}, nil, ErrClientNotFound
	}
	standing, digests, err := r.read(ctx).standingWithSecrets(id, r.deps.Now())
	return standing, digests, stored(err)
}

// UseOnce remembers a client assertion or a proof of possession by a digest until a time
// after which it is refused anyway, and reports whether this was its first use. The
// primary key decides between two replicas.
func (r *Registry) UseOnce(ctx context.Context, id models.ClientID, digest []byte, until time.Time) (bool, error) {
	fresh, err := rows{r.deps.DB.Write().WithContext(ctx)}.useOnce(
		models.UsedAssertion{ClientID: id, JTIDigest: digest, ExpiresAt: until})
	return fresh, stored(err)
}

// SweepAssertions forgets assertions, proofs and revoked tokens that have expired, and from
// where clients came on days that are over, and returns how many. It deletes a bounded
// number at a time, so that nobody waits long for it, until there are none: calls with
// proofs leave one behind each.
func (r *Registry) SweepAssertions(ctx context.Context) (all int64, err error) {
	tables := rows{r.deps.DB.Write().WithContext(ctx)}
	for _, forget := range []func(time.Time, int) (int64, error){tables.forgetAssertions, tables.forgetRevoked, tables.forgetSources} {
		for n := int64(sweepSize); n == sweepSize; {
			if n, err = forget(r.deps.Now(), sweepSize); err != nil {
				return all, stored(err)
			}
			all += n
		}
	}
	return all, nil
}

// RevokeToken ends an access token by a digest of its id, until it expires. It counts here at
// once and on other replicas within a second.
func (r *Registry) RevokeToken(ctx context.Context, id models.ClientID, digest []byte, until time.Time) error {
	err := rows{r.deps.DB.Write().WithContext(ctx)}.revokeToken(models.RevokedToken{ClientID: id, IDDigest: digest, ExpiresAt: until})
	r.standings.Clear()
	return stored(err)
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
