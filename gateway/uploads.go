package gateway

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/gateway/intake"
	"countersign/gateway/wire"
	"countersign/models"
)

// uploadScope is whose uploads a caller may see: a partner its own, a tenant those for
// it, an operator those of the partner or tenant it names.
func uploadScope(c *gin.Context, p *params) (intake.Scope, error) {
	partner, tenant := models.PartnerID(p.guid("partner")), models.TenantID(p.guid("tenant"))
	if p.err != nil {
		return intake.Scope{}, p.err
	}
	switch who := caller(c); who.Kind {
	case models.OwnerPartner:
		return intake.Scope{Partner: who.PartnerID, Tenant: tenant}, nil
	case models.OwnerTenant:
		return intake.Scope{Partner: partner, Tenant: who.TenantID}, nil
	}
	if partner == "" && tenant == "" {
		return intake.Scope{}, badParameter("tenant", "an operator names the tenant or the partner whose records to show")
	}
	return intake.Scope{Partner: partner, Tenant: tenant}, nil
}

// listUploads lists uploads, newest first.
//
//	@Summary	List uploads
//	@Tags		uploads
//	@Param		state	query	string	false	"queued, processing, finished or finished_with_errors"
//	@Param		kind	query	string	false	"register, remove, replace or report"
//	@Param		batch	query	string	false	"batch name"
//	@Param		order	query	string	false	"an order, purchase order, delivery note or customer reference of any row: whole, without regard to case"
//	@Param		requestId		query	string	false	"request id of the call"
//	@Param		correlationId	query	string	false	"correlation id of the call"
//	@Param		reportId		query	string	false	"CustomerReportUniqueID of a build report"
//	@Param		since	query	string	false	"accepted at or after this time"
//	@Param		until	query	string	false	"accepted before this time"
//	@Param		tenant	query	string	false	"tenant id; for partners and operators"
//	@Param		partner	query	string	false	"partner id; for customers and operators"
//	@Param		cursor	query	string	false	"from the page before"
//	@Param		limit	query	int		false	"items a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.Upload]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/uploads [get]
func (s *server) listUploads(c *gin.Context) error {
	p := query(c)
	page := p.ownPage()
	filter := intake.UploadFilter{
		State: models.UploadState(p.oneOf("state", "queued", "processing", "finished", "finished_with_errors")),
		Kind:  models.UploadKind(p.oneOf("kind", "register", "remove", "replace", "report")),
		Since: p.instant("since"), Until: p.instant("until"), Batch: p.printable("batch"), Order: p.printable("order"),
		RequestID: p.printable("requestId"), CorrelationID: p.printable("correlationId"), ReportID: strings.ToLower(p.printable("reportId")),
	}
	p.only("tenant", "partner", "state", "kind", "batch", "order", "requestId", "correlationId", "reportId", "since", "until", "cursor", "limit")
	scope, err := uploadScope(c, p)
	if err != nil {
		return err
	}
	found, next, err := s.Uploads.Uploads(c.Request.Context(), scope, filter, page)
	if err != nil {
		return err
	}
	items := make([]wire.Upload, len(found))
	for i, up := range found {
		items[i] = wireUpload(up)
	}
	return answerPage(c, items, next)
}

// getUpload returns one upload without its rows.
//
//	@Summary	Get an upload
//	@Tags		uploads
//	@Param		tracking	path	string	true	"tracking id"
//	@Success	200	{object}	wire.Upload
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/uploads/{tracking} [get]
func (s *server) getUpload(c *gin.Context) error {
	tracking, err := trackingOf(c)
	if err != nil {
		return err
	}
	scope, err := uploadScope(c, query(c))
	if err != nil {
		return err
	}
	up, _, err := s.Uploads.BatchJobStatus(c.Request.Context(), scope, tracking)
	if err != nil {
		return err
	}
	tellWhenToAsk(c, up)
	return answer(c, http.StatusOK, wireUpload(up))
}

