package consent

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"countersign/internal/errs"
	"countersign/internal/ledger"
	"countersign/internal/ledger/proof"
	"countersign/models"
)

// ErrNoReceipt says that there is no entry of this number about the consent in the caller's
// own numbering.
var ErrNoReceipt = errs.New(errs.NotFound, "receipt_not_found",
	"There is no change of this consent with that number. The history of the consent shows the numbers; leave the number out for the last change.")

// errUnordered: the change has no number yet.
var errUnordered = errs.New(errs.Unavailable, "receipt_not_ready",
	"The last change has not been numbered and signed yet, which takes a second. Ask again.").WithRetryAfter(time.Second)

// Signer signs claims as a compact JWS, under a key for receipts alone.
type Signer interface {
	Sign(typ string, claims any) (string, error)
}

// ReceiptDeps is what Receipts need; all of it is required.
type ReceiptDeps struct {
	Service    *Service
	Chains     *ledger.Reader
	Signer     Signer
	Issuer     string           // iss of the receipts
	Withdrawal string           // address at which a customer takes a permission back
	Now        func() time.Time // for iat, which decides nothing
}

// Receipts shows each side what was asked, agreed, changed and ended, so that either can
// prove it to others. It is safe for concurrent use.
type Receipts struct{ d ReceiptDeps }

// NewReceipts makes Receipts.
func NewReceipts(d ReceiptDeps) *Receipts { return &Receipts{d} }

// Receipt is a receipt in both its forms.
type Receipt struct {
	JWS     string // to keep, and to verify offline
	Content proof.Receipt
}

// settleFor bounds how long a reader waits for a change that has no number yet.
const settleFor = 3 * time.Second

// Receipt returns the receipt of one change of a request or grant, by its number in the
// actor's own chain; 0 means the last. Only the two sides get receipts.
func (r *Receipts) Receipt(ctx context.Context, actor Actor, id string, seq int64) (Receipt, error) {
	chain, err := chainOf(actor)
	if err != nil {
		return Receipt{}, err
	}
	if chain == ledger.Everything {
		return Receipt{}, ErrNotYours.WithDetail("A receipt is for the partner or the customer whose consent it is. The history shows an operator the same.")
	}
	found, err := r.d.Service.Get(ctx, actor, id)
	if err != nil {
		return Receipt{}, err
	}
	items, err := r.numbered(ctx, chain, found.subjects())
	if err != nil {
		return Receipt{}, err
	}
	item, err := pickItem(items, seq)
	if err != nil {
		return Receipt{}, err
	}
	content, err := r.content(found, chain, item)
	if err != nil {
		return Receipt{}, err
	}
	jws, err := r.d.Signer.Sign(proof.ReceiptType, content)
	if err != nil {
		return Receipt{}, fmt.Errorf("sign a receipt: %w", err)
	}
	return Receipt{JWS: jws, Content: content}, nil
}

// chainOf names the chain an actor may read.
func chainOf(actor Actor) (string, error) {
	own, err := ownScope(actor)
	switch {
	case err != nil:
		return "", err
	case own.partner != "":
		return ledger.ChainOfPartner(own.partner), nil
	case own.tenant != "":
		return ledger.ChainOfTenant(own.tenant), nil
	}
	return ledger.Everything, nil
}

// subjects are the ids whose entries tell of the consent.
func (c Consent) subjects() []string {
	var ids []string
	if c.Request != nil {
		ids = append(ids, string(c.Request.ID))
	}
	if c.Grant != nil {
		ids = append(ids, string(c.Grant.ID))
	}
	return ids
}

// numbered reads the entries about a consent once all of them have a number.
func (r *Receipts) numbered(ctx context.Context, chain string, subjects []string) ([]ledger.Item, error) {
	wait, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	settled, err := r.d.Chains.Settled(wait, subjects...)
	if err != nil {
		return nil, err
	}
	if !settled {
		return nil, errUnordered
	}
	return r.d.Chains.Of(ctx, chain, subjects...)
}

// pickItem finds the change with a number, or the last one. Only changes of request and
// grant have a checkpoint of their own, and so a receipt.
func pickItem(items []ledger.Item, seq int64) (ledger.Item, error) {
	var found *ledger.Item
	for i := range items {
		if items[i].Event != 0 && items[i].Checkpoint != "" && (seq == 0 || items[i].Seq == seq) {
			found = &items[i]
		}
	}
	if found == nil {
		return ledger.Item{}, ErrNoReceipt
	}
	return *found, nil
}

