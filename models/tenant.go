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

// IDProof says how a tenant's id came to be its own.
type IDProof string

// The values of IDProof.
const (
	IDIssued IDProof = "issued" // made here; nobody else uses it
	IDNamed  IDProof = "named"  // an operator wrote it; nobody signs in until the provider of that id proves it
	IDProven IDProof = "proven" // an ID token of the provider that gives out such ids carried it
)

// Valid reports whether the value is one of the above.
func (v IDProof) Valid() bool { return v == IDIssued || v == IDNamed || v == IDProven }

// Value refuses to write an unknown value.
func (v IDProof) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *IDProof) Scan(src any) error { return enumScan(v, src, IDProof.Valid) }

// Tenant is a customer.
type Tenant struct {
	ID        TenantID `gorm:"primaryKey"`
	Gate      int64    `gorm:"default:(-)"`
	Name      string
	State     TenantState
	Epoch     int64
	IDProof   IDProof `gorm:"column:id_proof;default:(-)"` // issued unless said otherwise
	CreatedAt time.Time
	Language  string     `gorm:"default:(-)"` // of mails to its people; English unless said otherwise
	ClaimedAt *time.Time // when its first admin signed in; from then on no operator speaks for it
}

// DomainProof says on whose word a domain belongs to a tenant.
type DomainProof string

// The values of DomainProof.
const (
	ProvenByOperator DomainProof = "operator" // an operator said so when it made the tenant
	ProvenByDNS      DomainProof = "dns"      // the tenant put our token into the domain's DNS
)

// Valid reports whether the value is one of the above.
func (v DomainProof) Valid() bool { return v == ProvenByOperator || v == ProvenByDNS }

// Value refuses to write an unknown value.
func (v DomainProof) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *DomainProof) Scan(src any) error { return enumScan(v, src, DomainProof.Valid) }

// TenantDomain is a domain name that belongs to a tenant, to one only.
type TenantDomain struct {
	Domain     string `gorm:"primaryKey"` // lower case
	TenantID   TenantID
	Proof      DomainProof `gorm:"default:(-)"` // the operator unless said otherwise
	VerifiedAt time.Time
}
