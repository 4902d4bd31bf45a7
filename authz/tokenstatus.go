package authz

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"countersign/models"
)

// TokenStatus is what introspection says of a token (RFC 7662 section 2.2). The zero value
// is a token that is not active, whatever the reason: expired, revoked, another's or no
// token at all look the same.
type TokenStatus struct {
	Active    bool
	ClientID  models.ClientID
	Scope     string // what the token is still good for, space separated
	Type      string // Bearer or DPoP
	Issuer    string
	Audience  string
	ID        string
	IssuedAt  time.Time
	ExpiresAt time.Time
	// KeyThumbprint and CertificateThumbprint are what the token is bound to, if it is.
	KeyThumbprint, CertificateThumbprint string
}

// Revoke ends an access token that was issued to who asks (RFC 7009). A token of another
// client, one that has ended and what is no token at all are no error, so that nobody
// learns anything by asking. Refusals are *OAuthError.
func (e *TokenEndpoint) Revoke(ctx context.Context, req TokenRequest) error {
	standing, form, err := e.identify(ctx, req)
	if err != nil {
		return e.refused(ctx, "revocation refused", req, err)
	}
	client := standing.Client.ID
	claims, err := e.deps.Verifier.read(form["token"], e.deps.Now())
	if err != nil || claims.ClientID != string(client) {
		return nil
	}
	expires, _ := readDate(claims.Expires)
	if err := e.deps.Clients.RevokeToken(ctx, client, tokenDigest(claims.ID), expires.Add(keepUsed)); err != nil {
		return e.refused(ctx, "revocation failed", req, err)
	}
	e.deps.Logger.InfoContext(ctx, "token revoked", "client", client, "remote", req.RemoteAddr)
	return nil
}

// Introspect tells a client about its own access tokens, and an operator that may read
// operations about all (RFC 7662). Refusals are *OAuthError.
func (e *TokenEndpoint) Introspect(ctx context.Context, req TokenRequest) (TokenStatus, error) {
	asker, form, err := e.identify(ctx, req)
	if err != nil {
		return TokenStatus{}, e.refused(ctx, "introspection refused", req, err)
	}
	claims, standing, err := e.deps.Verifier.standingOf(ctx, form["token"], e.deps.Now())
	switch {
	case errors.Is(err, ErrInvalidToken):
		return TokenStatus{}, nil
	case err != nil:
		return TokenStatus{}, e.refused(ctx, "introspection failed", req, err)
	}
	sees := asker.Client.OwnerKind == models.OwnerOperator && asker.Client.HasScope(ScopeOperationsRead)
	if asker.Client.ID != standing.Client.ID && !sees {
		return TokenStatus{}, nil
	}
	return statusOf(claims, standing), nil
}

func statusOf(c claimSet, standing models.ClientStanding) TokenStatus {
	issued, _ := readDate(c.IssuedAt)
	expires, _ := readDate(c.Expires)
	s := TokenStatus{
		Active: true, ClientID: standing.Client.ID, Scope: joined(principalOf(standing, c.Scope).Scopes), Type: "Bearer",
		Issuer: c.Issuer, Audience: c.Audience, ID: c.ID, IssuedAt: issued, ExpiresAt: expires,
	}
	if c.Confirmation != nil {
		s.KeyThumbprint, s.CertificateThumbprint = c.Confirmation.KeyThumbprint, c.Confirmation.CertificateThumbprint
	}
	if s.KeyThumbprint != "" {
		s.Type = "DPoP"
	}
	return s
}

// identify authenticates the caller of a request about a token.
func (e *TokenEndpoint) identify(ctx context.Context, req TokenRequest) (models.ClientStanding, map[string]string, error) {
	form, err := readParameters(req.Form)
	if err != nil {
		return models.ClientStanding{}, nil, err
	}
	who, err := e.authenticate(ctx, req, form)
	if err != nil {
		return models.ClientStanding{}, nil, err
	}
	if form["token"] == "" {
		return models.ClientStanding{}, nil, errBadRequest("The parameter token is missing.")
	}
	if who.assertion != nil {
		err = e.useUp(ctx, who.standing.Client.ID, *who.assertion)
	}
	return who.standing, form, err
}

// tokenDigest is how a token that was revoked is remembered: by its id, never by its text,
// of which there may be several for one signature.
func tokenDigest(id string) []byte {
	sum := sha256.Sum256([]byte("revoked\n" + id))
	return sum[:]
}
