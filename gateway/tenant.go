package gateway

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/authz/signin"
	"countersign/gateway/wire"
	"countersign/models"
	"countersign/partners"
)

const (
	tenantPath  = "/v1/tenant"
	domainsPath = tenantPath + "/domains"
	signInPath  = tenantPath + "/signIn"
	peoplePath  = tenantPath + "/people"
)

// TenantDesk changes who speaks for a tenant. The caller's tenant is the only one.
type TenantDesk interface {
	SignIn(ctx context.Context, tenant models.TenantID) (signin.Settings, error)
	SetSignIn(ctx context.Context, by signin.By, tenant models.TenantID, in signin.Settings) (signin.Settings, error)
	Rename(ctx context.Context, by signin.By, tenant models.TenantID, name string) error
	People(ctx context.Context, tenant models.TenantID, page signin.Page) ([]models.Person, string, error)
	SetRole(ctx context.Context, by signin.By, tenant models.TenantID, id models.PersonID, role models.PersonRole) (models.Person, error)
	Disable(ctx context.Context, by signin.By, tenant models.TenantID, id models.PersonID) (models.Person, error)
	Enable(ctx context.Context, by signin.By, tenant models.TenantID, id models.PersonID) (models.Person, error)
	NewClient(ctx context.Context, by signin.By, tenant models.TenantID, in models.NewTenantClient) (models.OAuthClient, string, error)
	TakeRight(ctx context.Context, by signin.By, tenant models.TenantID, client models.ClientID, scope string) error
}

// DomainDesk knows a tenant's domains and clients.
type DomainDesk interface {
	Tenant(ctx context.Context, id models.TenantID) (partners.Tenant, error)
	DomainsOf(ctx context.Context, tenant models.TenantID) (partners.DomainList, error)
	ChallengeDomain(ctx context.Context, tenant models.TenantID, domain string) (models.DomainChallenge, error)
	VerifyDomain(ctx context.Context, tenant models.TenantID, domain string) (models.TenantDomain, error)
	ReleaseDomain(ctx context.Context, tenant models.TenantID, domain string) error
	Clients(ctx context.Context, filter partners.ClientFilter) ([]models.OAuthClient, string, error)
}

// byTenant is a client of the tenant that manages it.
func byTenant(c *gin.Context) signin.By {
	return signin.By{
		Kind: models.ActorCustomer, ID: string(caller(c).ClientID), RequestID: exchangeOf(c.Request.Context()).requestID,
	}
}

// acting names the caller to the register, which keeps the domains.
func acting(c *gin.Context) context.Context {
	by := byTenant(c)
	return partners.Acting(c.Request.Context(), partners.By{Kind: by.Kind, ID: by.ID, RequestID: by.RequestID})
}

// getTenant shows a customer to itself.
//
//	@Summary	Get your own organisation
//	@Tags		tenant
//	@Success	200	{object}	wire.Tenant
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[consents.read]
//	@Router		/v1/tenant [get]
func (s *server) getTenant(c *gin.Context) error {
	found, err := s.Domains.Tenant(c.Request.Context(), caller(c).TenantID)
	if err != nil {
		return err
	}
	domains := found.Domains
	if domains == nil {
		domains = []string{}
	}
	return answer(c, http.StatusOK, wire.Tenant{
		ID: string(found.ID), Name: found.Name, State: string(found.State), IDProof: string(found.IDProof), Domains: domains,
		ClaimedAt: utc(found.ClaimedAt), CreatedAt: found.CreatedAt.UTC(),
	})
}

// putTenant changes the name by which a customer is shown.
//
//	@Summary	Change your organisation's name
//	@Tags		tenant
//	@Param		request	body	wire.TenantName	true	"the new name"
//	@Success	200	{object}	wire.Tenant
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant [put]
func (s *server) putTenant(c *gin.Context) error {
	var in wire.TenantName
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := s.Tenants.Rename(c.Request.Context(), byTenant(c), caller(c).TenantID, in.Name); err != nil {
		return err
	}
	return s.getTenant(c)
}

