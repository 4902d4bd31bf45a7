package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"countersign/consent"
	"countersign/gateway/wire"
)

// listCustomers lists the tenants that have agreed to this partner's registrations.
//
//	@Summary	List customers
//	@Tags		customers
//	@Param		size				query	int		false	"customers a page, 100 unless told, 1000 at most"
//	@Param		continuationToken	query	string	false	"or as header MS-ContinuationToken"
//	@Success	200	{object}	wire.Collection[wire.Customer]
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[consents.read]
//	@Router		/v1/customers [get]
func (s *server) listCustomers(c *gin.Context) error {
	p := query(c)
	page := p.partnerPage(c)
	if p.err != nil {
		return p.err
	}
	found, next, err := s.Customers.Customers(c.Request.Context(), caller(c).PartnerID, page.Cursor, page.Limit)
	if err != nil {
		return err
	}
	items := make([]wire.Customer, len(found))
	for i, customer := range found {
		items[i] = wireCustomer(customer)
	}
	return answer(c, http.StatusOK, wire.NewCollection(items, "/customers", next))
}

// getCustomer returns one of them. Every other tenant, known or not, gets the answer of
// one that has not agreed.
//
//	@Summary	Get a customer
//	@Tags		customers
//	@Param		tenant	path	string	true	"customer tenant id"
//	@Success	200	{object}	wire.Customer
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[consents.read]
//	@Router		/v1/customers/{tenant} [get]
func (s *server) getCustomer(c *gin.Context) error {
	tenant, err := tenantOf(c)
	if err != nil {
		return err
	}
	found, err := s.Customers.Customer(c.Request.Context(), caller(c).PartnerID, tenant)
	if err != nil {
		return err
	}
	out, no := wireCustomer(found), false
	out.AllowDelegatedAccess = &no // consent to register never includes administration
	return answer(c, http.StatusOK, out)
}

func wireCustomer(t consent.Customer) wire.Customer {
	return wire.Customer{
		ID: string(t.ID),
		CompanyProfile: wire.CompanyProfile{
			TenantID: string(t.ID), Domain: t.Domain, CompanyName: t.Name, Attributes: wire.AttributesOf("CustomerCompanyProfile"),
		},
		RelationshipToPartner: "reseller",
		Attributes:            wire.AttributesOf("Customer"),
	}
}
