package authz_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/internal/errs"
	"countersign/models"
)

func TestExchange_issuesATokenTheVerifierReads(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	response, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{
		Form: form("scope", "devices.read"), Authorization: basic(string(basicID), f.secret),
	})
	must(t, err)
	if response.ExpiresIn != 5*time.Minute || response.Type != "Bearer" || response.Scope != "devices.read" {
		t.Errorf("got %v and scope %q", response.ExpiresIn, response.Scope)
	}
	p, err := f.verifier.Verify(context.Background(), authz.Presentation{Token: response.AccessToken})
	must(t, err)
	if p.ClientID != basicID || p.PartnerID != partnerID || p.PartnerKind != models.DirectReseller || p.TenantID != "" {
		t.Errorf("got %+v", p)
	}
	if !p.Has("devices.read") || p.Has("devices.write") {
		t.Errorf("got scopes %v, want exactly the one asked for", p.Scopes)
	}
	if f.store.marked != 1 {
		t.Errorf("last use was noted %d times, want once", f.store.marked)
	}
	if strings.Contains(f.log.String(), f.secret) || strings.Contains(f.log.String(), response.AccessToken) {
		t.Error("the log holds a secret or a token")
	}
}

func TestExchange_withoutScopeGivesEverythingAssigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	// Assigned in the past, but no longer possible for a partner's client.
	f.store.clients[basicID].standing.Client.Scopes += " operations.write"
	response, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{
		Form: form(), Authorization: basic(string(basicID), f.secret),
	})
	must(t, err)
	if response.Scope != "devices.write devices.read consents.read" {
		t.Errorf("got scope %q", response.Scope)
	}
}

// Rows A2, A3, A4 and A8: what is refused before anybody is authenticated.
func TestExchange_refusesFaultyRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := basic(string(basicID), f.secret)
	tooMany := form()
	for i := range 40 {
		tooMany.Set("x"+strconv.Itoa(i), "1")
	}
	tests := []struct {
		name          string
		form          url.Values
		authorization string
		code          string
	}{
		{"grant_type twice", url.Values{"grant_type": {"client_credentials", "client_credentials"}}, good, "invalid_request"},
		{"empty grant_type twice", url.Values{"grant_type": {"", "client_credentials"}}, good, "invalid_request"},
		{"unknown parameter twice", url.Values{"grant_type": {"client_credentials"}, "x": {"1", "2"}}, good, "invalid_request"},
		{"no grant_type", url.Values{}, good, "invalid_request"},
		{"password grant", url.Values{"grant_type": {"password"}}, good, "unsupported_grant_type"},
		{"refresh grant", url.Values{"grant_type": {"refresh_token"}}, good, "unsupported_grant_type"},
		{"header and assertion", form("client_assertion", "a.b.c"), good, "invalid_request"},
		{"header and assertion type alone", form("client_assertion_type", "x"), good, "invalid_request"},
		{"header and secret in the body", form("client_secret", f.secret), good, "invalid_request"},
		{"nothing", form("client_id", string(basicID)), "", "invalid_client"},
		{"bearer header", form(), "Bearer abc", "invalid_client"},
		{"another client_id in the body", form("client_id", string(keyedID)), good, "invalid_request"},
		{"forty parameters", tooMany, good, "invalid_request"},
		{"oversized parameter", form("scope", strings.Repeat("a", 2000)), good, "invalid_request"},
		{"oversized assertion", form("client_assertion", strings.Repeat("a", 9000)), "", "invalid_request"},
		{"oversized header", form(), "Basic " + strings.Repeat("YTpi", 400), "invalid_client"},
	}
	for _, tt := range tests {
		_, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{Form: tt.form, Authorization: tt.authorization})
		t.Log(tt.name)
		refusal(t, err, tt.code)
	}
	if f.store.lookups != 0 {
		t.Errorf("faulty requests cost %d look-ups: work was done before the cheap checks", f.store.lookups)
	}
	f.store.untouched(t)
}

func TestExchange_ignoresUnknownAndEmptyParameters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{
		Form:          form("x-client-SKU", "msal", "client_assertion", "", "client_secret", "", "client_id", string(basicID)),
		Authorization: basic(string(basicID), f.secret),
	})
	must(t, err)
}

// Row A4: a scope is met exactly or refused.
func TestExchange_refusesForeignScopes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, scope := range []string{
		"operations.write", "devices.read consents.decide", "devices.read  devices.write",
		"DEVICES.READ", "devices.read\tdevices.write", " devices.read",
	} {
		_, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{
			Form: form("scope", scope), Authorization: basic(string(basicID), f.secret),
		})
		t.Logf("%q", scope)
		refusal(t, err, "invalid_scope")
	}
	f.store.clients[basicID].standing.Client.Scopes = ""
	_, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{
		Form: form(), Authorization: basic(string(basicID), f.secret),
	})
	refusal(t, err, "invalid_scope")
	f.store.untouched(t)
}

