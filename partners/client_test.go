package partners_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/partners"
)

func TestCreateClient_ofEveryOwner(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		p, tenant := w.partner(t, "Contoso"), w.tenant(t)
		expires := start.Add(time.Hour).In(time.FixedZone("", 9*3600))
		for prefix, in := range map[string]partners.NewClient{
			"p-": {Owner: models.OwnerPartner, PartnerID: p.ID, Name: "a", Scopes: []string{"devices.read", "devices.write"}, Method: models.ClientSecretBasic},
			"t-": {Owner: models.OwnerTenant, TenantID: tenant.ID, Name: "b", Scopes: []string{"consents.decide"}, Method: models.PrivateKeyJWT, JWKS: "keys"},
			"o-": {Owner: models.OwnerOperator, Name: "c", Scopes: []string{"operations.write"}, Method: models.ClientSecretBasic, ExpiresAt: &expires},
		} {
			made, secret, err := w.CreateClient(t.Context(), in)
			must(t, err)
			got, err := w.Client(t.Context(), made.ID)
			must(t, err)
			if !strings.HasPrefix(string(got.ID), prefix) || !models.ValidGUID(string(got.ID[2:])) || got.State != models.ClientActive || got.Epoch != 1 {
				t.Errorf("%s: got %+v", prefix, got)
			}
			if keyed := in.Method == models.PrivateKeyJWT; keyed != (secret == "") || keyed != (got.JWKS != nil) {
				t.Errorf("%s: secret %q, keys %v", prefix, secret, got.JWKS)
			}
			if got.JWKS != nil && *got.JWKS != "checked keys" {
				t.Errorf("keys are stored as %q, want what the check returned", *got.JWKS)
			}
			if (in.ExpiresAt != nil) != (got.ExpiresAt != nil) || got.ExpiresAt != nil && !got.ExpiresAt.Equal(expires) {
				t.Errorf("%s: expires %v", prefix, got.ExpiresAt)
			}
			standing, err := w.ClientStanding(t.Context(), made.ID)
			if must(t, err); !standing.MayAct(start) || (standing.PartnerKind != "") != (prefix == "p-") {
				t.Errorf("%s: standing %+v", prefix, standing)
			}
		}
	})
}

func TestCreateClient_storesScopesOnceAndNoSecret(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		c, secret := w.client(t, w.partner(t, "Contoso").ID)
		if c.Scopes != "devices.write devices.read" || secret != "secret-1" {
			t.Errorf("scopes %q, secret %q", c.Scopes, secret)
		}
		standing, digests, err := w.ClientForAuth(t.Context(), c.ID)
		must(t, err)
		if standing.Client.ID != c.ID || len(digests) != 1 || string(digests[0]) != string(digestOf(secret)) {
			t.Errorf("got %+v with %q", standing, digests)
		}
	})
}

