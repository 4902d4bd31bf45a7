package signin

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/oauth2"

	"countersign/models"
)

// clockSkew is how far a provider's clock may lie beside the database's.
const clockSkew = 60 * time.Second

// maxIDToken bounds an ID token before anything of it is decoded. Providers put lists of
// groups into it.
const maxIDToken = 32 << 10

// Limits of what is kept of a person; the provider writes it.
const (
	maxSubject = 255 // OpenID Connect Core 1.0 section 2
	maxText    = 200
)

// identity is what an ID token said, after every check.
type identity struct {
	issuer, subject string
	tenant          models.TenantID // tid, where the provider has one
	name, email     string
	acr             string
	amr             []string
	authTime        *time.Time
	mfa             bool
	role            models.PersonRole // by the tenant's mapping; empty for none
}

// claims are the members of an ID token that we read beside those of the library.
type claims struct {
	AuthorizedParty string         `json:"azp"`
	AuthTime        *float64       `json:"auth_time"`
	ACR             string         `json:"acr"`
	ACRs            list           `json:"acrs"` // Entra ID: the authentication contexts that were met
	AMR             list           `json:"amr"`
	TenantID        string         `json:"tid"`
	Name            string         `json:"name"`
	Email           string         `json:"email"`
	UserName        string         `json:"preferred_username"`
	All             jsontext.Value `json:"-"`
}

// list reads a claim that is one text or several.
type list []string

// UnmarshalJSON implements json.Unmarshaler. Any other shape is no list, and grants nothing.
func (l *list) UnmarshalJSON(text []byte) error {
	var several []string
	if json.Unmarshal(text, &several) == nil {
		*l = several
		return nil
	}
	var single string
	if json.Unmarshal(text, &single) == nil && single != "" {
		*l = list{single}
	}
	return nil
}

// expectation is what one sign-in expects of its ID token.
type expectation struct {
	settings models.TenantSignIn
	nonce    string
	begun    time.Time // when the sign-in began
	now      time.Time // by the database's clock
	stepUp   bool
}

// readIDToken checks everything about the ID token that came with the provider's answer
// (OpenID Connect Core 1.0 section 3.1.3.7) and returns whom it names.
func (s *Service) readIDToken(ctx context.Context, p *provider, token *oauth2.Token, want expectation) (identity, error) {
	raw, _ := token.Extra("id_token").(string)
	if err := checkForm(raw); err != nil {
		return identity{}, err
	}
	verifier := p.VerifierContext(oidc.ClientContext(ctx, s.deps.Outside.HTTP()), &oidc.Config{
		ClientID: want.settings.ClientID, SupportedSigningAlgs: algorithms, Now: func() time.Time { return want.now },
	})
	parsed, err := verifier.Verify(ctx, raw)
	if err != nil {
		return identity{}, shorten(err)
	}
	var c claims
	if err := parsed.Claims(&c.All); err != nil {
		return identity{}, errors.New("the claims cannot be read")
	}
	// Strictly: of two members of one name, another reader could have taken the other.
	if err := json.Unmarshal(c.All, &c); err != nil {
		return identity{}, errors.New("the claims are not strict JSON")
	}
	if err := want.check(parsed, token, c); err != nil {
		return identity{}, err
	}
	return want.identity(parsed, c)
}

