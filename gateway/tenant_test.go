package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"countersign/authz/signin"
	"countersign/gateway"
	"countersign/models"
	"countersign/partners"
)

// tenantDesk notes what it is asked and answers with what it was told.
type tenantDesk struct{ *edge }

func (d tenantDesk) note(format string, args ...any) {
	d.deskCalls = append(d.deskCalls, fmt.Sprintf(format, args...))
}

func (d tenantDesk) SignIn(_ context.Context, tenant models.TenantID) (signin.Settings, error) {
	d.note("signIn %s", tenant)
	return signin.Settings{Issuer: "https://login.fabrikam.example", ClientID: "c", AuthMethod: models.ProviderBasic, Version: 3, SetBy: models.ActorCustomer, SetAt: now}, nil
}

func (d tenantDesk) SetSignIn(_ context.Context, by signin.By, tenant models.TenantID, in signin.Settings) (signin.Settings, error) {
	d.note("setSignIn %s %s %s mfa=%v secret=%s version=%d", by.Kind, by.ID, tenant, in.RequireMFA, in.ClientSecret, in.Version)
	if in.Issuer == "" {
		return in, signin.ErrInvalid
	}
	return in, nil
}

func (d tenantDesk) Rename(_ context.Context, by signin.By, tenant models.TenantID, name string) error {
	d.note("rename %s %s %s", by.Kind, tenant, name)
	return nil
}

func (d tenantDesk) People(_ context.Context, tenant models.TenantID, page signin.Page) ([]models.Person, string, error) {
	d.note("people %s %s %d", tenant, page.Cursor, page.Limit)
	admin := models.PersonAdmin
	return []models.Person{
		{ID: madeUpID, Issuer: "https://login.fabrikam.example", Subject: "ada", Name: "Ada", ClaimRole: &admin, State: models.PersonActive, CreatedAt: now, LastSignIn: &now},
		{ID: madeUpID, Subject: "nora", State: models.PersonActive, CreatedAt: now},
	}, "next", nil
}

func (d tenantDesk) SetRole(_ context.Context, by signin.By, tenant models.TenantID, id models.PersonID, role models.PersonRole) (models.Person, error) {
	d.note("role %s %s %s %q", by.ID, tenant, id, role)
	return models.Person{ID: id, GivenRole: &role, State: models.PersonActive, CreatedAt: now}, nil
}

func (d tenantDesk) Disable(_ context.Context, by signin.By, tenant models.TenantID, id models.PersonID) (models.Person, error) {
	d.note("disable %s %s %s", by.ID, tenant, id)
	return models.Person{}, signin.ErrLastAdmin
}

func (d tenantDesk) Enable(_ context.Context, by signin.By, tenant models.TenantID, id models.PersonID) (models.Person, error) {
	d.note("enable %s %s %s", by.ID, tenant, id)
	return models.Person{ID: id, State: models.PersonActive, CreatedAt: now}, nil
}

func (d tenantDesk) Tenant(_ context.Context, id models.TenantID) (partners.Tenant, error) {
	d.note("tenant %s", id)
	return partners.Tenant{Tenant: models.Tenant{ID: id, Name: "Fabrikam", State: models.TenantActive, IDProof: models.IDIssued, CreatedAt: now}}, nil
}

func (d tenantDesk) DomainsOf(_ context.Context, tenant models.TenantID) (partners.DomainList, error) {
	d.note("domains %s", tenant)
	return partners.DomainList{
		Domains:    []models.TenantDomain{{Domain: "fabrikam.example", TenantID: tenant, Proof: models.ProvenByDNS, VerifiedAt: now}},
		Challenges: []models.DomainChallenge{{Domain: "other.example", TenantID: tenant, Token: "t0ken", ExpiresAt: now}},
	}, nil
}

func (d tenantDesk) ChallengeDomain(_ context.Context, tenant models.TenantID, domain string) (models.DomainChallenge, error) {
	d.note("challenge %s %s", tenant, domain)
	return models.DomainChallenge{Domain: domain, TenantID: tenant, Token: "t0ken", ExpiresAt: now}, nil
}

func (d tenantDesk) VerifyDomain(_ context.Context, tenant models.TenantID, domain string) (models.TenantDomain, error) {
	d.note("verify %s %s", tenant, domain)
	return models.TenantDomain{}, partners.ErrNotProven
}

func (d tenantDesk) ReleaseDomain(_ context.Context, tenant models.TenantID, domain string) error {
	d.note("release %s %s", tenant, domain)
	return nil
}

func (d tenantDesk) Clients(_ context.Context, filter partners.ClientFilter) ([]models.OAuthClient, string, error) {
	d.note("clients %s %s %d", filter.Owner, filter.TenantID, filter.Limit)
	return []models.OAuthClient{{ID: "t-1", Name: "reader", Scopes: "devices.read consents.read", State: models.ClientActive, CreatedAt: now}}, "", nil
}

