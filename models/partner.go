package models

import (
	"database/sql/driver"
	"time"
)

// PartnerKind says what an organisation is in the channel; it decides which device
// identifiers it may use.
type PartnerKind string

// The values of PartnerKind.
const (
	OEM              PartnerKind = "oem"               // builds devices; registers by product key id or tuple
	DirectReseller   PartnerKind = "direct_reseller"   // sells to customers
	IndirectProvider PartnerKind = "indirect_provider" // distributor; sells through resellers
	IndirectReseller PartnerKind = "indirect_reseller" // sells what a provider supplies
)

// Valid reports whether the value is one of the above.
func (v PartnerKind) Valid() bool {
	switch v {
	case OEM, DirectReseller, IndirectProvider, IndirectReseller:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v PartnerKind) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *PartnerKind) Scan(src any) error { return enumScan(v, src, PartnerKind.Valid) }

// PartnerState is an operator's switch over a whole partner.
type PartnerState string

// The values of PartnerState.
const (
	PartnerActive    PartnerState = "active"
	PartnerSuspended PartnerState = "suspended" // refused everywhere; an operator acts next
)

// Valid reports whether the value is one of the above.
func (v PartnerState) Valid() bool {
	switch v {
	case PartnerActive, PartnerSuspended:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v PartnerState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *PartnerState) Scan(src any) error { return enumScan(v, src, PartnerState.Valid) }

// Partner is an organisation that registers devices for customers.
type Partner struct {
	ID    PartnerID `gorm:"primaryKey"`
	Gate  int64     `gorm:"default:(-)"` // lock id of the gate; drawn by the database
	Kind  PartnerKind
	Name  string
	MPNID string `gorm:"column:mpn_id"` // partner network id as the partner states it; may be empty
	State PartnerState
	Epoch int64 // raised by every suspension; the core refuses older ones

	// Budgets override the server's defaults; nil means the default.
	DevicesPerHour       *int64 // devices, over all tenants
	TenantDevicesPerHour *int64 // devices for one tenant
	RequestsPerMinute    *int64 // requests of one OAuth client

	ContactEmail string // where notices go; empty for nowhere

	CreatedAt time.Time
}