// checkForm looks at size and header: a token of another purpose, signed by the same key,
// has another typ.
func checkForm(raw string) error {
	head, _, ok := strings.Cut(raw, ".")
	if !ok || len(raw) > maxIDToken {
		return errors.New("there is no ID token, or it is too large")
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(head)
	if err != nil {
		return errors.New("the ID token's header cannot be read")
	}
	var header struct {
		Typ string `json:"typ"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return errors.New("the ID token's header is not strict JSON")
	}
	if header.Typ != "" && !strings.EqualFold(header.Typ, "JWT") {
		return errors.New("the ID token's typ is another token's")
	}
	return nil
}

// check holds what the library leaves to its caller.
func (w expectation) check(t *oidc.IDToken, token *oauth2.Token, c claims) error {
	switch {
	case t.Issuer != w.settings.Issuer: // the library makes an exception for one provider
		return errors.New("iss is not the tenant's issuer")
	case len(t.Audience) != 1 || t.Audience[0] != w.settings.ClientID:
		return errors.New("aud names others beside us")
	case c.AuthorizedParty != "" && c.AuthorizedParty != w.settings.ClientID:
		return errors.New("azp is not us")
	case t.Nonce == "" || subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(w.nonce)) != 1:
		return errors.New("nonce is not that of this sign-in")
	case t.Subject == "" || len(t.Subject) > maxSubject || !printable(t.Subject):
		return errors.New("sub cannot be used")
	case t.IssuedAt.Before(w.begun.Add(-clockSkew)) || t.IssuedAt.After(w.now.Add(clockSkew)):
		return errors.New("iat lies outside this sign-in")
	}
	if t.AccessTokenHash != "" && t.VerifyAccessToken(token.AccessToken) != nil {
		return errors.New("at_hash is not that of the access token")
	}
	if w.stepUp {
		return w.checkFresh(c)
	}
	return nil
}

// checkFresh insists on a proof of identity that was made for this step-up: max_age was
// sent, so auth_time is required (OpenID Connect Core 1.0 section 3.1.2.1).
func (w expectation) checkFresh(c claims) error {
	at, ok := date(c.AuthTime)
	if !ok {
		return errors.New("auth_time is missing though max_age was sent")
	}
	if at.Before(w.begun.Add(-clockSkew)) || at.After(w.now.Add(clockSkew)) {
		return errors.New("auth_time is older than this step-up")
	}
	return nil
}

// identity takes out what is kept.
func (w expectation) identity(t *oidc.IDToken, c claims) (identity, error) {
	id := identity{
		issuer: t.Issuer, subject: t.Subject, name: cut(c.Name, maxText), email: cut(c.Email, maxText), acr: cut(c.ACR, maxText),
	}
	if id.name == "" {
		id.name = cut(c.UserName, maxText)
	}
	for _, method := range c.AMR {
		if len(id.amr) < 20 && method != "" && len(method) <= 50 && printable(method) && !strings.Contains(method, " ") {
			id.amr = append(id.amr, method)
		}
	}
	if at, ok := date(c.AuthTime); ok && !at.After(w.now.Add(clockSkew)) {
		id.authTime = &at
	}
	if tid := strings.ToLower(c.TenantID); models.ValidGUID(tid) {
		id.tenant = models.TenantID(tid)
	}
	contexts := []string{c.ACR}
	for _, met := range c.ACRs {
		contexts = append(contexts, contextMark+met)
	}
	id.mfa = meet(contexts, w.settings.ACRValues) || meet(c.AMR, w.settings.AMRValues)
	var err error
	id.role, err = mapRole(c.All, w.settings)
	return id, err
}

// contextMark stands before a value of the settings that is looked for in acrs, and asked
// for by the claims parameter, and not in acr: Entra ID's authentication contexts.
const contextMark = "acrs:"

// meet reports whether any of the values is one that was listed.
func meet(values []string, listed string) bool {
	wanted := splitList(listed)
	return slices.ContainsFunc(values, func(v string) bool { return v != "" && slices.Contains(wanted, v) })
}

// mapRole reads the role out of the tenant's claim.
func mapRole(all jsontext.Value, settings models.TenantSignIn) (models.PersonRole, error) {
	if settings.RoleClaim == "" {
		return "", nil
	}
	values, err := claimAt(all, settings.RoleClaim)
	if err != nil {
		return "", err
	}
	switch {
	case meet(values, settings.AdminValues):
		return models.PersonAdmin, nil
	case meet(values, settings.ApproverValues):
		return models.PersonApprover, nil
	}
	return "", nil
}

// claimAt follows a path: a member of this very name, else the part before the first dot
// and the rest below it. What is not there is no value.
func claimAt(object jsontext.Value, path string) (list, error) {
	var members map[string]jsontext.Value
	if object.Kind() != '{' {
		return nil, nil
	}
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, fmt.Errorf("the claim of the roles cannot be read")
	}
	if value, ok := members[path]; ok {
		var values list
		err := json.Unmarshal(value, &values)
		return values, err
	}
	head, rest, ok := strings.Cut(path, ".")
	if !ok {
		return nil, nil
	}
	return claimAt(members[head], rest)
}

// latestDate is far above any date we accept and far below where a float64 overflows.
const latestDate = 9_999_999_999

// date reads a NumericDate (RFC 7519 section 2).
func date(seconds *float64) (time.Time, bool) {
	if seconds == nil || *seconds <= 0 || *seconds > latestDate {
		return time.Time{}, false
	}
	return time.Unix(int64(*seconds), 0).UTC(), true
}
