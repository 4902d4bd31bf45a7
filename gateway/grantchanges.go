package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/consent"
	"countersign/gateway/wire"
	"countersign/models"
)

// amendConsent changes the terms of a grant: narrower at once. A client of the customer
// cannot widen.
//
//	@Summary	Change the terms of a grant
//	@Tags		consents
//	@Param		id		path	string				true	"grant id"
//	@Param		request	body	wire.ConsentChange	true	"what is to be other; what is absent stays"
//	@Success	200	{object}	wire.Consent
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.decide]
//	@Router		/v1/consents/{id}/amend [post]
func (s *server) amendConsent(c *gin.Context) error {
	id, err := consentID(c)
	if err != nil {
		return err
	}
	var in wire.ConsentChange
	if err := decode(c, &in); err != nil {
		return err
	}
	lists := wire.ConsentLists{Manufacturers: in.Manufacturers, GroupTags: in.GroupTags, PurchaseOrders: in.PurchaseOrders}
	grant, err := s.ConsentGrants.Amend(c.Request.Context(), actor(c), models.GrantID(id), consent.Amendment{
		Scopes: in.Scopes, Limits: limitsIn(in.DeviceLimit, lists), ExpiresAt: in.ExpiresAt, Reason: in.Reason,
	})
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireGrant(grant))
}

// consentVersions lists what a grant said over time.
//
//	@Summary	List the versions of a grant
//	@Tags		consents
//	@Param		id	path	string	true	"grant id"
//	@Success	200	{object}	wire.Page[wire.ConsentVersion]
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[consents.read]
//	@Router		/v1/consents/{id}/versions [get]
func (s *server) consentVersions(c *gin.Context) error {
	id, err := consentID(c)
	if err != nil {
		return err
	}
	found, err := s.ConsentGrants.Versions(c.Request.Context(), actor(c), models.GrantID(id))
	if err != nil {
		return err
	}
	out := make([]wire.ConsentVersion, len(found))
	for i, v := range found {
		out[i] = wire.ConsentVersion{
			Version: v.Version, Change: string(v.Change), Scopes: strings.Fields(v.Scopes), DeviceLimit: v.DeviceLimit,
			ConsentLists: wireLists(v.GrantLists), ExpiresAt: v.ExpiresAt.UTC(), RequestID: orEmpty(v.RequestID),
			Actor: string(v.Actor), ActorID: v.ActorID, Reason: v.Reason, At: v.At.UTC(),
		}
	}
	return answer(c, http.StatusOK, wire.NewPage(out, ""))
}

// previewEnd says what revoking or giving back a grant would mean now, and does nothing.
//
//	@Summary	Show what the end of a grant would mean
//	@Tags		consents
//	@Param		id	path	string	true	"grant id"
//	@Success	200	{object}	wire.ConsentEndPreview
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[consents.read]
//	@Router		/v1/consents/{id}/end [get]
func (s *server) previewEnd(c *gin.Context) error {
	id, err := consentID(c)
	if err != nil {
		return err
	}
	found, err := s.ConsentGrants.PreviewEnd(c.Request.Context(), actor(c), models.GrantID(id))
	if err != nil {
		return err
	}
	out := wire.ConsentEndPreview{
		GrantID: id, WaitingDevices: found.Waiting, DevicesThatStay: found.Stay, OutcomesStay: true, Derived: []wire.Consent{},
	}
	for _, child := range found.Derived {
		out.Derived = append(out.Derived, wireConsent(c, child))
	}
	return answer(c, http.StatusOK, out)
}

// giveBackConsent ends a grant of the partner that calls; the answer is a revoke's.
//
//	@Summary	Give a grant back
//	@Tags		consents
//	@Param		id		path	string				true	"grant id"
//	@Param		request	body	wire.ConsentReason	false	"why"
//	@Success	200	{object}	wire.Consent
//	@Success	202	{object}	wire.Consent	"Operation-Location leads to the grant"
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.request]
//	@Router		/v1/consents/{id}/giveBack [post]
func (s *server) giveBackConsent(c *gin.Context) error {
	id, reason, err := change(c)
	if err != nil {
		return err
	}
	return s.revoke(c, id, reason)
}

// revokeAllConsents ends every grant of the customer that calls, or all of one partner,
// at once. 202 means that the core has not acknowledged each of them yet.
//
//	@Summary	Revoke all grants
//	@Tags		consents
//	@Param		request	body	wire.ConsentRevokeAll	true	"how many are to end"
//	@Success	200	{object}	wire.Page[wire.Consent]
//	@Success	202	{object}	wire.Page[wire.Consent]
//	@Failure	400,401,403,409	{object}	wire.Problem
//	@Security	oauth2[consents.decide]
//	@Router		/v1/revokeAll [post]
func (s *server) revokeAllConsents(c *gin.Context) error {
	var in wire.ConsentRevokeAll
	if err := decode(c, &in); err != nil {
		return err
	}
	ended, err := s.ConsentGrants.RevokeAll(c.Request.Context(), actor(c), models.PartnerID(strings.ToLower(in.Partner)), in.Count, in.Reason)
	if err != nil {
		return err
	}
	status, out := http.StatusOK, make([]wire.Consent, len(ended))
	for i, one := range ended {
		out[i] = wireGrant(one.Grant)
		out[i].Revocation = wireRevocation(one)
		if !one.Done {
			status = http.StatusAccepted
		}
	}
	return answer(c, status, wire.NewPage(out, ""))
}
