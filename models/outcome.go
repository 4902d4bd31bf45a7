package models

// OutcomeCode is the errorCode of a row; empty means registered by this row.
// Numbers below 9000 are Partner Center's and Autopilot's, the others our own.
type OutcomeCode string

// The outcomes of a row.
const (
	OutcomeRegistered        OutcomeCode = ""
	OutcomeUnreadableRow     OutcomeCode = "801"
	OutcomeInvalidHash       OutcomeCode = "802"
	OutcomeMissingIdentifier OutcomeCode = "803"
	OutcomeAlreadyAssigned   OutcomeCode = "806"
	OutcomeNotRegistered     OutcomeCode = "807"
	OutcomeOtherTenant       OutcomeCode = "808"
	OutcomeUnknownProfile    OutcomeCode = "809"
	OutcomeOtherProfile      OutcomeCode = "810"
	OutcomeNotFound          OutcomeCode = "812"
	OutcomeNotUnique         OutcomeCode = "813"
	OutcomeStorageError      OutcomeCode = "640"
	OutcomeConsentEnded      OutcomeCode = "9001"
	OutcomeConsentLimit      OutcomeCode = "9002"
	OutcomeNeedsAttention    OutcomeCode = "9003"
	OutcomeIdentityMismatch  OutcomeCode = "9004"
	OutcomeDuplicated        OutcomeCode = "9005"
)

// OutcomeClass groups outcomes by what has to happen next.
type OutcomeClass string

// The classes.
const (
	ClassDone            OutcomeClass = "done"
	ClassFixRow          OutcomeClass = "fix_row"
	ClassWait            OutcomeClass = "wait"
	ClassAskCustomer     OutcomeClass = "ask_customer"
	ClassAskManufacturer OutcomeClass = "ask_manufacturer"
	ClassAskOperator     OutcomeClass = "ask_operator"
	ClassDispute         OutcomeClass = "dispute"
)

// Outcome is what a code means and who acts next.
type Outcome struct {
	Code         OutcomeCode
	Description  string // errorDescription on the wire
	Class        OutcomeClass
	Sentence     string // plain words; a row's own detail replaces it
	NextActor    string // partner, customer, manufacturer, operator or nobody
	SafeToRepeat bool   // sending the same row again can help and does no harm
}

var outcomes = []Outcome{
	{OutcomeRegistered, "", ClassDone, "The device is registered to this customer.", "nobody", true},
	{OutcomeUnreadableRow, "InvalidZtdRequestBody", ClassFixRow, "This row could not be read.", "partner", false},
	{OutcomeInvalidHash, "InvalidZtdHardwareHash", ClassFixRow, "The hardware hash is not a valid capture. Capture it again on the device.", "partner", false},
	{OutcomeMissingIdentifier, "MissingZtdSerialNumberAndProductKey", ClassFixRow, "The row names no combination of identifiers that this caller may use.", "partner", false},
	{OutcomeAlreadyAssigned, "ZtdDeviceAlreadyAssigned", ClassDone, "The device was already registered to this customer. Nothing changed.", "nobody", true},
	{OutcomeNotRegistered, "ZtdDeviceIsNotRegistered", ClassFixRow, "This customer has no such registered device.", "partner", false},
	{OutcomeOtherTenant, "ZtdDeviceAssignedToOtherTenant", ClassDispute, "The device is registered to another organization. Its present owner must remove it first.", "operator", true},
	{OutcomeUnknownProfile, "ZtdProfileIsNotRegistered", ClassFixRow, "The profile does not exist for this customer.", "partner", false},
	{OutcomeOtherProfile, "ZtdProfileAssignedToOtherTenant", ClassFixRow, "The profile does not exist for this customer.", "partner", false},
	{OutcomeNotFound, "ZtdDeviceNotFound", ClassAskManufacturer, "No device with a known hardware hash fits. The manufacturer must report it, or send the hardware hash.", "manufacturer", true},
	{OutcomeNotUnique, "ZtdDeviceIsNotUnique", ClassAskManufacturer, "More than one known device fits. Send the hardware hash, or ask the manufacturer.", "manufacturer", true},
	{OutcomeStorageError, "StorageError", ClassWait, "The registration service could not answer in time and the gateway gave up.", "partner", true},
	{OutcomeConsentEnded, "ConsentEnded", ClassAskCustomer, "The customer's consent ended before this device was registered. Ask for a new consent.", "customer", true},
	{OutcomeConsentLimit, "ConsentLimitReached", ClassAskCustomer, "A limit of the customer's consent is reached. Ask the customer to widen it.", "customer", true},
	{OutcomeNeedsAttention, "DeviceNeedsAttention", ClassAskCustomer, "The hardware conflicts with a known device and a person must decide.", "customer", false},
	{OutcomeIdentityMismatch, "IdentityMismatch", ClassFixRow, "The row contradicts its own hardware hash.", "partner", false},
	{OutcomeDuplicated, "ZtdDeviceDuplicated", ClassDone, "The same device stands earlier in this upload; that row is processed.", "nobody", true},
}

var outcomeByCode = func() map[OutcomeCode]Outcome {
	m := make(map[OutcomeCode]Outcome, len(outcomes))
	for _, o := range outcomes {
		m[o.Code] = o
	}
	return m
}()

// OutcomeOf returns what a code means. An unknown code, which only a newer core
// can send, is a wait: the operator looks, nothing is called done.
func OutcomeOf(code OutcomeCode) Outcome {
	if o, ok := outcomeByCode[code]; ok {
		return o
	}
	return Outcome{Code: code, Description: "UnknownOutcome", Class: ClassWait, Sentence: "The registration service answered with a code this gateway does not know.", NextActor: "operator"}
}

// Outcomes lists every outcome, for documents and tests.
func Outcomes() []Outcome { return append([]Outcome(nil), outcomes...) }
