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
	Voids         string     `json:"voids,omitzero"`    // the upload whose registrations this one ends
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

// File is an upload that arrives in parts.
type File struct {
	ID         string    `json:"id"`
	Length     int64     `json:"length"`              // bytes it will have
	Received   int64     `json:"received"`            // bytes that are there
	ExpiresAt  time.Time `json:"expiresAt"`           // it is forgotten when nothing comes until then
	TrackingID string    `json:"trackingId,omitzero"` // the upload it became
}

// VoidPreview says what voiding an upload would end.
type VoidPreview struct {
	TrackingID string    `json:"trackingId"`
	Devices    int       `json:"devices"` // registered by the upload, and still as it left them
	Rows       RowCounts `json:"rows"`
}

// Void asks to take back what an upload registered.
type Void struct {
	Devices int `json:"devices"` // as the preview shows it; another number is refused
}

// Forecast answers a call that prefers validate-only: what the upload would become. Nothing
// of it exists.
type Forecast struct {
	ValidateOnly bool           `json:"validateOnly"` // always true
	Items        []UploadRow    `json:"items"`        // all rows in input order, each as it would end
	Rows         ForecastCounts `json:"rows"`
}

// ForecastCounts counts the rows of a Forecast.
type ForecastCounts struct {
	Total        int `json:"total"`
	WouldSucceed int `json:"wouldSucceed"`
	WouldFail    int `json:"wouldFail"`
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

// LegacyToken is the answer of Azure AD's first token endpoint: numbers are text.
type LegacyToken struct {
	TokenType    string `json:"token_type"`
	ExpiresIn    string `json:"expires_in"` // seconds
	ExtExpiresIn string `json:"ext_expires_in"`
	ExpiresOn    string `json:"expires_on"` // seconds since 1970
	NotBefore    string `json:"not_before"`
	Resource     string `json:"resource,omitzero"`
	AccessToken  string `json:"access_token"`
}

// LegacyTokenV2 is the answer of Azure AD's second token endpoint.
type LegacyTokenV2 struct {
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	ExtExpiresIn int64  `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`
}

// Introspection says whether an access token is good (RFC 7662 section 2.2). Of one that is
// not, nothing but that is said.
type Introspection struct {
	Active       bool          `json:"active"`
	Scope        string        `json:"scope,omitempty"` // what it is still good for
	ClientID     string        `json:"client_id,omitempty"`
	TokenType    string        `json:"token_type,omitempty"`
	Expires      int64         `json:"exp,omitzero"` // seconds since 1970, as the next
	IssuedAt     int64         `json:"iat,omitzero"`
	Subject      string        `json:"sub,omitempty"`
	Audience     string        `json:"aud,omitempty"`
	Issuer       string        `json:"iss,omitempty"`
	ID           string        `json:"jti,omitempty"`
	Confirmation *Confirmation `json:"cnf,omitempty"`
}

// Confirmation is what an access token is bound to (RFC 7800 section 3.1).
type Confirmation struct {
	KeyThumbprint         string `json:"jkt,omitempty"`      // RFC 9449 section 6.1
	CertificateThumbprint string `json:"x5t#S256,omitempty"` // RFC 8705 section 3.1
}

// Token is a successful answer of the token endpoint (RFC 6749 section 5.1).
type Token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	Scope       string `json:"scope"`
}
