package authz_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/internal/errs"
	"countersign/models"
)

// A secret in the body is taken from a client that may send it so, until the day that is
// set, and from no other. What is wrong beside the secret is told to who knows the secret.
// The token endpoint as aud, as Microsoft's library has it, is for clients named and until a
// day; a wrong key learns nothing from it.
func TestLegacyAudience(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	until := start.Add(time.Hour)
	aud := map[string]any{"aud": issuer + "/oauth2/token"}
	if refused := refusal(t, f.exchangeAssertion(f.assertion(t, nil, aud)), "invalid_client"); !strings.Contains(refused.Description, "exactly the issuer") {
		t.Errorf("without leave: %s", refused.Description)
	}
	f.store.untouched(t)
	f.store.clients[keyedID].standing.Client.LegacyUntil = &until
	if err := f.exchangeAssertion(f.assertion(t, nil, aud)); err != nil {
		t.Errorf("with leave: %v", err)
	}
	// Ten minutes from nbf, with an iat of the second before.
	long := map[string]any{"aud": aud["aud"], "jti": "long", "iat": start.Unix() - 1, "nbf": start.Unix(), "exp": start.Add(10 * time.Minute).Unix()}
	if err := f.exchangeAssertion(f.assertion(t, nil, long)); err != nil {
		t.Errorf("ten minutes and a second: %v", err)
	}
	long["aud"], long["jti"] = issuer, "longer"
	refusal(t, f.exchangeAssertion(f.assertion(t, nil, long)), "invalid_client")
	good := f.clientKey
	f.clientKey = newECKey(t)
	if refused := refusal(t, f.exchangeAssertion(f.assertion(t, nil, map[string]any{"aud": aud["aud"], "jti": "two"})), "invalid_client"); strings.Contains(refused.Description, "aud") {
		t.Errorf("with another key: %s", refused.Description)
	}
	f.clientKey, f.now = good, until
	late := map[string]any{"aud": aud["aud"], "jti": "three", "iat": until.Unix(), "exp": until.Add(time.Minute).Unix()}
	refusal(t, f.exchangeAssertion(f.assertion(t, nil, late)), "invalid_client")
}

func TestBodySecret(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	until := start.Add(time.Hour)
	legacy := *f.store.clients[basicID]
	legacy.standing.Client.LegacyUntil = &until
	const legacyID = models.ClientID("p-0190a0b0-0000-7000-8000-0000000000ff")
	legacy.standing.Client.ID = legacyID
	f.store.clients[legacyID] = &legacy
	ask := func(id models.ClientID, secret, authorization string) error {
		body := url.Values{"grant_type": {"client_credentials"}}
		body.Set("client_id", string(id))
		body.Set("client_secret", secret)
		req := authz.TokenRequest{Form: body, Authorization: authorization}
		if presented, guessable := authz.PresentedSecret(req); authorization == "" && (!guessable || presented != id) {
			t.Errorf("a secret of %s is not charged for: %q, %v", id, presented, guessable)
		}
		_, err := f.endpoint.Exchange(context.Background(), req)
		return err
	}
	if err := ask(legacyID, f.secret, ""); err != nil {
		t.Errorf("a client that may: %v", err)
	}
	for name, err := range map[string]error{
		"a client that may not": ask(basicID, f.secret, ""),
		"another secret":        ask(legacyID, "wrong", ""),
		"a keyed client":        ask(keyedID, f.secret, ""),
		"nobody":                ask("p-0190a0b0-0000-7000-8000-0000000000aa", f.secret, ""),
	} {
		t.Log(name)
		refusal(t, err, "invalid_client")
	}
	refusal(t, ask("", f.secret, ""), "invalid_request")
	refusal(t, ask(legacyID, f.secret, basic(string(legacyID), f.secret)), "invalid_request")
	f.now = until
	err := ask(legacyID, f.secret, "")
	refusal(t, err, "invalid_client")
	var told, stranger *authz.OAuthError
	if !errors.As(err, &told) || !errors.As(ask(legacyID, "wrong", ""), &stranger) || told.Description == stranger.Description || told.Kind != errs.Unauthenticated {
		t.Errorf("who knows the secret is told %q, a stranger %q", told.Description, stranger.Description)
	}
}
