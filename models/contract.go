package models

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// The contract between gateway and core. The core is idempotent by (upload,
// row): both are fixed when the gateway accepts an upload, so a dispatch may be
// sent again, split or regrouped freely.

// SubjectKind is a kind of thing whose right can be stopped.
type SubjectKind string

// The subjects a fence can name, from the widest to the narrowest.
const (
	SubjectOfPartner SubjectKind = "partner"
	SubjectOfClient  SubjectKind = "client"
	SubjectOfTenant  SubjectKind = "tenant"
	SubjectOfGrant   SubjectKind = "grant"
)

// AuthorityKind says on whose word a device changes.
type AuthorityKind string

// The authorities.
const (
	ByGrant   AuthorityKind = "grant"   // a partner, under a tenant's grant
	ByTenant  AuthorityKind = "tenant"  // the tenant itself
	ByFactory AuthorityKind = "factory" // an OEM's report; belongs to no tenant

	ByOperator AuthorityKind = "operator" // who runs the service; settles what no tenant may
)

// SubjectEpoch is the epoch under which the gateway let work through.
type SubjectEpoch struct {
	Kind  SubjectKind
	ID    string
	Epoch int64
}

// Authority travels with every call that changes something. The core refuses it
// when any epoch is below its fence for that subject, or after NotAfter by the
// core's own clock.
type Authority struct {
	Kind      AuthorityKind
	PartnerID PartnerID
	ClientID  ClientID
	TenantID  TenantID
	GrantID   GrantID
	Epochs    []SubjectEpoch
	NotAfter  time.Time

	// Manufacturers are whose devices may be registered, as hardware hashes state
	// them, compared cleaned and without case; nil means anybody's.
	Manufacturers []string
}

// CoreRow is one device of a Submission.
type CoreRow struct {
	Row      int // 1-based ordinal in the upload
	Identity DeviceIdentity
	Order    OrderData
	DeviceID DeviceID // the registration meant, for a removal or a replacement

	// Of a factory's report only.
	SoldTo   PartnerID // the partner the device was sold to; empty when the factory does not say
	Returned bool      // the product key was returned: withdraw the record that states it
}

// Submission asks the core to register or to remove devices for one tenant, or to
// keep an OEM's factory records.
type Submission struct {
	Upload    TrackingID
	Rows      []CoreRow // at most DispatchRows
	Authority Authority
}

// Answer is the core's word on one row. It is stored by the core and given again
// whenever the same (upload, row) arrives.
type Answer struct {
	Row      int
	Code     OutcomeCode
	Detail   string // a sentence safe for the submitting partner; empty takes the outcome's standard one
	DeviceID DeviceID
	Record   RecordClaim // the factory's record that the registration took; zero for none
	Absent   bool        // the core has no answer and a tombstone in its place: Resolve found none, or Register came after such a Resolve. The row is never executed
}

// Learned counts what answers about rows told the partner that sent them: misses are
// devices that are not there, that are somebody else's, or that a factory keeps for
// others; claims took factory records that do not name the partner. Rows with a hash
// count as misses only where the device is somebody else's: who has the hardware learns
// nothing by naming it.
func Learned(rows []CoreRow, answers []Answer) (misses, claims int) {
	byHash := make(map[int]bool, len(rows))
	for _, r := range rows {
		byHash[r.Row] = len(r.Identity.Hash) > 0
	}
	for _, a := range answers {
		switch {
		case a.Code == OutcomeNotFound, a.Code == OutcomeOtherTenant,
			a.Code == OutcomeNeedsAttention && !byHash[a.Row]:
			misses++
		case a.Record.Foreign && !byHash[a.Row]:
			claims++
		}
	}
	return misses, claims
}

// RecordClaim tells which factory's record a registration took. The names are there as
// far as the factory itself reported them; the report is its newest about the device.
type RecordClaim struct {
	ReportedBy   PartnerID  `json:"reportedBy"`
	ProductKey   string     `json:"productKey,omitempty"`
	SerialNumber string     `json:"serialNumber,omitempty"`
	Report       TrackingID `json:"report"`
	ReportRow    int        `json:"reportRow"`
	Foreign      bool       `json:"foreign,omitempty"` // it names the claimant neither as reporter nor as buyer
}

// Value writes the claim as JSON, and none as an empty text.
func (c RecordClaim) Value() (driver.Value, error) {
	if c == (RecordClaim{}) {
		return "", nil
	}
	text, err := json.Marshal(c)
	return string(text), err
}

// Scan reads what Value wrote.
func (c *RecordClaim) Scan(src any) error {
	*c = RecordClaim{}
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("models: a claim on a record is read from text, not from %T", src)
	}
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), c)
}

// RefusalReason says why a whole submission was not executed.
type RefusalReason string

// The reasons. Neither is ever a row's outcome.
const (
	RefusedByFence RefusalReason = "fenced" // an epoch is below the fence; the gateway must look at its grant again
	RefusedAsLate  RefusalReason = "late"   // NotAfter has passed; send again with a new claim
)

// Refusal tells the gateway why rows without a stored answer were not executed.
type Refusal struct {
	Reason   RefusalReason
	Subject  SubjectEpoch // the fenced subject with the epoch that was sent
	MinEpoch int64        // the fence
}

// Result is the outcome of a Submission. Rows with a stored answer are answered
// even when Refusal is set; without a Refusal every row is answered.
type Result struct {
	Answers []Answer
	Refusal *Refusal
}
