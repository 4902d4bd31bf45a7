package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/consent"
	"countersign/gateway/wire"
	"countersign/models"
)

// listBlocks lists the partners that the customer does not want to be asked by.
//
//	@Summary	List blocked partners
//	@Tags		consents
//	@Success	200	{object}	wire.Page[wire.PartnerBlock]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[consents.read]
//	@Router		/v1/consents/blocks [get]
func (s *server) listBlocks(c *gin.Context) error {
	found, err := s.ConsentBlocks.Blocked(c.Request.Context(), actor(c))
	if err != nil {
		return err
	}
	items := make([]wire.PartnerBlock, len(found))
	for i, block := range found {
		items[i] = wireBlock(block)
	}
	return answerPage(c, items, "")
}

// blockPartner stops a partner from asking. The partner is not told: its requests are
// answered as before, never show up, and expire. A grant that lasts stays, unless its
// end is asked for.
//
//	@Summary	Block a partner
//	@Tags		consents
//	@Param		partner	path	string					true	"partner id"
//	@Param		request	body	wire.PartnerBlocking	false	"why, and whether the grant ends too"
//	@Success	200	{object}	wire.PartnerBlock
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[consents.decide]
//	@Router		/v1/consents/blocks/{partner} [put]
func (s *server) blockPartner(c *gin.Context) error {
	var in wire.PartnerBlocking
	if err := decodeOptional(c, &in); err != nil {
		return err
	}
	made, err := s.ConsentBlocks.Block(c.Request.Context(), actor(c), partnerIn(c), consent.Blocking{Reason: in.Reason, EndGrant: in.EndGrant})
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireBlock(made))
}

// unblockPartner lets a partner ask again. What it asked meanwhile stays unseen.
//
//	@Summary	Unblock a partner
//	@Tags		consents
//	@Param		partner	path	string	true	"partner id"
//	@Success	204	"it may ask, whether it was blocked or not"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[consents.decide]
//	@Router		/v1/consents/blocks/{partner} [delete]
func (s *server) unblockPartner(c *gin.Context) error {
	if err := s.ConsentBlocks.Unblock(c.Request.Context(), actor(c), partnerIn(c)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// partnerIn is the partner in the path; what is no id names nobody.
func partnerIn(c *gin.Context) models.PartnerID {
	return models.PartnerID(strings.ToLower(c.Param("partner")))
}

func wireBlock(b consent.Block) wire.PartnerBlock {
	out := wire.PartnerBlock{
		Partner: wire.Party{ID: string(b.Partner), Name: b.PartnerName}, Reason: b.Reason, Since: b.Since.UTC(), By: b.By,
	}
	if b.Ended != nil {
		out.GrantID, out.Revocation = string(b.Ended.Grant.ID), wireRevocation(*b.Ended)
	}
	return out
}