// content says in full what the ledger's entry says, as far as its reader may see it.
func (r *Receipts) content(found Consent, chain string, item ledger.Item) (proof.Receipt, error) {
	line, terms, err := readLine(item)
	if err != nil {
		return proof.Receipt{}, err
	}
	at, err := line.Time()
	if err != nil {
		return proof.Receipt{}, fmt.Errorf("read the ledger: %w", err)
	}
	before := item.Before
	if before == nil {
		before = make([]byte, len(item.Hash))
	}
	out := proof.Receipt{
		Issuer: r.d.Issuer, IssuedAt: r.d.Now().Unix(), SchemaVersion: proof.SchemaVersion, ReceiptID: line.ID, RecordID: line.SubjectID,
		Parties: partiesOf(found, line, terms),
		Event: proof.Event{
			Type: line.Kind, State: terms.To, Time: at, By: line.Actor, Role: terms.Role, Reason: terms.Reason,
		},
		Terms: terms.proven(), Notices: noticesOf(terms), WithdrawalMethod: r.d.Withdrawal,
		Ledger: proof.Proof{
			Chain: chain, Seq: item.Seq, Before: hex.EncodeToString(before), Entry: item.Line,
			Hash: hex.EncodeToString(item.Hash), Checkpoint: item.Checkpoint,
		},
	}
	if terms.ForTenant != nil {
		out.Event.Name = terms.ForTenant.Name
	}
	if out.Terms.Purpose == "" && found.Request != nil {
		out.Terms.Purpose, out.Terms.Reference = found.Request.Purpose, found.Request.Reference
	}
	return out, nil
}

// readLine reads an entry of the ledger that this package wrote.
func readLine(item ledger.Item) (proof.Line, recordedTerms, error) {
	var line proof.Line
	var terms recordedTerms
	if err := json.Unmarshal(item.Line, &line); err != nil {
		return line, terms, fmt.Errorf("read the ledger: %w", err)
	}
	if err := json.Unmarshal(line.Body, &terms); err != nil {
		return line, terms, fmt.Errorf("read the ledger: %w", err)
	}
	return line, terms, nil
}

// partiesOf names both sides. Of a request a partner learns nothing about the customer
// but what it wrote itself.
func partiesOf(found Consent, line proof.Line, terms recordedTerms) []proof.Party {
	partner := proof.Party{ID: line.PartnerID, Name: found.PartnerName, Role: "partner"}
	customer := proof.Party{ID: line.TenantID, Role: "customer", Addressed: terms.Tenant}
	if line.TenantID != "" {
		customer.Name = found.TenantName
	}
	if customer.Addressed == "" && found.Request != nil {
		customer.Addressed = found.Request.TenantRef
	}
	return []proof.Party{partner, customer}
}

func (t recordedTerms) proven() proof.Terms {
	return proof.Terms{
		Purpose: t.Purpose, Reference: t.Reference, Scopes: t.Scopes, DeviceLimit: t.DeviceLimit, Manufacturers: t.Manufacturers,
		GroupTags: t.GroupTags, PurchaseOrders: t.PurchaseOrders, Until: t.Until, Epoch: t.Epoch, Version: t.Version,
	}
}

// noticesOf says the terms in words, by the catalogue of today. The entry holds the
// digest of the words of its own time.
func noticesOf(t recordedTerms) []proof.Notice {
	promise := Promise{
		Scopes: t.Scopes, DeviceLimit: t.DeviceLimit, Manufacturers: t.Manufacturers,
		GroupTags: t.GroupTags, PurchaseOrders: t.PurchaseOrders, Until: t.Until,
	}
	out := make([]proof.Notice, 0, len(Languages()))
	for _, language := range Languages() {
		w := Wording(language, promise)
		out = append(out, proof.Notice{
			Language: w.Language, Version: w.Version, SHA256: w.Digest(), May: w.May, Cannot: w.Cannot,
			Happens: w.Happens, Data: w.Data, Limits: w.Limits, Until: w.Until, End: w.End,
		})
	}
	return out
}

// Place is a change's number and hash in the reader's own chain.
type Place struct {
	Seq  int64
	Hash string // hexadecimal digits
}

// Places finds the numbers of a history that History returned, by event id. An event
// without a place has none yet.
func (r *Receipts) Places(ctx context.Context, actor Actor, events []models.ConsentEvent) (map[int64]Place, error) {
	chain, err := chainOf(actor)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	var subjects []string
	for _, e := range events {
		subjects = append(subjects, e.SubjectID)
	}
	items, err := r.d.Chains.Of(ctx, chain, subjects...)
	if err != nil {
		return nil, err
	}
	places := make(map[int64]Place, len(items))
	for _, item := range items {
		places[item.Event] = Place{Seq: item.Seq, Hash: hex.EncodeToString(item.Hash)}
	}
	delete(places, 0)
	tellGranted(places, events)
	return places, nil
}

// tellGranted gives the yes to a request the place of the grant it became: one decision
// is one entry.
func tellGranted(places map[int64]Place, events []models.ConsentEvent) {
	for _, e := range events {
		if !(record{}).elsewhere(e) {
			continue
		}
		for _, grant := range events {
			if place, ok := places[grant.ID]; ok && grant.Subject == models.SubjectGrant && grant.FromState == "" {
				places[e.ID] = place
			}
		}
	}
}
