package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/gateway/wire"
	"countersign/models"
	"countersign/partners"
)

const tenantClientsPath = tenantPath + "/clients"

// listTenantClients lists the customer's OAuth clients and what each may do.
//
//	@Summary	List your OAuth clients
//	@Tags		tenant
//	@Param		cursor	query	string	false	"from the page before"
//	@Param		limit	query	int		false	"items a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.TenantClient]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/clients [get]
func (s *server) listTenantClients(c *gin.Context) error {
	p := query(c)
	page := p.ownPage()
	if p.err != nil {
		return p.err
	}
	found, next, err := s.Domains.Clients(c.Request.Context(), partners.ClientFilter{
		Owner: models.OwnerTenant, TenantID: caller(c).TenantID, Page: partners.Page{Cursor: page.Cursor, Limit: page.Limit},
	})
	if err != nil {
		return err
	}
	items := make([]wire.TenantClient, len(found))
	for i, client := range found {
		items[i] = wireTenantClient(client, "")
	}
	return answerPage(c, items, next)
}

func wireTenantClient(m models.OAuthClient, secret string) wire.TenantClient {
	out := wire.TenantClient{
		ID: string(m.ID), Secret: secret, Name: m.Name, Scopes: strings.Fields(m.Scopes), State: string(m.State),
		CreatedAt: m.CreatedAt.UTC(), LastUsedAt: utc(m.LastUsedAt),
	}
	if m.Issuer != nil && m.IssuerSubject != nil && m.JWKSURI != nil {
		out.Federation = &wire.Federation{Issuer: *m.Issuer, Subject: *m.IssuerSubject, JWKSURI: *m.JWKSURI}
	}
	return out
}

// makeTenantClient makes a client that cannot speak for the customer. The scopes
// consents.decide and tenant.manage are given by an administrator who is signed in, never by
// a client.
//
//	@Summary		Make an OAuth client of your own
//	@Description	Without `federation` the answer holds a secret. With it the client proves itself by tokens that an issuer of your own makes for your machines: sent as `client_assertion` with the client's `client_id`, for this server's issuer as audience.
//	@Tags			tenant
//	@Param			request	body	wire.NewTenantClient	true	"its name and scopes"
//	@Success		201	{object}	wire.TenantClient
//	@Failure		400,401,403	{object}	wire.Problem
//	@Security		oauth2[tenant.manage]
//	@Router			/v1/tenant/clients [post]
func (s *server) makeTenantClient(c *gin.Context) error {
	var in wire.NewTenantClient
	if err := decode(c, &in); err != nil {
		return err
	}
	made, secret, err := s.Tenants.NewClient(c.Request.Context(), byTenant(c), caller(c).TenantID, newTenantClient(in))
	if err != nil {
		return err
	}
	return answer(c, http.StatusCreated, wireTenantClient(made, secret))
}

func newTenantClient(in wire.NewTenantClient) models.NewTenantClient {
	out := models.NewTenantClient{Name: in.Name, Scopes: in.Scopes}
	if f := in.Federation; f != nil {
		out.Federation = &models.Federation{Issuer: f.Issuer, Subject: f.Subject, JWKSURI: f.JWKSURI}
	}
	return out
}

// takeTenantRight takes consents.decide, tenant.manage or devices.write from a client, at once.
//
//	@Summary	Take a right from an OAuth client
//	@Tags		tenant
//	@Param		client	path	string	true	"id of the client"
//	@Param		scope	path	string	true	"consents.decide, tenant.manage or devices.write"
//	@Success	204
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[tenant.manage]
//	@Router		/v1/tenant/clients/{client}/scopes/{scope} [delete]
func (s *server) takeTenantRight(c *gin.Context) error {
	err := s.Tenants.TakeRight(c.Request.Context(), byTenant(c), caller(c).TenantID, models.ClientID(c.Param("client")), c.Param("scope"))
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
