package client

import (
	"context"
	"iter"
	"net/http"

	"countersign/gateway/wire"
)

const (
	tenantPath  = "/v1/tenant"
	domainsPath = tenantPath + "/domains"
	signInPath  = tenantPath + "/signIn"
	peoplePath  = tenantPath + "/people"
)

// Tenant reads the caller's own organisation (customers).
func (c *Client) Tenant(ctx context.Context) (wire.Tenant, error) {
	var tenant wire.Tenant
	err := c.getJSON(ctx, call{path: tenantPath}, &tenant)
	return tenant, err
}

// RenameTenant changes the name by which it is shown.
func (c *Client) RenameTenant(ctx context.Context, name string) (wire.Tenant, error) {
	return changed[wire.Tenant](ctx, c, call{method: http.MethodPut, path: tenantPath, repeatable: true}, wire.TenantName{Name: name})
}

// changed sends a body and reads what came of it.
func changed[T any](ctx context.Context, c *Client, call call, body any) (T, error) {
	var out T
	resp, err := c.postJSON(ctx, call, body)
	if err != nil {
		return out, err
	}
	err = resp.into(ctx, &out)
	return out, err
}

// TenantDomains lists the domains and the proofs under way.
func (c *Client) TenantDomains(ctx context.Context) iter.Seq2[wire.TenantDomain, error] {
	return items[wire.TenantDomain](ctx, c, domainsPath, nil)
}

// ChallengeDomain begins the proof of a domain; the answer says what to publish.
func (c *Client) ChallengeDomain(ctx context.Context, domain string) (wire.TenantDomain, error) {
	return changed[wire.TenantDomain](ctx, c, call{path: domainsPath, repeatable: true}, wire.DomainName{Domain: domain})
}

// VerifyDomain asks the service to look into the DNS.
func (c *Client) VerifyDomain(ctx context.Context, domain string) (wire.TenantDomain, error) {
	return changed[wire.TenantDomain](ctx, c, call{path: domainsPath + join(domain, "verify"), repeatable: true}, struct{}{})
}

// ReleaseDomain gives a domain up.
func (c *Client) ReleaseDomain(ctx context.Context, domain string) error {
	resp, err := c.do(ctx, call{method: http.MethodDelete, path: domainsPath + join(domain)})
	if err != nil {
		return err
	}
	finish(resp.Response)
	return nil
}

// SignIn reads how the organisation's people sign in.
func (c *Client) SignIn(ctx context.Context) (wire.SignIn, error) {
	var signIn wire.SignIn
	err := c.getJSON(ctx, call{path: signInPath}, &signIn)
	return signIn, err
}

// SetSignIn replaces it.
func (c *Client) SetSignIn(ctx context.Context, in wire.SignInChange) (wire.SignIn, error) {
	return changed[wire.SignIn](ctx, c, call{method: http.MethodPut, path: signInPath}, in)
}

// People lists everybody of the organisation who ever signed in.
func (c *Client) People(ctx context.Context) iter.Seq2[wire.Person, error] {
	return items[wire.Person](ctx, c, peoplePath, nil)
}

// SetRole gives a person a role, or takes it with the empty one.
func (c *Client) SetRole(ctx context.Context, person, role string) (wire.Person, error) {
	return changed[wire.Person](ctx, c, call{method: http.MethodPut, path: peoplePath + join(person, "role"), repeatable: true}, wire.PersonRole{Role: role})
}

// DisablePerson keeps a person out and ends its sessions.
func (c *Client) DisablePerson(ctx context.Context, person string) (wire.Person, error) {
	return changed[wire.Person](ctx, c, call{path: peoplePath + join(person, "disable"), repeatable: true}, struct{}{})
}

// EnablePerson lets a disabled person sign in again.
func (c *Client) EnablePerson(ctx context.Context, person string) (wire.Person, error) {
	return changed[wire.Person](ctx, c, call{path: peoplePath + join(person, "enable"), repeatable: true}, struct{}{})
}

// TenantClients lists the organisation's OAuth clients.
func (c *Client) TenantClients(ctx context.Context) iter.Seq2[wire.TenantClient, error] {
	return items[wire.TenantClient](ctx, c, tenantPath+"/clients", nil)
}

// NewTenantClient makes one; the answer holds its secret, this once.
func (c *Client) NewTenantClient(ctx context.Context, in wire.NewTenantClient) (wire.TenantClient, error) {
	return changed[wire.TenantClient](ctx, c, call{path: tenantPath + "/clients"}, in)
}

// TakeRight takes consents.decide, tenant.manage or devices.write from a client.
func (c *Client) TakeRight(ctx context.Context, client, scope string) error {
	resp, err := c.do(ctx, call{method: http.MethodDelete, path: tenantPath + "/clients" + join(client, "scopes", scope), repeatable: true})
	if err != nil {
		return err
	}
	finish(resp.Response)
	return nil
}
