package match

import "countersign/registration/hardwarehash"

// State says how a candidate stands.
type State int8

// The states.
const (
	Unregistered State = iota // known, for example from a factory report, but registered nowhere
	Active                    // registered to some tenant
	Retired                   // replaced by a repair; its hardware is gone
)

// Candidate is a known device that shares an index key with the subject. A
// candidate that shares nothing does no harm.
type Candidate struct {
	ID       string // the caller's; unique among the candidates of one call
	State    State
	Identity hardwarehash.Identity
	Excluded bool // a person settled that this and the subject are different devices
}

// Outcome is what a verdict amounts to.
type Outcome string

// The outcomes.
const (
	NoMatch   Outcome = "no_match"
	Match     Outcome = "match"
	Attention Outcome = "attention" // a person must decide
)

// Reason says why attention is needed.
type Reason string

// The reasons. NotUnique comes from Find only.
const (
	SplitIdentity     Reason = "split-identity"
	SharedPart        Reason = "shared-part"
	BoardOrTPMChanged Reason = "board-or-tpm-changed"
	SerialCollision   Reason = "serial-collision"
	Thin              Reason = "thin"
	NotUnique         Reason = "not-unique"
)

var sentences = map[Reason]string{
	SplitIdentity:     "Parts of this hardware identify different known devices, for example a motherboard that came from another registered device.",
	SharedPart:        "A disk or network adapter in this device stands on another active registration.",
	BoardOrTPMChanged: "The motherboard or TPM differs from the known device of the same identity. If it was repaired, submit the hash as a replacement of that device.",
	SerialCollision:   "Another device states the same manufacturer, model and serial number.",
	Thin:              "Too little is known about the hardware to tell whether it is the known device.",
	NotUnique:         "More than one known device fits.",
}

// Sentence says the reason in plain words without naming any device.
func (r Reason) Sentence() string { return sentences[r] }

// Verdict is the outcome with its explanation.
type Verdict struct {
	Outcome Outcome
	Rule    int    // number of the rule in the package comment; 0 for Find
	Reason  Reason // only with Attention

	// ID is the matched candidate, or the one that most speaks for the subject
	// when attention is needed. Empty with NoMatch.
	ID         string
	Registered bool       // ID is an active registration
	Comparison Comparison // of the subject with ID, or with Predecessor

	// Involved lists every candidate that took part in an attention verdict,
	// sorted. The case should link them all.
	Involved []string

	// Predecessor is the active registration that the disk or an adapter came
	// from, when no anchor agrees.
	Predecessor string

	// WithoutTPM grades a match made without an endorsement key on both sides: a
	// replaced board whose serial and UUID were rewritten would look the same.
	WithoutTPM bool
}
