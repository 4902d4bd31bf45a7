package gateway

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"countersign/consent"
	"countersign/models"
)

// revokeConsent ends a grant. 200 means that the core has acknowledged: nothing more is
// registered under it. Before that the answer is 202, says until when something under
// way can still land, and leads to the grant, whose state tells when it is done.
//
//	@Summary	Revoke a grant
//	@Tags		consents
//	@Param		id		path	string				true	"grant id"
//	@Param		request	body	wire.ConsentReason	false	"why"
//	@Success	200	{object}	wire.Consent
//	@Success	202	{object}	wire.Consent	"Operation-Location leads to the grant"
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.decide]
//	@Router		/v1/consents/{id}/revoke [post]
func (s *server) revokeConsent(c *gin.Context) error {
	id, reason, err := change(c)
	if err != nil {
		return err
	}
	return s.revoke(c, id, reason)
}

// revoke ends a grant and says how far that came.
func (s *server) revoke(c *gin.Context, id, reason string) error {
	revoked, err := s.ConsentGrants.Revoke(c.Request.Context(), actor(c), models.GrantID(id), reason)
	if err != nil {
		return err
	}
	out := wireGrant(revoked.Grant)
	out.Revocation = wireRevocation(revoked)
	if revoked.Done {
		return answer(c, http.StatusOK, out)
	}
	c.Writer.Header().Set("Operation-Location", s.PublicURL+out.Links.Self)
	c.Writer.Header().Set("Retry-After", "2")
	return answer(c, http.StatusAccepted, out)
}

// suspendConsent pauses a grant.
//
//	@Summary	Suspend a grant
//	@Tags		consents
//	@Param		id		path	string				true	"grant id"
//	@Param		request	body	wire.ConsentReason	false	"why"
//	@Success	200	{object}	wire.Consent
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.decide]
//	@Router		/v1/consents/{id}/suspend [post]
func (s *server) suspendConsent(c *gin.Context) error {
	return changeGrant(c, s.ConsentGrants.Suspend)
}

// resumeConsent ends a suspension.
//
//	@Summary	Resume a grant
//	@Tags		consents
//	@Param		id		path	string				true	"grant id"
//	@Param		request	body	wire.ConsentReason	false	"why"
//	@Success	200	{object}	wire.Consent
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[consents.decide]
//	@Router		/v1/consents/{id}/resume [post]
func (s *server) resumeConsent(c *gin.Context) error {
	return changeGrant(c, s.ConsentGrants.Resume)
}

func changeGrant(c *gin.Context, do func(context.Context, consent.Actor, models.GrantID, string) (models.Grant, error)) error {
	id, reason, err := change(c)
	if err != nil {
		return err
	}
	changed, err := do(c.Request.Context(), actor(c), models.GrantID(id), reason)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireGrant(changed))
}
