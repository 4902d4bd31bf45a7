package models

// The lock classes of the gate, in the one order in which everybody takes them.
// A change of state takes its own subject's lock exclusively; whoever lets work
// through takes all that apply shared.
const (
	GateOfPartner int32 = 1 + iota
	GateOfClient
	GateOfTenant
	GateOfGrant
)
