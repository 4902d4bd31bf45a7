package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/gateway"
	"countersign/models"
	"countersign/partners"
)

// clientDesk keeps one client and notes what is asked of it.
type clientDesk struct{ *edge }

var _ gateway.ClientDesk = clientDesk{}

var line = models.OAuthClient{
	ID: "p-1", Name: "line 3", Scopes: "devices.read devices.write", State: models.ClientActive, AuthMethod: models.ClientSecretBasic,
	Profile: models.ProfileLegacy, CreatedAt: now, ExpiresAt: &soon,
}

var soon = now.Add(6*24*time.Hour + time.Hour)

// managing checks that the caller's scopes come along.
func (d clientDesk) managing(by partners.Manager) models.PartnerID {
	if !slices.Contains(by.Scopes, "clients.manage") || !slices.Contains(by.Scopes, "devices.write") {
		d.t.Errorf("the manager may do %v", by.Scopes)
	}
	return by.Partner
}

func (d clientDesk) Clients(_ context.Context, filter partners.ClientFilter) ([]models.OAuthClient, string, error) {
	d.deskCalls = append(d.deskCalls, fmt.Sprintf("list %s %s %d", filter.Owner, filter.PartnerID, filter.Limit))
	return []models.OAuthClient{line}, "next", nil
}

func (d clientDesk) OwnClient(_ context.Context, partner models.PartnerID, id models.ClientID) (models.OAuthClient, error) {
	if id != line.ID {
		return models.OAuthClient{}, partners.ErrClientNotFound
	}
	return line, nil
}

func (d clientDesk) OwnSecrets(context.Context, models.PartnerID, models.ClientID) ([]partners.SecretOf, error) {
	return []partners.SecretOf{{CreatedAt: now}, {CreatedAt: now.Add(-time.Hour), ExpiresAt: &soon}}, nil
}

func (d clientDesk) NewOwnClient(ctx context.Context, by partners.Manager, in partners.NewClient) (models.OAuthClient, string, error) {
	partner := d.managing(by)
	d.deskCalls = append(d.deskCalls, fmt.Sprintf("new %s %s %s %q %q %q %v by %s", partner, in.Name, in.Method, in.JWKS, in.Certificates, in.TLSSubject, in.ExpiresAt != nil, partners.ActingOf(ctx).ID))
	return line, "cs_once", nil
}

func (d clientDesk) RotateOwnSecret(_ context.Context, by partners.Manager, id models.ClientID, overlap time.Duration) (string, error) {
	partner := d.managing(by)
	d.deskCalls = append(d.deskCalls, fmt.Sprintf("rotate %s %s %v", partner, id, overlap))
	return "cs_again", nil
}

func (d clientDesk) SetOwnKeys(_ context.Context, by partners.Manager, id models.ClientID, jwks, certificates string) (models.OAuthClient, error) {
	partner := d.managing(by)
	d.deskCalls = append(d.deskCalls, fmt.Sprintf("keys %s %s %q %q", partner, id, jwks, certificates))
	return line, nil
}

func (d clientDesk) SwitchOwnClient(_ context.Context, partner models.PartnerID, id models.ClientID, freeze bool) (models.OAuthClient, error) {
	d.deskCalls = append(d.deskCalls, fmt.Sprintf("freeze %s %s %v", partner, id, freeze))
	if !freeze {
		return models.OAuthClient{}, partners.ErrFrozenByOperator
	}
	return line, nil
}

func TestOwnClients(t *testing.T) {
	t.Parallel()
	shown := `"name":"line 3","scopes":["devices.read","devices.write"],"authMethod":"client_secret_basic","profile":"legacy","state":"active",` +
		`"createdAt":"` + now.UTC().Format(time.RFC3339Nano) + `","expiresAt":"` + soon.UTC().Format(time.RFC3339Nano) + `","daysLeft":6`
	for _, c := range []struct {
		method, path, body string
		status             int
		call, want         string
	}{
		{"GET", "/v1/clients?limit=5", "", 200, "list partner partner-1 5", `{"items":[{"clientId":"p-1",` + shown + `}],"nextCursor":"next"}`},
		{"GET", "/v1/clients/p-1", "", 200, "", `"secrets":[{"createdAt":`},
		{"GET", "/v1/clients/p-2", "", 404, "", `"reason":"client_not_found"`},
		{"POST", "/v1/clients", `{"name":"line 3"}`, 201, `new partner-1 line 3 client_secret_basic "" "" "" false by p-client`, `{"clientId":"p-1","clientSecret":"cs_once",` + shown + `}`},
		{"POST", "/v1/clients", `{"name":"line 3","jwks":{"keys":[]},"expiresAt":"2031-01-01T00:00:00Z"}`, 201, `new partner-1 line 3 private_key_jwt "{\"keys\":[]}" "" "" true by p-client`, ""},
		{"POST", "/v1/clients", `{"name":"line 3","certificates":"PEM"}`, 201, `new partner-1 line 3 self_signed_tls_client_auth "" "PEM" "" false by p-client`, ""},
		{"POST", "/v1/clients", `{"name":"line 3","tlsSubject":"dns:x"}`, 201, `new partner-1 line 3 tls_client_auth "" "" "dns:x" false by p-client`, ""},
		{"POST", "/v1/clients", `{"name":"line 3","owner":"operator"}`, 400, "", `"reason":`},
		{"POST", "/v1/clients", `{"name":"line 3","partnerId":"partner-2"}`, 400, "", `"reason":`},
		{"POST", "/v1/clients/p-1/secret", `{}`, 200, "rotate partner-1 p-1 24h0m0s", `{"clientSecret":"cs_again"}`},
		{"POST", "/v1/clients/p-1/secret", `{"overlapHours":0}`, 200, "rotate partner-1 p-1 0s", ""},
		{"PUT", "/v1/clients/p-1/keys", `{"jwks":{"keys":[1]}}`, 200, `keys partner-1 p-1 "{\"keys\":[1]}" ""`, shown},
		{"POST", "/v1/clients/p-1/freeze", "", 200, "freeze partner-1 p-1 true", shown},
		{"POST", "/v1/clients/p-1/unfreeze", "", 409, "freeze partner-1 p-1 false", `"reason":"frozen_by_operator"`},
	} {
		e := newEdge(t)
		headers := []string{}
		if c.body != "" {
			headers = append(headers, "Content-Type", "application/json")
		}
		resp, body := e.do(c.method, c.path, c.body, headers...)
		if resp.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s: %d %s\nwant %d %s", c.method, c.path, c.body, resp.StatusCode, body, c.status, c.want)
		}
		if got := strings.Join(e.deskCalls, "; "); got != c.call {
			t.Errorf("%s %s %s: asked %q, want %q", c.method, c.path, c.body, got, c.call)
		}
	}
}

// A client that ends within 30 days is told so with every answer.
func TestCredentialExpires(t *testing.T) {
	t.Parallel()
	for left, told := range map[time.Duration]bool{time.Hour: true, 30 * 24 * time.Hour: true, 31 * 24 * time.Hour: false, 0: false} {
		e := newEdge(t)
		e.verify = func(token string) (authz.Principal, error) {
			p, err := principal(token)
			if left > 0 {
				at := now.Add(left)
				p.ExpiresAt = &at
			}
			return p, err
		}
		resp, _ := e.do("GET", "/v1/clients", "")
		want := ""
		if told {
			want = now.Add(left).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
		}
		if got := resp.Header.Get("Credential-Expires"); got != want {
			t.Errorf("%v left: %q, want %q", left, got, want)
		}
	}
}
