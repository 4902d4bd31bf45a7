package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/gateway/intake"
	"countersign/gateway/wire"
	"countersign/models"
)

// outcomeClasses are the words of ?outcome=.
var outcomeClasses = []string{
	string(models.ClassDone), string(models.ClassFixRow), string(models.ClassWait), string(models.ClassAskCustomer),
	string(models.ClassAskManufacturer), string(models.ClassAskOperator), string(models.ClassDispute), string(intake.OpenRows), string(intake.FailedRows),
}

// batchJobStatus tells what became of an upload, device by device in input order. It is
// complete unless pages or a class are asked for: Partner Center's clients match devices
// by position and send no token.
//
//	@Summary	Status of an upload
//	@Tags		devices
//	@Param		tenant				path	string	true	"customer tenant id"
//	@Param		tracking			path	string	true	"tracking id"
//	@Param		size				query	int		false	"asks for pages of this size"
//	@Param		continuationToken	query	string	false	"or as header MS-ContinuationToken"
//	@Param		outcome				query	string	false	"rows of one outcome class only"
//	@Success	200	{object}	wire.BatchUploadDetails
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/customers/{tenant}/batchJobStatus/{tracking} [get]
func (s *server) batchJobStatus(c *gin.Context) error {
	ask, err := s.statusAsk(c)
	if err != nil {
		return err
	}
	up, rows, err := s.Uploads.BatchJobStatus(c.Request.Context(), ask.scope, ask.tracking)
	if err != nil {
		return err
	}
	tag := statusTag(up, ask)
	if matches(c.Request.Header.Values("If-None-Match"), tag) {
		c.Writer.Header().Set("ETag", tag)
		c.Status(http.StatusNotModified)
		return nil
	}
	link, next := "", ""
	switch {
	case ask.paged:
		if rows, next, err = s.statusPage(c, ask); err != nil {
			return err
		}
	case up.RowCount > s.Limits.StatusRows:
		rows, link = noRows, rowsLink(up.TrackingID)
	}
	c.Writer.Header().Set("ETag", tag)
	return writeStatus(newStream(c), up, rows, link, next)
}

// statusAsk is what a caller wants to see of an upload.
type statusAsk struct {
	scope    intake.Scope
	tracking models.TrackingID
	class    models.OutcomeClass
	page     intake.Page
	paged    bool
}

func (s *server) statusAsk(c *gin.Context) (statusAsk, error) {
	tenant, err := tenantOf(c)
	if err != nil {
		return statusAsk{}, err
	}
	tracking, err := trackingOf(c)
	if err != nil {
		return statusAsk{}, err
	}
	p := query(c)
	ask := statusAsk{
		scope: ownScope(c, tenant), tracking: tracking, page: p.partnerPage(c),
		class: models.OutcomeClass(p.oneOf("outcome", outcomeClasses...)),
	}
	ask.paged = p.text("size") != "" || ask.page.Cursor != "" || ask.class != ""
	return ask, p.err
}

// statusTag changes with every outcome: each one lowers the open rows, and what is
// settled stays.
func statusTag(up intake.UploadStatus, ask statusAsk) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%d|%d|%s|%s|%d|%t", up.TrackingID, up.State, up.OpenRows, up.ErrorRows,
		ask.class, ask.page.Cursor, ask.page.Limit, ask.paged))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// matches reads If-None-Match (RFC 9110 section 13.1.2).
func matches(values []string, tag string) bool {
	for _, value := range values {
		for candidate := range strings.SplitSeq(value, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == tag || candidate == "*" {
				return true
			}
		}
	}
	return false
}

func (s *server) statusPage(c *gin.Context, ask statusAsk) (iter.Seq2[intake.RowStatus, error], string, error) {
	rows, next, err := s.Uploads.UploadRows(c.Request.Context(), ask.scope, ask.tracking, intake.RowFilter{Class: ask.class}, ask.page)
	if err != nil {
		return nil, "", err
	}
	return func(yield func(intake.RowStatus, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}, next, nil
}

func noRows(func(intake.RowStatus, error) bool) {}

func rowsLink(tracking models.TrackingID) string { return "/v1/uploads/" + string(tracking) + "/rows" }

// writeStatus writes a wire.BatchUploadDetails.
func writeStatus(out *stream, up intake.UploadStatus, rows iter.Seq2[intake.RowStatus, error], link, next string) error {
	out.tokens(jsontext.BeginObject)
	out.member("batchTrackingId", up.TrackingID)
	out.member("status", up.State)
	out.member("startedTime", wire.TimeOf(up.StartedAt))
	out.member("completedTime", wire.TimeOf(up.CompletedAt))
	out.tokens(jsontext.String("devicesStatus"), jsontext.BeginArray)
	for row, err := range rows {
		if err != nil {
			return err
		}
		if out.value(wireStatus(row)); out.err != nil {
			return out.err
		}
	}
	out.tokens(jsontext.EndArray)
	if link != "" {
		out.member("rowsLink", link)
	}
	if next != "" {
		out.member("continuationToken", next)
	}
	out.member("attributes", wire.AttributesOf("BatchUploadDetails"))
	return out.end()
}

func wireStatus(row intake.RowStatus) wire.DeviceUploadDetails {
	out := wire.DeviceUploadDetails{
		DeviceID: orNull(string(row.DeviceID)), SerialNumber: orNull(row.Identity.SerialNumber), ProductKey: orNull(row.Identity.ProductKey),
		Status: string(row.State), Row: row.Ordinal, Warnings: row.Warnings, Attributes: wire.AttributesOf("DeviceUploadDetails"),
	}
	if settled(row) {
		o := row.Outcome
		out.ErrorCode, out.ErrorDescription = orNull(string(o.Code)), orNull(o.Description)
		out.OutcomeClass, out.Detail, out.NextActor, out.SafeToRepeat = string(o.Class), row.Sentence, o.NextActor, &o.SafeToRepeat
	}
	return out
}

// settled reports whether a row has its outcome.
func settled(row intake.RowStatus) bool {
	return row.State == models.UploadFinished || row.State == models.UploadFinishedWithErrors
}
