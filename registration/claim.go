package registration

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// claimKind says by what a row claims its device.
type claimKind int

const (
	claimNone  claimKind = iota // answered without a look at the database
	claimHash                   // a capture, matched by rules
	claimKey                    // a product key id that a known hash must state
	claimTuple                  // manufacturer, model and serial that a known hash must state
)

// claim is a row made ready outside the transaction.
type claim struct {
	row    models.CoreRow
	kind   claimKind
	answer models.Answer   // of claimNone
	device models.Identity // what the hash or the row says; ID is the number kept for a new identity
	digest [32]byte        // of the hash bytes
	keys   []int64         // where to look for candidates

	quality models.HashQuality // what the hash is worth as evidence
	madeAt  *time.Time         // when the hash says it was captured
}

// readClaims makes rows ready, in the order of their numbers. Decoding is the
// costly part and needs no database, so it happens before the transaction.
func readClaims(by models.AuthorityKind, rows []models.CoreRow) []claim {
	claims := make([]claim, 0, len(rows))
	for _, row := range byNumber(rows) {
		claims = append(claims, readClaim(by, row))
	}
	return claims
}

func readClaim(by models.AuthorityKind, row models.CoreRow) claim {
	combination := row.Identity.Combination()
	switch combination {
	case models.HashAndSerialAndKey, models.HashAndKey, models.HashAndSerial, models.HashOnly:
		return readHash(row)
	case models.NoCombination:
		return settled(row, models.OutcomeMissingIdentifier, "")
	}
	if by == models.ByTenant {
		return settled(row, models.OutcomeMissingIdentifier, sentenceTenantNeedsHash)
	}
	if combination == models.KeyOnly {
		return readKey(row)
	}
	return readTuple(row)
}

func readHash(row models.CoreRow) claim {
	raw := hardwarehash.Trim(row.Identity.Hash)
	report, err := hardwarehash.Decode(raw)
	if err != nil {
		return settled(row, models.OutcomeInvalidHash, refusalSentence(err))
	}
	row.Identity.Hash = raw
	id := report.Identity()
	c := claim{row: row, kind: claimHash, device: identityOf(id), digest: sha256.Sum256(raw)}
	c.quality, c.madeAt = qualityOf(report, id)
	c.keys = keysOf(&c.device)
	return c
}

func readKey(row models.CoreRow) claim {
	k, ok := productKeyKey(strings.TrimSpace(row.Identity.ProductKey))
	if !ok {
		return settled(row, models.OutcomeNotFound, sentenceKeyForm)
	}
	return claim{row: row, kind: claimKey, keys: []int64{k}, device: models.Identity{
		ProductKey: strings.TrimSpace(row.Identity.ProductKey),
	}}
}

// readTuple cleans what the row states as a hash is cleaned, so that both sides
// compare alike; case stays.
func readTuple(row models.CoreRow) claim {
	c := claim{row: row, kind: claimTuple, device: models.Identity{
		Manufacturer: hardwarehash.CleanText(row.Identity.Manufacturer),
		Product:      hardwarehash.CleanText(row.Identity.Model),
		Serial:       hardwarehash.CleanText(row.Identity.SerialNumber),
	}}
	if !hasTuple(&c.device) {
		return settled(row, models.OutcomeMissingIdentifier, sentencePlaceholder)
	}
	c.keys = []int64{tupleKey(c.device.Manufacturer, c.device.Product, c.device.Serial)}
	return c
}

// settled is a row whose answer is known at once.
func settled(row models.CoreRow, code models.OutcomeCode, detail string) claim {
	return claim{row: row, answer: answer(row.Row, code, detail)}
}

// refusalSentence is the decoder's own sentence; it never holds the hash.
func refusalSentence(err error) string {
	var refused *hardwarehash.Error
	if errors.As(err, &refused) {
		return refused.Detail
	}
	return ""
}

// identityOf turns a decoded hash into the row the core keeps.
func identityOf(id hardwarehash.Identity) models.Identity {
	out := models.Identity{
		Manufacturer: id.Manufacturer, Product: id.Product, Serial: id.Serial,
		SystemDisk: id.SystemDisk, ProductKey: id.ProductKeyID,
	}
	all := make([]byte, 0, len(id.EK)+len(id.UUID)+len(hardwarehash.MAC{})*len(id.MACs)) // one for all three
	piece := func(from int) []byte { return all[from:len(all):len(all)] }
	if id.EK != (hardwarehash.Digest{}) {
		all = append(all, id.EK[:]...)
		out.EKDigest = piece(0)
	}
	if id.UUID != (hardwarehash.UUID{}) {
		from := len(all)
		all = append(all, id.UUID[:]...)
		out.SMBIOSUUID = piece(from)
	}
	if from := len(all); len(id.MACs) > 0 {
		for _, mac := range id.MACs {
			all = append(all, mac[:]...)
		}
		out.MACs = piece(from)
	}
	return out
}

// deviceOf is identityOf the other way round.
func deviceOf(i *models.Identity) hardwarehash.Identity {
	out := hardwarehash.Identity{
		Manufacturer: i.Manufacturer, Product: i.Product, Serial: i.Serial,
		SystemDisk: i.SystemDisk, ProductKeyID: i.ProductKey,
	}
	copy(out.EK[:], i.EKDigest)
	copy(out.UUID[:], i.SMBIOSUUID)
	for mac := range slices.Chunk(i.MACs, 6) {
		out.MACs = append(out.MACs, hardwarehash.MAC(mac))
	}
	return out
}

// byNumber returns rows in the order of their numbers.
func byNumber(rows []models.CoreRow) []models.CoreRow {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b models.CoreRow) int { return cmp.Compare(a.Row, b.Row) })
	return rows
}

// number reserves identity numbers for claims that may turn out to be new
// devices, so that the transaction knows them beforehand.
func (r *Registrar) number(ctx context.Context, claims []claim) error {
	n := 0
	for i := range claims {
		if claims[i].kind == claimHash {
			n++
		}
	}
	next, err := r.ids.take(ctx, n)
	for i := range claims {
		if err == nil && claims[i].kind == claimHash {
			claims[i].device.ID = next
			next++
		}
	}
	return err
}