// listDomains lists the customer's domains and the proofs that are under way.
//
//	@Summary	List domains
//	@Tags		tenant
//	@Success	200	{object}	wire.Page[wire.TenantDomain]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/domains [get]
func (s *server) listDomains(c *gin.Context) error {
	found, err := s.Domains.DomainsOf(c.Request.Context(), caller(c).TenantID)
	if err != nil {
		return err
	}
	items := make([]wire.TenantDomain, 0, len(found.Domains)+len(found.Challenges))
	for _, d := range found.Domains {
		items = append(items, wireDomain(d))
	}
	for _, challenge := range found.Challenges {
		items = append(items, wireChallenge(challenge))
	}
	return answerPage(c, items, "")
}

func wireDomain(d models.TenantDomain) wire.TenantDomain {
	return wire.TenantDomain{Domain: d.Domain, State: "proven", Proof: string(d.Proof), VerifiedAt: utc(&d.VerifiedAt)}
}

func wireChallenge(d models.DomainChallenge) wire.TenantDomain {
	return wire.TenantDomain{Domain: d.Domain, State: "pending", Challenge: &wire.DomainChallenge{
		Type: "TXT", Name: partners.ChallengeLabel + d.Domain, Value: d.Token, ExpiresAt: d.ExpiresAt.UTC(),
	}}
}

// challengeDomain begins the proof of a domain. Asked again it answers the same until the
// token expires.
//
//	@Summary	Begin to prove a domain
//	@Tags		tenant
//	@Param		request	body	wire.DomainName	true	"the domain"
//	@Success	201	{object}	wire.TenantDomain
//	@Failure	400,401,403,409	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/domains [post]
func (s *server) challengeDomain(c *gin.Context) error {
	var in wire.DomainName
	if err := decode(c, &in); err != nil {
		return err
	}
	made, err := s.Domains.ChallengeDomain(acting(c), caller(c).TenantID, in.Domain)
	if err != nil {
		return err
	}
	return answer(c, http.StatusCreated, wireChallenge(made))
}

// verifyDomain looks for the record in the DNS and makes the domain the customer's.
//
//	@Summary	Verify a domain
//	@Tags		tenant
//	@Param		domain	path	string	true	"the domain"
//	@Success	200	{object}	wire.TenantDomain
//	@Failure	400,401,403,409,503	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/domains/{domain}/verify [post]
func (s *server) verifyDomain(c *gin.Context) error {
	proven, err := s.Domains.VerifyDomain(acting(c), caller(c).TenantID, c.Param("domain"))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireDomain(proven))
}

// releaseDomain gives a domain up. Requests that name it then reach nobody.
//
//	@Summary	Give a domain up
//	@Tags		tenant
//	@Param		domain	path	string	true	"the domain"
//	@Success	204
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/domains/{domain} [delete]
func (s *server) releaseDomain(c *gin.Context) error {
	if err := s.Domains.ReleaseDomain(acting(c), caller(c).TenantID, c.Param("domain")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// getSignIn shows how the customer's people sign in. The secret is never shown.
//
//	@Summary	Get the sign-in
//	@Tags		tenant
//	@Success	200	{object}	wire.SignIn
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/signIn [get]
func (s *server) getSignIn(c *gin.Context) error {
	found, err := s.Tenants.SignIn(c.Request.Context(), caller(c).TenantID)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, s.wireSignIn(found))
}

// putSignIn replaces it, after the provider has answered with its description. Whoever a
// former provider vouched for is signed out.
//
//	@Summary	Set the sign-in
//	@Tags		tenant
//	@Param		request	body	wire.SignInChange	true	"the provider and what its claims mean"
//	@Success	200	{object}	wire.SignIn
//	@Failure	400,401,403,409	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/signIn [put]
func (s *server) putSignIn(c *gin.Context) error {
	var in wire.SignInChange
	if err := decode(c, &in); err != nil {
		return err
	}
	saved, err := s.Tenants.SetSignIn(c.Request.Context(), byTenant(c), caller(c).TenantID, signin.Settings{
		Issuer: in.Issuer, ClientID: in.ClientID, AuthMethod: models.ProviderAuth(in.AuthMethod), ClientSecret: in.ClientSecret,
		RoleClaim: in.RoleClaim, AdminValues: in.AdminValues, ApproverValues: in.ApproverValues,
		RequireMFA: in.RequireMFA == nil || *in.RequireMFA, ACRValues: in.ACRValues, AMRValues: in.AMRValues, Version: in.Version,
	})
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, s.wireSignIn(saved))
}

