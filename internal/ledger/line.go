package ledger

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/internal/ledger/proof"
	"countersign/models"
)

// Everything is the name of the chain that holds every entry.
const Everything = "all"

// ChainOfPartner names the chain of a partner.
func ChainOfPartner(id models.PartnerID) string { return "partner/" + string(id) }

// ChainOfTenant names the chain of a tenant.
func ChainOfTenant(id models.TenantID) string { return "tenant/" + string(id) }

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
func lineOf(e models.LedgerEntry, chain string, seq int64, parties []proof.Place) (jsontext.Value, error) {
	v := viewOf(chain)
	body, err := v.body(e.Body)
	if err != nil {
		return nil, err
	}
	line := proof.Line{
		V: proof.LineFormat, Chain: chain, Seq: seq, ID: e.EntryID, Kind: e.Kind, Subject: e.Subject, SubjectID: e.SubjectID,
		PartnerID: string(e.PartnerID), TenantID: string(e.TenantID), Actor: string(e.Actor),
		ActorID: e.ActorID, RequestID: e.HTTPRequest, At: proof.Instant(e.At), Body: body, Parties: parties,
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

func hexOf(hash []byte) string { return hex.EncodeToString(hash) }
