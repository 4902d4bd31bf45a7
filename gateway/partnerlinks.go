package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/consent"
	"countersign/gateway/wire"
	"countersign/models"
)

// listLinks lists the links of the partner that calls, newest first; an operator sees
// all.
//
//	@Summary	List links between resellers and providers
//	@Tags		consents
//	@Success	200	{object}	wire.Page[wire.PartnerLink]
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[consents.read]
//	@Router		/v1/partnerLinks [get]
func (s *server) listLinks(c *gin.Context) error {
	found, err := s.PartnerLinks.Links(c.Request.Context(), actor(c), "")
	if err != nil {
		return err
	}
	out := make([]wire.PartnerLink, len(found))
	for i, link := range found {
		out[i] = wireLink(link)
	}
	return answer(c, http.StatusOK, wire.NewPage(out, ""))
}

// offerLink lets an indirect reseller offer a provider to act under its grants.
//
//	@Summary	Offer a provider to act for you
//	@Tags		consents
//	@Param		request	body	wire.PartnerLinkOffer	true	"the provider"
//	@Success	201	{object}	wire.PartnerLink
//	@Failure	400,401,403,409	{object}	wire.Problem
//	@Security	oauth2[consents.request]
//	@Router		/v1/partnerLinks [post]
func (s *server) offerLink(c *gin.Context) error {
	var in wire.PartnerLinkOffer
	if err := decode(c, &in); err != nil {
		return err
	}
	link, err := s.PartnerLinks.MakeLink(c.Request.Context(), actor(c), models.PartnerID(strings.ToLower(in.Provider)))
	if err != nil {
		return err
	}
	return answer(c, http.StatusCreated, wireLink(link))
}

// acceptLink is the provider's yes. Grants the reseller is given from now on let it act
// too; for those it has, the customers are asked.
//
//	@Summary	Accept a link
//	@Tags		consents
//	@Param		id	path	string	true	"link id"
//	@Success	200	{object}	wire.PartnerLink
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.request]
//	@Router		/v1/partnerLinks/{id}/accept [post]
func (s *server) acceptLink(c *gin.Context) error {
	id, err := linkID(c)
	if err != nil {
		return err
	}
	link, err := s.PartnerLinks.AcceptLink(c.Request.Context(), actor(c), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireLink(link))
}

// endLink ends a link; what rests on it ends with it.
//
//	@Summary	End a link
//	@Tags		consents
//	@Param		id		path	string				true	"link id"
//	@Param		request	body	wire.ConsentReason	false	"why"
//	@Success	200	{object}	wire.PartnerLink
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.request]
//	@Router		/v1/partnerLinks/{id}/end [post]
func (s *server) endLink(c *gin.Context) error {
	id, err := linkID(c)
	if err != nil {
		return err
	}
	var in wire.ConsentReason
	if err := decodeOptional(c, &in); err != nil {
		return err
	}
	link, err := s.PartnerLinks.EndLink(c.Request.Context(), actor(c), id, in.Reason)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireLink(link))
}

func linkID(c *gin.Context) (models.LinkID, error) {
	id := c.Param("id")
	if !models.ValidGUID(id) {
		return "", consent.ErrLinkNotFound
	}
	return models.LinkID(strings.ToLower(id)), nil
}

func wireLink(l models.PartnerLink) wire.PartnerLink {
	return wire.PartnerLink{
		ID: string(l.ID), Reseller: string(l.ResellerID), Provider: string(l.ProviderID), State: string(l.State),
		CreatedAt: l.CreatedAt.UTC(), AcceptedAt: utc(l.AcceptedAt), EndedAt: utc(l.EndedAt), EndedBy: orEmpty(l.EndedBy),
	}
}
