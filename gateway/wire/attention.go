package wire

import "time"

// AttentionCase is a conflict that a person must settle. Values of hardware are not
// shown, only which identifiers agree: E is the TPM's endorsement key, U the UUID, S
// manufacturer, model and serial number, D the system disk, N the network adapters,
// K the product key id.
type AttentionCase struct {
	ID         string     `json:"id"`
	State      string     `json:"state"`   // open or settled
	Settler    string     `json:"settler"` // customer, manufacturer or operator
	Rule       int        `json:"rule"`    // of the matcher; 0 when it was not about hardware
	Reason     string     `json:"reason"`  // in stable words
	TenantID   string     `json:"tenantId,omitzero"`
	PartnerID  string     `json:"partnerId,omitzero"`
	TrackingID string     `json:"trackingId,omitzero"` // the upload and its row that first met the conflict
	Row        int        `json:"row,omitzero"`
	OtherRows  string     `json:"otherRows,omitzero"` // of the upload, when the conflict is among its rows
	Times      int        `json:"times"`              // how often it was submitted
	OpenedAt   time.Time  `json:"openedAt"`
	LastSeenAt time.Time  `json:"lastSeenAt"`
	Involved   []Involved `json:"involved"`

	SettledAt *time.Time `json:"settledAt,omitzero"`
	SettledAs string     `json:"settledAs,omitzero"` // same, different or replaces
	SettledBy string     `json:"settledBy,omitzero"` // tenant, factory or operator
	DeviceID  string     `json:"deviceId,omitzero"`  // the device that was meant
	NewDevice string     `json:"newDevice,omitzero"` // the device that took its place
	Note      string     `json:"note,omitzero"`
}

// Involved is a known device of a case.
type Involved struct {
	DeviceID    string   `json:"deviceId,omitzero"`
	Record      string   `json:"record"` // yours, or another record: of somebody else, or of nobody
	Agreeing    []string `json:"agreeing"`
	Conflicting []string `json:"conflicting"`
	Unknown     []string `json:"unknown"` // stated by one side at most
}

// Settling is the body by which a case is settled.
type Settling struct {
	As     string `json:"as"`              // same, different or replaces
	Device string `json:"device,omitzero"` // the device that is meant, when the case involves several
	Note   string `json:"note,omitzero"`
}

// Explanation says why a capture was matched to a device, or not.
type Explanation struct {
	At          time.Time `json:"at"`
	Kind        string    `json:"kind"`    // what came of it, as in the history
	Verdict     string    `json:"verdict"` // same: it is this device; new: no device known before; attention: in conflict with it; different: other hardware by a person's word
	Rule        int       `json:"rule"`
	Reason      string    `json:"reason,omitzero"`
	Agreeing    []string  `json:"agreeing"`
	Conflicting []string  `json:"conflicting"`
	Unknown     []string  `json:"unknown"`
	WithoutTPM  bool      `json:"withoutTpm,omitzero"` // a replaced board whose serial number and UUID were rewritten would look the same
	DeviceID    string    `json:"deviceId,omitzero"`
	OtherDevice string    `json:"otherDevice,omitzero"` // its predecessor or successor
	TenantID    string    `json:"tenantId,omitzero"`
	PartnerID   string    `json:"partnerId,omitzero"`
	TrackingID  string    `json:"trackingId,omitzero"`
	Row         int       `json:"row,omitzero"`
	CaseID      string    `json:"caseId,omitzero"`
}

// Quality is what a hash was worth as evidence. Fields have the factory tool's names.
type Quality struct {
	TPMSeen      bool       `json:"tpmSeen"`
	WindowsPE    bool       `json:"windowsPe"` // captured where some parts are not seen
	Missing      []string   `json:"missing,omitempty"`
	Placeholders []string   `json:"placeholders,omitempty"`
	HashMadeAt   *time.Time `json:"hashMadeAt,omitzero"` // by the clock of the device
	AgeSeconds   *int64     `json:"ageSeconds,omitzero"` // of the hash when the device was registered
}
