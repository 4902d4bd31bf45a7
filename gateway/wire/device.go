package wire

import "time"

// RegisteredDevice is a registration as one of its two sides, or an operator, sees
// it. The hardware hash is never given back.
type RegisteredDevice struct {
	ID                  string     `json:"id"`
	TenantID            string     `json:"tenantId"`
	State               string     `json:"state"` // active or ended
	SerialNumber        string     `json:"serialNumber,omitzero"`
	ProductKey          string     `json:"productKey,omitzero"`
	OEMManufacturerName string     `json:"oemManufacturerName,omitzero"`
	ModelName           string     `json:"modelName,omitzero"`
	OrderData                      // group tag included
	RegisteredBy        string     `json:"registeredBy"` // grant: a partner under the tenant's consent; tenant: the tenant itself
	PartnerID           string     `json:"partnerId,omitzero"`
	GrantID             string     `json:"grantId,omitzero"`
	TrackingID          string     `json:"trackingId"` // the upload and its row that registered it
	Row                 int        `json:"row"`
	RegisteredAt        time.Time  `json:"registeredAt"`
	EndedAt             *time.Time `json:"endedAt,omitzero"`
	CapturedAt          time.Time  `json:"capturedAt"` // when the core last took the identity from a hash

	Quality *Quality `json:"quality,omitzero"` // of the hash it was registered by; absent without one

	History     []DeviceEvent `json:"history,omitempty"`    // only when one device is read: its first entries, oldest first
	HistoryLink string        `json:"historyLink,omitzero"` // where the history goes on, when it is longer
}

// Replacement is what a repaired device is now.
type Replacement struct {
	HardwareHash string `json:"hardwareHash"` // captured after the repair
	OrderData           // what it states takes the place of the old registration's
}

// DeviceEvent is one entry of a device's history. Each reader sees those of its own
// calls and, as the tenant, those of its tenant.
type DeviceEvent struct {
	At         time.Time `json:"at"`
	Kind       string    `json:"kind"` // registered, seen, contested, attention, removed, reported, superseded, withdrawn, replaced or settled
	DeviceID   string    `json:"deviceId,omitzero"`
	PartnerID  string    `json:"partnerId,omitzero"`
	TenantID   string    `json:"tenantId,omitzero"`
	TrackingID string    `json:"trackingId,omitzero"` // absent when somebody else's row was settled
	Row        int       `json:"row,omitzero"`
	Reason     string    `json:"reason,omitzero"` // the rule that decided, in stable words

	OtherDevice string `json:"otherDevice,omitzero"` // its predecessor or successor
	CaseID      string `json:"caseId,omitzero"`      // the attention case it is about
}
