package models

import (
	"database/sql/driver"
	"time"
)

// TenantState is an operator's switch over a whole tenant.
type TenantState string

// The values of TenantState.
const (
	TenantActive    TenantState = "active"
	TenantSuspended TenantState = "suspended" // nothing is registered for it; an operator acts next
)

// Valid reports whether the value is one of the above.
func (v TenantState) Valid() bool {
	switch v {
	case TenantActive, TenantSuspended:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v TenantState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *TenantState) Scan(src any) error { return enumScan(v, src, TenantState.Valid) }

// Tenant is a customer.
type Tenant struct {
	ID        TenantID `gorm:"primaryKey"`
	Gate      int64    `gorm:"default:(-)"`
	Name      string
	State     TenantState
	Epoch     int64
	CreatedAt time.Time
}

// TenantDomain is a domain name proven to belong to a tenant.
type TenantDomain struct {
	Domain     string `gorm:"primaryKey"` // lower case
	TenantID   TenantID
	VerifiedAt time.Time
}