func (s *server) wireSignIn(in signin.Settings) wire.SignIn {
	out := wire.SignIn{
		Issuer: in.Issuer, ClientID: in.ClientID, AuthMethod: string(in.AuthMethod), RoleClaim: in.RoleClaim,
		AdminValues: in.AdminValues, ApproverValues: in.ApproverValues, RequireMFA: in.RequireMFA,
		ACRValues: in.ACRValues, AMRValues: in.AMRValues, Version: in.Version,
		SetBy: string(in.SetBy), SetAt: in.SetAt.UTC(),
	}
	if s.PortalURL != "" {
		out.RedirectURI = s.PortalURL + signin.CallbackPath
	}
	return out
}

// listPeople lists everybody of the customer who ever signed in.
//
//	@Summary	List people
//	@Tags		tenant
//	@Param		cursor	query	string	false	"from the page before"
//	@Param		limit	query	int		false	"items a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.Person]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/people [get]
func (s *server) listPeople(c *gin.Context) error {
	p := query(c)
	page := p.ownPage()
	if p.err != nil {
		return p.err
	}
	found, next, err := s.Tenants.People(c.Request.Context(), caller(c).TenantID, signin.Page{Cursor: page.Cursor, Limit: page.Limit})
	if err != nil {
		return err
	}
	items := make([]wire.Person, len(found))
	for i, person := range found {
		items[i] = wirePerson(person)
	}
	return answerPage(c, items, next)
}

func wirePerson(p models.Person) wire.Person {
	out := wire.Person{
		ID: string(p.ID), Issuer: p.Issuer, Subject: p.Subject, Name: p.Name, Email: p.Email, Role: string(p.EffectiveRole()),
		State: string(p.State), CreatedAt: p.CreatedAt.UTC(), LastSignInAt: utc(p.LastSignIn),
	}
	if p.GivenRole != nil {
		out.GivenRole = string(*p.GivenRole)
	}
	if p.ClaimRole != nil {
		out.ClaimRole = string(*p.ClaimRole)
	}
	return out
}

func personIn(c *gin.Context) models.PersonID {
	return models.PersonID(strings.ToLower(c.Param("person")))
}

// putPersonRole gives a person a role here, or takes it. This is also how somebody who
// waits is let in. A role that the provider's claim gives is the provider's to take.
//
//	@Summary	Give or take a role
//	@Tags		tenant
//	@Param		person	path	string				true	"id of the person"
//	@Param		request	body	wire.PersonRole	true	"admin, approver or empty"
//	@Success	200	{object}	wire.Person
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/people/{person}/role [put]
func (s *server) putPersonRole(c *gin.Context) error {
	var in wire.PersonRole
	if err := decode(c, &in); err != nil {
		return err
	}
	person, err := s.Tenants.SetRole(c.Request.Context(), byTenant(c), caller(c).TenantID, personIn(c), models.PersonRole(in.Role))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wirePerson(person))
}

// disablePerson keeps a person out from now on and ends its sessions.
//
//	@Summary	Disable a person
//	@Tags		tenant
//	@Param		person	path	string	true	"id of the person"
//	@Success	200	{object}	wire.Person
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/people/{person}/disable [post]
func (s *server) disablePerson(c *gin.Context) error { return s.turnPerson(c, s.Tenants.Disable) }

// enablePerson lets a disabled person sign in again.
//
//	@Summary	Enable a person
//	@Tags		tenant
//	@Param		person	path	string	true	"id of the person"
//	@Success	200	{object}	wire.Person
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/people/{person}/enable [post]
func (s *server) enablePerson(c *gin.Context) error { return s.turnPerson(c, s.Tenants.Enable) }

func (s *server) turnPerson(c *gin.Context, turn func(context.Context, signin.By, models.TenantID, models.PersonID) (models.Person, error)) error {
	person, err := turn(c.Request.Context(), byTenant(c), caller(c).TenantID, personIn(c))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wirePerson(person))
}
