package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/models"
)

// Everything is the name of the chain that holds every entry.
const Everything = "all"

// ChainOfPartner names the chain of a partner.
func ChainOfPartner(id models.PartnerID) string { return "partner/" + string(id) }

// ChainOfTenant names the chain of a tenant.
func ChainOfTenant(id models.TenantID) string { return "tenant/" + string(id) }

// format is the version of Line. Another version would mean another reading of old
// lines, so it is in every line.
const format = 1

// timeForm writes instants the one way lines have: UTC, six digits of a second.
const timeForm = "2006-01-02T15:04:05.000000Z"

// Line is an entry as one chain holds it. Its canonical JSON (RFC 8785) is what is
// hashed.
type Line struct {
	V         int            `json:"v"` // format
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

// Members of a body that only one side sees.
const (
	forPartner = "forPartner"
	forTenant  = "forTenant"
)

// view says what a kind of chain leaves out.
type view struct {
	own    models.ActorKind // whose ids stay; empty: everybody's
	hidden string           // member of the body that is left out
	// unproven leaves out the tenant of a request: whether a reference names
	// somebody is not told to the partner who wrote it.
	unproven bool
}

// viewOf is the view of the reader of a chain.
func viewOf(chain string) view {
	switch {
	case strings.HasPrefix(chain, "partner/"):
		return view{own: models.ActorPartner, hidden: forTenant, unproven: true}
	case strings.HasPrefix(chain, "tenant/"):
		return view{own: models.ActorCustomer, hidden: forPartner}
	}
	return view{}
}

// lineOf is the entry as the reader of a chain may see it.
func lineOf(e models.LedgerEntry, chain string, seq int64, parties []Place) (jsontext.Value, error) {
	v := viewOf(chain)
	body, err := v.body(e.Body)
	if err != nil {
		return nil, err
	}
	line := Line{
		V: format, Chain: chain, Seq: seq, ID: e.EntryID, Kind: e.Kind, Subject: e.Subject, SubjectID: e.SubjectID,
		PartnerID: string(e.PartnerID), TenantID: string(e.TenantID), Actor: string(e.Actor),
		ActorID: e.ActorID, RequestID: e.HTTPRequest, At: e.At.UTC().Format(timeForm), Body: body, Parties: parties,
	}
	if v.own != "" && v.own != e.Actor {
		line.ActorID, line.RequestID = "", ""
	}
	if v.unproven && e.Subject == OfRequest {
		line.TenantID = ""
	}
	return canonical(line)
}

// body leaves out what the reader may not see.
func (v view) body(text string) (jsontext.Value, error) {
	if v.hidden == "" || !strings.Contains(text, v.hidden) {
		return jsontext.Value(text), nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		return nil, fmt.Errorf("read a body: %w", err)
	}
	delete(members, v.hidden)
	out, err := json.Marshal(members, json.Deterministic(true))
	return out, err
}

// canonical writes a value in the form of RFC 8785.
func canonical(v any) (jsontext.Value, error) {
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write a line: %w", err)
	}
	value := jsontext.Value(out)
	if err := value.Canonicalize(); err != nil {
		return nil, fmt.Errorf("write a line: %w", err)
	}
	return value, nil
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

func hexOf(hash []byte) string { return hex.EncodeToString(hash) }
