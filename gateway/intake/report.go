package intake

import (
	"context"

	"countersign/models"
)

// What sets a build report apart from a registration: it names no tenant, each key
// needs its hash, and a returned key withdraws what was reported under it.

// keyState is OA3's ProductKeyState as far as a report needs it.
type keyState int

const (
	keyBound    keyState = iota // the machine was built with the key
	keyReturned                 // the key was given back; the machine is none any more
	keyNone                     // built without a key (the factory tool's /NoKeyCheck)
)

// keyStates are the states a report may state (OA3 and Microsoft's digital
// distribution service count alike). The others belong to keys that are in no machine.
var keyStates = map[string]keyState{
	"": keyBound, "3": keyBound, "4": keyBound, "7": keyBound, "9": keyBound,
	"5": keyReturned, "8": keyReturned,
	"6": keyNone,
}

// judgeKey applies the rules to a key of a build report whose cells are sound.
func (r *rules) judgeKey(out *checked, c *cells, hash []byte, in Row) *verdict {
	state, known := keyStates[in.KeyState]
	if !known {
		return refusal(models.OutcomeUnreadableRow, "productKeyState says that the key is in no machine yet, or it is no state. Send the report that the factory tool wrote after the machine was built: 3 for a bound key, 5 for a returned one, 6 for none.")
	}
	out.soldTo = models.PartnerID(in.SoldTo)
	if state == keyReturned {
		return r.judgeReturn(out)
	}
	if len(hash) == 0 {
		return refusal(models.OutcomeMissingIdentifier, "A build report needs the hardware hash of each machine; this key has none. Send the file that the factory tool wrote with /Report.")
	}
	inside, v := decodeHash(out, c, hash)
	if v != nil {
		return v
	}
	if v := contradiction(out.identity, inside); v != nil {
		return v
	}
	noteOtherNames(c, out.identity, inside)
	if state != keyNone && out.identity.ProductKey == "" && inside.ProductKeyID == "" {
		c.warn("Neither the key nor its hardware hash states a product key id; the device can be claimed by serial number, manufacturer and model only.")
	}
	// Only the same capture under the same key is a repetition. Another capture of one
	// machine is newer, and what is newest in a report is for the core to judge.
	return r.once(keyOf("C", string(out.digest), out.identity.ProductKey, in.SoldTo), out.ordinal)
}

// judgeReturn needs to know which key came back, and nothing else.
func (r *rules) judgeReturn(out *checked) *verdict {
	out.returned = true
	if out.identity.ProductKey == "" {
		return refusal(models.OutcomeMissingIdentifier, "A returned key is named by its product key id (PKID); the row states none.")
	}
	return r.once(keyOf("R", out.identity.ProductKey), out.ordinal)
}

// buyers turns what an OEM calls the buyer of a machine into a partner. A report names
// the same few again and again.
type buyers struct {
	directory Directory
	def       string // for machines that state none
	known     map[string]models.PartnerID
}

// manyBuyers bounds what is remembered of a hostile report.
const manyBuyers = 1000

const sentenceUnknownBuyer = "soldTo names no partner of this service. Use the partner's id, or leave it out: a record that nobody may claim would be worth nothing."

// name puts the buyer's id in the place of its name. A name that means nobody is that
// row's fault. Without a directory the row stays as it is.
func (b *buyers) name(ctx context.Context, row *Row) error {
	if b == nil {
		return nil
	}
	if row.SoldTo == "" {
		row.SoldTo = b.def
	}
	if row.SoldTo == "" {
		return nil
	}
	id, err := b.find(ctx, row.SoldTo)
	if err != nil {
		return err
	}
	if id == "" && row.Unreadable == "" {
		row.Unreadable = sentenceUnknownBuyer
	}
	row.SoldTo = string(id)
	return nil
}

func (b *buyers) find(ctx context.Context, ref string) (models.PartnerID, error) {
	if id, ok := b.known[ref]; ok {
		return id, nil
	}
	id, ok, err := b.directory.PartnerNamed(ctx, ref)
	if err != nil {
		return "", err
	}
	if !ok {
		id = ""
	}
	if b.known == nil || len(b.known) >= manyBuyers {
		b.known = map[string]models.PartnerID{}
	}
	b.known[ref] = id
	return id, nil
}
