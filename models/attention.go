package models

import (
	"database/sql/driver"
	"time"
)

// CaseID names an attention case.
type CaseID string

// Settlement is a person's word on an attention case.
type Settlement string

// The values of Settlement.
const (
	SettledSame      Settlement = "same"      // the capture and the known device are one
	SettledDifferent Settlement = "different" // they are two; the pair is never compared again
	SettledReplaces  Settlement = "replaces"  // a repair: the capture is what the known device is now
)

// Valid reports whether the value is one of the above.
func (v Settlement) Valid() bool {
	switch v {
	case SettledSame, SettledDifferent, SettledReplaces:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v Settlement) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *Settlement) Scan(src any) error { return enumScan(v, src, Settlement.Valid) }

// Settler is who may settle a case. A case that touches several owners is an
// operator's, so that none of them decides about another's device.
type Settler string

// The values of Settler.
const (
	SettlerCustomer     Settler = "customer"
	SettlerManufacturer Settler = "manufacturer" // the OEM, among its own records
	SettlerOperator     Settler = "operator"
)

// Valid reports whether the value is one of the above.
func (v Settler) Valid() bool {
	switch v {
	case SettlerCustomer, SettlerManufacturer, SettlerOperator:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v Settler) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *Settler) Scan(src any) error { return enumScan(v, src, Settler.Valid) }

// Settling is a person's decision on its way to the core. It is idempotent: the
// same decision again changes nothing, another one is refused.
type Settling struct {
	Case      CaseID
	As        Settlement
	Device    DeviceID // the registration that is meant, when the case involves several
	Note      string
	Authority Authority // ByTenant, ByFactory or ByOperator; its NotAfter holds as for a Submission
	At        time.Time // set by the core
}

// CaseState is the life of an attention case.
type CaseState string

// The values of CaseState. A settled case stays settled.
const (
	CaseOpen    CaseState = "open"
	CaseSettled CaseState = "settled"
)

// Valid reports whether the value is one of the above.
func (v CaseState) Valid() bool { return v == CaseOpen || v == CaseSettled }

// Value refuses to write an unknown value.
func (v CaseState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *CaseState) Scan(src any) error { return enumScan(v, src, CaseState.Valid) }

// AttentionCase is a conflict that a person must settle: a capture, or a claim
// without one, that the rules could neither match nor tell apart.
type AttentionCase struct {
	ID          CaseID `gorm:"primaryKey"`
	State       CaseState
	Settler     Settler
	SettlerID   string // the tenant or partner that may settle; empty when only an operator may
	Fingerprint []byte // digest of submitter, capture, reason and the identities involved
	Rule        int    // of the matcher; 0 when no rule about hardware decided
	Reason      string // in words of the matcher

	// Who submitted what conflicts, and by which row the first time.
	Authority  AuthorityKind
	TenantID   TenantID // empty for a factory's report
	PartnerID  PartnerID
	ClientID   ClientID
	GrantID    GrantID
	TrackingID TrackingID
	Ordinal    int
	Rows       string // other rows of the upload, when the conflict is among rows

	Times      int // how often it was submitted
	OpenedAt   time.Time
	LastSeenAt time.Time

	SettledAt     *time.Time
	SettledAs     *Settlement
	SettledBy     AuthorityKind
	SettledByID   ClientID
	SettledDevice DeviceID // the registration that was meant
	ResultDevice  DeviceID // the registration that a replacement made
	Note          string
}

// CaseCapture holds the hash bytes of a case's capture; a case about a claim by
// product key id or tuple has none.
type CaseCapture struct {
	CaseID CaseID `gorm:"primaryKey"`
	Digest []byte // SHA-256 of Hash
	Hash   []byte // zero tail cut
}

// CaseParty is a known device that is involved in a case, as it stood when the
// case was opened.
type CaseParty struct {
	CaseID     CaseID    `gorm:"primaryKey"`
	IdentityID int64     `gorm:"primaryKey;autoIncrement:false"`
	DeviceID   DeviceID  // its registration; empty when it was registered to nobody
	TenantID   TenantID  // of the registration
	PartnerID  PartnerID // who registered it, or else reported it
	Why        string    // the comparison with the capture, as in DeviceEvent
}

// SettledPair says that two identities are different devices, by a person's word.
type SettledPair struct {
	Low       int64 `gorm:"primaryKey;autoIncrement:false"` // the lower identity number
	High      int64 `gorm:"primaryKey;autoIncrement:false"`
	CaseID    CaseID
	SettledAt time.Time
}
