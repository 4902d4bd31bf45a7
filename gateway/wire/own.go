package wire

import "time"

// Page is a part of one of our own lists.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"nextCursor,omitzero"` // absent on the last page
}

// NewPage makes a page; a nil list is an empty one.
func NewPage[T any](items []T, next string) Page[T] {
	if items == nil {
		items = []T{}
	}
	return Page[T]{Items: items, NextCursor: next}
}

// Upload is one create, append or removal call, or one build report.
type Upload struct {
	TrackingID    string     `json:"trackingId"`
	Kind          string     `json:"kind"` // register, remove, replace or report
	State         string     `json:"state"`
	PartnerID     string     `json:"partnerId,omitzero"` // absent when the customer itself sent it
	TenantID      string     `json:"tenantId,omitzero"`  // a build report belongs to no tenant
	BatchName     string     `json:"batchName,omitzero"`
	Rows          RowCounts  `json:"rows"`
	RequestID     string     `json:"requestId,omitzero"`
	ReportID      string     `json:"reportId,omitzero"` // CustomerReportUniqueID of a build report
	CorrelationID string     `json:"correlationId,omitzero"`
	AcceptedAt    *time.Time `json:"acceptedAt,omitzero"`
	StartedAt     *time.Time `json:"startedAt,omitzero"`
	CompletedAt   *time.Time `json:"completedAt,omitzero"`
	RowsLink      string     `json:"rowsLink"`
}

// RowCounts counts the rows of an upload.
type RowCounts struct {
	Total      int `json:"total"`
	Open       int `json:"open"`
	WithErrors int `json:"withErrors"`
}

// UploadRow is one device of an upload with its outcome.
type UploadRow struct {
	Row                 int    `json:"row"`
	Status              string `json:"status"`
	SerialNumber        string `json:"serialNumber,omitzero"`
	ProductKey          string `json:"productKey,omitzero"`
	OEMManufacturerName string `json:"oemManufacturerName,omitzero"`
	ModelName           string `json:"modelName,omitzero"`
	OrderData
	DeviceID         string     `json:"deviceId,omitzero"`
	Replaces         string     `json:"replaces,omitzero"` // of a replacement: the device id that goes
	ErrorCode        string     `json:"errorCode,omitzero"`
	ErrorDescription string     `json:"errorDescription,omitzero"`
	OutcomeClass     string     `json:"outcomeClass,omitzero"`
	Detail           string     `json:"detail,omitzero"`
	NextActor        string     `json:"nextActor,omitzero"`
	SafeToRepeat     *bool      `json:"safeToRepeat,omitzero"`
	Warnings         []string   `json:"warnings,omitempty"`
	SettledAt        *time.Time `json:"settledAt,omitzero"`
}

// Dispatch is a stopped unit of forwarding, for operators.
type Dispatch struct {
	ID        int64     `json:"id"`
	State     string    `json:"state"`
	Kind      string    `json:"kind"`
	PartnerID string    `json:"partnerId"`
	TenantID  string    `json:"tenantId"`
	FirstRow  int       `json:"firstRow"`
	LastRow   int       `json:"lastRow"`
	Attempts  int       `json:"attempts"`
	LastError string    `json:"lastError,omitzero"`
	CreatedAt time.Time `json:"createdAt"`
}

// Health answers a probe.
type Health struct {
	Status string `json:"status"`
}

// Token is a successful answer of the token endpoint (RFC 6749 section 5.1).
type Token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	Scope       string `json:"scope"`
}