// listUploadRows lists the rows of an upload in input order.
//
//	@Summary	List the rows of an upload
//	@Tags		uploads
//	@Param		tracking	path	string	true	"tracking id"
//	@Param		outcome		query	string	false	"done, fix_row, wait, ask_customer, ask_manufacturer, ask_operator, dispute, open, or failed for all that are neither done nor open"
//	@Param		errorCode		query	string	false	"rows with this errorCode"
//	@Param		serialNumber	query	string	false	"rows with this serial number, as sent"
//	@Param		productKey		query	string	false	"rows with this product key id, as sent"
//	@Param		cursor		query	string	false	"from the page before"
//	@Param		limit		query	int		false	"rows a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.UploadRow]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/uploads/{tracking}/rows [get]
func (s *server) listUploadRows(c *gin.Context) error {
	tracking, err := trackingOf(c)
	if err != nil {
		return err
	}
	p := query(c)
	page, filter := p.ownPage(), intake.RowFilter{
		Class:     models.OutcomeClass(p.oneOf("outcome", outcomeClasses...)),
		ErrorCode: models.OutcomeCode(p.printable("errorCode")), SerialNumber: p.printable("serialNumber"), ProductKey: p.printable("productKey"),
	}
	p.only("tenant", "partner", "outcome", "errorCode", "serialNumber", "productKey", "cursor", "limit")
	scope, err := uploadScope(c, p)
	if err != nil {
		return err
	}
	rows, next, err := s.Uploads.UploadRows(c.Request.Context(), scope, tracking, filter, page)
	if err != nil {
		return err
	}
	items := make([]wire.UploadRow, len(rows))
	for i, row := range rows {
		items[i] = wireRow(row)
	}
	return answerPage(c, items, next)
}

func wireUpload(up intake.UploadStatus) wire.Upload {
	return wire.Upload{
		TrackingID: string(up.TrackingID), Kind: string(up.Kind), State: string(up.State),
		PartnerID: string(up.PartnerID), TenantID: string(up.TenantID), BatchName: up.BatchName,
		Rows:      wire.RowCounts{Total: up.RowCount, Open: up.OpenRows, WithErrors: up.ErrorRows},
		RequestID: up.RequestID, CorrelationID: up.CorrelationID, ReportID: up.ReportID, Voids: string(up.Voids),
		AcceptedAt: utc(up.AcceptedAt), StartedAt: utc(up.StartedAt), CompletedAt: utc(up.CompletedAt),
		RowsLink: rowsLink(up.TrackingID),
	}
}

func wireRow(row intake.RowStatus) wire.UploadRow {
	out := wire.UploadRow{
		Row: row.Ordinal, Status: string(row.State), SerialNumber: row.Identity.SerialNumber, ProductKey: row.Identity.ProductKey,
		OEMManufacturerName: row.Identity.Manufacturer, ModelName: row.Identity.Model, OrderData: wire.OrderData(row.Order),
		DeviceID: string(row.DeviceID), Replaces: string(row.Replaces), Warnings: row.Warnings, SettledAt: utc(row.SettledAt),
	}
	if settled(row) {
		o := row.Outcome
		out.ErrorCode, out.ErrorDescription, out.OutcomeClass = string(o.Code), o.Description, string(o.Class)
		out.Detail, out.NextActor, out.SafeToRepeat = row.Sentence, o.NextActor, &o.SafeToRepeat
	}
	return out
}

// answerPage writes a page of one of our own lists and a link to the next (RFC 8288).
func answerPage[T any](c *gin.Context, items []T, next string) error {
	if next != "" {
		q := c.Request.URL.Query()
		for name := range q {
			if strings.EqualFold(name, "cursor") { // names compare without case, and twice is refused
				q.Del(name)
			}
		}
		q.Set("cursor", next)
		link := url.URL{Path: c.Request.URL.Path, RawQuery: q.Encode()}
		c.Writer.Header().Set("Link", "<"+link.String()+`>; rel="next"`)
	}
	return answer(c, http.StatusOK, wire.NewPage(items, next))
}
