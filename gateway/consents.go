package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/consent"
	"countersign/gateway/wire"
	"countersign/models"
)

const (
	consentsPath = "/v1/consents"
	blocksPath   = consentsPath + "/blocks"
)

// actor is who changes or reads a consent.
func actor(c *gin.Context) consent.Actor {
	p := caller(c)
	kind := models.ActorOperator
	switch p.Kind {
	case models.OwnerPartner:
		kind = models.ActorPartner
	case models.OwnerTenant:
		kind = models.ActorCustomer
	}
	return consent.Actor{
		Kind: kind, ID: string(p.ClientID), PartnerID: p.PartnerID, TenantID: p.TenantID,
		HTTPRequest: exchangeOf(c.Request.Context()).requestID,
	}
}

// askConsent asks a tenant for consent. A tenant nobody knows gets the same answer. The
// link in it is told this once.
//
//	@Summary	Ask a customer for consent
//	@Tags		consents
//	@Param		request	body	wire.ConsentAsk	true	"what is asked"
//	@Success	201	{object}	wire.Consent
//	@Failure	400,401,403	{object}	wire.Problem
//	@Failure	429	{object}	wire.Throttled	"as many requests wait, or were made today, as are allowed"
//	@Security	oauth2[consents.request]
//	@Router		/v1/consents [post]
func (s *server) askConsent(c *gin.Context) error {
	var in wire.ConsentAsk
	if err := decode(c, &in); err != nil {
		return err
	}
	made, err := s.ConsentAsker.Request(c.Request.Context(), actor(c), consent.NewRequest{
		Amends: models.GrantID(strings.ToLower(in.Amends)),
		Tenant: in.Tenant, Purpose: in.Purpose, Reference: in.Reference, Scopes: in.Scopes,
		Limits: limitsIn(in.DeviceLimit, in.ConsentLists), GrantUntil: in.GrantUntil, ExpiresAt: in.ExpiresAt,
		LinkUntil: in.LinkUntil,
	})
	if err != nil {
		return err
	}
	out := s.wireAsked(c, made)
	c.Writer.Header().Set("Location", out.Links.Self)
	return answer(c, http.StatusCreated, out)
}

// listConsents lists requests and grants, newest first; a granted request is listed as
// its grant.
//
//	@Summary	List consents
//	@Tags		consents
//	@Param		state	query	string	false	"pending, declined, withdrawn, expired, active, suspended, revoking or revoked"
//	@Param		partner	query	string	false	"partner id; for customers and operators"
//	@Param		tenant	query	string	false	"tenant id; for partners and operators"
//	@Param		cursor	query	string	false	"from the page before"
//	@Param		limit	query	int		false	"items a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.Consent]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[consents.read]
//	@Router		/v1/consents [get]
func (s *server) listConsents(c *gin.Context) error {
	p := query(c)
	page := p.ownPage()
	filter := consent.Filter{
		Viewer: actor(c), PartnerID: models.PartnerID(p.guid("partner")), TenantID: models.TenantID(p.guid("tenant")),
		State: p.text("state"), Cursor: page.Cursor, Limit: page.Limit,
	}
	if p.err != nil {
		return p.err
	}
	found, next, err := s.Consents.List(c.Request.Context(), filter)
	if err != nil {
		return err
	}
	items := make([]wire.Consent, len(found))
	for i, one := range found {
		items[i] = wireConsent(c, one)
	}
	return answerPage(c, items, next)
}

// getConsent returns one request or grant.
//
//	@Summary	Get a consent
//	@Tags		consents
//	@Param		id	path	string	true	"id of a request or grant"
//	@Success	200	{object}	wire.Consent
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[consents.read]
//	@Router		/v1/consents/{id} [get]
func (s *server) getConsent(c *gin.Context) error {
	id, err := consentID(c)
	if err != nil {
		return err
	}
	found, err := s.Consents.Get(c.Request.Context(), actor(c), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireConsent(c, found))
}

