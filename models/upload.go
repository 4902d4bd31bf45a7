package models

import (
	"database/sql/driver"
	"time"
)

// UploadKind says what the rows of an upload ask for.
type UploadKind string

// The values of UploadKind.
const (
	UploadRegister UploadKind = "register"
	UploadRemove   UploadKind = "remove"
	UploadReport   UploadKind = "report"  // an OEM's build report; of no tenant, batch or grant
	UploadReplace  UploadKind = "replace" // a repair: the row's hash is what a registered device is now
)

// Valid reports whether the value is one of the above.
func (v UploadKind) Valid() bool {
	switch v {
	case UploadRegister, UploadRemove, UploadReport, UploadReplace:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v UploadKind) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *UploadKind) Scan(src any) error { return enumScan(v, src, UploadKind.Valid) }

// UploadState is the life of an upload; the names other than receiving are Partner
// Center's.
type UploadState string

// The values of UploadState.
const (
	UploadReceiving          UploadState = "receiving" // rows are being staged; invisible
	UploadQueued             UploadState = "queued"
	UploadProcessing         UploadState = "processing"
	UploadFinished           UploadState = "finished"
	UploadFinishedWithErrors UploadState = "finished_with_errors"
)

// Valid reports whether the value is one of the above.
func (v UploadState) Valid() bool {
	switch v {
	case UploadReceiving, UploadQueued, UploadProcessing, UploadFinished, UploadFinishedWithErrors:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v UploadState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *UploadState) Scan(src any) error { return enumScan(v, src, UploadState.Valid) }

// DispatchState is the life of a unit of forwarding.
type DispatchState string

// The values of DispatchState.
const (
	DispatchReady   DispatchState = "ready"   // a worker acts next, at RunAt
	DispatchLeased  DispatchState = "leased"  // a worker holds it until LeaseUntil
	DispatchStopped DispatchState = "stopped" // an operator acts next
	DispatchDone    DispatchState = "done"
)

// Valid reports whether the value is one of the above.
func (v DispatchState) Valid() bool {
	switch v {
	case DispatchReady, DispatchLeased, DispatchStopped, DispatchDone:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v DispatchState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *DispatchState) Scan(src any) error { return enumScan(v, src, DispatchState.Valid) }

// IdempotencyState is the life of a repeatable call.
type IdempotencyState string

// The values of IdempotencyState.
const (
	IdempotencyRunning IdempotencyState = "running" // the first call is under way until LeaseUntil
	IdempotencyDone    IdempotencyState = "done"    // the stored answer is given again
)

// Valid reports whether the value is one of the above.
func (v IdempotencyState) Valid() bool {
	switch v {
	case IdempotencyRunning, IdempotencyDone:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v IdempotencyState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *IdempotencyState) Scan(src any) error { return enumScan(v, src, IdempotencyState.Valid) }

// Batch is a set of devices named by the partner, per tenant.
type Batch struct {
	ID           int64 `gorm:"primaryKey"`
	PartnerID    PartnerID
	TenantID     TenantID
	Name         string // as the partner wrote it
	FoldedName   string // for comparison without case, computed in Go
	DevicesCount int64  // registered through this batch
	CreatedAt    time.Time
}

// Upload is one create, append or removal call, or one build report, with its
// ordered rows.
type Upload struct {
	ID         int64 `gorm:"primaryKey"`
	TrackingID TrackingID
	Kind       UploadKind
	PartnerID  PartnerID // empty when the tenant itself sent it
	TenantID   TenantID  // empty for a report
	ClientID   ClientID
	BatchID    *int64  // nil while receiving, for a report, and for what a tenant itself sent
	GrantID    GrantID // empty for a report and for what a tenant itself sent
	State      UploadState
	StagedOn   time.Time `gorm:"type:date"` // partition of the hash bytes: the UTC day the upload began

	RowCount   int
	CutOrdinal *int // rows with a higher ordinal are outside the grant's device limit (9002)
	OpenRows   int  // rows without an outcome
	ErrorRows  int  // rows with an error code, whatever its class: Partner Center's finished_with_errors

	RequestID     string // MS-RequestId or Idempotency-Key as sent; may be empty
	CorrelationID string
	ReportID      string // an OEM's own id of a build report (CustomerReportUniqueID); else empty

	Voids TrackingID // the upload whose registrations this one ends; empty for every other

	CreatedAt   time.Time
	AcceptedAt  *time.Time
	StartedAt   *time.Time
	CompletedAt *time.Time
}

// UploadRow is one device of an upload. Its hash bytes, while it is in flight,
// are in UploadHash: state that changes never shares a row with bytes.
type UploadRow struct {
	UploadID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Ordinal      int   `gorm:"primaryKey;autoIncrement:false"` // 1-based, input order
	SerialNumber *string
	ProductKey   *string // product key id (PKID), never a 5x5 key
	Manufacturer *string
	Model        *string
	OrderData    *string // JSON of OrderData; nil when none was sent
	HashDigest   []byte  // SHA-256 of the hash bytes; nil without a hash
	Warnings     *string // JSON array of sentences about what was trimmed or ignored
	SettledAt    *time.Time
	ErrorCode    OutcomeCode // empty: registered
	Detail       string      // the sentence for this row, safe for the partner
	DeviceID     *DeviceID

	Replaces *DeviceID // of a replacement: the registration that goes

	// Of a build report only.
	SoldTo   *string // the partner the machine was sold to; nil when the factory does not say
	Returned bool    // the product key was returned
}

// UploadReference says that an upload is about an order, delivery note or reference
// of the sender.
type UploadReference struct {
	UploadID  int64  `gorm:"primaryKey;autoIncrement:false"`
	Digest    []byte `gorm:"primaryKey"` // 16 bytes of the folded value's SHA-256
	PartnerID PartnerID
	TenantID  TenantID
}

// UploadHash holds the decoded bytes of a row's hash until the row is settled.
type UploadHash struct {
	StagedOn time.Time `gorm:"primaryKey;type:date"`
	UploadID int64     `gorm:"primaryKey;autoIncrement:false"`
	Ordinal  int       `gorm:"primaryKey;autoIncrement:false"`
	Hash     []byte    // zero tail cut
}

// Dispatch is the unit of forwarding: the unsettled rows of one upload between
// two ordinals, at most DispatchRows of them.
type Dispatch struct {
	ID           int64 `gorm:"primaryKey"`
	UploadID     int64
	Kind         UploadKind
	PartnerID    PartnerID
	TenantID     TenantID
	ClientID     ClientID
	GrantID      GrantID
	GrantEpoch   int64
	GrantVersion int64 `gorm:"default:1"` // of the grant whose counters it uses, when it was let through last
	FirstOrdinal int
	LastOrdinal  int
	State        DispatchState
	Attempt      int  // counted at the claim; the fence of a settling worker
	Crashes      int  // leases that ran out; a worker died over it, or could not reach the database
	EverSent     bool // the core may hold answers for it: resolve before giving up
	Worker       string
	RunAt        time.Time
	LeaseUntil   *time.Time
	LastError    string
	CreatedAt    time.Time
	DoneAt       *time.Time
}

// DispatchRows is the most rows a dispatch holds.
const DispatchRows = 500

// IdempotencyKey is a call that may be repeated: partner, method, normalised
// path and the caller's request id, under one digest.
type IdempotencyKey struct {
	PartnerID  PartnerID `gorm:"primaryKey"`
	KeyDigest  []byte    `gorm:"primaryKey"`
	State      IdempotencyState
	Owner      string // who runs the first call; its fence
	LeaseUntil time.Time
	BodyDigest []byte // SHA-256 over the decoded body; nil while running
	TrackingID *TrackingID
	Location   string
	CreatedAt  time.Time
}
