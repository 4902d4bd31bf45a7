package wire

import "time"

// ConsentAsk is the body by which a partner asks a tenant for consent.
type ConsentAsk struct {
	Amends      string   `json:"amends,omitzero"` // a grant to change instead of asking for a new one; what is left out stays, 0 devices and empty lists ask to lift a limit
	Tenant      string   `json:"tenant"`          // tenant id or domain
	Purpose     string   `json:"purpose"`
	Reference   string   `json:"reference,omitzero"`
	Scopes      []string `json:"scopes"`
	DeviceLimit *int64   `json:"deviceLimit,omitzero"`
	ConsentLists
	GrantUntil *time.Time `json:"grantUntil,omitzero"`
	ExpiresAt  *time.Time `json:"expiresAt,omitzero"` // of the question
	LinkUntil  *time.Time `json:"linkUntil,omitzero"` // of the link
}

// ConsentTerms is the body by which a tenant grants. It may only narrow what was
// asked; an absent member takes what was asked.
type ConsentTerms struct {
	Scopes      []string `json:"scopes,omitempty"`
	DeviceLimit *int64   `json:"deviceLimit,omitzero"`
	ConsentLists
	ExpiresAt *time.Time `json:"expiresAt,omitzero"`
}

// ConsentLists are the limits of a consent that name what is allowed; an absent one
// allows anything.
type ConsentLists struct {
	Manufacturers  []string `json:"manufacturers,omitempty"`  // as the hardware hash states them, compared without case
	GroupTags      []string `json:"groupTags,omitempty"`      // compared exactly
	PurchaseOrders []string `json:"purchaseOrders,omitempty"` // compared exactly
}

// ConsentReason is the body of every other change of a request or grant. The
// body may be absent.
type ConsentReason struct {
	Reason string `json:"reason,omitzero"`
}

// Consent is a request or, once granted, the grant.
type Consent struct {
	ID        string      `json:"id"`
	Kind      string      `json:"kind"` // request or grant
	State     string      `json:"state"`
	Partner   Party       `json:"partner"`
	Tenant    Party       `json:"tenant"`
	Purpose   string      `json:"purpose,omitzero"`
	Reference string      `json:"reference,omitzero"`
	Scopes    []string    `json:"scopes"`
	Devices   DeviceGauge `json:"devices"`
	ConsentLists
	ExpiresAt   time.Time    `json:"expiresAt"` // of the grant, or of the grant that was asked for
	AnswerUntil *time.Time   `json:"answerUntil,omitzero"`
	Link        *ConsentLink `json:"link,omitzero"` // while the request waits
	Reminders   int          `json:"reminders,omitzero"`
	RemindedAt  *time.Time   `json:"remindedAt,omitzero"`
	CreatedAt   time.Time    `json:"createdAt"`
	DecidedAt   *time.Time   `json:"decidedAt,omitzero"`
	RequestID   string       `json:"requestId,omitzero"`   // the request behind a grant
	GrantID     string       `json:"grantId,omitzero"`     // the grant a request became
	Version     int64        `json:"version,omitzero"`     // of a grant's terms
	LastUsedAt  *time.Time   `json:"lastUsedAt,omitzero"`  // when rows were accepted under it last
	DerivedFrom *Under       `json:"derivedFrom,omitzero"` // another partner's grant that this one rests on: limits and device counters are that grant's
	Amends      string       `json:"amends,omitzero"`      // of a request: the grant it asks to change
	Derives     string       `json:"derives,omitzero"`     // of a request: the other partner's grant it asks to act under
	Ended       *ConsentEnd  `json:"ended,omitzero"`
	Revocation  *Revocation  `json:"revocation,omitzero"` // only in the answer to a revoke
	Links       ConsentLinks `json:"links"`
}

// ConsentLink leads the customer's people to a request.
type ConsentLink struct {
	URL   string    `json:"url,omitzero"` // told once, to the partner that asked or made a new one
	Until time.Time `json:"until"`
}

// ConsentLinkAsk is the body by which a partner makes a new link; it may be absent.
type ConsentLinkAsk struct {
	Until *time.Time `json:"until,omitzero"`
}

// PartnerBlocking is the body by which a customer blocks a partner; it may be absent.
type PartnerBlocking struct {
	Reason   string `json:"reason,omitzero"`
	EndGrant bool   `json:"endGrant,omitzero"` // also revoke the grant that lasts
}

// PartnerBlock is a partner that a customer does not want to be asked by.
type PartnerBlock struct {
	Partner    Party       `json:"partner"`
	Reason     string      `json:"reason,omitzero"`
	Since      time.Time   `json:"since"`
	By         string      `json:"by"`                  // client id or person id
	GrantID    string      `json:"grantId,omitzero"`    // the grant that was ended with it
	Revocation *Revocation `json:"revocation,omitzero"` // how far its end has come
}

// Party names one side of a consent.
type Party struct {
	ID        string `json:"id,omitzero"`
	Name      string `json:"name,omitzero"`
	Addressed string `json:"addressed,omitzero"` // the tenant as the partner wrote it
}

