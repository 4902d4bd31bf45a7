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
