package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/gateway/wire"
)

// The forms of a receipt beside JSON.
const (
	asJOSE = "application/jose" // the signed receipt itself (RFC 7515 section 9.2.1)
	asText = "text/plain"
)

// consentReceipt gives the signed receipt of one change of a request or grant, by
// default of the last. Both sides get one, each from its own chain of the ledger.
//
//	@Summary		Receipt of a consent
//	@Description	Accept chooses the form: application/json, application/jose for the signed receipt alone, text/plain for a text to read.
//	@Tags			consents
//	@Produce		json,application/jose,plain
//	@Param			id		path	string	true	"id of a request or grant"
//	@Param			seq		query	int		false	"number of the change, as the history shows it; the last unless told"
//	@Param			lang	query	string	false	"language of the text: en or de"
//	@Success		200	{object}	wire.Receipt
//	@Failure		400,401,403,404,503	{object}	wire.Problem
//	@Security		oauth2[consents.read]
//	@Router			/v1/consents/{id}/receipt [get]
func (s *server) consentReceipt(c *gin.Context) error {
	id, err := consentID(c)
	if err != nil {
		return err
	}
	p := query(c)
	p.only("seq", "lang")
	seq, language := p.number("seq"), p.text("lang")
	if p.err != nil {
		return p.err
	}
	receipt, err := s.Proofs.Receipt(c.Request.Context(), actor(c), id, seq)
	if err != nil {
		return err
	}
	accept := c.Request.Header.Get("Accept")
	switch {
	case strings.Contains(accept, asJOSE):
		c.Writer.Header().Set("Content-Disposition", `attachment; filename="receipt-`+receipt.Content.ReceiptID+`.jws"`)
		writeBody(c, http.StatusOK, asJOSE, []byte(receipt.JWS))
	case strings.Contains(accept, asText):
		writeBody(c, http.StatusOK, asText+"; charset=utf-8", []byte(receipt.Content.Text(language)))
	default:
		writeBody(c, http.StatusOK, "application/json; charset=utf-8", marshal(wire.Receipt{JWS: receipt.JWS, Receipt: receipt.Content}))
	}
	return nil
}
