package intake

import (
	"time"

	"countersign/models"
)

// Scope says whose records a reader may see: those of a partner, of a tenant, or of
// a partner at one tenant. One of the two is always set.
type Scope struct {
	Partner models.PartnerID
	Tenant  models.TenantID
}

// UploadStatus is an upload as its readers see it.
type UploadStatus struct {
	models.Upload
	BatchName string // empty for an upload without batch
}

// RowStatus is a row as its readers see it: its stored outcome, or 9002 when it lies
// past the upload's cut, or still open.
type RowStatus struct {
	Ordinal  int
	Identity models.DeviceIdentity // as sent; the hash itself is never given back
	Order    models.OrderData
	State    models.UploadState // queued, processing, finished or finished_with_errors
	Outcome  models.Outcome     // meaningful once State is finished or finished_with_errors
	Sentence string             // what happened, in plain words; empty while open
	Warnings []string
	DeviceID models.DeviceID // empty unless known
	Replaces models.DeviceID // of a replacement: the registration that goes
	// SettledAt is nil while the row is open.
	SettledAt *time.Time
}

// Device is a registered device of a batch.
type Device struct {
	ID           models.DeviceID
	Identity     models.DeviceIdentity // without hash
	RegisteredAt time.Time
}

// Page asks for a part of a list.
type Page struct {
	Cursor string // empty for the first page
	Limit  int    // 0 means 100; at most 1000 are given
}

// UploadFilter narrows a list of uploads. Zero fields do not narrow.
type UploadFilter struct {
	State         models.UploadState
	Kind          models.UploadKind
	Since         time.Time // accepted at or after
	Until         time.Time // accepted before
	Batch         string
	Order         string // an order, delivery note or reference of any row: whole, without case
	RequestID     string
	CorrelationID string
	ReportID      string
}

// RowFilter narrows the rows of an upload. Zero fields do not narrow.
type RowFilter struct {
	Class        models.OutcomeClass // or OpenRows, or FailedRows
	ErrorCode    models.OutcomeCode
	SerialNumber string
	ProductKey   string
}

// OpenRows selects, beside the outcome classes, rows without an outcome.
const OpenRows models.OutcomeClass = "open"

// FailedRows selects rows with an outcome that is not done, whatever its class.
const FailedRows models.OutcomeClass = "failed"
