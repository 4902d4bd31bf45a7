package authz

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
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
// what depends on the client is not. The jti is used up by the caller, last.
func (e *TokenEndpoint) byAssertion(ctx context.Context, form map[string]string) (authenticated, error) {
	if form["client_assertion_type"] != assertionType {
		return authenticated{}, errBadCredential("client_assertion_type must be %s.", assertionType)
	}
	token, err := readCompact(form["client_assertion"])
	if id := form["client_id"]; id != "" && (err != nil || token.claims.Issuer != id) {
		if other, ok := readForeign(form["client_assertion"]); ok && other.claims.Issuer != id {
			return e.byForeign(ctx, id, other)
		}
	}
	if err != nil {
		return authenticated{}, errBadCredential("client_assertion is not a compact JWS with strict JSON parts, one aud string and no crit.")
	}
	if complaint := e.complain(token, form["client_id"]); complaint != "" {
		return authenticated{}, errBadCredential("%s", complaint)
	}
	standing, err := e.verifyAssertion(ctx, token)
	if err != nil {
		return authenticated{}, err
	}
	return authenticated{standing, &token.claims}, nil
}

// complain names what is wrong with an assertion in sight of the request alone;
// empty means nothing.
func (e *TokenEndpoint) complain(token compact, formID string) string {
	c, now, p := token.claims, e.deps.Now(), e.assertionProfile(token.claims)
	exp, hasExp := readDate(c.Expires)
	for _, rule := range []struct {
		kept      bool
		complaint string
	}{
		{p.acceptsType(token.header.Typ), "The assertion's typ must be absent, JWT or client-authentication+jwt."},
		{c.Issuer != "" && c.Issuer == c.Subject, "The assertion's iss and sub must both be the client id."},
		{formID == "" || formID == c.Issuer, "The parameter client_id is not the assertion's iss."},
		{c.Audience == p.audience, "The assertion's aud must be exactly the issuer of this server, " + p.audience + "."},
		{hasExp && now.Before(exp), tooLate(exp, now)},
		{p.checkLife(c.dates, now) == nil, "The assertion may live 10 minutes at most, from iat to exp."},
		{!c.ahead(now), c.tooEarly(now)},
		{c.ID != "", "The assertion has no jti."},
	} {
		if !rule.kept {
			return rule.complaint
		}
	}
	return ""
}

// tooEarly and tooLate say by how much two clocks differ: at night that is half of the
// answer. The difference follows from the request and the time of day alone.
func (d dates) tooEarly(now time.Time) string {
	latest := now
	for _, date := range []*float64{d.IssuedAt, d.NotBefore} {
		if at, ok := readDate(date); ok && at.After(latest) {
			latest = at
		}
	}
	return fmt.Sprintf("The assertion's iat or nbf lies %d s ahead of this server's clock. Check the clock of your machine.", int64(latest.Sub(now)/time.Second))
}

func tooLate(exp, now time.Time) string {
	if exp.IsZero() {
		return "The assertion has no exp."
	}
	return fmt.Sprintf("The assertion's exp passed %d s ago by this server's clock. Check the clock of your machine.", int64(now.Sub(exp)/time.Second))
}

// ahead reports whether iat or nbf was sent and is unreadable, or further ahead than clocks
// may differ.
func (d dates) ahead(now time.Time) bool {
	for _, date := range []*float64{d.IssuedAt, d.NotBefore} {
		if at, ok := readDate(date); date != nil && (!ok || at.After(now.Add(clockSkew))) {
			return true
		}
	}
	return false
}

// assertionProfile is what an assertion must be, by the audience it names.
func (e *TokenEndpoint) assertionProfile(c claimSet) profile {
	p := profile{types: assertionTypes, issuer: c.Issuer, audience: e.deps.Site.Issuer(), maxLife: maxAssertionLife}
	if c.Audience == e.legacyAudience() {
		// Microsoft's library counts ten minutes from nbf, and its iat may lie a second before.
		p.audience, p.maxLife = c.Audience, maxAssertionLife+clockSkew
	}
	return p
}

// legacyAudience is what older clients put there, Microsoft's library among them. Whoever
// could make a client believe in another token endpoint would get assertions that are good
// here, so it is for clients named and until a day.
func (e *TokenEndpoint) legacyAudience() string { return e.deps.Site.Issuer() + TokenPath }

// verifyAssertion finds the client and the key and checks the signature.
func (e *TokenEndpoint) verifyAssertion(ctx context.Context, token compact) (models.ClientStanding, error) {
	standing, _, err := e.lookUp(ctx, token.claims.Issuer)
	if err != nil {
		return models.ClientStanding{}, err
	}
	client := standing.Client
	if client.AuthMethod != models.PrivateKeyJWT {
		return models.ClientStanding{}, errUnproven(errWrongMethod)
	}
	key, err := e.keyOf(ctx, client, token.header)
	if err != nil {
		return models.ClientStanding{}, errUnproven(err)
	}
	if err := e.assertionProfile(token.claims).verify(token, key, e.deps.Now()); err != nil {
		return models.ClientStanding{}, errUnproven(err)
	}
	if token.claims.Audience == e.legacyAudience() && !client.MayBeLegacy(e.deps.Now()) {
		return models.ClientStanding{}, errBadCredential("The assertion's aud must be exactly the issuer of this server, %s.", e.deps.Site.Issuer())
	}
	if !standing.MayAct(e.deps.Now()) {
		return models.ClientStanding{}, errUnproven(errNoStanding)
	}
	return standing, nil
}

// keyOf is the key of a client that an assertion names, among those it has registered or
// those it publishes.
func (e *TokenEndpoint) keyOf(ctx context.Context, client models.OAuthClient, head header) (verifyKey, error) {
	switch {
	case client.Issuer != nil: // what stands at JWKSURI are the issuer's keys, not the client's
		return verifyKey{}, errNoSuchKey
	case client.JWKSURI != nil && e.deps.RemoteKeys != nil:
		return e.deps.RemoteKeys.find(ctx, *client.JWKSURI, head)
	case client.JWKS == nil:
		return verifyKey{}, errNoSuchKey
	}
	keys, err := readKeySet(*client.JWKS)
	if err != nil {
		return verifyKey{}, err
	}
	return pickFrom(keys, head)
}

// pickFrom chooses a key by kid, or the only one when no kid was sent. It never tries
// several.
func pickFrom(keys []verifyKey, head header) (verifyKey, error) {
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
	fresh, err := e.deps.Clients.UseOnce(ctx, client, digest[:], exp.Add(keepUsed))
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
