package authz

import (
	"context"
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
	errNoStanding = errors.New("the client is unknown, frozen or expired, or its owner is suspended")
)

// Verifier reads access tokens. It is safe for concurrent use.
type Verifier struct {
	keys    *Keys
	clients StandingReader
	now     func() time.Time
	profile profile
}

// NewVerifier makes the reader of access tokens (RFC 9068) issued by this site.
// It refuses an empty part, because the token library takes an empty expectation
// for none.
func NewVerifier(site Site, keys *Keys, clients StandingReader, now func() time.Time) (*Verifier, error) {
	if err := site.check(); err != nil {
		return nil, err
	}
	if keys == nil || len(keys.byID) == 0 || clients == nil || now == nil {
		return nil, fmt.Errorf("authz: a verifier needs keys, clients and a clock")
	}
	return &Verifier{keys: keys, clients: clients, now: now, profile: profile{
		types:    []string{accessTokenType},
		issuer:   site.Issuer(),
		audience: site.Audience(),
		maxLife:  AccessTokenLife,
	}}, nil
}

// Verify returns who is calling. Every refusal is a copy of ErrInvalidToken; any
// other error means that the client's standing could not be read. The standing is
// asked only for a token with a good signature, so that a flood of bad ones
// costs the database nothing.
func (v *Verifier) Verify(ctx context.Context, raw string) (Principal, error) {
	now := v.now()
	claims, err := v.read(raw, now)
	if err != nil {
		return Principal{}, ErrInvalidToken.WithCause(err)
	}
	standing, err := v.clients.ClientStanding(ctx, models.ClientID(claims.ClientID))
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return Principal{}, fmt.Errorf("read the client's standing: %w", err)
	}
	if err != nil || !standing.MayAct(now) {
		return Principal{}, ErrInvalidToken.WithCause(errNoStanding)
	}
	return principalOf(standing, claims.Scope), nil
}

// read checks everything that needs no database.
func (v *Verifier) read(raw string, now time.Time) (claimSet, error) {
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
	return c, nil
}
