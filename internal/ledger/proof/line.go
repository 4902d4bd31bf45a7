package proof

import (
	"crypto/sha256"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// LineFormat is the version of Line. Another version would mean another reading of old
// lines, so it is in every line.
const LineFormat = 1

// timeForm writes instants the one way lines have: UTC, six digits of a second.
const timeForm = "2006-01-02T15:04:05.000000Z"

// Instant writes an instant the way lines have it.
func Instant(at time.Time) string { return at.UTC().Format(timeForm) }

// Line is an entry as one chain holds it. Its canonical JSON (RFC 8785) is what is
// hashed.
type Line struct {
	V         int            `json:"v"` // LineFormat
	Chain     string         `json:"chain"`
	Seq       int64          `json:"seq"`
	ID        string         `json:"id"` // GUID of the entry, the same in every chain
	Kind      string         `json:"kind"`
	Subject   string         `json:"subject"`
	SubjectID string         `json:"subjectId"`
	PartnerID string         `json:"partnerId,omitzero"`
	TenantID  string         `json:"tenantId,omitzero"`
	Actor     string         `json:"actor"`
	ActorID   string         `json:"actorId,omitzero"`
	RequestID string         `json:"requestId,omitzero"` // of the HTTP request
	At        string         `json:"at"`
	Body      jsontext.Value `json:"body"`
	// In the chain of everything: where the entry stands in its parties' chains.
	Parties []Place `json:"parties,omitzero"`
}

// Place is an entry's number and hash in a chain.
type Place struct {
	Chain string `json:"chain"`
	Seq   int64  `json:"seq"`
	Hash  string `json:"hash"` // hexadecimal digits
}

// Time is when it happened, by the database's clock.
func (l Line) Time() (time.Time, error) { return time.Parse(timeForm, l.At) }

// CheckpointType is the typ of a signed checkpoint (RFC 7515 section 4.1.9).
const CheckpointType = "ledger-checkpoint+jwt"

// Checkpoint is what a signed checkpoint states: at this time the chain's entry with
// this number, and through it every entry before, had this hash.
type Checkpoint struct {
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"` // seconds since 1970, by the database's clock
	Chain    string `json:"chain"`
	Seq      int64  `json:"seq"`
	Hash     string `json:"hash"` // hexadecimal digits
}

// Next is the hash of the line that follows the hash before it: SHA-256 over both.
// A nil hash stands for the beginning.
func Next(before, line []byte) []byte {
	if before == nil {
		before = make([]byte, sha256.Size)
	}
	h := sha256.New()
	h.Write(before)
	h.Write(line)
	return h.Sum(nil)
}