// DeviceGauge shows the device limit and what of it is left.
type DeviceGauge struct {
	Limit    *int64 `json:"limit"` // null: no limit
	Used     int64  `json:"used"`
	Reserved int64  `json:"reserved"`
	Left     *int64 `json:"left"`
}

// ConsentEnd says who ended a grant, when and why.
type ConsentEnd struct {
	At     time.Time `json:"at"`
	By     string    `json:"by,omitzero"`
	Reason string    `json:"reason,omitzero"`
}

// Under is the grant of another partner that a derived one rests on. Its own share of
// the counters stands beside.
type Under struct {
	GrantID   string `json:"grantId"`
	PartnerID string `json:"partnerId,omitzero"`
	Used      int64  `json:"used"`     // by the derived grant
	Reserved  int64  `json:"reserved"` // by the derived grant
}

// ConsentChange is the body by which a customer changes the terms of a grant. What is
// absent stays; 0 devices and an empty list lift a limit.
type ConsentChange struct {
	Scopes         []string   `json:"scopes,omitzero"`
	DeviceLimit    *int64     `json:"deviceLimit,omitzero"`
	Manufacturers  []string   `json:"manufacturers,omitzero"`
	GroupTags      []string   `json:"groupTags,omitzero"`
	PurchaseOrders []string   `json:"purchaseOrders,omitzero"`
	ExpiresAt      *time.Time `json:"expiresAt,omitzero"`
	Reason         string     `json:"reason,omitzero"`
}

// ConsentVersion is what a grant said from At on.
type ConsentVersion struct {
	Version     int64    `json:"version"`
	Change      string   `json:"change"` // given, narrowed, widened, changed or renewed
	Scopes      []string `json:"scopes"`
	DeviceLimit *int64   `json:"deviceLimit,omitzero"`
	ConsentLists
	ExpiresAt time.Time `json:"expiresAt"`
	RequestID string    `json:"requestId,omitzero"` // the request that was answered with it
	Actor     string    `json:"actor"`
	ActorID   string    `json:"actorId,omitzero"`
	Reason    string    `json:"reason,omitzero"`
	At        time.Time `json:"at"`
}

// ConsentEndPreview says what the end of a grant would mean now.
type ConsentEndPreview struct {
	GrantID         string    `json:"grantId"`
	WaitingDevices  int64     `json:"waitingDevices"`  // refused, but for those on their way to the core
	DevicesThatStay int64     `json:"devicesThatStay"` // registered under it; they stay registered
	Derived         []Consent `json:"derived"`         // grants that end with it
	OutcomesStay    bool      `json:"outcomesStay"`    // the partner goes on seeing the outcomes of its uploads
}

// ConsentRevokeAll is the body that ends every grant of a customer, or all of one
// partner.
type ConsentRevokeAll struct {
	Count   int    `json:"count"`            // how many grants are to end; with another number none does
	Partner string `json:"partner,omitzero"` // partner id: its own grants and those that rest on them
	Reason  string `json:"reason,omitzero"`
}

// PartnerLinkOffer is the body by which a reseller offers a link.
type PartnerLinkOffer struct {
	Provider string `json:"provider"` // partner id
}

// PartnerLink lets an indirect provider act under the grants of an indirect reseller.
type PartnerLink struct {
	ID         string     `json:"id"`
	Reseller   string     `json:"reseller"`
	Provider   string     `json:"provider"`
	State      string     `json:"state"` // pending, active or ended
	CreatedAt  time.Time  `json:"createdAt"`
	AcceptedAt *time.Time `json:"acceptedAt,omitzero"`
	EndedAt    *time.Time `json:"endedAt,omitzero"`
	EndedBy    string     `json:"endedBy,omitzero"`
}

// Revocation says from when on nothing more is registered.
type Revocation struct {
	Done         bool        `json:"done"`                // the core has acknowledged
	Moment       *time.Time  `json:"moment,omitzero"`     // nothing is registered after it; set when done
	NothingAfter time.Time   `json:"nothingLandsAfter"`   // holds whatever the core does
	Last         *LastDevice `json:"lastDevice,omitzero"` // the last device let through, when done; absent if there was none
}

// LastDevice is the last device that was registered under a grant.
type LastDevice struct {
	TrackingID   string    `json:"trackingId"`
	Row          int       `json:"row"`
	DeviceID     string    `json:"deviceId"`
	RegisteredAt time.Time `json:"registeredAt"`
}

// ConsentLinks lead to what belongs to a consent.
type ConsentLinks struct {
	Self    string `json:"self"`
	History string `json:"history"`
	Receipt string `json:"receipt"`
}

// HistoryEntry is one entry of a consent's append-only history.
type HistoryEntry struct {
	Seq       int64     `json:"seq,omitzero"`  // number of the ledger's entry in the caller's own numbering; absent for the second until it has one
	Hash      string    `json:"hash,omitzero"` // of that entry
	At        time.Time `json:"at"`
	Subject   string    `json:"subject"` // request or grant
	From      string    `json:"from,omitzero"`
	To        string    `json:"to"`
	Actor     string    `json:"actor"` // customer, partner, operator or system
	ActorID   string    `json:"actorId,omitzero"`
	Reason    string    `json:"reason,omitzero"`
	RequestID string    `json:"requestId,omitzero"` // of the HTTP call
}
