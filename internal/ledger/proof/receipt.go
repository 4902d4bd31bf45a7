package proof

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ReceiptType is the typ of a receipt (RFC 7515 section 4.1.9).
const ReceiptType = "consent-receipt+jwt"

// SchemaVersion names this form of a receipt.
const SchemaVersion = "countersign-receipt-1"

// Receipt is what a receipt states. Names with an underscore are those of ISO/IEC TS
// 27560 for the same thing; the others are ours.
type Receipt struct {
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"` // seconds since 1970

	SchemaVersion string  `json:"schema_version"`
	ReceiptID     string  `json:"receipt_id"` // of the ledger's entry: the same for each copy of this receipt
	RecordID      string  `json:"record_id"`  // of the request or grant
	Parties       []Party `json:"parties"`
	Event         Event   `json:"event"`
	Terms         Terms   `json:"terms"`
	// Notices are the same terms in words, once per language.
	Notices          []Notice `json:"notices"`
	WithdrawalMethod string   `json:"withdrawal_method"` // address at which the permission is taken back
	Ledger           Proof    `json:"ledger"`
}

// Party is one of the two sides.
type Party struct {
	ID        string `json:"party_id,omitzero"`
	Name      string `json:"party_name,omitzero"`
	Role      string `json:"party_role"`         // "partner" or "customer"
	Addressed string `json:"addressed,omitzero"` // the customer as the partner wrote it
}

// Event is the change that the receipt is about.
type Event struct {
	Type   string    `json:"event_type"`  // kind of the ledger's entry: consent.granted …
	State  string    `json:"event_state"` // of the request or grant after it
	Time   time.Time `json:"event_time"`  // by the database's clock
	By     string    `json:"event_by"`    // customer, partner, operator or system
	Role   string    `json:"event_by_role,omitzero"`
	Name   string    `json:"event_by_name,omitzero"` // for the person's own organisation only
	Reason string    `json:"event_reason,omitzero"`
}

// Terms are what was asked or agreed, as of the change.
type Terms struct {
	Purpose        string    `json:"purpose,omitzero"`
	Reference      string    `json:"reference,omitzero"`
	Scopes         []string  `json:"scopes"`
	DeviceLimit    *int64    `json:"device_limit,omitzero"` // absent: no limit
	Manufacturers  []string  `json:"manufacturers,omitzero"`
	GroupTags      []string  `json:"group_tags,omitzero"`
	PurchaseOrders []string  `json:"purchase_orders,omitzero"`
	Until          time.Time `json:"validity_until"`
	Epoch          int64     `json:"epoch,omitzero"`
	Version        int64     `json:"version,omitzero"` // of a grant's terms, from 1
}

// Notice is the terms in words.
type Notice struct {
	Language string   `json:"language"`
	Version  string   `json:"version"`
	SHA256   string   `json:"sha256"` // of the text, in hexadecimal digits; the ledger's entry holds the same
	May      []string `json:"may"`
	Cannot   []string `json:"cannot"`
	Happens  []string `json:"happens"`
	Data     []string `json:"data"`
	Limits   []string `json:"limits"`
	Until    string   `json:"until"`
	End      string   `json:"end"`
}

// Proof ties a receipt to the
type Proof struct {
	Chain      string         `json:"chain"`
	Seq        int64          `json:"seq"`
	Before     string         `json:"previous_hash"` // zeros for the first entry
	Entry      jsontext.Value `json:"entry"`
	Hash       string         `json:"hash"`
	Checkpoint string         `json:"checkpoint"`
}

// ReadReceipt verifies a receipt: its signature, its entry's hash, the checkpoint, and
// that the receipt says what the entry says. A line break at the end is not part of it.
func ReadReceipt(raw string, receipts, checkpoints Open) (*Receipt, error) {
	raw = strings.TrimSuffix(raw, "\n")
	payload, err := receipts(raw)
	if err != nil {
		return nil, &Fault{Cause: err.Error()}
	}
	var r Receipt
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, &Fault{Cause: "the receipt cannot be read, or is of a newer kind"}
	}
	if r.SchemaVersion != SchemaVersion {
		return nil, &Fault{Cause: "the receipt is of another kind: " + r.SchemaVersion}
	}
	if err := r.Ledger.check(checkpoints, r); err != nil {
		return nil, &Fault{Seq: r.Ledger.Seq, Cause: err.Error()}
	}
	return &r, nil
}

// check recomputes the entry's hash and compares the receipt with the entry.
func (p Proof) check(checkpoints Open, r Receipt) error {
	before, err := hex.DecodeString(p.Before)
	entry := jsontext.Value(append([]byte(nil), p.Entry...))
	if err != nil || entry.Canonicalize() != nil {
		return errors.New("the ledger's entry cannot be read")
	}
	if hex.EncodeToString(Next(before, entry)) != p.Hash {
		return errors.New("the hash is not that of the entry")
	}
	if err := openCheckpoint(p.Checkpoint, checkpoints, Place{Chain: p.Chain, Seq: p.Seq, Hash: p.Hash}); err != nil {
		return err
	}
	var line Line
	if err := json.Unmarshal(entry, &line); err != nil {
		return errors.New("the ledger's entry cannot be read")
	}
	at, err := line.Time()
	same := err == nil && line.Chain == p.Chain && line.Seq == p.Seq && line.SubjectID == r.RecordID &&
		line.ID == r.ReceiptID && line.Kind == r.Event.Type && at.Equal(r.Event.Time) && line.Actor == r.Event.By
	if !same {
		return errors.New("the receipt does not say what the ledger's entry says")
	}
	return nil
}

// Check holds a receipt against a history of the same party: the history must have the
// receipt's entry, with its hash, in its place.
func (h *History) Check(r *Receipt) error {
	p := r.Ledger
	if p.Chain != h.Chain {
		return &Fault{Cause: fmt.Sprintf("the receipt is from the chain %s, the history from %s", p.Chain, h.Chain)}
	}
	if p.Seq > int64(len(h.Entries)) {
		return &Fault{Seq: p.Seq, Cause: fmt.Sprintf("the history ends at %d, before the receipt's entry: it is older, or was cut off", len(h.Entries))}
	}
	if h.Entries[p.Seq-1].Hash != p.Hash {
		return &Fault{Seq: p.Seq, Cause: "the history has another entry there than the receipt: one of two histories was made up"}
	}
	return nil
}
