package models

import "database/sql/driver"

// PersonRole is what a person may do in the name of the tenant.
type PersonRole string

// The values of PersonRole.
const (
	PersonAdmin    PersonRole = "admin"    // decides over consent, and over who else may
	PersonApprover PersonRole = "approver" // decides over consent and nothing else
)

// Valid reports whether the value is one of the above.
func (v PersonRole) Valid() bool {
	switch v {
	case PersonAdmin, PersonApprover:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v PersonRole) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *PersonRole) Scan(src any) error { return enumScan(v, src, PersonRole.Valid) }
