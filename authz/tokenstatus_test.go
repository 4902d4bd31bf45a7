package authz_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/authz"
	"countersign/internal/errs"
	"countersign/models"
)

const operatorID = models.ClientID("o-0190a0b0-0000-7000-8000-000000000003")

// about asks about a token in the name of the client with a secret.
func (f *fixture) about(token string) authz.TokenRequest {
	values := form("token", token, "token_type_hint", "access_token")
	values.Del("grant_type")
	return authz.TokenRequest{Form: values, Authorization: basic(string(basicID), f.secret)}
}

// aboutKeyed asks in the name of the client with a key.
func (f *fixture) aboutKeyed(t testing.TB, token string) authz.TokenRequest {
	t.Helper()
	f.asked++
	values := form("token", token, "client_assertion_type", assertionType, "client_assertion",
		f.assertion(t, nil, map[string]any{"jti": "about-" + time.Duration(f.asked).String()}))
	values.Del("grant_type")
	return authz.TokenRequest{Form: values}
}

// Row G7: a client ends its own tokens, at once, and nobody else's; the answer never tells.
func TestRevoke_ownTokensOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := context.Background()
	mine, also := f.tokenFor(t), f.tokenFor(t)
	for name, req := range map[string]authz.TokenRequest{
		"another's": f.aboutKeyed(t, mine), "garbage": f.about("a.b.c"), "no token": f.about("x"), "long": f.about(string(make([]byte, 8000))),
	} {
		if err := f.endpoint.Revoke(ctx, req); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.verifier.Verify(ctx, authz.Presentation{Token: mine}); err != nil {
		t.Fatalf("another client ended it: %v", err)
	}
	must(t, f.endpoint.Revoke(ctx, f.about(mine)))
	must(t, f.endpoint.Revoke(ctx, f.about(mine)))
	_, err := f.verifier.Verify(ctx, authz.Presentation{Token: mine})
	if codeOf(err) != "invalid_token" || f.verifier.Recheck(ctx, mine) == nil {
		t.Errorf("a revoked token is taken: %v", err)
	}
	if _, err := f.verifier.Verify(ctx, authz.Presentation{Token: also}); err != nil {
		t.Errorf("the client's other token: %v", err)
	}
}

// Row G8: who may ask is told everything, everybody else the same nothing.
func TestIntrospect_tellsTheOwnerAndOperators(t *testing.T) {
	t.Parallel()
	f, h := newFixture(t), newHolder(t)
	ctx := context.Background()
	bearer, bound := f.tokenFor(t), f.bound(t, h)
	got, err := f.endpoint.Introspect(ctx, f.about(bearer))
	must(t, err)
	want := authz.TokenStatus{
		Active: true, ClientID: basicID, Scope: "devices.write devices.read consents.read", Type: "Bearer", Issuer: issuer, Audience: audience,
		ID: got.ID, IssuedAt: f.now, ExpiresAt: f.now.Add(5 * time.Minute),
	}
	if got != want || got.ID == "" {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got, err = f.endpoint.Introspect(ctx, f.aboutKeyed(t, bound)); err != nil || !got.Active || got.Type != "DPoP" || got.KeyThumbprint == "" {
		t.Errorf("a bound one: %+v, %v", got, err)
	}
	expired := f.tokenFor(t)
	revoked := f.tokenFor(t)
	must(t, f.endpoint.Revoke(ctx, f.about(revoked)))
	for name, req := range map[string]authz.TokenRequest{
		"another's": f.about(bound), "another's, the other way": f.aboutKeyed(t, bearer), "revoked": f.about(revoked), "garbage": f.about("a.b.c"), "text": f.about("x"),
	} {
		if got, err := f.endpoint.Introspect(ctx, req); err != nil || got != (authz.TokenStatus{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	f.operator(authz.ScopeOperationsRead)
	asOperator := f.about(bound)
	asOperator.Authorization = basic(string(operatorID), f.secret)
	if got, err := f.endpoint.Introspect(ctx, asOperator); err != nil || got.ClientID != keyedID {
		t.Errorf("an operator: %+v, %v", got, err)
	}
	f.operator(authz.ScopeConsentsRead)
	if got, err := f.endpoint.Introspect(ctx, asOperator); err != nil || got.Active {
		t.Errorf("an operator without the scope: %+v, %v", got, err)
	}
	f.store.clients[basicID].standing.OwnerSuspended = true
	f.operator(authz.ScopeOperationsRead)
	asOperator.Form.Set("token", bearer)
	if got, err := f.endpoint.Introspect(ctx, asOperator); err != nil || got.Active {
		t.Errorf("of a suspended partner: %+v, %v", got, err)
	}
	f.store.clients[basicID].standing.OwnerSuspended = false
	f.now = f.now.Add(5 * time.Minute)
	if got, err := f.endpoint.Introspect(ctx, f.about(expired)); err != nil || got.Active {
		t.Errorf("expired: %+v, %v", got, err)
	}
}

// operator registers an operator's client with the secret of the other one.
func (f *fixture) operator(scopes string) {
	f.store.clients[operatorID] = &clientEntry{models.ClientStanding{Client: models.OAuthClient{
		ID: operatorID, OwnerKind: models.OwnerOperator, State: models.ClientActive, AuthMethod: models.ClientSecretBasic, Profile: models.ProfileLegacy, Scopes: scopes,
	}}, f.store.clients[basicID].digests}
}

func TestTokenStatus_refusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := context.Background()
	mine := f.tokenFor(t)
	nobody, wrong, missing, twice := f.about(mine), f.about(mine), f.about(""), f.about(mine)
	nobody.Authorization, wrong.Authorization = "", basic(string(basicID), "wrong")
	twice.Form["token"] = []string{mine, mine}
	for name, c := range map[string]struct {
		req  authz.TokenRequest
		code string
	}{"nobody": {nobody, "invalid_client"}, "wrong secret": {wrong, "invalid_client"}, "no token": {missing, "invalid_request"}, "two": {twice, "invalid_request"}} {
		_, err := f.endpoint.Introspect(ctx, c.req)
		if codeOf(err) != c.code || codeOf(f.endpoint.Revoke(ctx, c.req)) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	keyed := f.aboutKeyed(t, mine)
	if first, second := f.endpoint.Revoke(ctx, keyed), f.endpoint.Revoke(ctx, keyed); first != nil || codeOf(second) != "invalid_client" {
		t.Errorf("one assertion, twice: %v, %v", first, second)
	}
	f.store.fail = errs.New(errs.Unavailable, "unavailable", "not now").WithCause(errors.New("down"))
	if _, err := f.endpoint.Introspect(ctx, f.about(mine)); codeOf(err) != "server_error" {
		t.Errorf("without a database a token is said to be bad: %v", err)
	}
}
