package models

import (
	"database/sql/driver"
	"time"
)

// RequestState is the life of a consent request; only pending can change.
type RequestState string

// The values of RequestState.
const (
	RequestPending   RequestState = "pending" // the customer acts next
	RequestGranted   RequestState = "granted"
	RequestDeclined  RequestState = "declined"
	RequestWithdrawn RequestState = "withdrawn" // by the partner
	RequestExpired   RequestState = "expired"   // nobody decided in time; the partner may ask again
)

// Valid reports whether the value is one of the above.
func (v RequestState) Valid() bool {
	switch v {
	case RequestPending, RequestGranted, RequestDeclined, RequestWithdrawn, RequestExpired:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v RequestState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *RequestState) Scan(src any) error { return enumScan(v, src, RequestState.Valid) }

// GrantState is the life of a grant. A grant never leaves revoked or expired: a new
// yes is a new grant.
type GrantState string

// The values of GrantState.
const (
	GrantActive    GrantState = "active"
	GrantSuspended GrantState = "suspended" // the customer acts next
	GrantRevoking  GrantState = "revoking"  // nothing new is accepted; the core has not acknowledged the fence yet
	GrantRevoked   GrantState = "revoked"
	GrantExpired   GrantState = "expired"
)

// Valid reports whether the value is one of the above.
func (v GrantState) Valid() bool {
	switch v {
	case GrantActive, GrantSuspended, GrantRevoking, GrantRevoked, GrantExpired:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v GrantState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *GrantState) Scan(src any) error { return enumScan(v, src, GrantState.Valid) }

// ActorKind says who did something.
type ActorKind string

// The values of ActorKind.
const (
	ActorCustomer ActorKind = "customer"
	ActorPartner  ActorKind = "partner"
	ActorOperator ActorKind = "operator"
	ActorSystem   ActorKind = "system" // a clock or a comparison with the core
)

// Valid reports whether the value is one of the above.
func (v ActorKind) Valid() bool {
	switch v {
	case ActorCustomer, ActorPartner, ActorOperator, ActorSystem:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v ActorKind) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *ActorKind) Scan(src any) error { return enumScan(v, src, ActorKind.Valid) }

// ConsentSubject says what an entry of the history is about.
type ConsentSubject string

// The values of ConsentSubject.
const (
	SubjectRequest ConsentSubject = "request"
	SubjectGrant   ConsentSubject = "grant"
)

// Valid reports whether the value is one of the above.
func (v ConsentSubject) Valid() bool {
	switch v {
	case SubjectRequest, SubjectGrant:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v ConsentSubject) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *ConsentSubject) Scan(src any) error { return enumScan(v, src, ConsentSubject.Valid) }

// ConsentRequest is a partner's question to a tenant.
type ConsentRequest struct {
	ID          RequestID `gorm:"primaryKey"`
	PartnerID   PartnerID
	TenantRef   string    // tenant id or domain as the partner wrote it
	TenantID    *TenantID // the tenant meant; nil when the reference names nobody known
	State       RequestState
	Purpose     string
	Reference   string // the partner's order or contract reference; may be empty
	Scopes      string // space separated grant scopes
	DeviceLimit *int64 // devices; nil means no limit
	GrantLists  `gorm:"embedded"`
	Amends      *GrantID // the grant whose terms it asks to change; nil asks for a grant
	Derives     *GrantID // another partner's grant under which it asks to act; nil for the partner's own
	GrantUntil  time.Time
	ExpiresAt   time.Time // until when the question itself stands
	CreatedBy   ClientID
	CreatedAt   time.Time
	DecidedAt   *time.Time
	GrantID     *GrantID

	LinkDigest []byte     // SHA-256 of the secret in the link; nil once decided
	LinkUntil  *time.Time // until when the link opens the request
	Reminders  int        // how often the partner reminded the tenant
	RemindedAt *time.Time
	Muted      bool // the tenant had blocked the partner; it is never shown to the tenant
}

// ConsentAsker is the row whose lock keeps the counting of a partner's requests exact.
type ConsentAsker struct {
	PartnerID PartnerID `gorm:"primaryKey"`
	AskedAt   time.Time
}

// PartnerBlock says that a tenant does not want to be asked by a partner.
type PartnerBlock struct {
	TenantID  TenantID  `gorm:"primaryKey"`
	PartnerID PartnerID `gorm:"primaryKey"`
	Reason    string
	CreatedBy string // client id or person id
	CreatedAt time.Time
}

// DecisionKind says what was decided.
type DecisionKind string

// The values of DecisionKind.
const (
	DecisionGranted  DecisionKind = "granted"
	DecisionDeclined DecisionKind = "declined"
	DecisionWidened  DecisionKind = "widened"
	DecisionRenewed  DecisionKind = "renewed"
)

// Valid reports whether the value is one of the above.
func (v DecisionKind) Valid() bool {
	switch v {
	case DecisionGranted, DecisionDeclined, DecisionWidened, DecisionRenewed:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v DecisionKind) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *DecisionKind) Scan(src any) error { return enumScan(v, src, DecisionKind.Valid) }

// ConsentDecision is the frozen record of a decision: who decided what, in which
// words, and how that person had proven who it is. It is append-only.
type ConsentDecision struct {
	ID          string `gorm:"primaryKey"`
	Decision    DecisionKind
	RequestID   *RequestID // the request that was answered; nil if there was none
	GrantID     *GrantID   // nil for a no
	PartnerID   PartnerID
	TenantID    TenantID
	Scopes      string
	DeviceLimit *int64
	ExpiresAt   time.Time // of the permission that was given or asked for

	Language       string
	WordingVersion string
	Wording        string // the words for what was decided
	WordingDigest  string // SHA-256 of them, in hexadecimal digits
	ShownDigest    string // of the words on the page the person answered; empty without a page

	ActorID     string    // person id or client id
	PersonID    *PersonID // nil for a client of the tenant
	PersonName  string
	PersonRole  string
	Issuer      string
	Subject     string
	ACR         string     `gorm:"column:acr"`
	AMR         string     `gorm:"column:amr"` // space separated
	AuthTime    *time.Time // nil for a client
	HTTPRequest string
	At          time.Time
}

// Grant is a tenant's registration authorization for one partner.
type Grant struct {
	ID        GrantID `gorm:"primaryKey"`
	Gate      int64   `gorm:"default:(-)"`
	RequestID *RequestID
	PartnerID PartnerID
	TenantID  TenantID
	State     GrantState
	Epoch     int64 // raised by revoke, suspend, resume and narrowing; the core refuses older ones
	Version   int64 `gorm:"default:1"` // of its terms, from 1: the newest row of GrantVersion
	Scopes    string

	// DerivedFrom is the grant of another partner that this one rests on: its limits
	// and its counters are that grant's, and it ends with it. LinkID says why.
	DerivedFrom *GrantID
	LinkID      *LinkID

	DeviceLimit     *int64 // devices; nil means no limit
	DevicesReserved int64  // accepted, outcome open; of a derived grant its part of the parent's
	DevicesUsed     int64  // registered; of a derived grant its part of the parent's
	GrantLists      `gorm:"embedded"`

	// Devices that were reserved when the device limit was lowered, by the version
	// RecountVersion, and have not been counted against the new limit yet.
	DevicesRecount int64
	RecountVersion int64 `gorm:"default:1"`

	LastUsedAt *time.Time // when rows were accepted last
	Last       LastDevice `gorm:"embedded;embeddedPrefix:last_"`

	ExpiresAt time.Time
	CreatedAt time.Time
	EndedAt   *time.Time
	EndedBy   *ActorKind
	EndReason *string
}

// GrantLists are the limits of a grant that name what is allowed. nil means no
// limit; a list is never empty.
type GrantLists struct {
	Manufacturers  TextList // as the decoded or found hash states them, compared cleaned and without case
	GroupTags      TextList // exact
	PurchaseOrders TextList // exact
}

// LastDevice is the last device that was registered under a grant, known for good
// once the core has acknowledged that nothing can follow; all nil before, and when
// there was none.
type LastDevice struct {
	TrackingID   *TrackingID
	Row          *int
	DeviceID     *DeviceID
	RegisteredAt *time.Time // the core's clock
}

// GrantChange says how a version of a grant differs from the one before.
type GrantChange string

// The values of GrantChange.
const (
	GrantGiven    GrantChange = "given"
	GrantNarrowed GrantChange = "narrowed"
	GrantWidened  GrantChange = "widened"
	GrantChanged  GrantChange = "changed" // narrower in one thing and wider in another
	GrantRenewed  GrantChange = "renewed" // nothing but a later expiry
)

// Valid reports whether the value is one of the above.
func (v GrantChange) Valid() bool {
	switch v {
	case GrantGiven, GrantNarrowed, GrantWidened, GrantChanged, GrantRenewed:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v GrantChange) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *GrantChange) Scan(src any) error { return enumScan(v, src, GrantChange.Valid) }

// GrantVersion is what a grant said from At until the next version. It is
// append-only.
type GrantVersion struct {
	GrantID     GrantID `gorm:"primaryKey"`
	Version     int64   `gorm:"primaryKey;autoIncrement:false"`
	Change      GrantChange
	Epoch       int64 // of the grant after the change
	Scopes      string
	DeviceLimit *int64
	GrantLists  `gorm:"embedded"`
	ExpiresAt   time.Time
	RequestID   *RequestID // the request that was answered with it; nil when the tenant acted by itself
	EvidenceID  *string    // the record of the person's decision; nil for a client
	Actor       ActorKind
	ActorID     string
	Reason      string
	HTTPRequest string
	At          time.Time
}

// LinkState is the life of a PartnerLink.
type LinkState string

// The values of LinkState.
const (
	LinkPending LinkState = "pending" // the provider, or an operator for it, acts next
	LinkActive  LinkState = "active"
	LinkEnded   LinkState = "ended"
)

// Valid reports whether the value is one of the above.
func (v LinkState) Valid() bool { return v == LinkPending || v == LinkActive || v == LinkEnded }

// Value refuses to write an unknown value.
func (v LinkState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *LinkState) Scan(src any) error { return enumScan(v, src, LinkState.Valid) }

// PartnerLink says that an indirect provider acts for an indirect reseller. Grants
// of the reseller that are given while it is active let the provider act too.
type PartnerLink struct {
	ID         LinkID `gorm:"primaryKey"`
	ResellerID PartnerID
	ProviderID PartnerID
	State      LinkState
	CreatedBy  string // client id, or the operator's name
	CreatedAt  time.Time
	AcceptedBy *string
	AcceptedAt *time.Time
	EndedBy    *ActorKind
	EndedAt    *time.Time
}

// ConsentEvent is one entry of the append-only history of a request or grant.
type ConsentEvent struct {
	ID          int64 `gorm:"primaryKey"`
	Subject     ConsentSubject
	SubjectID   string
	PartnerID   PartnerID
	TenantID    *TenantID
	FromState   string // empty for the first entry
	ToState     string
	Epoch       int64 // the grant's epoch after the change; 0 for a request
	Actor       ActorKind
	ActorID     string // client id, or the operator's name
	Reason      string
	HTTPRequest string // request id of the call, to find it in the log
	At          time.Time
}

// Fence is a stop the core must acknowledge: it refuses work whose epoch of this
// subject is older than MinEpoch. Kept until acknowledged, and after that for
// comparison with the core.
type Fence struct {
	Kind      SubjectKind `gorm:"primaryKey"`
	SubjectID string      `gorm:"primaryKey"`
	MinEpoch  int64
	AckedAt   *time.Time
	Attempts  int
	NextAt    time.Time
	LastError string
	CreatedAt time.Time
}
