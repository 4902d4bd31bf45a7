package wire

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"countersign/internal/ledger/proof"
)

// Feed is a part of the caller's events, oldest first.
type Feed struct {
	Items []FeedItem `json:"items"`
	Next  int64      `json:"next"` // the number to give as after in the next call
}

// FeedItem is one event with what proves it.
type FeedItem struct {
	Seq        int64       `json:"seq"` // in the caller's own numbering, from 1 without a hole
	Entry      LedgerEntry `json:"entry"`
	Hash       string      `json:"hash"`                // SHA-256 over the hash before it and the entry in the form of RFC 8785, hexadecimal digits
	Checkpoint string      `json:"checkpoint,omitzero"` // the server's signature (JWS) over chain, number and hash
}

// LedgerEntry is what happened, to what, by whom and when. Ids of the other side's people,
// clients and calls are absent.
type LedgerEntry struct {
	V         int            `json:"v"`     // version of this form
	Chain     string         `json:"chain"` // whose numbering: partner/ID, tenant/ID, or all for operators
	Seq       int64          `json:"seq"`
	ID        string         `json:"id"`      // the same for everybody who sees the event
	Kind      string         `json:"kind"`    // noun.verb, such as consent.granted
	Subject   string         `json:"subject"` // request, grant, partner, tenant, person, client or device
	SubjectID string         `json:"subjectId"`
	PartnerID string         `json:"partnerId,omitzero"`
	TenantID  string         `json:"tenantId,omitzero"`
	Actor     string         `json:"actor"` // customer, partner, operator or system
	ActorID   string         `json:"actorId,omitzero"`
	RequestID string         `json:"requestId,omitzero"` // of the HTTP call
	At        string         `json:"at"`                 // UTC, with six digits of a second
	Body      jsontext.Value `json:"body" swaggertype:"object"`
	Parties   []LedgerPlace  `json:"parties,omitzero"` // for operators: where the event stands in its parties' numbering
}

// LedgerPlace is an event's number and hash in a chain.
type LedgerPlace struct {
	Chain string `json:"chain"`
	Seq   int64  `json:"seq"`
	Hash  string `json:"hash"`
}

// Receipt is a receipt in both its forms: to keep and to read.
type Receipt struct {
	JWS     string        `json:"jws"`
	Receipt proof.Receipt `json:"receipt" swaggertype:"object"` // what the signed form says
}

// Authorization says why a device was allowed.
type Authorization struct {
	DeviceID     string            `json:"deviceId"`
	RegisteredAt time.Time         `json:"registeredAt"`        // the core's clock
	AcceptedAt   *time.Time        `json:"acceptedAt,omitzero"` // when the gateway accepted the upload, by its database's clock; absent once that is no longer kept
	By           string            `json:"by"`                  // grant, tenant or operator
	TrackingID   string            `json:"trackingId,omitzero"`
	Row          int               `json:"row,omitzero"`
	Rule         string            `json:"rule"` // in a sentence
	Grant        *AuthorizingGrant `json:"grant,omitzero"`
}

// AuthorizingGrant is the grant as it was when the device was registered under it.
type AuthorizingGrant struct {
	ID          string   `json:"id"`
	Epoch       int64    `json:"epoch"`
	Version     int64    `json:"version,omitzero"` // of its terms
	State       string   `json:"state"`
	Scopes      []string `json:"scopes"`
	DeviceLimit *int64   `json:"deviceLimit,omitzero"`
	ConsentLists
	Until     time.Time `json:"until"`
	GrantedAt time.Time `json:"grantedAt"`
	GrantedBy Decider   `json:"grantedBy"`
	Seq       int64     `json:"seq"` // of the ledger's entry that says so, in the caller's own numbering
	Hash      string    `json:"hash"`
	History   string    `json:"history"` // link
}

// Decider is who gave a grant. Id and name are for its own side.
type Decider struct {
	Side string `json:"side"` // customer, partner, operator or system
	ID   string `json:"id,omitzero"`
	Role string `json:"role,omitzero"`
	Name string `json:"name,omitzero"`
}
