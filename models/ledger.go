package models

import "time"

// LedgerEntry is one thing that happened, as the transaction that did it wrote it
// down. It is never changed; its place in the chains is in its LedgerLinks.
type LedgerEntry struct {
	ID          int64  `gorm:"primaryKey"`
	EntryID     string // GUID; the same in every chain
	Kind        string // noun.verb
	Subject     string // what kind of thing SubjectID names
	SubjectID   string
	PartnerID   PartnerID // empty: in no partner's chain
	TenantID    TenantID  // empty: in no tenant's chain
	Actor       ActorKind
	ActorID     string // client id, person id or the operator's name
	HTTPRequest string // request id of the call, to find it in the log
	EventID     *int64 // the ConsentEvent it goes with
	Body        string // a JSON object
	At          time.Time
}

// LedgerInbox names an entry that has no place in the chains yet.
type LedgerInbox struct {
	ID int64 `gorm:"primaryKey"`
}

// TableName keeps the singular: it is one queue.
func (LedgerInbox) TableName() string { return "ledger_inbox" }

// LedgerLink is an entry's place in one chain. Numbers of a chain start at 1 and
// have no holes.
type LedgerLink struct {
	Chain string `gorm:"primaryKey"`
	Seq   int64  `gorm:"primaryKey"`
	Entry int64
	Line  string // the canonical JSON that was hashed, as this chain's reader may see it
	Hash  []byte // SHA-256 over the hash before it and the line
}

// LedgerChain is the end of one chain.
type LedgerChain struct {
	Name string `gorm:"primaryKey"`
	Seq  int64
	Hash []byte
}

// LedgerCheckpoint is the server's signature over a chain up to one entry.
type LedgerCheckpoint struct {
	Chain string `gorm:"primaryKey"`
	Seq   int64  `gorm:"primaryKey"`
	JWS   string
	At    time.Time
}

// LedgerLease says which process orders the entries. Number rises with every new
// holder, so that one that slept cannot write.
type LedgerLease struct {
	Name       string `gorm:"primaryKey"`
	Number     int64
	Holder     string
	LeaseUntil time.Time
}

// TableName keeps the singular: there is one lease.
func (LedgerLease) TableName() string { return "ledger_lease" }