// consentHistory returns every change of a request or grant, oldest first.
//
//	@Summary	History of a consent
//	@Tags		consents
//	@Param		id	path	string	true	"id of a request or grant"
//	@Success	200	{object}	wire.Page[wire.HistoryEntry]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[consents.read]
//	@Router		/v1/consents/{id}/history [get]
func (s *server) consentHistory(c *gin.Context) error {
	id, err := consentID(c)
	if err != nil {
		return err
	}
	events, err := s.Consents.History(c.Request.Context(), actor(c), id)
	if err != nil {
		return err
	}
	places, err := s.Proofs.Places(c.Request.Context(), actor(c), events)
	if err != nil {
		return err
	}
	items := make([]wire.HistoryEntry, len(events))
	for i, e := range events {
		items[i] = wire.HistoryEntry{
			Seq: places[e.ID].Seq, Hash: places[e.ID].Hash,
			At: e.At.UTC(), Subject: string(e.Subject), From: e.FromState, To: e.ToState, Actor: string(e.Actor),
			ActorID: e.ActorID, Reason: e.Reason, RequestID: e.HTTPRequest,
		}
	}
	return answerPage(c, items, "")
}

// withdrawConsent takes the partner's own request back.
//
//	@Summary	Withdraw a request
//	@Tags		consents
//	@Param		id		path	string				true	"request id"
//	@Param		request	body	wire.ConsentReason	false	"why"
//	@Success	200	{object}	wire.Consent
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.request]
//	@Router		/v1/consents/{id}/withdraw [post]
func (s *server) withdrawConsent(c *gin.Context) error {
	id, reason, err := change(c)
	if err != nil {
		return err
	}
	changed, err := s.ConsentAsker.Withdraw(c.Request.Context(), actor(c), models.RequestID(id), reason)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireRequest(c, changed))
}

// declineConsent answers a request with no.
//
//	@Summary	Decline a request
//	@Tags		consents
//	@Param		id		path	string				true	"request id"
//	@Param		request	body	wire.ConsentReason	false	"why"
//	@Success	200	{object}	wire.Consent
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.decide]
//	@Router		/v1/consents/{id}/decline [post]
func (s *server) declineConsent(c *gin.Context) error {
	id, reason, err := change(c)
	if err != nil {
		return err
	}
	changed, err := s.ConsentAsker.Decline(c.Request.Context(), actor(c), models.RequestID(id), reason)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireRequest(c, changed))
}

// grantConsent answers a request with yes; the terms may only narrow what was asked.
//
//	@Summary	Grant a request
//	@Tags		consents
//	@Param		id		path	string				true	"request id"
//	@Param		request	body	wire.ConsentTerms	false	"absent: everything as asked"
//	@Success	201	{object}	wire.Consent
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.decide]
//	@Router		/v1/consents/{id}/grant [post]
func (s *server) grantConsent(c *gin.Context) error {
	id, err := consentID(c)
	if err != nil {
		return err
	}
	var in wire.ConsentTerms
	if err := decodeOptional(c, &in); err != nil {
		return err
	}
	made, err := s.ConsentAsker.Grant(c.Request.Context(), actor(c), models.RequestID(id), consent.Terms{
		Scopes: in.Scopes, Limits: limitsIn(in.DeviceLimit, in.ConsentLists), ExpiresAt: in.ExpiresAt,
	})
	if err != nil {
		return err
	}
	out := wireGrant(made)
	c.Writer.Header().Set("Location", out.Links.Self)
	return answer(c, http.StatusCreated, out)
}

// consentID is the request or grant in the path; what is no id names nothing.
func consentID(c *gin.Context) (string, error) {
	id := c.Param("id")
	if !models.ValidGUID(id) {
		return "", consent.ErrNotFound
	}
	return strings.ToLower(id), nil
}

// change reads the id and the optional reason of a change.
func change(c *gin.Context) (id, reason string, err error) {
	if id, err = consentID(c); err != nil {
		return "", "", err
	}
	var in wire.ConsentReason
	err = decodeOptional(c, &in)
	return id, in.Reason, err
}
