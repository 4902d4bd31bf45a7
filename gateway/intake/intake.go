package intake

import (
	"countersign/consent"
	"countersign/models"
)

// Sizes of an upload and of the steps it is written in.
const (
	SmallRows      = 1000    // up to this many rows are written by the closing transaction itself
	ChunkRows      = 500     // rows of one transaction while a larger upload is staged
	DefaultMaxRows = 100_000 // rows of one call when Call.MaxRows does not say otherwise
	MaxCell        = 16 << 10
	MaxBatchName   = 128 // characters
)

// The scopes that intake asks for. A factory's report and a tenant's own devices are no
// grant's matter.
const (
	ScopeRegister = consent.GrantScopeDevicesRegister
	ScopeRemove   = consent.GrantScopeDevicesRemove
	ScopeReport   = consent.ScopeFactoryReport
	ScopeOwn      = consent.ScopeOwnDevices
)

// Caller is the authenticated client of a partner, or of the tenant itself.
type Caller struct {
	PartnerID   models.PartnerID // empty for a tenant's client
	PartnerKind models.PartnerKind
	ClientID    models.ClientID
}

// Call is everything about a call but its body.
type Call struct {
	Caller
	Tenant models.TenantID // empty for a build report
	// Grant is the one the caller means, when it has several of the tenant; empty takes
	// its own, else the only one that rests on another partner's.
	Grant models.GrantID
	// ExpectedDomain, if not empty, must be a verified domain of the tenant: a guard
	// against devices sent to the wrong customer.
	ExpectedDomain string

	// Append adds to an existing batch instead of creating one.
	Append bool
	// BatchName comes from the path or the query; empty means that the body names it.
	BatchName string

	// Method and Path, normalised, tell calls with the same Key apart.
	Method, Path string
	// Key is the caller's MS-RequestId or Idempotency-Key; empty means that a repeat
	// of this call is a new call.
	Key           string
	CorrelationID string

	// Strict refuses the whole call when the grant's device limit does not hold it.
	Strict bool
	// ValidateOnly asks what the call would do. Foresee answers it; a call that cannot be
	// foreseen is refused rather than carried out.
	ValidateOnly bool
	// Defaults fill the order data that rows leave empty.
	Defaults models.OrderData
	// SoldTo is the buyer of a build report's machines that state none.
	SoldTo string
	// MaxRows is the partner's limit for this kind of call; 0 means DefaultMaxRows.
	MaxRows int
}

// byOwner reports whether the tenant calls for itself: no grant, no batch.
func (c Call) byOwner() bool { return c.PartnerID == "" }

// Row is one device as the body states it, undecoded.
type Row struct {
	SerialNumber string
	ProductKey   string // expected: the 13 digits of a product key id
	HardwareHash string // base64
	HashText     []byte // the same in the Source's own memory, until its next call; in place of HardwareHash, from a Lender that was asked
	Manufacturer string
	Model        string
	Order        models.OrderData
	HasPolicies  bool // a non-empty list of profiles was sent

	// Of a factory's build report only.
	SoldTo   string // the partner the device was sold to, as the OEM names it
	KeyState string // OA3's ProductKeyState; empty means bound

	// Unreadable, if not empty, is a sentence that says why the row could not be
	// decoded; it is stored as outcome 801.
	Unreadable string
	// Warnings are sentences about what the reader of the body changed or ignored.
	Warnings []string
}

// Source yields the rows of a body as it arrives. It is used by one goroutine.
type Source interface {
	// Next returns the next row, io.EOF after the last, or why the container is
	// broken, best as an errs.Error.
	Next() (Row, error)
	// BatchName returns the batch name inside the body; valid after io.EOF.
	BatchName() string
	// Digest returns the SHA-256 over the decoded body. It reads and hashes the rest
	// of the body when Next was not called to the end.
	Digest() []byte
}

// Lender is a Source that need not copy hashes, which are nearly all of a body.
type Lender interface {
	// Lend has the source set HashText and not HardwareHash from here on.
	Lend()
}

// ReportSource is the Source of a factory's build report.
type ReportSource interface {
	Source
	// ReportID is the OEM's own id of the report (CustomerReportUniqueID), which makes
	// the call repeatable wherever in the body it stands; empty if the body states
	// none. Valid after io.EOF.
	ReportID() string
}

// Accepted is the answer to a call that was accepted.
type Accepted struct {
	TrackingID models.TrackingID
	Location   string // of the upload's status, relative and without a version: Partner Center's clients cut it apart
	Replayed   bool   // the answer of an earlier identical call
}
