package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"countersign/gateway/wire"
)

// The content types of devices and build reports.
const (
	JSON   = "application/json"
	NDJSON = "application/x-ndjson" // one JSON object a line
	OA3XML = "application/xml"      // what OA3Tool writes after /Report
)

// ReportSubmission is one build report of a factory. The body is wire.BuildReport
// or a bare list of keys as JSON, one wire.BuildReportKey a line as NDJSON, or an
// OA3 report as XML.
type ReportSubmission struct {
	Order     wire.OrderData // for keys that state none of their own
	SoldTo    string         // partner id, for keys that state none of their own
	RequestID string         // from NewRequestID; keep it to repeat the report in another process
	Body      Body
}

// SubmitReport sends a build report. The same RequestID with the same body never
// becomes a second report, also when SubmitReport is called again after any error.
func (c *Client) SubmitReport(ctx context.Context, s ReportSubmission) (Receipt, error) {
	query := orderQuery(s.Order)
	set(query, "soldTo", s.SoldTo)
	return c.submit(ctx, call{path: "/v1/oem/buildReports", query: query, body: &s.Body, requestID: s.RequestID})
}

// ReportBody makes the body of a small report.
func ReportBody(report wire.BuildReport) (Body, error) {
	text, err := json.Marshal(report)
	if err != nil {
		return Body{}, fmt.Errorf("client: write the report: %w", err)
	}
	return BytesBody(JSON, bytes.TrimSpace(text)), nil
}

// BuildReport reads the acknowledgement of a report. That of a very large one names
// RowsLink in place of the keys; see UploadRows, which serves reports, too.
func (c *Client) BuildReport(ctx context.Context, tracking string) (wire.BuildReportAcknowledgement, error) {
	var ack wire.BuildReportAcknowledgement
	err := c.getJSON(ctx, call{path: join("v1", "oem", "buildReports", tracking)}, &ack)
	return ack, err
}

// submit sends what becomes an upload and reads which.
func (c *Client) submit(ctx context.Context, call call) (Receipt, error) {
	call.method, call.repeatable = http.MethodPost, true
	resp, err := c.do(ctx, call)
	if err != nil {
		return Receipt{}, err
	}
	defer finish(resp.Response)
	return receipt(resp.Header)
}