// Rows A6 and A9: everything that depends on the client looks the same, word for
// word, and costs one look-up.
func TestExchange_refusalsTellNothingAboutTheClient(t *testing.T) {
	t.Parallel()
	past := start.Add(-time.Second)
	tests := []struct {
		name   string
		id     models.ClientID
		wrong  bool
		change func(*clientEntry)
	}{
		{"unknown client", strangerID, false, nil},
		{"wrong secret", basicID, true, nil},
		{"frozen client", basicID, false, func(e *clientEntry) { e.standing.Client.State = models.ClientFrozen }},
		{"expired client", basicID, false, func(e *clientEntry) { e.standing.Client.ExpiresAt = &past }},
		{"suspended owner", basicID, false, func(e *clientEntry) { e.standing.OwnerSuspended = true }},
		{"client of the other method", basicID, false, func(e *clientEntry) { e.standing.Client.AuthMethod = models.PrivateKeyJWT }},
		{"no live secret", basicID, false, func(e *clientEntry) { e.digests = nil }},
	}
	var first *authz.OAuthError
	for _, tt := range tests {
		f := newFixture(t)
		if tt.change != nil {
			tt.change(f.store.clients[basicID])
		}
		secret := f.secret
		if tt.wrong {
			secret = "cs_wrong"
		}
		_, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{
			Form: form(), Authorization: basic(string(tt.id), secret),
		})
		t.Log(tt.name)
		got := refusal(t, err, "invalid_client")
		if first == nil {
			first = got
		}
		if got.Description != first.Description || got.Kind != errs.Unauthenticated {
			t.Errorf("got %q, kind %v; another case says %q", got.Description, got.Kind, first.Description)
		}
		if f.store.lookups != 1 {
			t.Errorf("cost %d look-ups, want 1", f.store.lookups)
		}
		if !strings.Contains(f.log.String(), string(tt.id)) || strings.Contains(f.log.String(), secret) {
			t.Errorf("the log must name the client and no secret: %s", f.log)
		}
		f.store.untouched(t)
	}
}

func TestExchange_neverLogsWhatIsNotAClientID(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{
		Form: form(), Authorization: basic(f.secret, string(basicID)), // swapped by mistake
	})
	refusal(t, err, "invalid_client")
	if strings.Contains(f.log.String(), f.secret) {
		t.Error("a secret in the place of the id reached the log")
	}
}

func TestExchange_storeFailureIsNotARefusalOfTheClient(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.store.fail = errs.New(errs.Unavailable, "database_unavailable", "x").WithCause(errors.New("dial tcp 10.0.0.1"))
	_, err := f.endpoint.Exchange(context.Background(), authz.TokenRequest{
		Form: form(), Authorization: basic(string(basicID), f.secret),
	})
	got := refusal(t, err, "server_error")
	if got.Kind != errs.Unavailable || strings.Contains(got.Description, "10.0.0.1") {
		t.Errorf("got kind %v, description %q", got.Kind, got.Description)
	}
}

func TestNewTokenEndpoint_refusesMissingParts(t *testing.T) {
	t.Parallel()
	if _, err := authz.NewTokenEndpoint(authz.EndpointDeps{}); err == nil {
		t.Error("an endpoint of nothing was made")
	}
	site, err := authz.NewSite(issuer)
	must(t, err)
	if _, err := authz.NewTokenEndpoint(authz.EndpointDeps{Site: site, Keys: &authz.Keys{}, Secrets: &authz.Secrets{}}); err == nil {
		t.Error("an endpoint with empty keys was made")
	}
}

// From where a client proved itself is kept, and who failed to in its name; what is no client's
// id is not.
func TestExchange_isNoted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ask := func(authorization string, pairs ...string) {
		_, _ = f.endpoint.Exchange(context.Background(), authz.TokenRequest{Form: form(pairs...), Authorization: authorization, RemoteAddr: "192.0.2.1"})
	}
	ask(basic(string(basicID), f.secret))
	ask(basic(string(basicID), "wrong"))
	ask(basic("a password by mistake", "x"))
	ask(basic(string(basicID), f.secret), "scope", "operations.write") // proved itself, and asked for too much
	want := []models.ClientSource{{ClientID: basicID, Source: "192.0.2.1"}, {ClientID: basicID, Source: "192.0.2.1", Refused: true}}
	if !slices.Equal(f.store.noted, want) {
		t.Errorf("noted %+v, want %+v", f.store.noted, want)
	}
}
