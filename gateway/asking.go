package gateway

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"countersign/consent"
	"countersign/gateway/wire"
	"countersign/models"
)

// Where the pages take people to. The secret is part of the path, because a page that
// works without script never sees a fragment; the page answers with a redirect to an
// address without it.
const (
	pageOfLink  = "/portal/r/"
	pageWaiting = "/portal/requests"
)

// wireAsked shapes a request with its link. Without pages there is nothing to lead to.
func (s *server) wireAsked(c *gin.Context, made consent.Asked) wire.Consent {
	out := wireRequest(c, made.ConsentRequest)
	if out.Link != nil && s.PortalURL != "" {
		out.Link.URL = s.PortalURL + pageOfLink + made.Secret
	}
	return out
}

// remindConsent tells the customer once more of a request: three times at most, and not
// within three days of the request or the last reminder.
//
//	@Summary	Remind a customer of a request
//	@Tags		consents
//	@Param		id	path	string	true	"request id"
//	@Success	200	{object}	wire.Consent
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Failure	429	{object}	wire.Throttled	"too early; Retry-After says when"
//	@Security	oauth2[consents.request]
//	@Router		/v1/consents/{id}/remind [post]
func (s *server) remindConsent(c *gin.Context) error {
	id, err := consentID(c)
	if err != nil {
		return err
	}
	changed, err := s.ConsentAsker.Remind(c.Request.Context(), actor(c), models.RequestID(id))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireRequest(c, changed))
}

// renewLink makes a new link to a request that waits. The old one leads nowhere from
// then on; the new one is told this once.
//
//	@Summary	Make a new link to a request
//	@Tags		consents
//	@Param		id		path	string				true	"request id"
//	@Param		request	body	wire.ConsentLinkAsk	false	"absent: it lasts a week"
//	@Success	200	{object}	wire.Consent
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.request]
//	@Router		/v1/consents/{id}/link [post]
func (s *server) renewLink(c *gin.Context) error {
	id, err := consentID(c)
	if err != nil {
		return err
	}
	var in wire.ConsentLinkAsk
	if err := decodeOptional(c, &in); err != nil {
		return err
	}
	made, err := s.ConsentAsker.NewLink(c.Request.Context(), actor(c), models.RequestID(id), in.Until)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, s.wireAsked(c, made))
}

// relationshipRequest returns the address that Partner Center's clients put into their
// mails. As there it is the same for every customer and holds no secret: who opens it
// signs in and sees what this partner asks of their own organisation.
//
//	@Summary	Address for a customer's administrator
//	@Tags		customers
//	@Success	200	{object}	wire.RelationshipRequest
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[consents.request]
//	@Router		/v1/customers/relationshiprequests [get]
func (s *server) relationshipRequest(c *gin.Context) error {
	if s.PortalURL == "" {
		return errNoPages
	}
	query := url.Values{"partner": {string(caller(c).PartnerID)}}
	return answer(c, http.StatusOK, wire.RelationshipRequest{
		URL: s.PortalURL + pageWaiting + "?" + query.Encode(), Attributes: wire.AttributesOf("RelationshipRequest"),
	})
}
