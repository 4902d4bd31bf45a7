package ledger

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"countersign/internal/db"
	"countersign/models"
)

// The subjects that entries of more than one package name. A package may use a word
// of its own.
const (
	OfRequest = "request"
	OfGrant   = "grant"
	OfPartner = "partner"
	OfTenant  = "tenant"
	OfPerson  = "person"
	OfClient  = "client"
	OfDevice  = "device"
)

// maxBody bounds the JSON of a body in bytes.
const maxBody = 64 << 10

// Entry is one thing that happened. An empty PartnerID or TenantID means: not in
// that party's feed.
type Entry struct {
	Kind      string // one of the kinds of this package
	Subject   string // what SubjectID names: OfGrant, OfRequest …
	SubjectID string
	PartnerID models.PartnerID
	TenantID  models.TenantID
	Actor     models.ActorKind
	ActorID   string    // client id, person id or the operator's name; blank in the other side's chain
	RequestID string    // id of the HTTP request; blank in the other side's chain
	At        time.Time // by the database's clock; the zero time takes it now
	// Body is what else is worth knowing, and must encode to a JSON object; nil
	// is an empty one. Members "forPartner" and "forTenant", objects themselves,
	// are seen by that side and the operator only. No secret, and no hash of a
	// device, may be in it.
	Body any
	// Event is the id of the ConsentEvent that tells the same, 0 for none. A
	// second entry for the same event is not added.
	Event int64
}

var kindForm = regexp.MustCompile(`^[a-z]+\.[a-z]+$`)

// AddTx writes an entry in the caller's transaction. It gets its number after the
// commit; if the transaction is rolled back it never existed.
func AddTx(ctx context.Context, tx *db.Tx, e Entry) error {
	row, err := e.row()
	if err != nil {
		return fmt.Errorf("ledger entry %s: %w", e.Kind, err)
	}
	if row.At.IsZero() {
		if row.At, err = tx.Now(ctx); err != nil {
			return fmt.Errorf("read the database's clock: %w", err)
		}
	}
	if err := within(ctx, tx).addEntry(&row); err != nil {
		return fmt.Errorf("write to the ledger: %w", err)
	}
	return nil
}

// AddAllTx writes entries that belong to no ConsentEvent, at one time by the database's
// clock: what one piece of work did to many things.
func AddAllTx(ctx context.Context, tx *db.Tx, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	found := make([]models.LedgerEntry, len(entries))
	for i, e := range entries {
		if found[i], err = e.row(); err != nil {
			return fmt.Errorf("ledger entry %s: %w", e.Kind, err)
		}
		if found[i].EventID != nil {
			return fmt.Errorf("ledger entry %s: it goes with a consent event and is added by AddTx", e.Kind)
		}
		found[i].At = now
	}
	if err := within(ctx, tx).addEntries(found); err != nil {
		return fmt.Errorf("write to the ledger: %w", err)
	}
	return nil
}

// row checks what a caller can get wrong only by a mistake in the code.
func (e Entry) row() (models.LedgerEntry, error) {
	if !kindForm.MatchString(e.Kind) {
		return models.LedgerEntry{}, fmt.Errorf("the kind is not of the form noun.verb")
	}
	if e.Subject == "" || e.SubjectID == "" {
		return models.LedgerEntry{}, fmt.Errorf("it names no subject")
	}
	body, err := encodeBody(e.Body)
	if err != nil {
		return models.LedgerEntry{}, err
	}
	row := models.LedgerEntry{
		EntryID: uuid.Must(uuid.NewV7()).String(), Kind: e.Kind, Subject: e.Subject, SubjectID: e.SubjectID,
		PartnerID: e.PartnerID, TenantID: e.TenantID, Actor: e.Actor, ActorID: e.ActorID, HTTPRequest: e.RequestID,
		Body: string(body), At: e.At,
	}
	if e.Event != 0 {
		row.EventID = &e.Event
	}
	return row, nil
}

// encodeBody writes a body as a canonical JSON object.
func encodeBody(body any) (jsontext.Value, error) {
	if body == nil {
		return jsontext.Value("{}"), nil
	}
	out, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("write its body: %w", err)
	}
	value := jsontext.Value(out)
	if value.Kind() != '{' {
		return nil, fmt.Errorf("its body is not a JSON object")
	}
	if len(value) > maxBody {
		return nil, fmt.Errorf("its body is larger than %d bytes", maxBody)
	}
	return value, value.Canonicalize()
}
