package models

import (
	"database/sql/driver"
	"time"
)

// The rows of the core's own database. Nothing here is shared with the gateway's
// tables, and no transaction spans both.

// RegistrationState is the life of a registration. It never becomes active again:
// a device that comes back gets a new registration, and a new device id.
type RegistrationState string

// The values of RegistrationState.
const (
	RegistrationActive RegistrationState = "active"
	RegistrationEnded  RegistrationState = "ended" // removed; the identity stays known
)

// Valid reports whether the value is one of the above.
func (v RegistrationState) Valid() bool {
	return v == RegistrationActive || v == RegistrationEnded
}

// Value refuses to write an unknown value.
func (v RegistrationState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *RegistrationState) Scan(src any) error { return enumScan(v, src, RegistrationState.Valid) }

// DeviceEventKind says what happened to a device.
type DeviceEventKind string

// The values of DeviceEventKind.
const (
	DeviceRegistered DeviceEventKind = "registered"
	DeviceSeen       DeviceEventKind = "seen"      // submitted again for the tenant that has it (806)
	DeviceContested  DeviceEventKind = "contested" // submitted for another tenant and refused (808)
	DeviceAttention  DeviceEventKind = "attention" // a capture conflicts with it and was refused (9003)
	DeviceRemoved    DeviceEventKind = "removed"

	DeviceReported   DeviceEventKind = "reported"   // a factory's report spoke of it
	DeviceSuperseded DeviceEventKind = "superseded" // a newer report of the same factory took its place
	DeviceWithdrawn  DeviceEventKind = "withdrawn"  // its factory got the product key back

	DeviceReplaced DeviceEventKind = "replaced" // a repair put other hardware in its place
	DeviceSettled  DeviceEventKind = "settled"  // a person settled a case that involved it
)

// Valid reports whether the value is one of the above.
func (v DeviceEventKind) Valid() bool {
	switch v {
	case DeviceRegistered, DeviceSeen, DeviceContested, DeviceAttention, DeviceRemoved,
		DeviceReported, DeviceSuperseded, DeviceWithdrawn, DeviceReplaced, DeviceSettled:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v DeviceEventKind) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *DeviceEventKind) Scan(src any) error { return enumScan(v, src, DeviceEventKind.Valid) }

// Retirement says why an identity is no longer looked for. It is never undone:
// hardware that comes back is learned as a new identity.
type Retirement string

// The values of Retirement.
const (
	NotRetired        Retirement = ""
	RetiredSuperseded Retirement = "superseded" // a newer report of its factory took its place
	RetiredWithdrawn  Retirement = "withdrawn"  // its factory got the product key back
	RetiredReplaced   Retirement = "replaced"   // a repair put other hardware in its place
)

// Valid reports whether the value is one of the above.
func (v Retirement) Valid() bool {
	switch v {
	case NotRetired, RetiredSuperseded, RetiredWithdrawn, RetiredReplaced:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v Retirement) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *Retirement) Scan(src any) error { return enumScan(v, src, Retirement.Valid) }

// IDSeries hands out identity numbers in blocks, so that bulk inserts know them
// beforehand and no transaction waits for another's counter.
type IDSeries struct {
	Name   string `gorm:"primaryKey"`
	NextID int64
}

// TableName keeps the initialism together.
func (IDSeries) TableName() string { return "id_series" }

// Identity is what is known of one device: the cleaned values of its last
// capture, empty when unknown. It outlives every registration.
type Identity struct {
	ID           int64  `gorm:"primaryKey;autoIncrement:false"`
	EKDigest     []byte `gorm:"column:ek_digest"` // SHA-256 of the TPM's endorsement key; nil when unknown
	SMBIOSUUID   []byte `gorm:"column:smbios_uuid"`
	MACs         []byte `gorm:"column:macs"` // fixed adapters, six bytes each, ascending
	Manufacturer string
	Product      string
	Serial       string
	SystemDisk   string    // text of the system disk: serial, product and vendor
	ProductKey   string    // product key id (PKID)
	ReportedBy   PartnerID // who made it known; of a factory record the OEM
	CreatedAt    time.Time
	CapturedAt   time.Time // when the values were last taken from a hash

	// The newest factory report that spoke of the device, by its place among all
	// reports; an empty tracking id says that none did.
	ReportTrackingID TrackingID
	ReportRow        int
	SoldTo           PartnerID // whom the factory sold it to; empty when it did not say

	RetiredAt *time.Time
	RetiredAs Retirement
}

// FactoryStatement is the newest word of a factory about one identifier, whatever
// became of the record. It lets reports be executed in any order: a report that
// is not the newest word about each of its identifiers is out of date.
type FactoryStatement struct {
	Key        []byte    `gorm:"primaryKey"` // kind of identifier (E, U, S or K) and value, as in the matcher
	PartnerID  PartnerID `gorm:"primaryKey"`
	TrackingID TrackingID
	Ordinal    int
}

