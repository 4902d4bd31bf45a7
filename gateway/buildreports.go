package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/gateway/intake"
	"countersign/gateway/wire"
	"countersign/models"
)

// reportSource is a body that holds a build report.
type reportSource interface {
	deviceSource
	ReportID() string
}

// postBuildReport takes what a factory built. It needs nobody's consent: a factory
// record belongs to no customer.
//
//	@Summary	Report machines that were built
//	@Tags		factory
//	@Accept		json,application/x-ndjson,xml
//	@Param		Content-Encoding	header	string	false	"gzip or zstd"
//	@Param		soldTo			query	string	false	"partner that bought the machines, for those that state none"
//	@Param		orderNumber		query	string	false	"order data for machines that state none; likewise purchaseOrder, orderLine, deliveryNote, shipDate, groupTag, customerReference"
//	@Param		request	body	wire.BuildReport	true	"the machines; as XML the file that OA3Tool wrote with /Report"
//	@Success	202	"Location leads to the acknowledgement"
//	@Failure	400,401,403,409	{object}	wire.Problem
//	@Failure	429	{object}	wire.Throttled
//	@Security	oauth2[devices.write]
//	@Router		/v1/oem/buildReports [post]
func (s *server) postBuildReport(c *gin.Context) error {
	if kind := caller(c).PartnerKind; kind != models.OEM {
		return errWrongCaller.WithDetail("Build reports are taken from manufacturers; this partner is registered as %s.", kind)
	}
	p := query(c)
	p.only(append([]string{"soldTo"}, orderParameters...)...)
	call, err := s.callOf(c, p, c.Request.URL.Path)
	if err != nil {
		return err
	}
	call.SoldTo = p.printable("soldTo")
	if p.err != nil {
		return p.err
	}
	src, err := s.openReport(c, &call)
	if err != nil {
		return err
	}
	leave, err := s.crowd.enter(c)
	if err != nil {
		return err
	}
	defer leave()
	accepted, err := s.Intake.Report(c.Request.Context(), call, src)
	if err != nil {
		return orFailure(src, err)
	}
	s.tellBudgets(c, caller(c), "")
	return done(c, http.StatusAccepted, accepted)
}

// getBuildReport acknowledges a report key by key.
//
//	@Summary	Acknowledgement of a build report
//	@Tags		factory
//	@Param		tracking	path	string	true	"tracking id"
//	@Success	200	{object}	wire.BuildReportAcknowledgement
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/oem/buildReports/{tracking} [get]
func (s *server) getBuildReport(c *gin.Context) error {
	tracking, err := trackingOf(c)
	if err != nil {
		return err
	}
	scope := intake.Scope{Partner: caller(c).PartnerID}
	up, rows, err := s.Uploads.BatchJobStatus(c.Request.Context(), scope, tracking)
	if err != nil {
		return err
	}
	if up.Kind != models.UploadReport {
		return intake.ErrUploadNotFound
	}
	tag := statusTag(up, statusAsk{})
	c.Writer.Header().Set("ETag", tag)
	if matches(c.Request.Header.Values("If-None-Match"), tag) {
		c.Status(http.StatusNotModified)
		return nil
	}
	out := newStream(c)
	out.tokens(jsontext.BeginObject)
	out.member("trackingId", up.TrackingID)
	if up.ReportID != "" {
		out.member("customerReportUniqueId", up.ReportID)
	}
	out.member("state", up.State)
	out.member("receivedAt", utc(up.AcceptedAt))
	if up.CompletedAt != nil {
		out.member("completedAt", utc(up.CompletedAt))
	}
	out.member("rows", wire.RowCounts{Total: up.RowCount, Open: up.OpenRows, WithErrors: up.ErrorRows})
	if up.RowCount > s.Limits.StatusRows {
		out.member("rowsLink", rowsLink(up.TrackingID))
		rows = noRows
	}
	out.tokens(jsontext.String("keys"), jsontext.BeginArray)
	for row, err := range rows {
		if err != nil {
			return err
		}
		if out.value(wireRow(row)); out.err != nil {
			return out.err
		}
	}
	out.tokens(jsontext.EndArray)
	return out.end()
}