// What a client proves itself by is stored with its profile, and read with its standing.
func TestCreateClient_meansAndProfiles(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		p := w.partner(t, "Contoso")
		for _, c := range []struct {
			change  func(*partners.NewClient)
			profile models.ClientProfile
			jwks    string
			subject string
		}{
			{func(*partners.NewClient) {}, models.ProfileLegacy, "", ""},
			{func(c *partners.NewClient) { c.Method, c.JWKS = models.PrivateKeyJWT, "keys" }, models.ProfileStandard, "checked keys", ""},
			{func(c *partners.NewClient) {
				c.Method, c.JWKS, c.Profile = models.PrivateKeyJWT, "keys", models.ProfileStrict
			}, models.ProfileStrict, "checked keys", ""},
			{func(c *partners.NewClient) {
				c.Method, c.JWKSURI = models.PrivateKeyJWT, "https://plant.example/jwks"
			}, models.ProfileStandard, "", ""},
			{func(c *partners.NewClient) { c.Method, c.TLSSubject = models.TLSClientAuth, "dns:LINE3" }, models.ProfileStandard, "", "dns:line3"},
			{func(c *partners.NewClient) {
				c.Method, c.Certificates = models.SelfSignedTLSClientAuth, "keys in PEM"
			}, models.ProfileStandard, "checked keys in PEM", ""},
		} {
			in := partnerClient(p.ID)
			c.change(&in)
			made, _, err := w.CreateClient(t.Context(), in)
			must(t, err)
			standing, err := w.ClientStanding(t.Context(), made.ID)
			must(t, err)
			got := standing.Client
			if text(got.JWKSURI) != in.JWKSURI {
				t.Errorf("keys at %q", text(got.JWKSURI))
			}
			if got.Profile != c.profile || got.AuthMethod != in.Method || text(got.JWKS) != c.jwks || text(got.TLSSubject) != c.subject {
				t.Errorf("%s: got %s with keys %q and subject %q", in.Method, got.Profile, text(got.JWKS), text(got.TLSSubject))
			}
		}
	})
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestCreateClient_refuses(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		p, tenant := w.partner(t, "Contoso"), w.tenant(t)
		change := func(fn func(*partners.NewClient)) partners.NewClient {
			in := partnerClient(p.ID)
			fn(&in)
			return in
		}
		for name, in := range map[string]partners.NewClient{
			"no name":                change(func(c *partners.NewClient) { c.Name = "" }),
			"no scope":               change(func(c *partners.NewClient) { c.Scopes = nil }),
			"foreign scope":          change(func(c *partners.NewClient) { c.Scopes = []string{"devices.read", "consents.decide"} }),
			"joined scopes":          change(func(c *partners.NewClient) { c.Scopes = []string{"devices.read devices.write"} }),
			"unknown method":         change(func(c *partners.NewClient) { c.Method = "client_secret_jwt" }),
			"keys with a secret":     change(func(c *partners.NewClient) { c.JWKS = "keys" }),
			"no keys":                change(func(c *partners.NewClient) { c.Method = models.PrivateKeyJWT }),
			"keys for a certificate": change(func(c *partners.NewClient) { c.Method, c.JWKS = models.TLSClientAuth, "keys" }),
			"no subject":             change(func(c *partners.NewClient) { c.Method = models.TLSClientAuth }),
			"a subject of no kind":   change(func(c *partners.NewClient) { c.Method, c.TLSSubject = models.TLSClientAuth, "line3" }),
			"a subject for keys": change(func(c *partners.NewClient) {
				c.Method, c.JWKS, c.TLSSubject = models.PrivateKeyJWT, "keys", "dns:line3"
			}),
			"no certificates":            change(func(c *partners.NewClient) { c.Method = models.SelfSignedTLSClientAuth }),
			"certificates with a secret": change(func(c *partners.NewClient) { c.Certificates = "keys" }),
			"an address for a secret":    change(func(c *partners.NewClient) { c.JWKSURI = "https://plant.example/jwks" }),
			"an address beside keys": change(func(c *partners.NewClient) {
				c.Method, c.JWKS, c.JWKSURI = models.PrivateKeyJWT, "keys", "https://plant.example/jwks"
			}),
			"strict with a secret": change(func(c *partners.NewClient) { c.Profile = models.ProfileStrict }),
			"legacy with keys": change(func(c *partners.NewClient) {
				c.Method, c.JWKS, c.Profile = models.PrivateKeyJWT, "keys", models.ProfileLegacy
			}),
			"unknown profile":    change(func(c *partners.NewClient) { c.Profile = "lax" }),
			"two owners":         change(func(c *partners.NewClient) { c.TenantID = tenant.ID }),
			"no owner":           change(func(c *partners.NewClient) { c.PartnerID = "" }),
			"unknown kind":       change(func(c *partners.NewClient) { c.Owner = "person" }),
			"operator's partner": change(func(c *partners.NewClient) { c.Owner, c.Scopes = models.OwnerOperator, []string{"operations.write"} }),
			"bad partner id":     change(func(c *partners.NewClient) { c.PartnerID = "x" }),
			"expired":            change(func(c *partners.NewClient) { c.ExpiresAt = ptr(start) }),
		} {
			_, secret, err := w.CreateClient(t.Context(), in)
			t.Log(name)
			wantErr(t, err, partners.ErrInvalid)
			if len(errs.From(err).Fields) == 0 || secret != "" {
				t.Errorf("got fields %v and secret %q", errs.From(err).Fields, secret)
			}
		}
		_, _, err := w.CreateClient(t.Context(), change(func(c *partners.NewClient) { c.Method, c.JWKS = models.PrivateKeyJWT, "private" }))
		wantErr(t, err, errBadKeys)
		_, _, err = w.CreateClient(t.Context(), change(func(c *partners.NewClient) { c.PartnerID = "0190a0b0-0000-7000-8000-000000000001" }))
		wantErr(t, err, partners.ErrPartnerNotFound)
		_, _, err = w.CreateClient(t.Context(), partners.NewClient{
			Owner: models.OwnerTenant, TenantID: "0190a0b0-0000-7000-8000-000000000001", Name: "x", Scopes: []string{"devices.read"}, Method: models.ClientSecretBasic,
		})
		wantErr(t, err, partners.ErrTenantNotFound)
		if n := w.count(t, "SELECT (SELECT count(*) FROM oauth_clients) + (SELECT count(*) FROM client_secrets)"); n != 0 {
			t.Errorf("refused clients left %d rows behind", n)
		}
	})
}

func TestClients_filters(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		a, b, tenant := w.partner(t, "a"), w.partner(t, "b"), w.tenant(t)
		a1, _ := w.client(t, a.ID)
		a2, _ := w.client(t, a.ID)
		w.client(t, b.ID)
		t1, _, err := w.CreateClient(t.Context(), partners.NewClient{
			Owner: models.OwnerTenant, TenantID: tenant.ID, Name: "x", Scopes: []string{"devices.read"}, Method: models.ClientSecretBasic,
		})
		must(t, err)
		for name, tt := range map[string]struct {
			filter partners.ClientFilter
			want   int
		}{
			"all":         {partners.ClientFilter{}, 4},
			"of a":        {partners.ClientFilter{PartnerID: a.ID}, 2},
			"of partners": {partners.ClientFilter{Owner: models.OwnerPartner}, 3},
			"of tenant":   {partners.ClientFilter{TenantID: tenant.ID}, 1},
			"of nobody":   {partners.ClientFilter{PartnerID: a.ID, Owner: models.OwnerTenant}, 0},
		} {
			items, next, err := w.Clients(t.Context(), tt.filter)
			if must(t, err); len(items) != tt.want || next != "" {
				t.Errorf("%s: %d clients, want %d", name, len(items), tt.want)
			}
		}
		first, next, err := w.Clients(t.Context(), partners.ClientFilter{PartnerID: a.ID, Page: partners.Page{Limit: 1}})
		must(t, err)
		second, last, err := w.Clients(t.Context(), partners.ClientFilter{PartnerID: a.ID, Page: partners.Page{Limit: 1, Cursor: next}})
		must(t, err)
		if first[0].ID != a1.ID || second[0].ID != a2.ID || last != "" {
			t.Errorf("got %s, %s, %q", first[0].ID, second[0].ID, last)
		}
		if got, err := w.Client(t.Context(), t1.ID); err != nil || *got.TenantID != tenant.ID {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}