// IdentityHash holds the bytes of the capture an Identity was last taken from.
type IdentityHash struct {
	IdentityID int64  `gorm:"primaryKey;autoIncrement:false"`
	Digest     []byte // SHA-256 of Hash
	Hash       []byte // zero tail cut
}

// IdentityKey leads from a value to the identities that may hold it. The key is
// lossy: a hit is always verified against the Identity.
type IdentityKey struct {
	Key        int64 `gorm:"primaryKey;autoIncrement:false"`
	IdentityID int64 `gorm:"primaryKey;autoIncrement:false"`
}

// Registration binds a device to a tenant. Its id is the device id everywhere.
type Registration struct {
	ID           DeviceID `gorm:"primaryKey"`
	IdentityID   int64
	TenantID     TenantID
	State        RegistrationState
	Authority    AuthorityKind
	PartnerID    PartnerID // who registered it; empty when the tenant itself did
	ClientID     ClientID
	GrantID      GrantID // empty when the tenant itself did
	TrackingID   TrackingID
	Ordinal      int // row of the upload
	GroupTag     string
	OrderData    *string // JSON of OrderData without the group tag; nil when none was sent
	RegisteredAt time.Time
	Quality      HashQuality // of the hash it was registered by
	HashMadeAt   *time.Time  // when that hash says it was captured; nil when it does not say
	EndedAt      *time.Time
	Last         LastKnown `gorm:"embedded;embeddedPrefix:last_"`
}

// LastKnown is what was known of a device when its registration ended; empty while
// it is active. The identity goes on and takes the values that its next owner
// captures, which are not for the former one to see.
type LastKnown struct {
	Manufacturer string
	Product      string
	Serial       string
	ProductKey   string
	CapturedAt   *time.Time
}

// RegistrationAnchor says which identity, actively registered or a live factory
// record, owns an anchor. The primary key is the one arbiter between racing
// transactions.
type RegistrationAnchor struct {
	Kind       string `gorm:"primaryKey"` // E: EK digest, U: SMBIOS UUID, S: manufacturer, product and serial
	Key        []byte `gorm:"primaryKey"`
	IdentityID int64
}

// StoredAnswer is the core's word on a row of an upload. With Absent it is a
// tombstone: the core had no answer when asked and will never execute the row.
type StoredAnswer struct {
	TrackingID TrackingID `gorm:"primaryKey"`
	Ordinal    int        `gorm:"primaryKey;autoIncrement:false"`
	Code       OutcomeCode
	Detail     string // empty stands for the outcome's standard sentence
	DeviceID   DeviceID
	Absent     bool
	AnsweredAt time.Time
	Record     RecordClaim `gorm:"not null"`
}

// TableName names what the rows are, not how they are kept.
func (StoredAnswer) TableName() string { return "answers" }

// MissedKey is a product key id, as a look-up key, that a partner named and that no
// known device stated then.
type MissedKey struct {
	PartnerID PartnerID `gorm:"primaryKey"`
	Key       int64     `gorm:"primaryKey;autoIncrement:false"`
	MissedAt  time.Time
}

// CoreFence is the core's own word on a stopped subject: work whose epoch of it
// is older than MinEpoch is refused for ever.
type CoreFence struct {
	Kind      SubjectKind `gorm:"primaryKey"`
	SubjectID string      `gorm:"primaryKey"`
	MinEpoch  int64
	SetAt     time.Time
}

// TableName is the same word as in the gateway's schema, for the other side of
// the same fence.
func (CoreFence) TableName() string { return "fences" }

// DeviceEvent is one entry of a device's append-only history. Tenant and partner
// are those of the caller, of a settlement those of the device's owner, so entries
// of different tenants stand side by side: a reader must show each caller its own
// only.
type DeviceEvent struct {
	ID         int64 `gorm:"primaryKey"`
	IdentityID int64
	DeviceID   DeviceID
	Kind       DeviceEventKind
	TenantID   TenantID
	PartnerID  PartnerID
	ClientID   ClientID
	GrantID    GrantID
	TrackingID TrackingID
	Ordinal    int
	Reason     string // rule of the verdict, in words of the matcher; may be empty
	At         time.Time

	// Why the row was matched to this device or not: rule, then the identifiers that
	// agree, that conflict and that are unknown by their letters, then t for a match
	// without TPM evidence, parted by colons. Empty when nothing was compared.
	Why         string
	OtherDevice DeviceID // the successor, the predecessor, or where the parts came from
	CaseID      CaseID   // the attention case it is about
}

// HashQuality is what a hash was worth as evidence, as a set of bits: the flags
// below, then for each critical field one bit that it was missing and one that it
// held a placeholder. Zero says that there was no hash.
type HashQuality int64

// The flags.
const (
	QualityKnown      HashQuality = 1 << iota // there was a hash
	QualityTPMSeen                            // it states a TPM's endorsement key
	QualityNotFullOS                          // captured in Windows PE, which sees fewer parts
	QualityFieldShift = 8                     // where the bits of the fields begin
)
