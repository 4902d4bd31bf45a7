package authz

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"countersign/internal/errs"
	"countersign/models"
)

// ErrInvalidToken is the only answer to a token that is not accepted (RFC 6750
// section 3.1); its cause, for the log, says why. A suspended owner and a wrong
// signature look the same.
var ErrInvalidToken = errs.New(errs.Unauthenticated, "invalid_token",
	"The access token is not valid, or not valid any more. Get a new one from the token endpoint.")

var (
	errUnknownKey = errors.New("kid names no key of ours")
	errIncomplete = errors.New("a required claim is missing")
	errRevoked    = errors.New("the token was revoked")
	errNoStanding = errors.New("the client is unknown, frozen or expired, or its owner is suspended")
)

// Verifier reads access tokens. It is safe for concurrent use.
type Verifier struct {
	keys    *Keys
	clients TokenStore
	nonces  *Nonces
	now     func() time.Time
	profile profile
	proven  proven
}

// NewVerifier makes the reader of access tokens (RFC 9068) issued by this site.
// It refuses an empty part, because the token library takes an empty expectation
// for none.
func NewVerifier(site Site, keys *Keys, clients TokenStore, nonces *Nonces, now func() time.Time) (*Verifier, error) {
	if err := site.check(); err != nil {
		return nil, err
	}
	if !keys.ready() || clients == nil || nonces == nil || now == nil {
		return nil, fmt.Errorf("authz: a verifier needs keys, clients, nonces and a clock")
	}
	return &Verifier{keys: keys, clients: clients, nonces: nonces, now: now, profile: profile{
		types:    []string{accessTokenType},
		issuer:   site.Issuer(),
		audience: site.Audience(),
		maxLife:  AccessTokenLife,
	}}, nil
}

// Verify returns who is calling. A refusal is a copy of ErrInvalidToken, or for a proof
// of possession one of ErrInvalidProof or ErrUseNonce; any other error means that the
// database could not be asked. The standing is asked only for a token with a good
// signature, so that a flood of bad ones costs the database nothing.
func (v *Verifier) Verify(ctx context.Context, in Presentation) (Principal, error) {
	now := v.now()
	claims, standing, err := v.standingOf(ctx, in.Token, now)
	if err != nil {
		return Principal{}, err
	}
	if err := v.checkHolder(ctx, in, claims, standing, now); err != nil {
		return Principal{}, err
	}
	return principalOf(standing, claims.Scope), nil
}

// Recheck returns an error as soon as a token that was verified for a call is good no
// more, for calls that last.
func (v *Verifier) Recheck(ctx context.Context, token string) error {
	_, _, err := v.standingOf(ctx, token, v.now())
	return err
}

// standingOf reads a token and asks how its client stands now.
func (v *Verifier) standingOf(ctx context.Context, raw string, now time.Time) (claimSet, models.ClientStanding, error) {
	claims, err := v.read(raw, now)
	if err != nil {
		return claimSet{}, models.ClientStanding{}, ErrInvalidToken.WithCause(err)
	}
	standing, err := v.clients.ClientStanding(ctx, models.ClientID(claims.ClientID))
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return claimSet{}, models.ClientStanding{}, fmt.Errorf("read the client's standing: %w", err)
	}
	if err != nil || !standing.MayAct(now) {
		return claimSet{}, models.ClientStanding{}, ErrInvalidToken.WithCause(errNoStanding)
	}
	if standing.Revoked(tokenDigest(claims.ID)) {
		return claimSet{}, models.ClientStanding{}, ErrInvalidToken.WithCause(errRevoked)
	}
	return claims, standing, nil
}

// read checks everything that needs no database.
func (v *Verifier) read(raw string, now time.Time) (claimSet, error) {
	if len(raw) > maxTokenBytes {
		return claimSet{}, errMalformed
	}
	digest := sha256.Sum256([]byte(raw))
	if known, ok := v.proven.find(digest); ok && v.stillGood(known, now) {
		return known.claims, nil
	}
	token, err := readCompact(raw)
	if err != nil {
		return claimSet{}, err
	}
	key, ok := v.keys.find(token.header.Kid)
	if !ok {
		return claimSet{}, errUnknownKey
	}
	if err := v.profile.verify(token, key, now); err != nil {
		return claimSet{}, err
	}
	c := token.claims
	if c.Subject == "" || c.Subject != c.ClientID || c.ID == "" || c.IssuedAt == nil {
		return claimSet{}, errIncomplete
	}
	v.proven.add(digest, provenToken{kid: token.header.Kid, claims: c})
	return c, nil
}

// stillGood looks at what may have changed about a token since its signature was verified;
// when in doubt it is verified again, which says what is wrong.
func (v *Verifier) stillGood(t provenToken, now time.Time) bool {
	if _, ok := v.keys.find(t.kid); !ok {
		return false
	}
	expires, ok := readDate(t.claims.Expires)
	return ok && now.Before(expires) && !t.claims.ahead(now)
}
