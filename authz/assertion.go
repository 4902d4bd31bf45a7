package authz

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"countersign/models"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 section 2.2

const (
	// maxAssertionLife bounds exp - iat, and with it how long a jti is kept.
	maxAssertionLife = 10 * time.Minute
	// keepUsed is how much longer than exp a jti is kept: the clocks of two
	// replicas may differ.
	keepUsed = time.Minute
)

// assertionTypes: RFC 7523bis asks servers not to insist on a typ, and names
// client-authentication+jwt for those who send one. Every other kind of token,
// our own access tokens first of all, is refused by its typ.
var assertionTypes = []string{"", "jwt", "client-authentication+jwt"}

var (
	errNoSuchKey = errors.New("the client has no key of this kid and alg")
	errReplayed  = errors.New("jti was used before")
)

// byAssertion is private_key_jwt (RFC 7523, with the sole audience of FAPI 2.0
// section 5.3.2.1). What the request alone shows to be wrong is said plainly;
// what depends on the client is not. The jti is used up last, so that a refused
// assertion leaves nothing behind.
func (e *TokenEndpoint) byAssertion(ctx context.Context, form map[string]string) (models.ClientStanding, error) {
	if form["client_assertion_type"] != assertionType {
		return models.ClientStanding{}, errBadCredential("client_assertion_type must be %s.", assertionType)
	}
	token, err := readCompact(form["client_assertion"])
	if err != nil {
		return models.ClientStanding{}, errBadCredential("client_assertion is not a compact JWS with strict JSON parts, one aud string and no crit.")
	}
	if complaint := e.complain(token, form["client_id"]); complaint != "" {
		return models.ClientStanding{}, errBadCredential("%s", complaint)
	}
	standing, err := e.verifyAssertion(ctx, token)
	if err != nil {
		return models.ClientStanding{}, err
	}
	return standing, e.useUp(ctx, standing.Client.ID, token.claims)
}

// complain names what is wrong with an assertion in sight of the request alone;
// empty means nothing.
func (e *TokenEndpoint) complain(token compact, formID string) string {
	c, now, p := token.claims, e.deps.Now(), e.assertionProfile(token.claims.Issuer)
	exp, hasExp := readDate(c.Expires)
	for _, rule := range []struct {
		kept      bool
		complaint string
	}{
		{p.acceptsType(token.header.Typ), "The assertion's typ must be absent, JWT or client-authentication+jwt."},
		{c.Issuer != "" && c.Issuer == c.Subject, "The assertion's iss and sub must both be the client id."},
		{formID == "" || formID == c.Issuer, "The parameter client_id is not the assertion's iss."},
		{c.Audience == p.audience, "The assertion's aud must be exactly the issuer of this server, " + p.audience + "."},
		{hasExp && now.Before(exp), "The assertion has no exp, or it has passed. Check the clock of your machine."},
		{p.checkLife(c, now) == nil, "The assertion may live 10 minutes at most, from iat to exp."},
		{!ahead(c.IssuedAt, now) && !ahead(c.NotBefore, now), "The assertion's iat or nbf lies in the future. Check the clock of your machine."},
		{c.ID != "", "The assertion has no jti."},
	} {
		if !rule.kept {
			return rule.complaint
		}
	}
	return ""
}

// ahead reports whether a date that was sent is unreadable or further ahead than
// clocks may differ.
func ahead(seconds *float64, now time.Time) bool {
	if seconds == nil {
		return false
	}
	at, ok := readDate(seconds)
	return !ok || at.After(now.Add(clockSkew))
}

func (e *TokenEndpoint) assertionProfile(client string) profile {
	return profile{types: assertionTypes, issuer: client, audience: e.deps.Site.Issuer(), maxLife: maxAssertionLife}
}

// verifyAssertion finds the client and the key and checks the signature.
func (e *TokenEndpoint) verifyAssertion(ctx context.Context, token compact) (models.ClientStanding, error) {
	standing, _, err := e.lookUp(ctx, token.claims.Issuer)
	if err != nil {
		return models.ClientStanding{}, err
	}
	client := standing.Client
	if client.AuthMethod != models.PrivateKeyJWT || client.JWKS == nil {
		return models.ClientStanding{}, errUnproven(errWrongMethod)
	}
	key, err := pickKey(*client.JWKS, token.header)
	if err != nil {
		return models.ClientStanding{}, errUnproven(err)
	}
	if err := e.assertionProfile(token.claims.Issuer).verify(token, key, e.deps.Now()); err != nil {
		return models.ClientStanding{}, errUnproven(err)
	}
	if !standing.MayAct(e.deps.Now()) {
		return models.ClientStanding{}, errUnproven(errNoStanding)
	}
	return standing, nil
}

// pickKey chooses a client's key by kid, or the only one when no kid was sent.
// It never tries several.
func pickKey(jwks string, head header) (verifyKey, error) {
	keys, err := readKeySet(jwks)
	if err != nil {
		return verifyKey{}, err
	}
	if head.Kid == "" && len(keys) == 1 {
		return keys[0], nil
	}
	for _, key := range keys {
		if key.id == head.Kid {
			return key, nil
		}
	}
	return verifyKey{}, errNoSuchKey
}

// useUp makes the assertion's one use known to all replicas (RFC 7523 section 3,
// item 7). Only the digest is stored: a jti may be long.
func (e *TokenEndpoint) useUp(ctx context.Context, client models.ClientID, c claimSet) error {
	exp, _ := readDate(c.Expires)
	digest := sha256.Sum256([]byte(c.ID))
	fresh, err := e.deps.Clients.UseAssertion(ctx, client, digest[:], exp.Add(keepUsed))
	if err != nil {
		return err
	}
	if !fresh {
		refusal := errBadCredential("This assertion was used before. Make a new one, with a new jti, for every request.")
		refusal.cause = errReplayed
		return refusal
	}
	return nil
}