func (d tenantDesk) NewClient(_ context.Context, by signin.By, tenant models.TenantID, in models.NewTenantClient) (models.OAuthClient, string, error) {
	name, scopes := in.Name, in.Scopes
	if f := in.Federation; f != nil {
		d.note("newClient %s %s %s %v of %s %s %s", by.ID, tenant, name, scopes, f.Issuer, f.Subject, f.JWKSURI)
		return models.OAuthClient{ID: "t-3", Name: name, Scopes: "devices.read", State: models.ClientActive, CreatedAt: now, Issuer: &f.Issuer, IssuerSubject: &f.Subject, JWKSURI: &f.JWKSURI}, "", nil
	}
	d.note("newClient %s %s %s %v session=%v", by.ID, tenant, name, scopes, by.Session != nil)
	return models.OAuthClient{ID: "t-2", Name: name, Scopes: "devices.read", State: models.ClientActive, CreatedAt: now}, "cs_once", nil
}

func (d tenantDesk) TakeRight(_ context.Context, by signin.By, tenant models.TenantID, client models.ClientID, scope string) error {
	d.note("take %s %s %s %s", by.ID, tenant, client, scope)
	return nil
}

var (
	_ gateway.TenantDesk = tenantDesk{}
	_ gateway.DomainDesk = tenantDesk{}
)

// Each call reaches the caller's own tenant, in the caller's name.
func TestTenant(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               []string // in the answer
		asked              string   // of the desk; %s is the tenant
	}{
		{"GET", "/v1/tenant", "", 200, []string{`"name":"Fabrikam"`, `"domains":[]`, `"idProof":"issued"`}, "tenant %s"},
		{"PUT", "/v1/tenant", `{"name":"New"}`, 200, []string{`"name":"Fabrikam"`}, "rename customer %s New"},
		{"PUT", "/v1/tenant", `{"title":"New"}`, 400, []string{"body_malformed"}, ""},
		{"GET", "/v1/tenant/domains", "", 200, []string{`"state":"proven","proof":"dns"`, `"name":"_countersign-challenge.other.example","value":"t0ken"`}, "domains %s"},
		{"POST", "/v1/tenant/domains", `{"domain":"other.example"}`, 201, []string{`"state":"pending"`, `"type":"TXT"`}, "challenge %s other.example"},
		{"POST", "/v1/tenant/domains/other.example/verify", "", 409, []string{"domain_not_proven"}, "verify %s other.example"},
		{"DELETE", "/v1/tenant/domains/other.example", "", 204, nil, "release %s other.example"},
		{"GET", "/v1/tenant/signIn", "", 200, []string{`"version":3`, `"redirectUri":"` + portalURL + `/portal/sign-in/return"`}, "signIn %s"},
		{"PUT", "/v1/tenant/signIn", `{"issuer":"https://x.example","clientId":"c","clientSecret":"s","authMethod":"client_secret_basic","version":3}`, 200, []string{`"requireMfa":true`}, "setSignIn customer client %s mfa=true secret=s version=3"},
		{"PUT", "/v1/tenant/signIn", `{"issuer":"","clientId":"c","authMethod":"client_secret_basic","requireMfa":false}`, 400, []string{"invalid_input"}, "setSignIn customer client %s mfa=false secret= version=0"},
		{"GET", "/v1/tenant/people?limit=2&cursor=c", "", 200, []string{`"role":"admin","claimRole":"admin"`, `"subject":"nora"`, `"nextCursor":"next"`}, "people %s c 2"},
		{"PUT", "/v1/tenant/people/" + madeUpID + "/role", `{"role":"approver"}`, 200, []string{`"givenRole":"approver"`}, "role client %s " + madeUpID + ` "approver"`},
		{"POST", "/v1/tenant/people/" + madeUpID + "/disable", "", 409, []string{"last_admin"}, "disable client %s " + madeUpID},
		{"POST", "/v1/tenant/people/" + madeUpID + "/enable", "", 200, []string{`"state":"active"`}, "enable client %s " + madeUpID},
		{"GET", "/v1/tenant/clients", "", 200, []string{`"scopes":["devices.read","consents.read"]`}, "clients tenant %s 100"},
		{"POST", "/v1/tenant/clients", `{"name":"reader","scopes":["devices.read"]}`, 201, []string{`"clientSecret":"cs_once"`}, "newClient client %s reader [devices.read] session=false"},
		{
			"POST", "/v1/tenant/clients", `{"name":"machine","scopes":["devices.read"],"federation":{"issuer":"i","subject":"s","jwksUri":"https://i.example/keys"}}`, 201,
			[]string{`"clientId":"t-3","name":"machine"`, `"federation":{"issuer":"i","subject":"s","jwksUri":"https://i.example/keys"}`},
			"newClient client %s machine [devices.read] of i s https://i.example/keys",
		},
		{"DELETE", "/v1/tenant/clients/t-2/scopes/consents.decide", "", 204, nil, "take client %s t-2 consents.decide"},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t, withPortal)
			resp, body := e.do(tt.method, tt.path, tt.body, "Authorization", "Bearer tenant")
			if resp.StatusCode != tt.status {
				t.Fatalf("status %d: %s", resp.StatusCode, body)
			}
			for _, want := range tt.want {
				if !strings.Contains(body, want) {
					t.Errorf("%s lacks %s", body, want)
				}
			}
			p, err := principal("tenant")
			if err != nil {
				t.Fatal(err)
			}
			asked := strings.NewReplacer("%s", string(p.TenantID), " client ", " "+string(p.ClientID)+" ").Replace(tt.asked)
			if tt.asked != "" && (len(e.deskCalls) == 0 || e.deskCalls[0] != asked) {
				t.Errorf("asked %q, want %q", e.deskCalls, asked)
			}
		})
	}
}
