package authz

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/models"
)

// algRS256 is what most identity providers sign with. Clients of ours may not use it (FAPI 2.0
// section 5.4.1); the tokens that a customer's machines have already are not ours to choose.
const algRS256 = "RS256"

// maxForeignLife bounds how long a token of a customer's issuer may live, from its iat: it can
// be used for that long, and as often as its holder likes.
const maxForeignLife = 24 * time.Hour

// foreignProfile is what is the same for the tokens of all issuers.
var foreignProfile = profile{types: []string{"", "jwt", "at+jwt"}, maxLife: maxForeignLife}

var (
	errForeignIssuer = errors.New("the token's iss or sub is not the one that the client is registered with")
	errForeignNone   = errors.New("no key of the issuer can be used")
)

// foreignClaims are what we read of a token that a customer's own issuer made. Its audience
// may be a list of one, as Kubernetes writes it.
type foreignClaims struct {
	dates
	Issuer   string         `json:"iss"`
	Subject  string         `json:"sub"`
	Audience jsontext.Value `json:"aud"`
}

// soleAudience is the one audience of a token; false for none and for several.
func (c foreignClaims) soleAudience() (string, bool) {
	var one string
	if json.Unmarshal(c.Audience, &one) == nil {
		return one, one != ""
	}
	var list []string
	if json.Unmarshal(c.Audience, &list) != nil || len(list) != 1 {
		return "", false
	}
	return list[0], list[0] != ""
}

// foreign is a token of another issuer, read and not verified.
type foreign struct {
	jws
	header header
	claims foreignClaims
}

// readForeign reads a token of another issuer as strictly as our own.
func readForeign(raw string) (foreign, bool) {
	var f foreign
	var err error
	if f.jws, err = takeApart(raw, maxTokenBytes, &f.header); err != nil {
		return foreign{}, false
	}
	_, err = readStrict(f.payload, &f.claims)
	return f, err == nil
}

// byForeign takes a token of a customer's own issuer for the assertion of one of the customer's
// clients (RFC 7521 section 4.2): the machine needs no credential of ours. The client says by
// client_id which it is; issuer, subject and audience must be exactly those that were
// registered, so that no other token of the issuer is good here.
func (e *TokenEndpoint) byForeign(ctx context.Context, id string, token foreign) (authenticated, error) {
	standing, _, err := e.lookUp(ctx, id)
	if err != nil {
		return authenticated{}, err
	}
	client := standing.Client
	if client.Issuer == nil || client.IssuerSubject == nil || client.JWKSURI == nil || e.deps.ForeignKeys == nil {
		return authenticated{}, errBadCredential("The parameter client_id is not the assertion's iss.")
	}
	if token.claims.Issuer != *client.Issuer || token.claims.Subject != *client.IssuerSubject {
		return authenticated{}, errUnproven(errForeignIssuer)
	}
	if !foreignProfile.acceptsType(token.header.Typ) {
		return authenticated{}, errUnproven(errWrongType)
	}
	key, err := e.deps.ForeignKeys.find(ctx, *client.JWKSURI, token.header)
	if err != nil {
		return authenticated{}, errUnproven(err)
	}
	if !key.signs(token.header.Alg) {
		return authenticated{}, errUnproven(errWrongAlgorithm)
	}
	if err := key.check(token.jws); err != nil {
		return authenticated{}, errUnproven(err)
	}
	if complaint := e.complainForeign(token.claims); complaint != "" {
		return authenticated{}, errBadCredential("%s", complaint)
	}
	if !standing.MayAct(e.deps.Now()) {
		return authenticated{}, errUnproven(errNoStanding)
	}
	return authenticated{standing: standing}, nil
}

// complainForeign names what is wrong with a token whose signature is right.
func (e *TokenEndpoint) complainForeign(c foreignClaims) string {
	now := e.deps.Now()
	audience, _ := c.soleAudience()
	expires, ok := readDate(c.Expires)
	switch {
	case audience != e.deps.Site.Issuer():
		return "The token's aud must be exactly the issuer of this server, " + e.deps.Site.Issuer() + ": ask your issuer for a token for this audience."
	case !ok || !now.Before(expires):
		return tooLate(expires, now)
	case foreignProfile.checkLife(c.dates, now) != nil:
		return "The token may live 24 hours at most, from iat to exp."
	case c.ahead(now):
		return c.tooEarly(now)
	}
	return ""
}

// NewForeignKeys are the key sets of customers' issuers; see NewRemoteKeys.
func NewForeignKeys(outside *http.Client, now func() time.Time) *RemoteKeys {
	r := NewRemoteKeys(outside, now)
	r.read = readForeignKeySet
	return r
}

// readForeignKeySet reads the usable keys of an issuer. Others stand beside them, for encryption
// or of kinds that we do not know: they are passed over, and not refused.
func readForeignKeySet(text string) ([]verifyKey, error) {
	if len(text) > maxKeySetBytes {
		return nil, ErrKeySet.WithDetail("The key set is larger than %d bytes.", maxKeySetBytes)
	}
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if _, err := readStrict([]byte(text), &set); err != nil {
		return nil, ErrKeySet.WithDetail(`The key set is not a JSON object with a member "keys", without duplicate members.`)
	}
	var keys []verifyKey
	for _, raw := range set.Keys {
		key, err := readForeignKey(raw)
		if err != nil || slices.ContainsFunc(keys, func(k verifyKey) bool { return k.id == key.id }) {
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, ErrKeySet.WithDetail("The key set has no key with a kid that can be used: RSA of 2048 bits and more (RS256 or PS256), EC P-256 or Ed25519.")
	}
	return keys, nil
}

func readForeignKey(raw []byte) (verifyKey, error) {
	var key jwk
	names, err := readStrict(raw, &key)
	if err != nil || key.Kid == "" || len(key.Kid) > maxCredentialBytes || key.Use != "" && key.Use != "sig" {
		return verifyKey{}, errForeignNone
	}
	for _, name := range privateMembers {
		if names[name] {
			return verifyKey{}, errForeignNone // whoever knows it could make tokens
		}
	}
	named := key.Alg
	if key.Kty == "RSA" {
		key.Alg = ""
	}
	read, err := key.public()
	if err != nil {
		return verifyKey{}, err
	}
	if key.Kty == "RSA" && named != algPS256 {
		if named != "" && named != algRS256 {
			return verifyKey{}, errForeignNone
		}
		read.alg = algRS256
	}
	return read, nil
}

// CheckForeign says what is wrong with whose tokens a client is to come with.
func CheckForeign(f models.Federation) error {
	for _, text := range []string{f.Issuer, f.Subject} {
		if text == "" || len(text) > maxCredentialBytes || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			return errors.New("needs an issuer and a subject, exactly as they stand in iss and sub of the tokens, of at most 1024 bytes")
		}
	}
	return nil
}
