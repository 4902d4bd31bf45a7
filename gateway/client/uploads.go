package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/gateway/wire"
)

// Submission is one upload of devices. A JSON body creates a batch by the name
// inside it, or is the bare list of devices when it is appended; a CSV or NDJSON is
// the same for both.
type Submission struct {
	Tenant string         // tenant id
	Own    bool           // devices of the caller's own, a tenant's client: no Tenant, no Batch
	Batch  string         // batch to append to, or to create from a CSV or NDJSON
	Append bool           // add to an existing batch
	Order  wire.OrderData // for rows that state none of their own
	Strict bool           // all or nothing at the device limit of the grant
	// ExpectedDomain guards against a wrong tenant id: the upload is refused unless
	// this is a verified domain of the tenant.
	ExpectedDomain string
	Grant          string // the consent meant, when several resellers of the tenant let the caller act
	RequestID      string // from NewRequestID; keep it to repeat the submission in another process
	Body           Body
}

// Receipt says that an upload is durably accepted.
type Receipt struct {
	TrackingID string
	Location   string // of the batch job status, as Partner Center writes it: relative, without /v1
	Replayed   bool   // an earlier call with this request id had already been accepted
}

// Submit sends devices. The same RequestID with the same body never becomes a
// second upload, also when Submit is called again after any error.
func (c *Client) Submit(ctx context.Context, s Submission) (Receipt, error) {
	call, err := s.call()
	if err != nil {
		return Receipt{}, err
	}
	return c.submit(ctx, call)
}

// call is the call that sends the submission.
func (s *Submission) call() (call, error) {
	if s.Own {
		return call{path: ownDevices, query: orderQuery(s.Order), header: http.Header{}, body: &s.Body, requestID: s.RequestID}, nil
	}
	if s.Tenant == "" || s.Append && s.Batch == "" {
		return call{}, errors.New("client: a submission needs a tenant, and a batch to append to")
	}
	path, query := join("v1", "customers", s.Tenant, "deviceBatches"), orderQuery(s.Order)
	switch {
	case s.Append:
		path += join(s.Batch, "devices")
	case !strings.HasPrefix(s.Body.ContentType, JSON):
		query.Set("batchId", s.Batch)
	}
	set(query, "expectedDomain", s.ExpectedDomain)
	header := http.Header{}
	if s.Strict {
		header.Set("Prefer", "handling=strict")
	}
	if s.Grant != "" {
		header.Set("Countersign-Grant", s.Grant)
	}
	return call{path: path, query: query, header: header, body: &s.Body, requestID: s.RequestID}, nil
}

const replayedHeader = "Idempotency-Replayed"

func receipt(header http.Header) (Receipt, error) {
	location := header.Get("Location")
	tracking := location[strings.LastIndexByte(location, '/')+1:]
	if tracking == "" {
		return Receipt{}, fmt.Errorf("client: the upload was accepted, but the answer names no batch job (Location %q)", location)
	}
	return Receipt{TrackingID: tracking, Location: location, Replayed: strings.EqualFold(header.Get(replayedHeader), "true")}, nil
}

func orderQuery(o wire.OrderData) url.Values {
	query := url.Values{}
	for name, value := range map[string]string{
		"purchaseOrder": o.PurchaseOrder, "orderNumber": o.OrderNumber, "orderLine": o.OrderLine, "deliveryNote": o.DeliveryNote,
		"shipDate": o.ShipDate, "groupTag": o.GroupTag, "customerReference": o.CustomerReference,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// UploadFilter narrows a list of uploads; empty fields do not.
type UploadFilter struct {
	Owner
	Batch string
	Kind  string // register, remove or report
	State string // queued, processing, finished or finished_with_errors
	// Order is the whole value of a purchase order, order number, delivery note or
	// customer reference of any of its rows; letter case does not matter.
	Order         string
	RequestID     string
	CorrelationID string
	ReportID      string    // CustomerReportUniqueID of a build report
	Since         time.Time // accepted at or after
	Until         time.Time // accepted before
}

// Owner says whose uploads are meant. An operator must name a tenant or a partner;
// partners and tenants see their own and may narrow them by the other side.
type Owner struct {
	Tenant  string
	Partner string
}

func (o Owner) query() url.Values {
	query := url.Values{}
	set(query, "tenant", o.Tenant)
	set(query, "partner", o.Partner)
	return query
}

// Uploads lists uploads, the newest first.
func (c *Client) Uploads(ctx context.Context, f UploadFilter) iter.Seq2[wire.Upload, error] {
	query := f.query()
	set(query, "batch", f.Batch)
	set(query, "kind", f.Kind)
	set(query, "state", f.State)
	set(query, "order", f.Order)
	set(query, "requestId", f.RequestID)
	set(query, "correlationId", f.CorrelationID)
	set(query, "reportId", f.ReportID)
	setTime(query, "since", f.Since)
	setTime(query, "until", f.Until)
	return items[wire.Upload](ctx, c, "/v1/uploads", query)
}

// Upload reads one upload with its counts.
func (c *Client) Upload(ctx context.Context, of Owner, tracking string) (wire.Upload, error) {
	var upload wire.Upload
	err := c.getJSON(ctx, call{path: join("v1", "uploads", tracking), query: of.query()}, &upload)
	return upload, err
}

// The outcomes of RowFilter that are no outcome class.
const (
	OutcomeOpen   = "open"   // not decided yet
	OutcomeFailed = "failed" // neither done nor open
)

// RowFilter narrows the rows of an upload; empty fields do not.
type RowFilter struct {
	Outcome      string // an outcome class, OutcomeOpen or OutcomeFailed
	SerialNumber string
	ProductKey   string // product key id
	ErrorCode    string
}

// UploadRows lists the rows of an upload or build report in input order.
func (c *Client) UploadRows(ctx context.Context, of Owner, tracking string, f RowFilter) iter.Seq2[wire.UploadRow, error] {
	query := of.query()
	set(query, "outcome", f.Outcome)
	set(query, "serialNumber", f.SerialNumber)
	set(query, "productKey", f.ProductKey)
	set(query, "errorCode", f.ErrorCode)
	return items[wire.UploadRow](ctx, c, join("v1", "uploads", tracking, "rows"), query)
}

func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

func setTime(query url.Values, name string, t time.Time) {
	if !t.IsZero() {
		query.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
}

// PreviewVoid says what VoidUpload would end.
func (c *Client) PreviewVoid(ctx context.Context, tracking string) (wire.VoidPreview, error) {
	var preview wire.VoidPreview
	err := c.getJSON(ctx, call{path: join("v1", "uploads", tracking, "void")}, &preview)
	return preview, err
}

// VoidUpload ends the registrations that an upload made; devices is their number, as
// PreviewVoid says it. What became of each is the outcome of the upload the receipt
// names. requestID makes a repeat safe; empty makes one for this call.
func (c *Client) VoidUpload(ctx context.Context, tracking string, devices int, requestID string) (Receipt, error) {
	resp, err := c.postJSON(ctx, call{path: join("v1", "uploads", tracking, "void"), requestID: requestID, repeatable: true}, wire.Void{Devices: devices})
	if err != nil {
		return Receipt{}, err
	}
	defer finish(resp.Response)
	return receipt(resp.Header)
}
